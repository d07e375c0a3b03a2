//! From a merged tree to a plan: the sections in the order of their dependencies (spec dsl.md section
//! 0 and 7.1).

use std::collections::HashSet;
use std::sync::Arc;

use nephele_model::json::{Map, Value, object};
use nephele_yaml11::Node;

use crate::diagnostic::Diagnostic;
use crate::element::Element;
use crate::import::Imports;
use crate::import::traversal::{self, Reading, Setting};
use crate::limit::{self, Made};
use crate::plan::Plan;
use crate::problems::Problems;
use crate::schema::check::{self, Deviations, Gate};
use crate::schema::grammar::BLUEPRINT;
use crate::schema::{precedence, recovery};
use crate::section::groups::PolicyTypes;
use crate::section::inputs::Flavour;
use crate::section::labels::Owner;
use crate::section::refused::{Refused, Section};
use crate::section::types::NODE_TYPES;
use crate::section::{
    Scope, data_types, deployment_settings, groups, inputs, labels, node_plugins, nodes, outputs, plugins, policies,
    relationships, scaling_groups, types, workflows,
};
use crate::source::{Source, Sources};
use crate::value::DataTypes;
use crate::version::Version;
use crate::{Options, Parsed, blueprint_text, constraint, function, import, locate};

/// Parses a main text with everything it imports.
pub(crate) fn parse(main: &Source, imports: &dyn Imports, options: &Options) -> Result<Parsed, Vec<Diagnostic>> {
    let mut sources = Sources::default();
    let mut problems = Problems::default();
    let parsed = read(main, imports, options, &mut sources, &mut problems);
    let warnings = match parsed {
        Some(parsed) if problems.is_empty() => return Ok(parsed),
        parsed => parsed.map(|parsed| parsed.warnings).unwrap_or_default(),
    };
    Err(problems.into_list(&sources).into_iter().chain(warnings).collect())
}

/// The plan, to be used if there are no problems; nothing if the text is no mapping at all.
fn read(
    main: &Source,
    imports: &dyn Imports,
    options: &Options,
    sources: &mut Sources,
    problems: &mut Problems,
) -> Option<Parsed> {
    let root = blueprint_text::load(main, "Failed to parse DSL", sources, problems)?;
    let declared = problems.keep(blueprint_text::version(&root, sources));
    problems.settle_first();
    root.entries()?;
    // What is wrong whatever the version is can be said without it.
    let version = declared.unwrap_or(Version::LATEST);
    let gate = declared.filter(|_| options.validate_version);
    check_main(&Element::root(&root, sources), gate, problems);
    let setting = Setting { imports, version, gate, resources_base: options.resources_base.as_deref() };
    let url = blueprint_text::main_url(main.location.as_deref(), &setting);
    let folder = folder(url.as_deref());
    let mut reading = Reading { sources, problems, tried: 0, imported: 0, is_incomplete: false, is_newer: false };
    let tree = traversal::combine(&root, url, &setting, &mut reading, 0);
    let (is_incomplete, is_newer) = (reading.is_incomplete, reading.is_newer);
    let list = Element::root(&root, sources);
    let list = list.get("imports");
    // The one that is met; the list may be long.
    problems.stage().first_mut().into_iter().for_each(|problem| *problem = list.quoted(problem.clone()));
    problems.settle_first();
    let merged = tree.into_node(root.span, root.source);
    // What a newer file has is not too new once more.
    let gate = gate.filter(|_| !is_newer);
    let surroundings = Surroundings {
        gate,
        imports,
        resource_bases: folder.into_iter().chain(options.additional_sources.iter().cloned()).collect(),
        is_incomplete,
    };
    let (merged, assembled) = check_and_assemble(merged, surroundings, version, sources, problems);
    let Assembled { mut plan, warnings, refused } = assembled;
    finish(&mut plan, &Element::root(&merged, sources), version, options, &refused, problems);
    problems.settle_first();
    Some(Parsed { plan: Plan(plan), warnings })
}

