//! From a merged tree to a plan: the sections in the order of their dependencies (spec dsl.md section
//! 0 and 7.1).

use std::collections::HashSet;
use std::sync::Arc;

use nephele_model::json::{Map, Value, object};
use nephele_yaml11::Node;

use crate::blueprint_text;
use crate::constraint;
use crate::diagnostic::Diagnostic;
use crate::element::Element;
use crate::function;
use crate::import::Imports;
use crate::import::traversal::{self, Setting};
use crate::plan::Plan;
use crate::schema::check::{self, Gate};
use crate::schema::grammar::BLUEPRINT;
use crate::section::groups::PolicyTypes;
use crate::section::inputs::Flavour;
use crate::section::labels::Owner;
use crate::section::{
    Scope, data_types, deployment_settings, groups, inputs, labels, node_plugins, nodes, outputs, plugins, policies,
    relationships, scaling_groups, types, workflows,
};
use crate::source::{Source, Sources};
use crate::value::DataTypes;
use crate::version::Version;
use crate::{Options, Parsed, import};

/// Parses a main text with everything it imports.
pub(crate) fn parse(main: &Source, imports: &dyn Imports, options: &Options) -> Result<Parsed, Vec<Diagnostic>> {
    let mut sources = Sources::default();
    let one = |problem: Diagnostic| vec![problem];
    let root = blueprint_text::load(main, "Failed to parse DSL", &mut sources).map_err(one)?;
    let version = blueprint_text::version(&root, &sources).map_err(one)?;
    let gate = options.validate_version.then_some(version);
    check_main(&root, &sources, gate)?;
    let setting = Setting { imports, version, gate, resources_base: options.resources_base.as_deref() };
    let url = blueprint_text::main_url(main.location.as_deref(), &setting);
    let folder = url.as_deref().and_then(|url| url.rfind('/').map(|slash| url[..slash].to_owned()));
    let combined = traversal::combine(&root, url, &setting, &mut sources, 0);
    let tree =
        combined.map_err(|problem| vec![Element::root(&root, &sources).get("imports").place_if_blueprint(problem)])?;
    let merged = tree.into_node(root.span, root.source);
    let resource_bases = folder.into_iter().chain(options.additional_sources.iter().cloned()).collect();
    let (mut parsed, version) = assemble(&merged, &sources, version, gate, imports, resource_bases)?;
    finish(&mut parsed.plan.0, version, options).map_err(one)?;
    Ok(parsed)
}

