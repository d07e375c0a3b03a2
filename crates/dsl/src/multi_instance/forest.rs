//! What contains what, and what is connected with what, among nodes and scaling groups.

use std::collections::HashMap;

use indexmap::{IndexMap, IndexSet};
use nephele_model::json::{Map, Value};

use crate::diagnostic::{Diagnostic, Fault};

const CONTAINED_IN: &str = "cloudify.relationships.contained_in";
const CONNECTIONS: [&str; 2] = ["cloudify.relationships.depends_on", "cloudify.relationships.connected_to"];

/// One node or group to another. Of several relationships to one target only the last counts.
#[derive(Clone, Copy)]
pub(crate) enum Edge<'p> {
    /// A relationship of the plan.
    Relationship {
        /// Its type.
        type_name: &'p str,
        /// Its place among those of the node.
        index: usize,
        /// Everything about it.
        plan: &'p Value,
    },
    /// Membership in a group, or a group in a container.
    Group,
}

/// A node or group of the plan.
pub(crate) struct PlanNode<'p> {
    pub(crate) is_group: bool,
    pub(crate) host_id: Option<&'p str>,
    count: &'p Value,
    /// How it is contained.
    pub(crate) container: Option<Edge<'p>>,
    edges: IndexMap<&'p str, Edge<'p>>,
}

impl PlanNode<'_> {
    /// How many instances each container gets.
    pub(crate) fn count(&self) -> Result<usize, Diagnostic> {
        let number = self.count.as_i64().or_else(|| self.count.as_bool().map(i64::from));
        #[expect(clippy::cast_possible_truncation, reason = "counts are cut to whole numbers")]
        let number = number.or_else(|| self.count.as_f64().map(|number| number as i64));
        let number = number.ok_or_else(|| {
            let kind = nephele_model::python_text::type_name(self.count);
            Diagnostic::new(Fault::CountNotNumber, format!("unsupported operand type(s) for +: 'int' and '{kind}'"))
        })?;
        Ok(usize::try_from(number).unwrap_or(0))
    }
}

/// The containment of a plan.
pub(crate) struct Forest<'p> {
    pub(crate) nodes: IndexMap<&'p str, PlanNode<'p>>,
    above: HashMap<&'p str, &'p str>,
    below: HashMap<&'p str, Vec<&'p str>>,
    roots: IndexSet<&'p str>,
}

impl<'p> Forest<'p> {
    /// Reads nodes and scaling groups, as plans and REST show them. Errors: [`Fault::UnsupportedRelationship`].
    pub(crate) fn grow(plan_nodes: &'p [Value], groups: &'p Map) -> Result<Self, Diagnostic> {
        let mut nodes = read_nodes(plan_nodes);
        let members = read_groups(groups, &mut nodes);
        if let Some((member, group)) = members.iter().find(|(member, _)| !nodes.contains_key(*member)) {
            // The reference goes on until it misses what it knows of nodes, and says no more than that.
            let hint = format!("group '{member}' is in scaling group '{group}', so a scaling policy has to target it");
            return Err(Diagnostic::new(Fault::UnscaledMember, "'node'").with_hint(Some(hint)));
        }
        for node in plan_nodes {
            add_relationships(node, &mut nodes, &members)?;
        }
        let (mut above, mut order) = (HashMap::new(), IndexSet::new());
        for (name, node) in &mut nodes {
            for (target, edge) in &node.edges {
                if is_containment(edge) {
                    order.insert(*name);
                    order.insert(*target);
                    above.insert(*name, *target);
                    node.container = Some(*edge);
                }
            }
        }
        order.extend(nodes.keys().copied());
        let mut below: HashMap<&str, Vec<&str>> = HashMap::new();
        for name in &order {
            if let Some(container) = above.get(name) {
                below.entry(container).or_default().push(name);
            }
        }
        let roots = roots(&order, &above)?;
        Ok(Self { nodes, above, below, roots })
    }

    /// The topmost nodes and groups, in the order of their trees.
    pub(crate) fn roots(&self) -> impl Iterator<Item = &'p str> {
        self.roots.iter().copied()
    }

    /// What a node or group contains.
    pub(crate) fn children(&self, name: &str) -> &[&'p str] {
        self.below.get(name).map_or(&[], Vec::as_slice)
    }

    /// All connections: source, target, relationship. Targets come before sources that are met later.
    pub(crate) fn connections(&self) -> impl Iterator<Item = (&'p str, &'p str, Edge<'p>)> {
        let connections_of = |name: &&'p str| {
            let edges = self.nodes.get(*name).into_iter().flat_map(|node| &node.edges);
            edges.filter(|(_, edge)| is_connection(edge)).map(|(target, edge)| (*target, *edge))
        };
        let mut order = IndexSet::new();
        for name in self.nodes.keys() {
            for (target, _) in connections_of(name) {
                order.extend([*name, target]);
            }
        }
        order.into_iter().flat_map(move |source| {
            connections_of(&source).map(move |(target, edge)| (source, target, edge)).collect::<Vec<_>>()
        })
    }

    /// How a node or group is related to another, if it is.
    pub(crate) fn edge(&self, source: &str, target: &str) -> Option<Edge<'p>> {
        self.nodes.get(source)?.edges.get(target).copied()
    }

    /// The innermost group around both.
    pub(crate) fn shared_group(&self, one: &str, other: &str) -> Option<&'p str> {
        let around_other: IndexSet<&str> = self.groups(other).collect();
        if around_other.is_empty() {
            return None;
        }
        self.groups(one).find(|group| around_other.contains(group))
    }

    fn groups(&self, name: &str) -> impl Iterator<Item = &'p str> {
        let first = self.above.get(name).copied();
        std::iter::successors(first, |name| self.above.get(name).copied()).filter(|name| self.nodes[name].is_group)
    }
}

