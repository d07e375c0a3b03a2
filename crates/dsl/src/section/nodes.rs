//! Node templates (spec dsl.md section 4.1).

use nephele_model::python_text;
use std::borrow::Cow;
use std::collections::HashMap;

use indexmap::IndexMap;
use nephele_model::json::{Map, Value, object};

use super::interfaces::{self, Level};
use super::planned_interfaces::{OfTypes, Planned};
use super::relationships::{Relationship, Relationships};
use super::types::{CONTAINED_IN, Types};
use super::{Scope, node_plugins, policies};
use crate::diagnostic::{Diagnostic, Kind, nearest};
use crate::element::Element;
use crate::topology;
use crate::value::{self, Rules};

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

/// The nodes in source order, complete apart from plugins; two relationships to one target are reported
/// in `warnings`.
pub(crate) fn parse(
    section: &Element<'_, '_>,
    node_types: &Types,
    relationship_types: &Types,
    scope: &mut Scope<'_>,
    warnings: &mut Vec<Diagnostic>,
) -> Vec<Node> {
    let templates: Templates<'_, '_> = section.entries().map(|element| (element.name(), element)).collect();
    let mut relationships = Relationships::default();
    let mut plain = OfTypes::default();
    let mut nodes: IndexMap<String, Node> = IndexMap::with_capacity(templates.len());
    for (name, element) in &templates {
        let node =
            one(element, name, &templates, node_types, relationship_types, &mut relationships, &mut plain, scope);
        if let Some(node) = scope.keep(node) {
            warn_of_repeated_targets(element, &node, warnings);
            nodes.insert(name.to_string(), node);
        }
    }
    let hosts = find_hosts(&nodes);
    let Some(hosts) = scope.keep(hosts) else { return Vec::new() };
    for (name, host) in hosts {
        if let Some(node) = nodes.get_mut(&name) {
            node.host_id = Some(host);
        }
    }
    nodes.into_values().collect()
}

/// The nodes as plans show them, with their plugins.
pub(crate) fn finish(nodes: Vec<Node>, scope: &mut Scope<'_>) -> Vec<Value> {
    let plugins = node_plugins::collect(&nodes, scope);
    nodes
        .into_iter()
        .zip(plugins)
        .map(|(node, plugins)| {
            let mut planned = node.planned;
            if let Some(host) = node.host_id {
                planned.insert("host_id".to_owned(), Value::from(host));
            }
            planned.extend(plugins);
            Value::Object(planned)
        })
        .collect()
}

#[expect(clippy::too_many_arguments, reason = "everything that a template refers to")]
fn one(
    element: &Element<'_, '_>,
    name: &str,
    templates: &Templates<'_, '_>,
    node_types: &Types,
    relationship_types: &Types,
    relationships: &mut Relationships,
    plain: &mut OfTypes,
    scope: &mut Scope<'_>,
) -> Result<Node, Diagnostic> {
    let type_element = element.get("type");
    let type_name = type_element.text().unwrap_or_default();
    let Some(node_type) = node_types.get(type_name) else {
        let known = python_text::names(node_types.keys().map(String::as_str));
        let message = format!("Could not locate node type: '{type_name}'; existing types: {known}");
        let hint = nearest(type_name, node_types.keys().map(String::as_str));
        return Err(type_element.logic(7, message).with_hint(hint));
    };
    let properties = element.get("properties");
    let rules = Rules {
        data_types: &scope.data_types,
        undefined: "'{0}' node '{1}' property is not part of the derived type properties schema",
        missing: "'{0}' node does not provide a value for mandatory '{1}' property which is part of its type schema",
        owner: name,
        complete: true,
    };
    let merged = value::merge(&rules, properties.json_map(), &node_type.properties)
        .map_err(|problem| properties.place_if_blueprint(problem))?;
    let mut own_relationships = Vec::new();
    for relationship in element.get("relationships").items() {
        own_relationships.push(relationships.parse(&relationship, name, templates, relationship_types, scope)?);
    }
    check_one_container(element, name, &own_relationships)?;
    let (instances, capabilities) = parse_counts(element, name)?;
    let template = interfaces::parse(&element.get("interfaces"), Level::Template, scope);
    let context = format!("in node '{name}' of type '{type_name}'");
    let Planned { interfaces, operations } = plain
        .over_template(type_name, &template, &node_type.interfaces[0], 10, &context, scope)
        .map_err(|problem| element.place_if_blueprint(problem))?;
    let mut planned = Map::with_capacity(14);
    planned.insert("type".to_owned(), Value::from(type_name.to_owned()));
    planned.insert("instances".to_owned(), instances);
    planned.insert("capabilities".to_owned(), capabilities);
    planned.insert("interfaces".to_owned(), Value::Object(interfaces));
    let shown =
        own_relationships.iter_mut().map(|relationship| Value::Object(std::mem::take(&mut relationship.planned)));
    planned.insert("relationships".to_owned(), Value::Array(shown.collect()));
    planned.insert("properties".to_owned(), Value::Object(merged));
    planned.insert("name".to_owned(), Value::from(name.to_owned()));
    planned.insert("id".to_owned(), Value::from(name.to_owned()));
    let hierarchy = node_type.hierarchy.iter().map(Value::from).collect();
    planned.insert("type_hierarchy".to_owned(), Value::Array(hierarchy));
    planned.insert("operations".to_owned(), Value::Object(operations));
    Ok(Node {
        name: name.to_owned(),
        is_host: node_type.is_host(),
        host_id: None,
        relationships: own_relationships,
        planned,
    })
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
    Err(element.get("relationships").logic(112, message))
}

/// `instances` and `capabilities` of the plan.
fn parse_counts(element: &Element<'_, '_>, name: &str) -> Result<(Value, Value), Diagnostic> {
    let (instances, capabilities) = (element.get("instances"), element.get("capabilities"));
    let deploy = instances.get("deploy");
    if deploy.json().as_i64().is_some_and(|number| number < 0) {
        return Err(deploy.format("deploy instances must be a non-negative number"));
    }
    let mut shown = Map::new();
    if deploy.is_written() {
        shown.insert("deploy".to_owned(), deploy.json());
    }
    let properties = match (capabilities.node(), deploy.node()) {
        (Some(_), Some(_)) => {
            let message = format!(
                "Node '{name}' defines both instances.deploy and capabilities.scalable (Note: instances.deploy is \
                 deprecated)"
            );
            return Err(capabilities.logic(209, message));
        }
        (Some(_), None) => {
            let scalable = capabilities.get("scalable");
            match scalable.node() {
                Some(_) => policies::counts(&scalable.get("properties"))?,
                None => policies::default_counts(None),
            }
        }
        (None, _) => policies::default_counts(deploy.node().map(|_| deploy.json())),
    };
    Ok((Value::Object(shown), object! {"scalable": object! {"properties": properties}}))
}

/// The host of every node that has one. Errors: 100 when relationships form a cycle.
fn find_hosts(nodes: &IndexMap<String, Node>) -> Result<HashMap<String, String>, Diagnostic> {
    let depends: IndexMap<&str, Vec<&str>> = nodes
        .iter()
        .map(|(name, node)| (name.as_str(), node.relationships.iter().map(|one| one.target.as_str()).collect()))
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
    for relationship in &node.relationships {
        if !seen.insert(relationship.target.as_str()) {
            let message = format!(
                "Node '{}' has several relationships to '{}'; a node instance keeps the last of them only",
                node.name, relationship.target
            );
            warnings.push(Diagnostic::new(Kind::Base, None, message).at(element.get("relationships").place()));
        }
    }
}
