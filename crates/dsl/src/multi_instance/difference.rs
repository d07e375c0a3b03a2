//! What is in one set of instances and not in another: instances, and relationships of instances that
//! both have, each with everything that it is related to.

use std::collections::HashSet;

use indexmap::{IndexMap, IndexSet};
use nephele_model::json::{Map, Value};

use super::connect::Link;
use super::{Instance, begin, beyond_groups, complete};

/// Instances with their relationships, and where each is in the other set.
pub(crate) struct Graph<'g, 'p> {
    instances: &'g [Instance<'p>],
    links: &'g [Link<'p>],
    from: Vec<Vec<usize>>,
    into: Vec<Vec<usize>>,
    pairs: HashSet<(usize, usize)>,
    elsewhere: Vec<Option<usize>>,
}

/// What is shown: instances, whether they are what changed, and the relationships that count.
type Shown = IndexMap<usize, (bool, IndexSet<usize>)>;

impl<'g, 'p> Graph<'g, 'p> {
    /// `elsewhere` says for each instance where it is in the other set, if it is there.
    pub(crate) fn new(instances: &'g [Instance<'p>], links: &'g [Link<'p>], elsewhere: Vec<Option<usize>>) -> Self {
        let mut from = vec![Vec::new(); instances.len()];
        let mut into = vec![Vec::new(); instances.len()];
        for (index, link) in links.iter().enumerate() {
            from[link.source].push(index);
            into[link.target].push(index);
        }
        let pairs = links.iter().map(|link| (link.source, link.target)).collect();
        Self { instances, links, from, into, pairs, elsewhere }
    }

    /// The instances that only this set has, marked with `modification`, and what they are related to.
    pub(crate) fn instances_only_here(&self, given: &[Option<&Value>], modification: &str) -> Vec<Value> {
        let mut shown = Shown::new();
        for (at, _) in self.elsewhere.iter().enumerate().filter(|(_, elsewhere)| elsewhere.is_none()) {
            shown.entry(at).or_default().0 = true;
            for index in &self.from[at] {
                shown.entry(self.links[*index].target).or_default();
                shown.entry(at).or_default().1.insert(*index);
            }
            for index in &self.into[at] {
                shown.entry(self.links[*index].source).or_default().1.insert(*index);
            }
        }
        self.show(&shown, given, modification)
    }

    /// The instances that both sets have, with relationships that only this one has, marked with
    /// `modification`, and what those lead to.
    pub(crate) fn links_only_here(
        &self,
        other: &Graph<'_, '_>,
        given: &[Option<&Value>],
        modification: &str,
    ) -> Vec<Value> {
        let mut shown = Shown::new();
        for index in self.from.iter().flatten() {
            let Link { source, target, .. } = self.links[*index];
            let there = |at: usize| self.elsewhere[at];
            let is_there = there(source).zip(there(target)).is_some_and(|pair| other.pairs.contains(&pair));
            if there(source).is_some() && !is_there {
                let entry = shown.entry(source).or_default();
                entry.0 = true;
                entry.1.insert(*index);
                // What comes or goes itself is told elsewhere.
                if there(target).is_some() {
                    shown.entry(target).or_default();
                }
            }
        }
        self.show(&shown, given, modification)
    }

    /// `given` are the instances that there were before, as they were given.
    fn show(&self, shown: &Shown, given: &[Option<&Value>], modification: &str) -> Vec<Value> {
        let mut containers = HashSet::new();
        let mut values = Vec::with_capacity(shown.len());
        for (at, (is_changed, links)) in shown {
            if self.instances[*at].is_group {
                continue;
            }
            let links: Vec<&Link<'_>> = links.iter().map(|index| &self.links[*index]).collect();
            // A relationship into a group shows what contains the group.
            let into_groups = links.iter().filter(|link| self.instances[link.target].is_group);
            for link in into_groups.filter(|link| link.relationship.is_some()) {
                let Some(target) = beyond_groups(link.target, self.instances) else { continue };
                if !shown.contains_key(&target) && containers.insert(target) {
                    values.push(Value::Object(complete(self.begin(target, given), Vec::new(), self.instances)));
                }
            }
            let mut map = self.begin(*at, given);
            if *is_changed {
                map.insert("modification".to_owned(), Value::from(modification));
            }
            values.push(Value::Object(complete(map, links, self.instances)));
        }
        values
    }

    /// An instance as it was given, or the first keys of a new one.
    fn begin(&self, at: usize, given: &[Option<&Value>]) -> Map {
        let instance = &self.instances[at];
        let given = instance.before.and_then(|before| given[before]).and_then(Value::as_object);
        given.map_or_else(|| begin(instance), Clone::clone)
    }
}
