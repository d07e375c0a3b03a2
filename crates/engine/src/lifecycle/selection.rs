//! Which instances a graph is about.

use std::collections::HashSet;

use super::Parameters;
use crate::error::Result;
use crate::topology::Topology;

/// What an instance is to a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The workflow works on it.
    Chosen,
    /// It stays as it is, but order holds through it, and its relationships to chosen ones are seen to.
    Intact,
    /// The graph knows nothing of it.
    Outside,
}

/// What each instance of a topology is to a graph.
#[derive(Clone, Debug)]
pub struct Selection(Vec<Part>);

impl Selection {
    /// What the filters let through; all others are intact.
    pub(super) fn filtered(topology: &Topology, parameters: &Parameters) -> Result<Self> {
        let part = |chosen| if chosen { Part::Chosen } else { Part::Intact };
        Ok(Self(parameters.chosen(topology)?.into_iter().map(part).collect()))
    }

    /// Every instance.
    pub(super) fn all(topology: &Topology) -> Self {
        Self(vec![Part::Chosen; topology.instances().len()])
    }

    /// Of the chosen instances only those of this kind; the others are intact.
    pub(super) fn only(mut self, is_one: impl Fn(usize) -> bool) -> Self {
        for (position, part) in self.0.iter_mut().enumerate() {
            if *part == Part::Chosen && !is_one(position) {
                *part = Part::Intact;
            }
        }
        self
    }

    /// These instances; all others are intact.
    pub fn of(topology: &Topology, chosen: &[String]) -> Self {
        Self::with(topology, chosen, None)
    }

    /// These instances, beside intact ones; there are no others.
    pub fn among(topology: &Topology, chosen: &[String], intact: &[String]) -> Self {
        Self::with(topology, chosen, Some(intact))
    }

    fn with(topology: &Topology, chosen: &[String], intact: Option<&[String]>) -> Self {
        let set = |ids: &[String]| ids.iter().cloned().collect::<HashSet<_>>();
        let (chosen, intact) = (set(chosen), intact.map(set));
        let part = |id: &String| match &intact {
            _ if chosen.contains(id) => Part::Chosen,
            Some(intact) if !intact.contains(id) => Part::Outside,
            _ => Part::Intact,
        };
        Self(topology.instances().iter().map(|instance| part(&instance.id)).collect())
    }

    pub(super) fn is_chosen(&self, position: usize) -> bool {
        self.0[position] == Part::Chosen
    }

    pub(super) fn is_inside(&self, position: usize) -> bool {
        self.0[position] != Part::Outside
    }

    pub(super) fn chosen(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.0.len()).filter(|&position| self.is_chosen(position))
    }

    pub(super) fn intact(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.0.len()).filter(|&position| self.0[position] == Part::Intact)
    }
}