/// The checks that only the main text undergoes.
fn check_main(root: &Arc<Node>, sources: &Sources, gate: Gate) -> Result<(), Vec<Diagnostic>> {
    let root = Element::root(root, sources);
    let mut found = Vec::new();
    let definitions = root.get("dsl_definitions");
    found.extend(check::too_new(&definitions, Version::V1_2, gate));
    import::check::imports(&root.get("imports"), gate, &mut found);
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn assemble(
    merged: &Arc<Node>,
    sources: &Sources,
    version: Version,
    gate: Gate,
    imports: &dyn Imports,
    resource_bases: Vec<String>,
) -> Result<(Parsed, Version), Vec<Diagnostic>> {
    let root = Element::root(merged, sources);
    let mut scope = Scope {
        gate,
        imports,
        resource_bases,
        blueprint_namespaces: root
            .get("namespaces_mapping")
            .entries()
            .map(|entry| entry.name().into_owned())
            .collect::<HashSet<_>>(),
        data_types: DataTypes::new(),
        plugins: plugins::Plugins::new(),
        problems: Vec::new(),
    };
    check::check(&root, &BLUEPRINT, gate, &mut scope.problems);
    stop_if_wrong(&mut scope)?;
    data_types::parse(&root.get("data_types"), &mut scope);
    stop_if_wrong(&mut scope)?;
    plugins::parse(&root.get("plugins"), &mut scope);
    let inputs = inputs::parse(&root.get("inputs"), Flavour::Input, &mut scope);
    stop_if_wrong(&mut scope)?;
    let node_types = types::parse(&root.get("node_types"), "type", &["interfaces"], &mut scope);
    let relationship_types = relationships::parse_types(&root.get("relationships"), &mut scope);
    let workflows = workflows::parse(&root.get("workflows"), &mut scope);
    let policy_types = policies::parse_types(&root.get("policy_types"), "properties", &mut scope);
    let triggers = policies::parse_types(&root.get("policy_triggers"), "parameters", &mut scope);
    let blueprint_labels = labels::parse(&root.get("blueprint_labels"), Owner::Blueprint, &mut scope);
    let deployment_labels = labels::parse(&root.get("labels"), Owner::Deployment, &mut scope);
    let settings = deployment_settings::parse(&root.get("deployment_settings"), &mut scope);
    stop_if_wrong(&mut scope)?;
    stop_if_any(&mut scope)?;
    let mut warnings = Vec::new();
    let templates = root.get("node_templates");
    let parsed_nodes = nodes::parse(&templates, &node_types, &relationship_types, &mut scope, &mut warnings);
    stop_if_any(&mut scope)?;
    let group_types = PolicyTypes { types: &policy_types, triggers: &triggers };
    let groups = groups::parse(&root.get("groups"), &parsed_nodes, &group_types, &mut scope);
    stop_if_any(&mut scope)?;
    let policies = policies::parse(&root.get("policies"), &groups, &mut scope);
    stop_if_any(&mut scope)?;
    let scaling_groups = scaling_groups::collect(&policies, &groups, &parsed_nodes, &mut scope);
    place_problems(&mut scope, &root.get("policies"));
    let nodes = nodes::finish(parsed_nodes, &mut scope);
    place_problems(&mut scope, &templates);
    stop_if_any(&mut scope)?;
    let relationships: Map = relationship_types
        .iter()
        .map(|(name, relationship)| (name.clone(), relationships::type_to_json(name, relationship)))
        .collect();
    let mut plan = Map::new();
    let mut add = |key: &str, value: Value| plan.insert(key.to_owned(), value);
    let deployment_plugins = node_plugins::union(&nodes, "deployment_plugins_to_install");
    let host_plugins = node_plugins::union(&nodes, "plugins_to_install");
    let workflow_plugins = workflows::plugins_to_install(&workflows, &scope);
    add("inputs", Value::Object(inputs));
    add("outputs", Value::Object(outputs::parse(&root.get("outputs"))));
    add("nodes", Value::from(nodes));
    add("scaling_groups", Value::Object(scaling_groups));
    add("workflows", Value::Object(workflows));
    add("policy_types", Value::Object(policy_types));
    add("policy_triggers", Value::Object(triggers));
    add("description", root.get("description").json());
    add("groups", Value::Object(groups));
    add("capabilities", Value::Object(outputs::parse(&root.get("capabilities"))));
    add("resource_tags", Value::Object(root.get("resource_tags").json_map()));
    add("labels", Value::Object(deployment_labels));
    add("requirements", Value::Null);
    add("metadata", root.get("metadata").json());
    add("relationships", Value::Object(relationships));
    add("policies", Value::Object(policies));
    add("deployment_plugins_to_install", deployment_plugins);
    add("workflow_plugins_to_install", workflow_plugins);
    add("host_agent_plugins_to_install", host_plugins);
    add(
        "version",
        object! {
            "raw": version.as_str(),
            "definitions_name": "cloudify_dsl",
            "definitions_version": [1, u32::from(version.minor())],
        },
    );
    add("imported_blueprints", root.get("imported_blueprints").json());
    add("namespaces_mapping", Value::Object(root.get("namespaces_mapping").json_map()));
    add(
        "data_types",
        Value::Object(scope.data_types.into_iter().map(|(name, one)| (name, Value::Object(one))).collect()),
    );
    add("blueprint_labels", Value::Object(blueprint_labels));
    add("deployment_settings", Value::Object(settings));
    Ok((Parsed { plan: Plan(plan), warnings }, version))
}

/// The checks that need the whole plan, and what a deployment will need.
fn finish(plan: &mut Map, version: Version, options: &Options) -> Result<(), Diagnostic> {
    if options.validate_input_defaults {
        check_input_defaults(plan)?;
    }
    let requirements = function::validate::requirements(plan, options.validate_functions.then_some(version))?;
    plan.insert("requirements".to_owned(), requirements);
    Ok(())
}

/// Defaults against their constraints. As in the reference, the texts that constraints bring along are
/// gone from the plan afterwards.
fn check_input_defaults(plan: &mut Map) -> Result<(), Diagnostic> {
    for (name, input) in plan.get_mut("inputs").and_then(Value::as_object_mut).into_iter().flatten() {
        let Some(definition) = input.as_object_mut().filter(|definition| definition.contains_key("default")) else {
            continue;
        };
        let constraints = constraint::of(definition)?.to_vec();
        for constraint in definition.get_mut("constraints").into_iter().flat_map(Value::items_mut) {
            if let Some(constraint) = constraint.as_object_mut() {
                constraint.shift_remove("error_message");
            }
        }
        let default = definition.get("default").cloned().unwrap_or_default();
        constraint::check_value(name, definition, &constraints, &default, None)?;
    }
    Ok(())
}

/// Stops unless everything found so far is only too new for its version: what else is wrong with such
/// parts is reported before that.
fn stop_if_wrong(scope: &mut Scope<'_>) -> Result<(), Vec<Diagnostic>> {
    scope.problems.sort_by_key(|problem| problem.code != Some(102));
    if scope.problems.iter().all(|problem| problem.code == Some(102)) { Ok(()) } else { stop_if_any(scope) }
}

/// Problems of a whole section stand at the section.
fn place_problems(scope: &mut Scope<'_>, section: &Element<'_, '_>) {
    for problem in &mut scope.problems {
        *problem = section.place_if_blueprint(problem.clone());
    }
}

/// Of several problems of one stage the reference meets the last one first.
fn stop_if_any(scope: &mut Scope<'_>) -> Result<(), Vec<Diagnostic>> {
    if scope.problems.is_empty() {
        return Ok(());
    }
    scope.problems.rotate_right(1);
    Err(std::mem::take(&mut scope.problems))
}
