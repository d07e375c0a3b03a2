//! Which instances should go and which should stay when there are to be fewer.

use serde_json::Value;

use super::refused;
use crate::error::{Error, Result};
use crate::lifecycle::Parameters;
use crate::topology::Topology;

/// Instances by what should become of them.
pub(super) struct Hints {
    /// Should go.
    pub(super) include: Vec<String>,
    /// Should stay.
    pub(super) exclude: Vec<String>,
}

impl Hints {
    pub(super) fn new(parameters: &Parameters) -> Result<Self> {
        Ok(Self {
            include: one_or_many(parameters, "include_instances")?,
            exclude: one_or_many(parameters, "exclude_instances")?,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// Refuses hints that a node's instances cannot satisfy.
    pub(super) fn check_node(&self, topology: &Topology, node: &str, delta: i64, scale_compute: bool) -> Result<()> {
        let of_node = topology.instances().iter().filter(|instance| instance.node_id == node);
        let available: Vec<String> = of_node.map(|instance| instance.id.clone()).collect();
        let left = size(&available) + delta;
        let too_many = (left < size(&self.exclude)).then(|| {
            format!(
                "Target number of instances is less than excluded instance count. Target number of instances was \
                 {left}. Excluded instances were: {}. ",
                self.exclude.join(", ")
            )
        });
        let shown = format!("Available instances were: {}", available.join(", "));
        self.check(&available, too_many, scale_compute, &shown)
    }

    /// Refuses hints that the instances of scaling groups cannot satisfy.
    pub(super) fn check_group(&self, topology: &Topology, delta: i64, scale_compute: bool) -> Result<()> {
        let groups = groups(topology);
        let known = groups.iter().flat_map(|(group, members)| std::iter::once(group).chain(members));
        let available: Vec<String> = known.cloned().collect();
        let has_excluded = |(group, members): &&(String, Vec<String>)| {
            self.exclude.iter().any(|id| id == group || members.contains(id))
        };
        let (left, excluded) = (size(&groups) + delta, groups.iter().filter(has_excluded).count());
        let too_many = (left < i64::try_from(excluded).unwrap_or(i64::MAX)).then(|| {
            format!(
                "Instances from too many different groups were excluded. Target number of group instances was \
                 {left}, but {excluded} excluded groups."
            )
        });
        let listed: Vec<String> =
            groups.iter().map(|(group, members)| format!("{group}: {}", members.join(", "))).collect();
        let shown = format!("Groups and member instances were: {}", listed.join("; "));
        self.check(&available, too_many, scale_compute, &shown)
    }

    fn check(&self, available: &[String], too_many: Option<String>, scale_compute: bool, shown: &str) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        let named = |ids: Vec<&String>, text: &str| {
            let ids: Vec<&str> = ids.into_iter().map(String::as_str).collect();
            (!ids.is_empty()).then(|| format!("The following {text}: {}. ", ids.join(", ")))
        };
        let missing =
            |ids: &'_ [String]| -> Vec<String> { ids.iter().filter(|id| !available.contains(id)).cloned().collect() };
        let both = self.exclude.iter().filter(|id| self.include.contains(id)).collect();
        let problems = [
            named(missing(&self.include).iter().collect(), "included instances did not exist"),
            named(missing(&self.exclude).iter().collect(), "excluded instances did not exist"),
            named(both, "instances were both excluded and included"),
            too_many,
            scale_compute.then(|| {
                "Cannot include or exclude instances while scale_compute is True. Please specify the desired compute \
                 instances and set scale_compute to False. "
                    .to_owned()
            }),
        ];
        let problems: String = problems.into_iter().flatten().collect();
        if problems.is_empty() { Ok(()) } else { Err(refused(problems + shown)) }
    }
}

/// The instances of scaling groups, with the node instances in each.
fn groups(topology: &Topology) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for instance in topology.instances() {
        for group in &instance.scaling_groups {
            match groups.iter_mut().find(|(id, _)| *id == group.id) {
                Some((_, members)) => members.push(instance.id.clone()),
                None => groups.push((group.id.clone(), vec![instance.id.clone()])),
            }
        }
    }
    groups
}

fn size<T>(items: &[T]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX)
}

/// A list of texts, or one.
fn one_or_many(parameters: &Parameters, name: &'static str) -> Result<Vec<String>> {
    let wrong = || Error::Parameter { name, expected: "a node instance's id or a list of them" };
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(wrong);
    match parameters.given(name) {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(text).collect(),
        Some(Value::String(one)) if one.is_empty() => Ok(Vec::new()),
        Some(one) => Ok(vec![text(one)?]),
    }
}
