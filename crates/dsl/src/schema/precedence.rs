//! Which of several problems the reference meets first: the order in which it looks at a blueprint (spec
//! dsl.md section 0.2).
//!
//! The reference looks at everything that an element needs before the element itself: what the element
//! holds, and elements elsewhere ([`needs`]), of these the last one first. A cycle keeps it from looking
//! at anything. [`first`] walks in that order until it comes to an element with a problem.

use std::collections::HashMap;
use std::sync::Arc;

use nephele_yaml11::{Node, Value};

use super::{Rule, Shape};
use crate::diagnostic::{Diagnostic, Fault};
use crate::schema::grammar::BLUEPRINT;

/// What an element needs besides what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Need {
    /// Everything with this pattern.
    All(&'static str),
    /// The entry of a section that the value names.
    Named(&'static str),
    /// The entry of a section that the value under a key names.
    NamedBy(&'static str, &'static str),
    /// The node templates that this one is related to.
    Related,
    /// What stands beside it under another key, or below that.
    Beside(&'static [&'static str]),
}

/// The needs of elements by their pattern: a path with `*` for free names and places in lists.
fn needs(pattern: &str) -> &'static [Need] {
    use Need::{All, Beside, Named, NamedBy, Related};
    match pattern {
        "" => &[All("node_templates"), All("workflows"), All("policies")],
        "node_types.*" => &[NamedBy("node_types", "derived_from"), All("data_types")],
        "relationships.*" => &[All("plugins"), NamedBy("relationships", "derived_from"), All("data_types")],
        "data_types.*" => &[NamedBy("data_types", "derived_from")],
        "node_templates" => &[All("plugins"), All("node_types")],
        "node_templates.*" => &[Related, All("plugins"), NamedBy("node_types", "type"), All("node_types")],
        "node_templates.*.type" => &[All("node_types")],
        "node_templates.*.capabilities" => &[Beside(&["instances", "deploy"])],
        "node_templates.*.relationships.*" => &[NamedBy("relationships", "type")],
        "node_templates.*.relationships.*.type" => &[All("relationships")],
        "node_templates.*.relationships.*.properties" => &[
            All("node_templates.*.relationships.*.type"),
            All("node_templates.*.relationships.*.target"),
            All("relationships"),
            All("data_types"),
        ],
        "node_templates.*.properties" => &[All("node_templates.*.type"), All("node_types"), All("data_types")],
        "groups.*" | "groups.*.members.*" => &[All("node_templates")],
        "groups.*.policies.*.type" => &[All("policy_types")],
        "groups.*.policies.*.properties" => &[All("groups.*.policies.*.type"), All("policy_types"), All("data_types")],
        "groups.*.policies.*.triggers.*.type" => &[All("policy_triggers")],
        "groups.*.policies.*.triggers.*.parameters" => {
            &[All("groups.*.policies.*.triggers.*.type"), All("policy_triggers"), All("data_types")]
        }
        "policies" => &[All("groups"), All("node_templates")],
        "policies.*.targets.*" => &[All("groups")],
        "workflows" | "workflows.*" => &[All("plugins")],
        _ if is_schema(pattern, "default") => &[Beside(&["type"])],
        _ if is_schema(pattern, "type") || is_schema(pattern, "item_type") => &[Named("data_types")],
        _ => &[],
    }
}

/// Whether this is a field of a declared input, parameter or property.
fn is_schema(pattern: &str, field: &str) -> bool {
    let declared = pattern.strip_suffix(field).and_then(|rest| rest.strip_suffix(".*."));
    declared.is_some_and(|rest| {
        rest == "inputs" || [".inputs", "properties", ".parameters"].iter().any(|end| rest.ends_with(end))
    })
}

/// The place in `problems` of the one that the reference meets.
pub(crate) fn first(problems: &[Diagnostic], root: &Arc<Node>) -> usize {
    if problems.len() < 2 {
        return 0;
    }
    if let Some(cycle) = problems.iter().position(|problem| problem.fault == Fault::Cycle) {
        return cycle;
    }
    let tree = Tree::grow(root);
    let mut met: HashMap<usize, usize> = HashMap::new();
    for (index, problem) in problems.iter().enumerate() {
        let path = match (problem.quote.as_deref(), problem.place.as_deref()) {
            (Some(quote), _) => quote.path.as_str(),
            // Another one of the same element comes before it.
            (None, _) if problem.kind().is_invalid_blueprint() => continue,
            (None, place) => place.map_or("", |place| place.path.as_str()),
        };
        let Some(item) = tree.find(0, path) else { continue };
        // A key that does not exist shows when the element around it is looked at.
        let item = if problem.fault == Fault::UnknownKey { tree.items[item].parent } else { item };
        let first = met.entry(item).or_insert(index);
        if rank(problem) < rank(&problems[*first]) {
            *first = index;
        }
    }
    tree.walk(|item| met.get(&item).copied()).unwrap_or(0)
}