fn read_nodes(plan_nodes: &[Value]) -> IndexMap<&str, PlanNode<'_>> {
    let mut nodes = IndexMap::new();
    for node in plan_nodes {
        let Some(id) = node.get("id").and_then(Value::as_str) else { continue };
        let counts = node.pointer("/capabilities/scalable/properties/current_instances");
        let count = counts.or_else(|| node.get("number_of_instances")).unwrap_or(&Value::Null);
        let host_id = node.get("host_id").and_then(Value::as_str);
        nodes.insert(id, PlanNode { is_group: false, host_id, count, container: None, edges: IndexMap::new() });
    }
    nodes
}

/// Adds the groups; answers which group a node is a member of.
fn read_groups<'p>(groups: &'p Map, nodes: &mut IndexMap<&'p str, PlanNode<'p>>) -> HashMap<&'p str, &'p str> {
    let mut member_of = HashMap::new();
    for (name, group) in groups {
        let count = group.pointer("/properties/current_instances").unwrap_or(&Value::Null);
        nodes.insert(name, PlanNode { is_group: true, host_id: None, count, container: None, edges: IndexMap::new() });
    }
    for (name, group) in groups {
        let members = group.get("members").and_then(Value::as_array).into_iter().flatten();
        for member in members.filter_map(Value::as_str) {
            member_of.insert(member, name.as_str());
            if let Some(node) = nodes.get_mut(member) {
                node.edges.insert(name, Edge::Group);
            }
        }
    }
    member_of
}

fn add_relationships<'p>(
    node: &'p Value,
    nodes: &mut IndexMap<&'p str, PlanNode<'p>>,
    member_of: &HashMap<&'p str, &'p str>,
) -> Result<(), Diagnostic> {
    let Some(id) = node.get("id").and_then(Value::as_str) else { return Ok(()) };
    let relationships = node.get("relationships").and_then(Value::as_array).into_iter().flatten();
    for (index, plan) in relationships.enumerate() {
        let text = |key| plan.get(key).and_then(Value::as_str);
        let (Some(type_name), Some(target)) = (text("type"), text("target_id")) else { continue };
        let edge = Edge::Relationship { type_name, index, plan };
        if !is_containment(&edge) && !is_connection(&edge) {
            return Err(Diagnostic::new(Fault::UnsupportedRelationship, ""));
        }
        let mut to = target;
        if let Some(group) = member_of.get(id).filter(|_| is_containment(&edge)) {
            // The member is in the group; the outermost group is in what would have contained the member.
            to = group;
            let mut outermost = *group;
            while let Some(outer) = member_of.get(outermost) {
                outermost = outer;
            }
            if let Some(outermost) = nodes.get_mut(outermost) {
                outermost.edges.insert(target, Edge::Group);
            }
        }
        if let Some(node) = nodes.get_mut(id) {
            node.edges.insert(to, edge);
        }
    }
    Ok(())
}

fn includes(edge: &Edge<'_>, wanted: &[&str]) -> bool {
    let Edge::Relationship { plan, .. } = edge else { return false };
    let hierarchy = plan.get("type_hierarchy").and_then(Value::as_array).into_iter().flatten();
    hierarchy.filter_map(Value::as_str).any(|name| wanted.contains(&name))
}

pub(crate) fn is_containment(edge: &Edge<'_>) -> bool {
    matches!(edge, Edge::Group) || includes(edge, &[CONTAINED_IN])
}

fn is_connection(edge: &Edge<'_>) -> bool {
    includes(edge, &CONNECTIONS) && !is_containment(edge)
}

/// The root above each name, in order. Errors: containment without a root.
fn roots<'p>(order: &IndexSet<&'p str>, above: &HashMap<&'p str, &'p str>) -> Result<IndexSet<&'p str>, Diagnostic> {
    let mut known: HashMap<&str, &'p str> = HashMap::new();
    let mut roots = IndexSet::new();
    for name in order {
        let mut way = vec![*name];
        let mut at = *name;
        while let (None, Some(container)) = (known.get(at), above.get(at)) {
            at = container;
            way.push(at);
            if way.len() > order.len() {
                let message = format!("'{name}' is contained in itself");
                return Err(Diagnostic::new(Fault::Expansion, message));
            }
        }
        let root = known.get(at).copied().unwrap_or(at);
        for name in way {
            known.insert(name, root);
        }
        roots.insert(root);
    }
    Ok(roots)
}
