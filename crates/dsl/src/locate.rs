//! From a path in a plan back to the place in the texts that it comes from.
//!
//! Plans know no positions, and what stands in a node of a plan may have been written in its type. Names
//! may hold dots, so a path is followed along the keys that are there, the longest first. This runs for
//! problems only.

use crate::diagnostic::{Diagnostic, Fault, Place};
use crate::element::Element;
use crate::section::relationships::SIDES;

/// How many types may derive from each other.
const LONGEST_LINE: usize = 100;

/// Places a problem that has no place yet at a path of the plan, such as `nodes.web.properties.port`.
pub(crate) fn placed(root: &Element<'_, '_>, path: &str, problem: Diagnostic) -> Diagnostic {
    let templates = root.get("node_templates");
    match path.strip_prefix("nodes").and_then(|rest| step(&templates, rest)) {
        Some((template, rest)) => of_node(&template, rest, problem),
        None => search(problem, |search| search.consider(root, &format!(".{path}"))),
    }
}

/// As [`placed`] in the node that a template becomes, such as `.operations.create`.
pub(crate) fn of_node(template: &Element<'_, '_>, path: &str, problem: Diagnostic) -> Diagnostic {
    search(problem, |search| search.node(template, path))
}

/// As [`placed`] in a relationship of a template, such as `.establish.inputs`.
pub(crate) fn of_relationship(relationship: &Element<'_, '_>, path: &str, problem: Diagnostic) -> Diagnostic {
    search(problem, |search| search.relationship(relationship, "type", path))
}

/// As [`of_relationship`] in a relationship type.
pub(crate) fn of_relationship_type(element: &Element<'_, '_>, path: &str, problem: Diagnostic) -> Diagnostic {
    search(problem, |search| search.relationship(element, "derived_from", path))
}

fn search(problem: Diagnostic, look: impl FnOnce(&mut Search)) -> Diagnostic {
    if problem.place.is_some() {
        return problem;
    }
    let mut search = Search { fault: problem.fault, best: None };
    look(&mut search);
    Diagnostic { place: search.best.map(|(_, place)| Box::new(place)), ..problem }
}

/// Looks for the place with the longest part of the path.
struct Search {
    fault: Fault,
    /// How much of the path is left, and the place that it led to.
    best: Option<(usize, Place)>,
}

impl Search {
    fn consider(&mut self, from: &Element<'_, '_>, rest: &str) {
        if let Some((entry, rest)) = step(from, rest) {
            return self.consider(&entry, rest);
        }
        if self.best.as_ref().is_none_or(|(left, _)| rest.len() < *left) {
            let place = from.place(self.fault);
            self.best = Some((rest.len(), Place { path: format!("{}{rest}", place.path), ..place }));
        }
    }

    /// As [`Search::consider`] below a schema, where the values are defaults.
    fn consider_default(&mut self, schema: &Element<'_, '_>, rest: &str) {
        if let Some((entry, rest)) = step(schema, rest) {
            self.consider(&entry.get("default"), rest);
        }
    }

    fn node(&mut self, template: &Element<'_, '_>, path: &str) {
        self.consider(template, path);
        let root = template.top();
        let node_types = root.get("node_types");
        let types = line(&node_types, template.get("type").text());
        if let Some(rest) = path.strip_prefix(".properties") {
            for name in types {
                self.consider_default(&node_types.get(name).get("properties"), rest);
            }
        } else if let Some(rest) = path.strip_prefix(".capabilities.scalable") {
            self.consider(&template.get("capabilities").get("scalable").get("properties"), rest);
        } else if let Some(rest) = path.strip_prefix(".operations") {
            self.operation(&template.get("interfaces"), rest);
            for name in types {
                self.operation(&node_types.get(name).get("interfaces"), rest);
            }
        } else {
            for relationship in template.get("relationships").items() {
                if let Some(rest) = relationship.get("type").text().and_then(|type_name| after(path, type_name)) {
                    self.relationship(&relationship, "type", rest);
                }
            }
        }
    }

    /// `above` is the key of the type whose operations it has as well.
    fn relationship(&mut self, relationship: &Element<'_, '_>, above: &'static str, path: &str) {
        self.consider(relationship, path);
        let root = relationship.top();
        let types = root.get("relationships");
        for (side, _) in SIDES {
            self.operation(&relationship.get(side), path);
            for name in line(&types, relationship.get(above).text()) {
                self.operation(&types.get(name).get(side), path);
            }
        }
    }

    /// Operations are known by their name and with the interface in front of it.
    fn operation(&mut self, interfaces: &Element<'_, '_>, path: &str) {
        for interface in interfaces.entries() {
            for operation in interface.entries() {
                let full = format!("{}.{}", interface.name(), operation.name());
                let Some(rest) = after(path, &full).or_else(|| after(path, &operation.name())) else { continue };
                self.consider(&operation, rest);
                if let Some(rest) = rest.strip_prefix(".inputs") {
                    self.consider_default(&operation.get("inputs"), rest);
                }
            }
        }
    }
}

/// A type and those it derives from, as far as they are defined.
fn line<'n>(types: &Element<'_, 'n>, first: Option<&'n str>) -> Vec<&'n str> {
    let next = |name: &&'n str| types.get(name).get("derived_from").text();
    std::iter::successors(first, next).take(LONGEST_LINE).collect()
}

/// The entry or item that a path goes on with, and the rest of the path.
fn step<'s, 'n>(from: &'s Element<'_, 'n>, path: &'s str) -> Option<(Element<'s, 'n>, &'s str)> {
    if let Some(rest) = path.strip_prefix('[') {
        let (index, rest) = rest.split_once(']')?;
        return Some((from.items().nth(index.parse().ok()?)?, rest));
    }
    let entries = from.entries().filter_map(|entry| after(path, &entry.name()).map(|rest| (entry, rest)));
    entries.min_by_key(|(_, rest)| rest.len())
}

/// What follows `.name` in a path.
fn after<'p>(path: &'p str, name: &str) -> Option<&'p str> {
    let rest = path.strip_prefix('.')?.strip_prefix(name)?;
    (rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
}
