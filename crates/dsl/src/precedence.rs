//! Which of several problems the reference meets: the one at the element that it evaluates first.
//!
//! It evaluates what an element consists of before the element, the last part first, and what an element
//! refers to before that (spec dsl.md section 0.2). Circles are found before anything is evaluated. The
//! walk here follows that order until it comes to an element with a problem.

use std::collections::HashMap;

use indexmap::IndexMap;

use crate::diagnostic::{Diagnostic, Fault};
use crate::element::Element;
use crate::schema::grammar::{GROUP, NODE_TEMPLATE_FIELDS, SECTIONS};
use crate::schema::{Field, Rule, Shape};
use crate::topology;

/// Sections that are evaluated before the node templates.
const BEFORE_NODES: &[&str] =
    &["tosca_definitions_version", "data_types", "node_types", "plugins", "namespaces_mapping"];

/// Sections that are evaluated after the groups.
const AFTER_GROUPS: &[&str] = &[
    "policies",
    "workflows",
    "resource_tags",
    "deployment_settings",
    "blueprint_labels",
    "labels",
    "imported_blueprints",
    "capabilities",
    "outputs",
    "policy_triggers",
    "policy_types",
    "inputs",
    "metadata",
    "dsl_definitions",
    "imports",
    "description",
];

/// The place in `problems` of the one that is met.
pub(crate) fn first(problems: &[Diagnostic], root: &Element<'_, '_>) -> usize {
    if let Some(cycle) = problems.iter().position(|problem| problem.fault == Fault::Cycle) {
        return cycle;
    }
    let mut at: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, problem) in problems.iter().enumerate() {
        let quoted = problem.quote.as_deref().map(|quote| quote.path.as_str());
        if let Some(path) = quoted.or_else(|| problem.place.as_deref().map(|place| place.path.as_str())) {
            at.entry(path).or_default().push(index);
        }
    }
    let walk = Walk { problems, at };
    walk.blueprint(root).unwrap_or(0)
}

struct Walk<'a> {
    problems: &'a [Diagnostic],
    /// Problems by the path of their element.
    at: HashMap<&'a str, Vec<usize>>,
}