/// Within an element: its shape, whether its version has it, and then what it means.
fn rank(problem: &Diagnostic) -> u8 {
    match problem.code() {
        Some(1) => 0,
        Some(102) => 1,
        _ => 2,
    }
}

struct Item<'n> {
    name: Name<'n>,
    value: Option<&'n Node>,
    parent: usize,
    pattern: usize,
    children: Vec<usize>,
}

#[derive(Clone, Copy)]
enum Name<'n> {
    Text(&'n str),
    Index(usize),
}

/// All elements that the grammar knows of, written or not.
struct Tree<'n> {
    items: Vec<Item<'n>>,
    patterns: Vec<String>,
    by_pattern: HashMap<usize, Vec<usize>>,
    known: HashMap<(usize, &'n str), usize>,
}

impl<'n> Tree<'n> {
    fn grow(root: &'n Arc<Node>) -> Self {
        let mut tree = Self {
            items: Vec::new(),
            patterns: vec![String::new()],
            by_pattern: HashMap::new(),
            known: HashMap::new(),
        };
        let mut tasks = vec![(tree.add(Name::Text(""), Some(root), 0, 0), &BLUEPRINT)];
        while let Some((item, rule)) = tasks.pop() {
            let first = tasks.len();
            for (name, value, step, rule) in below(tree.items[item].value, rule) {
                let pattern = tree.pattern(tree.items[item].pattern, step);
                let child = tree.add(name, value, item, pattern);
                tree.items[item].children.push(child);
                tasks.extend(rule.map(|rule| (child, rule)));
            }
            // So that what is written first gets the lower numbers.
            tasks[first..].reverse();
        }
        tree
    }

    fn add(&mut self, name: Name<'n>, value: Option<&'n Node>, parent: usize, pattern: usize) -> usize {
        let value = value.filter(|value| !value.is_null());
        self.items.push(Item { name, value, parent, pattern, children: Vec::new() });
        self.by_pattern.entry(pattern).or_default().push(self.items.len() - 1);
        self.items.len() - 1
    }

    fn pattern(&mut self, above: usize, step: &'n str) -> usize {
        if let Some(known) = self.known.get(&(above, step)) {
            return *known;
        }
        let text = if above == 0 { step.to_owned() } else { format!("{}.{step}", self.patterns[above]) };
        self.patterns.push(text);
        self.known.insert((above, step), self.patterns.len() - 1);
        self.patterns.len() - 1
    }

    /// The item at a path; names may hold dots.
    fn find(&self, from: usize, path: &str) -> Option<usize> {
        if path.is_empty() || path == "root" {
            return Some(from);
        }
        self.items[from].children.iter().find_map(|child| {
            let rest = match self.items[*child].name {
                Name::Text(name) => path.strip_prefix(name)?,
                Name::Index(index) => path.strip_prefix(index.to_string().as_str())?,
            };
            if rest.is_empty() { Some(*child) } else { self.find(*child, rest.strip_prefix('.')?) }
        })
    }

    fn child(&self, item: usize, name: &str) -> Option<usize> {
        let is_it = |child: &&usize| matches!(self.items[**child].name, Name::Text(text) if text == name);
        self.items[item].children.iter().find(is_it).copied()
    }

