//! Node templates (spec dsl.md section 4.1).

use nephele_model::python_text;
use std::borrow::Cow;
use std::collections::HashMap;

use indexmap::IndexMap;
use nephele_model::json::{Map, Value, object};

use super::interfaces::{self, Interfaces, Level};
use super::planned_interfaces::{OfTypes, Planned, Side};
use super::refused::Section;
use super::relationships::{Relationship, Relationships};
use super::types::{self, CONTAINED_IN, Type};
use super::{Scope, node_plugins, policies};
use crate::diagnostic::{Diagnostic, Fault, suggestion};
use crate::element::Element;
use crate::value::{self, Misfit, Rules};
use crate::{limit, locate, topology};

/// Node templates by name.
pub(crate) type Templates<'p, 'n> = IndexMap<Cow<'n, str>, Element<'p, 'n>>;

/// A node on its way into the plan.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) is_host: bool,
    pub(crate) host_id: Option<String>,
    pub(crate) relationships: Vec<Relationship>,
    /// Plan keys up to `operations`.
    pub(crate) planned: Map,
}

/// What templates refer to.
pub(crate) struct Types<'a> {
    pub(crate) nodes: &'a types::Types,
    pub(crate) relationships: &'a types::Types,
}

impl Node {
    /// Whether it is contained in another node.
    pub(crate) fn is_contained(&self) -> bool {
        self.relationships.iter().any(|relationship| relationship.contained_in)
    }
}

/// The nodes in source order, complete apart from plugins; those with problems as far as they are in
/// order. Two relationships to one target are reported in `warnings`.
pub(crate) fn parse(
    section: &Element<'_, '_>,
    types: &Types<'_>,
    scope: &mut Scope<'_>,
    warnings: &mut Vec<Diagnostic>,
) -> Vec<Node> {
    let templates: Templates<'_, '_> = section.entries().map(|element| (element.name(), element)).collect();
    let mut known = Known {
        types,
        templates: &templates,
        relationships: Relationships::default(),
        plain: OfTypes::default(),
        capabilities: scalable(policies::default_counts(None)),
    };
    let mut nodes: IndexMap<String, Node> = IndexMap::with_capacity(templates.len());
    for (name, element) in &templates {
        if element.node().is_none() {
            let message = "Expected exactly one result for requirement 'node_type' but found none";
            scope.problems.push(element.problem(Fault::MissingKey, message));
            scope.refused.name(Section::NodeTemplates, name);
            continue;
        }
        let mut found = Vec::new();
        let node = one(element, name, &mut known, scope, &mut found);
        if !found.is_empty() || element.is_doubtful() {
            scope.refused.name(Section::NodeTemplates, name);
        }
        scope.problems.report(found);
        warn_of_repeated_targets(element, &node, warnings);
        nodes.insert(name.to_string(), node);
    }
    match find_hosts(&nodes) {
        Ok(hosts) => {
            for (name, host) in hosts {
                if let Some(node) = nodes.get_mut(&name) {
                    node.host_id = Some(host);
                }
            }
        }
        Err(cycle) => {
            scope.problems.push(section.placed(cycle));
            scope.refused.section(Section::NodeTemplates);
        }
    }
    nodes.into_values().collect()
}

/// The nodes as plans show them, with their plugins.
pub(crate) fn finish(section: &Element<'_, '_>, nodes: Vec<Node>, scope: &mut Scope<'_>) -> Vec<Value> {
    let plugins = node_plugins::collect(section, &nodes, scope);
    nodes
        .into_iter()
        .zip(plugins)
        .map(|(node, plugins)| {
            let mut planned = node.planned;
            if let Some(host) = node.host_id {
                planned.insert("host_id", Value::from(host));
            }
            planned.extend(plugins);
            Value::Object(planned)
        })
        .collect()
}

/// What is the same for all templates.
struct Known<'a, 'p, 'n> {
    types: &'a Types<'a>,
    templates: &'a Templates<'p, 'n>,
    relationships: Relationships,
    plain: OfTypes,
    /// The capabilities of templates that write none.
    capabilities: Value,
}

