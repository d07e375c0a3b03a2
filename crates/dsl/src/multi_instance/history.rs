//! The instances that there are before a modification, and which of them stay.

use std::collections::{HashMap, HashSet};

use nephele_model::json::{List, Value};

use super::Instance;
use super::connect::{Link, Targets};
use super::forest::{Forest, PlanNode, is_containment};
use super::modify::{Change, Changes};
use crate::diagnostic::{Diagnostic, Fault};

/// What there is before a modification.
#[derive(Default)]
pub(crate) struct History<'p> {
    pub(crate) instances: Vec<Instance<'p>>,
    /// The instances as they were given; none for groups.
    pub(crate) given: Vec<Option<&'p Value>>,
    /// Every relationship and membership.
    pub(crate) links: Vec<Link<'p>>,
    changes: HashMap<&'p str, &'p Change>,
    by_name: HashMap<&'p str, Vec<usize>>,
    /// By node, and by an instance that they have a relationship to.
    by_target: HashMap<(&'p str, usize), Vec<usize>>,
    places: HashMap<&'p str, usize>,
}

impl<'p> History<'p> {
    /// Reads instances as plans and REST show them. `forest` is what they were made from. Relationships to
    /// instances that do not exist are left out.
    ///
    /// Errors: an instance of an unknown node.
    pub(crate) fn read(forest: &Forest<'p>, instances: &'p [Value], changes: &'p Changes) -> Result<Self, Diagnostic> {
        let mut history =
            Self { changes: changes.iter().map(|(name, change)| (name.as_str(), change)).collect(), ..Self::default() };
        for given in instances {
            history.add(given)?;
        }
        for given in instances {
            history.relate(given, forest)?;
        }
        Ok(history)
    }

    fn add(&mut self, given: &'p Value) -> Result<(), Diagnostic> {
        let host_id = text(given, "host_id");
        let id = text(given, "id").ok_or_else(|| missing("id"))?;
        self.place(name_of(given)?, id, host_id, Some(given));
        for group in list(given, "scaling_groups") {
            if let (Some(name), Some(id)) = (text(group, "name"), text(group, "id")) {
                self.place(name, id, host_id, None);
            }
        }
        Ok(())
    }

    fn place(&mut self, name: &'p str, id: &'p str, host_id: Option<&str>, given: Option<&'p Value>) {
        let host_id = host_id.map(str::to_owned);
        if let Some(place) = self.places.get(id) {
            // A group is where its last member is; that is how new members find their host.
            self.instances[*place].host_id = host_id;
            return;
        }
        let place = self.instances.len();
        self.places.insert(id, place);
        self.by_name.entry(name).or_default().push(place);
        self.given.push(given);
        self.instances.push(Instance {
            name,
            id: id.to_owned(),
            host_id,
            is_group: given.is_none(),
            container: None,
            contained_by: None,
            before: Some(place),
        });
    }

    fn relate(&mut self, given: &'p Value, forest: &Forest<'p>) -> Result<(), Diagnostic> {
        let node = name_of(given)?;
        if !forest.nodes.contains_key(node) {
            return Err(missing(node));
        }
        let Some(source) = text(given, "id").and_then(|id| self.places.get(id).copied()) else { return Ok(()) };
        let groups = list(given, "scaling_groups").iter().filter_map(|group| text(group, "id"));
        let groups: Vec<usize> = groups.filter_map(|id| self.places.get(id).copied()).collect();
        let mut container_of_groups = None;
        let mut seen: HashMap<usize, usize> = HashMap::new();
        for (index, relationship) in list(given, "relationships").iter().enumerate() {
            let target = text(relationship, "target_id").and_then(|id| self.places.get(id).copied());
            let (Some(mut target), Some(type_name), Some(target_name)) =
                (target, text(relationship, "type"), text(relationship, "target_name"))
            else {
                continue;
            };
            match (forest.edge(node, target_name), groups.first()) {
                (None, Some(group)) => {
                    // Within a group, the container is that of the group.
                    container_of_groups = Some(target);
                    target = *group;
                }
                (Some(edge), _) if is_containment(&edge) => self.instances[source].container = Some(target),
                _ => {}
            }
            let relationship = Some((index, type_name));
            if let Some(earlier) = seen.get(&target) {
                self.links[*earlier].relationship = relationship;
            } else {
                seen.insert(target, self.links.len());
                self.link(Link { source, target, relationship });
            }
        }
        let chain: Vec<usize> = std::iter::once(source).chain(groups).chain(container_of_groups).collect();
        if chain.len() > 1 {
            for (inner, outer) in chain.iter().zip(&chain[1..]) {
                let is_known = self.instances[*inner].container.replace(*outer) == Some(*outer);
                let is_linked = *inner == source && seen.contains_key(outer);
                if !is_known && !is_linked {
                    self.link(Link { source: *inner, target: *outer, relationship: None });
                }
            }
        }
        Ok(())
    }