fn folder(url: Option<&str>) -> Option<String> {
    url.and_then(|url| url.rfind('/').map(|slash| url[..slash].to_owned()))
}

/// Whether a blueprint that another one imports is in order on its own; `url` is its location.
pub(crate) fn is_sound(tree: Arc<Node>, url: Option<&str>, setting: &Setting<'_>, reading: &mut Reading<'_>) -> bool {
    let surroundings = Surroundings {
        gate: setting.gate,
        imports: setting.imports,
        resource_bases: folder(url).into_iter().collect(),
        is_incomplete: reading.is_incomplete,
    };
    let mut problems = Problems::default();
    check_and_assemble(tree, surroundings, setting.version, reading.sources, &mut problems);
    let is_sound = problems.is_empty();
    let mut problems = problems.into_list(reading.sources).into_iter();
    reading.problems.extend(problems.next());
    problems.for_each(|problem| reading.problems.also(problem));
    is_sound
}

/// The tree to go on with, and what it becomes.
fn check_and_assemble(
    tree: Arc<Node>,
    surroundings: Surroundings<'_>,
    version: Version,
    sources: &mut Sources,
    problems: &mut Problems,
) -> (Arc<Node>, Assembled) {
    let named = data_types::check_type_names(&Element::root(&tree, sources).get("data_types"));
    if let Err((problem, node)) = named {
        problems.push(problem);
        problems.settle_first();
        sources.refuse(node.map(Arc::as_ptr).into_iter().collect());
    }
    let likely = check_grammar(&tree, surroundings.gate, sources, problems);
    if likely.is_some() {
        // The reference takes sections for what they are called, and may meet what follows from that.
        let mut as_written = Problems::default();
        as_written.extend(problems.stage().iter().cloned());
        assemble(&Element::root(&tree, sources), surroundings.clone(), version, &mut as_written);
        as_written.settle(|stage| precedence::first(stage, &tree));
        problems.meet(as_written);
    }
    let tree = likely.unwrap_or(tree);
    let assembled = assemble(&Element::root(&tree, sources), surroundings, version, problems);
    problems.settle(|stage| precedence::first(stage, &tree));
    (tree, assembled)
}

/// Holds the tree against the grammar. If sections are misspelled, gives a tree to go on with where they are
/// what they were probably meant to be.
fn check_grammar(tree: &Arc<Node>, gate: Gate, sources: &mut Sources, problems: &mut Problems) -> Option<Arc<Node>> {
    let mut deviations = Deviations::default();
    let is_sound = check::check(&Element::root(tree, sources), &BLUEPRINT, gate, &mut deviations);
    problems.extend(deviations.problems.drain(..));
    let likely = recovery::with_likely_sections(tree).filter(|_| !is_sound).map(|likely| {
        for section in likely.sections {
            let root = Element::root(&likely.tree, sources);
            check::check(&root.get(section.name), &section.rule, gate, &mut deviations);
        }
        deviations.problems.drain(..).for_each(|problem| problems.also(problem));
        likely.tree
    });
    sources.refuse(deviations.refused);
    likely
}

/// The checks that only the main text undergoes.
fn check_main(root: &Element<'_, '_>, gate: Gate, problems: &mut Problems) {
    let definitions = root.get("dsl_definitions");
    problems.extend(check::too_new(&definitions, Version::V1_2, gate));
    import::check::imports(&root.get("imports"), gate, problems);
    problems.settle_first();
}

/// What a blueprint is parsed in.
#[derive(Clone)]
struct Surroundings<'a> {
    gate: Gate,
    imports: &'a dyn Imports,
    resource_bases: Vec<String>,
    /// Whether an import is missing.
    is_incomplete: bool,
}

/// What the sections become together.
struct Assembled {
    plan: Map,
    warnings: Vec<Diagnostic>,
    refused: Refused,
}