fn one(
    element: &Element<'_, '_>,
    name: &str,
    known: &mut Known<'_, '_, '_>,
    scope: &mut Scope<'_>,
    found: &mut Vec<Diagnostic>,
) -> Node {
    let type_element = element.get("type");
    let type_name = type_element.text().unwrap_or_default();
    let node_type = known.types.nodes.get(type_name);
    let names = known.types.nodes.keys().map(String::as_str);
    if node_type.is_none() && !scope.refused.excuses(Section::NodeTypes, type_name, names.clone()) {
        let shown = python_text::names(names.clone());
        let message = format!("Could not locate node type: '{type_name}'; existing types: {shown}");
        let known = names.chain(scope.refused.names(Section::NodeTypes));
        let problem = type_element.problem(Fault::UnknownNodeType, message);
        let problem = problem.with_brief(format!("The node type '{type_name}' does not exist"));
        found.push(problem.with_hint(suggestion(type_name, known)));
    }
    let properties = element.get("properties");
    let merged =
        node_type.map_or_else(|| Ok(properties.json_map()), |known| merge_properties(&properties, name, known, scope));
    let merged = merged.unwrap_or_else(|misfits| {
        found.extend(properties.misfits(misfits, 0));
        properties.json_map()
    });
    let merged = if scope.has_room(limit::values_in(&merged), &properties) { merged } else { Map::new() };
    let mut own_relationships = Vec::new();
    for relationship in element.get("relationships").items() {
        let types = known.types.relationships;
        let parsed = known.relationships.parse(&relationship, element, known.templates, types, scope, found);
        own_relationships.extend(parsed);
    }
    found.extend(check_one_container(element, name, &own_relationships).err());
    let (instances, capabilities) = parse_counts(element, name, &known.capabilities, found);
    let template = interfaces::parse(&element.get("interfaces"), Level::Template, scope);
    let context = format!("in node '{name}' of type '{type_name}'");
    let nothing = Interfaces::new();
    let of_type = node_type.map_or(&nothing, |known| &known.interfaces[0]);
    let side = Side { fault: Fault::UnmappedOperation, context: &context };
    let mut misplanned = Vec::new();
    let Planned { interfaces, operations } =
        known.plain.over_template(type_name, &template, of_type, side, scope, &mut misplanned);
    for (index, one) in misplanned.into_iter().enumerate() {
        let problem = locate::of_node(element, &format!(".operations{}", one.path()), one.problem);
        found.push(if index == 0 { element.quoted(problem) } else { problem });
    }
    let mut planned = Map::with_capacity(14);
    let shown_name = Value::from(name);
    planned.insert("type", node_type.map_or_else(|| Value::from(type_name), |known| known.shown_name()));
    planned.insert("instances", instances);
    planned.insert("capabilities", capabilities);
    planned.insert("interfaces", Value::Object(interfaces));
    let shown =
        own_relationships.iter_mut().map(|relationship| Value::Object(std::mem::take(&mut relationship.planned)));
    planned.insert("relationships", Value::Array(shown.collect()));
    planned.insert("properties", Value::Object(merged));
    planned.insert("name", shown_name.clone());
    planned.insert("id", shown_name);
    let hierarchy = node_type.map(|known| known.hierarchy.clone()).unwrap_or_default();
    planned.insert("type_hierarchy", Value::Array(hierarchy));
    planned.insert("operations", Value::Object(operations));
    Node {
        name: name.to_owned(),
        is_host: node_type.is_some_and(|known| known.is_host()),
        host_id: None,
        relationships: own_relationships,
        planned,
    }
}

fn merge_properties(
    properties: &Element<'_, '_>,
    node: &str,
    node_type: &Type,
    scope: &Scope<'_>,
) -> Result<Map, Vec<Misfit>> {
    let rules = Rules {
        data_types: &scope.data_types,
        undefined: "'{0}' node '{1}' property is not part of the derived type properties schema",
        missing: "'{0}' node does not provide a value for mandatory '{1}' property which is part of its type schema",
        owner: node,
        complete: true,
    };
    value::merge(&rules, properties.json_map(), &node_type.properties)
}

