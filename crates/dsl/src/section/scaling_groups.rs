//! Groups that scaling policies target: which members may share one, and which members are implied by
//! others (spec dsl.md section 4.4).

use indexmap::{IndexMap, IndexSet};
use nephele_model::json::{Map, Value, object};

use super::Scope;
use super::nodes::Node;
use super::refused::Section;
use crate::diagnostic::{Diagnostic, Fault};
use crate::element::Element;

/// What contains what, by name.
struct Tree<'a>(IndexMap<&'a str, &'a str>);

impl<'a> Tree<'a> {
    /// The name itself, what contains it, what contains that, ...
    fn chain(&self, name: &'a str) -> Vec<&'a str> {
        let mut chain = vec![name];
        let mut at = name;
        while let Some(above) = self.0.get(at) {
            chain.push(above);
            at = above;
        }
        chain
    }

    fn top(&self, name: &'a str) -> &'a str {
        let mut at = name;
        while let Some(above) = self.0.get(at) {
            at = above;
        }
        at
    }
}

/// `scaling_groups` of the plan. Problems: 200, 201, 202.
pub(crate) fn collect(
    section: &Element<'_, '_>,
    policies: &Map,
    groups: &Map,
    nodes: &[Node],
    scope: &mut Scope<'_>,
) -> Map {
    let mut targeted: IndexMap<&str, (IndexSet<&str>, &Value)> = IndexMap::new();
    for policy in policies.values() {
        for target in texts(policy.get("targets")) {
            let members = texts(groups.get(target).and_then(|group| group.get("members"))).collect();
            targeted.insert(target, (members, policy.get("properties").unwrap_or(&Value::Null)));
        }
    }
    if [Section::Groups, Section::NodeTemplates].into_iter().any(|section| scope.refused.lacks(section)) {
        // Who is contained in what is not known.
        return Map::new();
    }
    let checked = check(&targeted, nodes).map_err(|problem| section.quoted(problem));
    let Some((groups_of, containers)) = scope.keep(checked) else { return Map::new() };
    let mut members: IndexMap<&str, IndexSet<&str>> =
        targeted.iter().map(|(name, (members, _))| (*name, members.clone())).collect();
    for node in nodes {
        prune(node.name.as_str(), &groups_of, &containers, &mut members);
    }
    targeted
        .iter()
        .map(|(name, (_, properties))| {
            let members: Value = members.get(name).into_iter().flatten().copied().collect();
            ((*name).to_owned(), object! {"members": members, "properties": *properties})
        })
        .collect()
}

fn check<'a>(
    targeted: &IndexMap<&'a str, (IndexSet<&'a str>, &'a Value)>,
    nodes: &'a [Node],
) -> Result<(Tree<'a>, Tree<'a>), Diagnostic> {
    let mut above: IndexMap<&str, Vec<&str>> = IndexMap::new();
    for (group, (members, _)) in targeted {
        for member in members {
            above.entry(member).or_default().push(group);
        }
    }
    check_cycles(&above)?;
    if let Some((member, several)) = above.iter().find(|(_, groups)| groups.len() > 1) {
        let message = format!(
            "Nodes and groups cannot be members in multiple groups, but member '{member}' belongs to the following \
             multiple groups: {}",
            nephele_model::python_text::names(several.iter().copied())
        );
        return Err(Diagnostic::new(Fault::SeveralGroups, message));
    }
    let groups_of = Tree(above.into_iter().map(|(member, groups)| (member, groups[0])).collect());
    let containers = Tree(
        nodes
            .iter()
            .filter_map(|node| {
                let container = node.relationships.iter().find(|relationship| relationship.contained_in)?;
                Some((node.name.as_str(), container.target.as_str()))
            })
            .collect(),
    );
    check_containers(&groups_of, &containers, nodes)?;
    Ok((groups_of, containers))
}

fn check_cycles(above: &IndexMap<&str, Vec<&str>>) -> Result<(), Diagnostic> {
    crate::topology::order(above).map(drop).map_err(|problem| {
        let cycle = problem.message.rsplit(": ").next().unwrap_or_default();
        let mut names: Vec<&str> = cycle.split(" --> ").collect();
        names.pop();
        let message = format!("Illegal group cycles found: [{}]", nephele_model::python_text::names(names));
        Diagnostic::new(Fault::GroupCycle, message)
    })
}

/// Nodes of one group are all in one container, or none of them is in any, unless their topmost
/// containers are members as well.
fn check_containers<'a>(groups_of: &Tree<'a>, containers: &Tree<'a>, nodes: &'a [Node]) -> Result<(), Diagnostic> {
    let mut in_outermost: IndexSet<(&str, &str)> = IndexSet::new();
    let mut members: IndexMap<&str, Vec<&str>> = IndexMap::new();
    for node in nodes {
        let chain = groups_of.chain(&node.name);
        if let [_, groups @ ..] = chain.as_slice() {
            for group in groups {
                members.entry(group).or_default().push(&node.name);
            }
        }
        in_outermost.insert((chain[chain.len() - 1], &node.name));
    }
    for (group, members) in members {
        let outermost = groups_of.top(group);
        let first = members[0];
        let free = |node: &'a str| in_outermost.contains(&(outermost, containers.top(node)));
        for node in &members[1..] {
            if containers.top(node) != containers.top(first) && !(free(first) && free(node)) {
                let mut pair = [first, *node];
                pair.sort_unstable();
                let message = format!(
                    "Node '{}' and '{}' belong to some shared group but they are not contained in any shared node, \
                     nor is any ancestor node of theirs.",
                    pair[0], pair[1]
                );
                return Err(Diagnostic::new(Fault::NoSharedContainer, message));
            }
        }
    }
    Ok(())
}

/// Removes a member whose container is in the same group: the container brings it along.
fn prune<'a>(
    node: &'a str,
    groups_of: &Tree<'a>,
    containers: &Tree<'a>,
    members: &mut IndexMap<&'a str, IndexSet<&'a str>>,
) {
    if !groups_of.0.contains_key(node) {
        return;
    }
    let groups = groups_of.chain(node);
    for container in containers.chain(node).into_iter().skip(1) {
        let around = groups_of.chain(container);
        let Some(shared) = groups.iter().position(|group| around.contains(group)).filter(|place| *place > 0) else {
            continue;
        };
        // What stands right below the shared group on the way to the node: itself, or a group of its own.
        if let Some(members) = members.get_mut(groups[shared]) {
            members.shift_remove(groups[shared - 1]);
        }
    }
}

fn texts(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