fn assemble(
    root: &Element<'_, '_>,
    surroundings: Surroundings<'_>,
    version: Version,
    problems: &mut Problems,
) -> Assembled {
    let mut scope = Scope {
        gate: surroundings.gate,
        imports: surroundings.imports,
        resource_bases: surroundings.resource_bases,
        blueprint_namespaces: root
            .get("namespaces_mapping")
            .entries()
            .map(|entry| entry.name().into_owned())
            .collect::<HashSet<_>>(),
        data_types: DataTypes::new(),
        plugins: plugins::Plugins::new(),
        problems,
        refused: Refused::default(),
        made: Made::default(),
    };
    for section in Section::ALL {
        let element = root.get(section.key());
        if surroundings.is_incomplete || element.node().is_some_and(|node| node.entries().is_none()) {
            scope.refused.section(section);
        }
    }
    data_types::parse(&root.get("data_types"), &mut scope);
    plugins::parse(&root.get("plugins"), &mut scope);
    let inputs = inputs::parse(&root.get("inputs"), Flavour::Input, &mut scope);
    let node_types = types::parse(&root.get("node_types"), NODE_TYPES, &mut scope);
    let relationship_types = relationships::parse_types(&root.get("relationships"), &mut scope);
    let workflows = workflows::parse(&root.get("workflows"), &mut scope);
    let policy_types = policies::parse_types(&root.get("policy_types"), "properties", &mut scope);
    let triggers = policies::parse_types(&root.get("policy_triggers"), "parameters", &mut scope);
    let blueprint_labels = labels::parse(&root.get("blueprint_labels"), Owner::Blueprint, &mut scope);
    let deployment_labels = labels::parse(&root.get("labels"), Owner::Deployment, &mut scope);
    let settings = deployment_settings::parse(&root.get("deployment_settings"), &mut scope);
    let mut warnings = Vec::new();
    let templates = root.get("node_templates");
    let types = nodes::Types { nodes: &node_types, relationships: &relationship_types };
    let parsed_nodes = nodes::parse(&templates, &types, &mut scope, &mut warnings);
    let group_types = PolicyTypes { types: &policy_types, triggers: &triggers };
    let groups = groups::parse(&root.get("groups"), &parsed_nodes, &group_types, &mut scope);
    let policies_element = root.get("policies");
    let policies = policies::parse(&policies_element, &groups, &mut scope);
    let scaling_groups = scaling_groups::collect(&policies_element, &policies, &groups, &parsed_nodes, &mut scope);
    let nodes = nodes::finish(&templates, parsed_nodes, &mut scope);
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
    Assembled { plan, warnings, refused: scope.refused }
}

/// The checks that need the whole plan, and what a deployment will need.
fn finish(
    plan: &mut Map,
    root: &Element<'_, '_>,
    version: Version,
    options: &Options,
    refused: &Refused,
    problems: &mut Problems,
) {
    if options.validate_input_defaults {
        check_input_defaults(plan, root, problems);
    }
    problems.extend(limit::check_text(plan).err());
    problems.settle_first();
    let check = options.validate_functions.then_some(function::validate::Check { version, refused });
    let requirements = function::validate::requirements(plan, check, root, problems);
    plan.insert("requirements".to_owned(), requirements);
}

/// Defaults against their constraints. As in the reference, the texts that constraints bring along are
/// gone from the plan afterwards.
fn check_input_defaults(plan: &mut Map, root: &Element<'_, '_>, problems: &mut Problems) {
    for (name, input) in plan.get_mut("inputs").and_then(Value::as_object_mut).into_iter().flatten() {
        let Some(definition) = input.as_object_mut().filter(|definition| definition.contains_key("default")) else {
            continue;
        };
        let constraints = constraint::of(definition).map(<[Value]>::to_vec);
        for constraint in definition.get_mut("constraints").into_iter().flat_map(Value::items_mut) {
            if let Some(constraint) = constraint.as_object_mut() {
                constraint.shift_remove("error_message");
            }
        }
        let default = definition.get("default").cloned().unwrap_or_default();
        let checked =
            constraints.and_then(|constraints| constraint::check_value(name, definition, &constraints, &default, None));
        if let Err(problem) = checked {
            problems.push(locate::placed(root, &format!("inputs.{name}.default"), problem));
        }
    }
}