fn check_one_container(
    element: &Element<'_, '_>,
    name: &str,
    relationships: &[Relationship],
) -> Result<(), Diagnostic> {
    let containers: Vec<&Relationship> =
        relationships.iter().filter(|relationship| relationship.contained_in).collect();
    if containers.len() < 2 {
        return Ok(());
    }
    let types = python_text::names(containers.iter().map(|relationship| relationship.type_name.as_str()));
    let targets = python_text::names(containers.iter().map(|relationship| relationship.target.as_str()));
    let message = format!(
        "Node '{name}' has more than one relationship that is derived from '{CONTAINED_IN}' relationship. Found: \
         {types} for targets: {targets}"
    );
    Err(element.get("relationships").problem(Fault::SeveralContainers, message))
}

/// `instances` and `capabilities` of the plan.
fn parse_counts(element: &Element<'_, '_>, name: &str, default: &Value, found: &mut Vec<Diagnostic>) -> (Value, Value) {
    let (instances, capabilities) = (element.get("instances"), element.get("capabilities"));
    let deploy = instances.get("deploy");
    if deploy.json().as_i64().is_some_and(|number| number < 0) {
        found.push(deploy.problem(Fault::NegativeDeploy, "deploy instances must be a non-negative number"));
    }
    let mut shown = Map::new();
    if deploy.is_written() {
        shown.insert("deploy".to_owned(), deploy.json());
    }
    if capabilities.node().is_some() && deploy.node().is_some() {
        let message = format!(
            "Node '{name}' defines both instances.deploy and capabilities.scalable (Note: instances.deploy is \
             deprecated)"
        );
        found.push(capabilities.problem(Fault::DeployAndScalable, message));
    }
    let written = capabilities.get("scalable");
    let counted = match (written.node(), deploy.node()) {
        (Some(_), _) => scalable(policies::counts(&written.get("properties")).unwrap_or_else(|problem| {
            found.push(problem);
            Value::Null
        })),
        (None, Some(_)) => scalable(policies::default_counts(Some(deploy.json()))),
        (None, None) => default.clone(),
    };
    (Value::Object(shown), counted)
}

fn scalable(counts: Value) -> Value {
    object! {"scalable": object! {"properties": counts}}
}

/// The host of every node that has one. Errors: 100 when relationships form a cycle.
fn find_hosts(nodes: &IndexMap<String, Node>) -> Result<HashMap<String, String>, Diagnostic> {
    let depends: IndexMap<&str, Vec<&str>> = nodes
        .iter()
        .map(|(name, node)| {
            // A relationship of a node to itself is a problem of its own.
            let targets = node.relationships.iter().map(|relationship| relationship.target.as_str());
            (name.as_str(), targets.filter(|target| target != name).collect())
        })
        .collect();
    let mut hosts: HashMap<String, String> = HashMap::new();
    for name in topology::order(&depends)? {
        let Some(node) = nodes.get(name) else { continue };
        let host = if node.is_host {
            Some(name.to_owned())
        } else {
            let container = node.relationships.iter().find(|relationship| relationship.contained_in);
            container.and_then(|container| hosts.get(&container.target)).cloned()
        };
        if let Some(host) = host {
            hosts.insert(name.to_owned(), host);
        }
    }
    Ok(hosts)
}

fn warn_of_repeated_targets(element: &Element<'_, '_>, node: &Node, warnings: &mut Vec<Diagnostic>) {
    let mut seen = std::collections::HashSet::new();
    for (written, relationship) in element.get("relationships").items().zip(&node.relationships) {
        if !seen.insert(relationship.target.as_str()) {
            let message = format!(
                "Node '{}' has several relationships to '{}'; a node instance keeps the last of them only",
                node.name, relationship.target
            );
            warnings.push(written.get("target").placed(Diagnostic::new(Fault::RepeatedTarget, message)));
        }
    }
}
