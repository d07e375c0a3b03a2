//! Whatever the text, parsing ends in a plan or in diagnostics; and plans keep their promises.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use nephele_dsl::{
    Catalog, Fetch, Fetched, ImportError, Options, PrepareOptions, RandomIds, Resolver, Source, ValueQuery, Version,
    parse, prepare,
};
use nephele_model::json::{Map, Value};
use proptest::prelude::*;

struct Nothing;

impl Fetch for Nothing {
    fn fetch(&self, location: &str, _version: Version) -> Result<Fetched, ImportError> {
        Err(ImportError::unreachable(location, "there is nothing"))
    }

    fn exists(&self, _location: &str) -> bool {
        false
    }
}

impl Catalog for Nothing {
    fn has_secret(&self, _name: &str) -> Option<bool> {
        Some(true)
    }

    fn contains(&self, _query: &ValueQuery<'_>) -> bool {
        true
    }
}

/// A node of a generated blueprint: instances, what it is contained in, what it is connected to; only
/// earlier nodes, so that there is no cycle.
#[derive(Clone, Debug)]
struct Node {
    count: u64,
    container: Option<prop::sample::Index>,
    targets: Vec<(prop::sample::Index, bool)>,
}

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    let target = (any::<prop::sample::Index>(), any::<bool>());
    let node = (0..4_u64, any::<Option<prop::sample::Index>>(), prop::collection::vec(target, 0..3));
    prop::collection::vec(node.prop_map(|(count, container, targets)| Node { count, container, targets }), 1..9)
}

fn text(nodes: &[Node]) -> String {
    let mut text = String::from(
        "tosca_definitions_version: cloudify_dsl_1_3\nimports: [cloudify/types/types.yaml]\nnode_templates:\n",
    );
    for (number, node) in nodes.iter().enumerate() {
        let _ = writeln!(
            text,
            "  n{number}:\n    type: cloudify.nodes.Root\n    capabilities: {{scalable: {{properties: {{default_instances: {}}}}}}}\n    relationships:",
            node.count
        );
        if number == 0 {
            text += "      []\n";
            continue;
        }
        let mut related = HashSet::new();
        if let Some(container) = &node.container {
            related.insert(container.index(number));
            let _ = writeln!(
                text,
                "      - {{type: cloudify.relationships.contained_in, target: n{}}}",
                container.index(number)
            );
        }
        for (target, to_one) in &node.targets {
            if related.insert(target.index(number)) {
                let connection = if *to_one { "all_to_one" } else { "all_to_all" };
                let _ = writeln!(
                    text,
                    "      - {{type: cloudify.relationships.connected_to, target: n{}, properties: {{connection_type: {connection}}}}}",
                    target.index(number)
                );
            }
        }
        if related.is_empty() {
            text += "      []\n";
        }
    }
    text
}

/// Words that blueprints are made of, so that arbitrary texts get past the first line now and then.
fn blueprint_like() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "node_templates",
        "node_types",
        "relationships",
        "inputs",
        "type",
        "default",
        "properties",
        "interfaces",
        "plugins",
        "groups",
        "members",
        "policies",
        "targets",
        "derived_from",
        "get_input",
        "get_property",
        "concat",
        "SELF",
        "a",
        "b",
        "1",
        "{}",
        "[]",
        "~",
        "x: y",
        "- a",
        "&a",
        "*a",
        "<<",
        "cloudify.nodes.Root",
        "required",
        "constraints",
        "outputs",
        "value",
        "labels",
        "values",
        "workflows",
        "mapping",
        "instances",
        "deploy",
        "deployment_settings",
        "default_schedules",
        "since",
        "imports",
        "data_types",
        "capabilities",
        "scalable",
    ]);
    prop::collection::vec((0..5_usize, word, any::<bool>()), 0..14).prop_map(|lines| {
        let mut text = String::from("tosca_definitions_version: cloudify_dsl_1_4\n");
        for (indent, word, opens) in lines {
            let _ = writeln!(text, "{}{word}{}", "  ".repeat(indent), if opens { ":" } else { ": a" });
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2 * ProptestConfig::default().cases))]

    #[test]
    fn no_text_panics(text in "\\PC{0,120}") {
        let _ = parse(&Source::unnamed(text), &Resolver::new(Nothing), &Options::default());
    }

    #[test]
    fn nothing_like_a_blueprint_panics(text in blueprint_like()) {
        match parse(&Source::unnamed(text), &Resolver::new(Nothing), &Options::default()) {
            Ok(parsed) => {
                prop_assert!(parsed.plan.0.contains_key("deployment_settings"));
                let _ = prepare(parsed.plan, Map::new(), &Nothing, &mut RandomIds, &PrepareOptions::default());
            }
            Err(problems) => prop_assert!(!problems.is_empty()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

    #[test]
    fn instances_follow_the_plan(nodes in nodes()) {
        let source = Source::unnamed(text(&nodes));
        let parsed = parse(&source, &Resolver::new(Nothing), &Options::default()).map_err(|problems| TestCaseError::fail(problems[0].to_string()))?;
        prop_assert_eq!(parsed.plan.nodes().len(), nodes.len());
        // A plan is stored as JSON and comes back the same, in the same order.
        let stored = serde_json::to_string(&parsed.plan).unwrap();
        let plan: nephele_dsl::Plan = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!(&serde_json::to_string(&plan).unwrap(), &stored);
        let prepared = prepare(plan, Map::new(), &Nothing, &mut RandomIds, &PrepareOptions::default())
            .map_err(|problem| TestCaseError::fail(problem.to_string()))?;
        // Counts multiply down containment.
        let mut expected: Vec<u64> = Vec::new();
        for (number, node) in nodes.iter().enumerate() {
            let within = node.container.as_ref().filter(|_| number > 0).map_or(1, |container| expected[container.index(number)]);
            expected.push(node.count * within);
        }
        let instances = prepared.node_instances();
        prop_assert_eq!(instances.len() as u64, expected.iter().sum::<u64>());
        // Ids are unique, and relationships point at instances of the node they name.
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let by_id: HashMap<String, String> =
            instances.iter().map(|instance| (text(instance, "id"), text(instance, "node_id"))).collect();
        prop_assert_eq!(by_id.len(), instances.len());
        for relationship in instances.iter().filter_map(|instance| instance["relationships"].as_array()).flatten() {
            prop_assert_eq!(by_id.get(&text(relationship, "target_id")), Some(&text(relationship, "target_name")));
        }
    }
}