    fn link(&mut self, link: Link<'p>) {
        self.by_target.entry((self.instances[link.source].name, link.target)).or_default().push(link.source);
        self.links.push(link);
    }

    /// Ids that are taken, by node.
    pub(crate) fn ids(&self) -> HashMap<String, HashSet<String>> {
        let mut ids: HashMap<String, HashSet<String>> = HashMap::new();
        for instance in &self.instances {
            ids.entry(instance.name.to_owned()).or_default().insert(instance.id.clone());
        }
        ids
    }

    /// The targets that relationships have.
    pub(crate) fn targets(&self) -> Targets<'_> {
        let mut targets = Targets::new();
        for link in &self.links {
            let Some((_, type_name)) = link.relationship else { continue };
            let (source, target) = (&self.instances[link.source], &self.instances[link.target]);
            targets.entry((source.name, target.name, type_name)).or_default().insert(&target.id);
        }
        targets
    }

    /// The instances of a node within a container that stay, and how many are to be made.
    ///
    /// Errors: a count that is no number.
    pub(crate) fn keep(
        &self,
        name: &'p str,
        container: Option<&Instance<'p>>,
        node: &PlanNode<'p>,
    ) -> Result<(Vec<&Instance<'p>>, usize), Diagnostic> {
        let there = match container {
            None => self.by_name.get(name),
            Some(container) => container.before.and_then(|place| self.by_target.get(&(name, place))),
        };
        let there = there.map_or(&[][..], Vec::as_slice);
        let (total, gone) = match self.changes.get(name) {
            Some(change) => (change.instances, self.leaving(there, change)),
            None => (node.count()?, HashSet::new()),
        };
        let stay = there.iter().filter(|place| !gone.contains(*place)).map(|place| &self.instances[*place]);
        Ok((stay.collect(), total.saturating_sub(there.len())))
    }

    /// The instances that go: those that a hint names, then the youngest that no hint spares, then the
    /// others.
    fn leaving(&self, there: &[usize], change: &Change) -> HashSet<usize> {
        let surplus = there.len().saturating_sub(change.instances);
        if surplus == 0 {
            return HashSet::new();
        }
        let known: HashSet<usize> = there.iter().copied().collect();
        let wanted = self.hinted(&change.include, &known);
        let spared: HashSet<usize> = self.hinted(&change.exclude, &known).into_iter().collect();
        let youngest = there.iter().rev().copied();
        let (last, first): (Vec<usize>, Vec<usize>) = youngest.partition(|place| spared.contains(place));
        let mut gone = HashSet::new();
        for place in wanted.into_iter().chain(first).chain(last) {
            if gone.len() == surplus {
                break;
            }
            gone.insert(place);
        }
        gone
    }

    /// What hints mean among `known`: an instance itself, or the groups that it is a member of.
    fn hinted(&self, hints: &[String], known: &HashSet<usize>) -> Vec<usize> {
        let mut found = Vec::new();
        for place in hints.iter().filter_map(|hint| self.places.get(hint.as_str()).copied()) {
            if known.contains(&place) {
                found.push(place);
                continue;
            }
            let groups = self.given[place].into_iter().flat_map(|given| list(given, "scaling_groups"));
            let groups = groups.filter_map(|group| self.places.get(text(group, "id")?).copied());
            found.extend(groups.filter(|group| known.contains(group)));
        }
        found
    }
}

fn name_of(instance: &Value) -> Result<&str, Diagnostic> {
    text(instance, "name").or_else(|| text(instance, "node_id")).ok_or_else(|| missing("node_id"))
}

fn missing(key: &str) -> Diagnostic {
    Diagnostic::new(Fault::InstanceWithoutNode, format!("'{key}'"))
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], List::as_slice)
}