    fn text(&self, item: usize) -> Option<&'n str> {
        self.items[item].value?.as_str()
    }

    /// Every item in the order of the reference, until `look` gives something.
    fn walk(&self, look: impl Fn(usize) -> Option<usize>) -> Option<usize> {
        let ids: HashMap<&str, usize> =
            self.patterns.iter().enumerate().map(|(number, pattern)| (pattern.as_str(), number)).collect();
        let mut sections: HashMap<&str, HashMap<&str, usize>> = HashMap::new();
        for section in ["node_types", "relationships", "data_types", "node_templates"] {
            let entries = self.child(0, section).map_or(&[][..], |item| &self.items[item].children);
            let entry = |item: &usize| match self.items[*item].name {
                Name::Text(name) => Some((name, *item)),
                Name::Index(_) => None,
            };
            sections.insert(section, entries.iter().filter_map(entry).collect());
        }
        let mut left: HashMap<usize, usize> =
            self.by_pattern.iter().map(|(pattern, items)| (*pattern, items.len())).collect();
        let mut explored = vec![false; self.items.len()];
        let mut opened = vec![false; self.items.len()];
        let mut stack = vec![0];
        while let Some(item) = stack.last().copied() {
            if explored[item] {
                stack.pop();
                continue;
            }
            if opened[item] {
                explored[item] = true;
                left.entry(self.items[item].pattern).and_modify(|left| *left -= 1);
                stack.pop();
                if let Some(found) = look(item) {
                    return Some(found);
                }
                continue;
            }
            opened[item] = true;
            let mut next = self.items[item].children.clone();
            for need in needs(&self.patterns[self.items[item].pattern]) {
                match need {
                    Need::All(pattern) => {
                        let unexplored = ids.get(pattern).filter(|id| left.get(id).is_some_and(|left| *left > 0));
                        next.extend(unexplored.and_then(|id| self.by_pattern.get(id)).into_iter().flatten());
                    }
                    Need::Named(section) => {
                        next.extend(self.text(item).and_then(|name| sections[section].get(name)));
                    }
                    Need::NamedBy(section, key) => {
                        let name = self.child(item, key).and_then(|child| self.text(child));
                        next.extend(name.and_then(|name| sections[section].get(name)));
                    }
                    Need::Related => next.extend(self.related(item, &sections["node_templates"])),
                    Need::Beside(path) => {
                        let mut at = Some(self.items[item].parent);
                        for step in *path {
                            at = at.and_then(|item| self.child(item, step));
                        }
                        next.extend(at);
                    }
                }
            }
            stack.extend(next.into_iter().filter(|next| !explored[*next] && !opened[*next]));
        }
        None
    }

    /// The nodes that a node is related to, in the order of the section.
    fn related(&self, node: usize, nodes: &HashMap<&str, usize>) -> Vec<usize> {
        let relationships = self.child(node, "relationships").map_or(&[][..], |item| &self.items[item].children);
        let target = |relationship: &usize| nodes.get(self.text(self.child(*relationship, "target")?)?).copied();
        let mut targets: Vec<usize> =
            relationships.iter().filter_map(target).filter(|target| *target != node).collect();
        targets.sort_unstable();
        targets.dedup();
        targets
    }
}

type Below<'n> = (Name<'n>, Option<&'n Node>, &'n str, Option<&'static Rule>);

/// What an element holds: keys of the grammar first, then others; entries and items of free ones.
fn below<'n>(value: Option<&'n Node>, rule: &'static Rule) -> Vec<Below<'n>> {
    let Some(value) = value else { return Vec::new() };
    match (&rule.shape, &value.value) {
        (Shape::Fields(fields) | Shape::TextOr(fields), Value::Mapping(entries)) => {
            let known = fields.iter().map(|field| {
                let value = value.entry(field.name).map(|entry| &*entry.value);
                (Name::Text(field.name), value, field.name, Some(&field.rule))
            });
            let is_known = |name: &str| fields.iter().any(|field| field.name == name);
            let others = entries.iter().filter_map(|entry| {
                let name = entry.key.as_str().filter(|name| !is_known(name))?;
                Some((Name::Text(name), Some(&*entry.value), "?", None))
            });
            known.chain(others).collect()
        }
        (Shape::Dict(inner), Value::Mapping(entries)) => {
            let entry = |entry: &'n nephele_yaml11::Entry| {
                Some((Name::Text(entry.key.as_str()?), Some(&*entry.value), "*", Some(*inner)))
            };
            entries.iter().filter_map(entry).collect()
        }
        (Shape::List(inner), Value::Sequence(items)) => {
            let item = |(index, item): (usize, &'n Arc<Node>)| (Name::Index(index), Some(&**item), "*", Some(*inner));
            items.iter().enumerate().map(item).collect()
        }
        _ => Vec::new(),
    }
}