impl Walk<'_> {
    fn blueprint(&self, root: &Element<'_, '_>) -> Option<usize> {
        let find = |names: &[&str]| names.iter().find_map(|name| self.section(root, name));
        let of_root = || self.unknown_key(root, SECTIONS, "").or_else(|| self.own("root"));
        find(BEFORE_NODES)
            .or_else(|| self.nodes(root))
            .or_else(|| find(&["relationships"]))
            .or_else(|| self.groups(root))
            .or_else(|| find(AFTER_GROUPS))
            .or_else(of_root)
    }

    fn section(&self, root: &Element<'_, '_>, name: &str) -> Option<usize> {
        let field = SECTIONS.iter().find(|field| field.name == name)?;
        let section = root.get(field.name);
        let (Shape::Dict(rule), true) =
            (&field.rule.shape, matches!(name, "data_types" | "node_types" | "relationships"))
        else {
            return self.element(&section, &field.rule, &mut name.to_owned());
        };
        let above =
            |element: &Element<'_, '_>| element.get("derived_from").text().into_iter().map(str::to_owned).collect();
        let entry = |element: &Element<'_, '_>| self.element(element, rule, &mut format!("{name}.{}", element.name()));
        in_order(&section, above).iter().find_map(entry).or_else(|| self.own(name))
    }

    /// The types of all templates, then templates after those that they relate to.
    fn nodes(&self, root: &Element<'_, '_>) -> Option<usize> {
        let section = root.get("node_templates");
        let last_first: Vec<_> = section.entries().collect::<Vec<_>>().into_iter().rev().collect();
        let path = |node: &Element<'_, '_>, rest: &str| format!("node_templates.{}{rest}", node.name());
        if let Some(found) = last_first.iter().find_map(|node| self.own(&path(node, ".type"))) {
            return Some(found);
        }
        let targets = |node: &Element<'_, '_>| {
            let relationships = node.get("relationships");
            relationships.items().filter_map(|item| item.get("target").text().map(str::to_owned)).collect()
        };
        let mut are_related = false;
        for node in in_order(&section, targets) {
            for field in NODE_TEMPLATE_FIELDS.iter().rev() {
                let part = node.get(field.name);
                if field.name == "relationships" && part.len() > 0 && !are_related {
                    are_related = true;
                    let found = self.section(root, "relationships");
                    let found = found.or_else(|| self.relationships(&last_first, ".target"));
                    let found = found.or_else(|| self.relationships(&last_first, ".type"));
                    if found.is_some() {
                        return found;
                    }
                }
                // Capabilities are held against the count of instances.
                let count = || (field.name == "capabilities").then(|| self.own(&path(&node, ".instances.deploy")));
                let found = count().flatten();
                let found =
                    found.or_else(|| self.element(&part, &field.rule, &mut path(&node, &format!(".{}", field.name))));
                if found.is_some() {
                    return found;
                }
            }
            let name = path(&node, "");
            let found = self.unknown_key(&node, NODE_TEMPLATE_FIELDS, &name).or_else(|| self.own(&name));
            if found.is_some() {
                return found;
            }
        }
        self.own("node_templates")
    }

    /// The groups, the last one first; the types of policies before the first group that has any.
    fn groups(&self, root: &Element<'_, '_>) -> Option<usize> {
        let groups = root.get("groups");
        let mut last_first: Vec<_> = groups.entries().collect();
        last_first.reverse();
        let mut types = ["policy_triggers", "policy_types"].iter();
        let one = |group: &Element<'_, '_>| {
            let has_policies = group.get("policies").len() > 0;
            let found = if has_policies { types.find_map(|name| self.section(root, name)) } else { None };
            found.or_else(|| self.element(group, &GROUP, &mut format!("groups.{}", group.name())))
        };
        last_first.iter().find_map(one).or_else(|| self.own("groups"))
    }

    /// One part of all relationships of all nodes.
    fn relationships(&self, nodes: &[Element<'_, '_>], part: &str) -> Option<usize> {
        nodes.iter().find_map(|node| {
            let indexes = (0..node.get("relationships").len()).rev();
            let path = |index| format!("node_templates.{}.relationships.{index}{part}", node.name());
            indexes.map(path).find_map(|path| self.own(&path))
        })
    }

    /// The parts of an element, the last one first, then the element.
    fn element(&self, element: &Element<'_, '_>, rule: &Rule, path: &mut String) -> Option<usize> {
        let length = path.len();
        let mut part = |part: &Element<'_, '_>, rule: &Rule| {
            path.push('.');
            path.push_str(&part.name());
            let found = self.element(part, rule, path);
            path.truncate(length);
            found
        };
        let fields: &[Field] = match &rule.shape {
            Shape::Leaf(_) => &[],
            Shape::Dict(rule) | Shape::List(rule) => {
                let mut parts: Vec<_> = element.entries().chain(element.items()).collect();
                parts.reverse();
                let found = parts.iter().find_map(|one| part(one, rule));
                if found.is_some() {
                    return found;
                }
                &[]
            }
            Shape::Fields(fields) | Shape::TextOr(fields) => {
                let written = element.node().is_some_and(|node| node.entries().is_some());
                let mut parts = fields.iter().rev().filter(|_| written);
                let found = parts.find_map(|field| part(&element.get(field.name), &field.rule));
                if found.is_some() {
                    return found;
                }
                fields
            }
        };
        self.unknown_key(element, fields, path).or_else(|| self.own(path))
    }

    /// Unknown keys are a problem of the element that they stand in.
    fn unknown_key(&self, element: &Element<'_, '_>, fields: &[Field], path: &str) -> Option<usize> {
        let is_unknown = |name: &str| fields.iter().all(|field| field.name != name);
        let unknown = element.entries().map(|entry| entry.name()).filter(|name| !fields.is_empty() && is_unknown(name));
        let dot = if path.is_empty() { "" } else { "." };
        unknown.map(|name| format!("{path}{dot}{name}")).find_map(|path| self.own(&path))
    }

    /// The problem at exactly this path; one of something too new is the last.
    fn own(&self, path: &str) -> Option<usize> {
        let found = self.at.get(path)?;
        let is_wrong = |index: &&usize| self.problems[**index].fault != Fault::UnsupportedInVersion;
        found.iter().find(is_wrong).or_else(|| found.first()).copied()
    }
}

/// The entries of a section, the last one first, and each after those that it refers to.
fn in_order<'s, 'n>(
    section: &'s Element<'_, 'n>,
    refers_to: impl Fn(&Element<'_, 'n>) -> Vec<String>,
) -> Vec<Element<'s, 'n>> {
    let mut entries: Vec<Element<'s, 'n>> = section.entries().collect();
    entries.reverse();
    let names: Vec<String> = entries.iter().map(|entry| entry.name().into_owned()).collect();
    let references: Vec<Vec<String>> = entries.iter().map(refers_to).collect();
    let depends: IndexMap<&str, Vec<&str>> = names
        .iter()
        .zip(&references)
        .map(|(name, references)| (name.as_str(), references.iter().map(String::as_str).collect()))
        .collect();
    match topology::order(&depends) {
        Ok(order) => order.iter().filter_map(|name| entries.get(depends.get_index_of(name)?).copied()).collect(),
        Err(_) => entries,
    }
}
