//! Which steps an update takes; the expected ones were taken by the original's step extractor.

#![expect(clippy::unwrap_used, reason = "a test fails where its parts do not fit")]

use nephele_dsl::DeploymentPlan;
use nephele_dsl::diff::{self, Deployed, Steps};
use serde_json::{Value, json};

fn plan(value: Value) -> DeploymentPlan {
    serde_json::from_value(value).unwrap()
}

fn steps(old: Value, new: Value) -> Steps {
    diff::steps(Deployed::from(&plan(old)), &plan(new))
}

/// `action entity path order`.
fn shown(steps: &[diff::Step]) -> Vec<String> {
    let shown = |step: &diff::Step| {
        let step = json!(step);
        let path: Vec<String> = step["entity_id"].as_array().unwrap().iter().map(ToString::to_string).collect();
        let word = |key: &str| step[key].as_str().unwrap().to_owned();
        let path = path.join("/").replace('"', "");
        format!("{} {} {path} {}", word("action"), word("entity_type"), step["topology_order"])
    };
    steps.iter().map(shown).collect()
}

fn relationship(kind: &str, target: &str) -> Value {
    json!({"type": kind, "target_id": target, "type_hierarchy": ["cloudify.relationships.depends_on", kind]})
}

#[test]
fn a_plan_and_itself_differ_in_nothing() {
    let one = json!({
        "description": "d", "outputs": {"o": {"value": 1}}, "groups": {"g": {"members": ["a", "b"]}},
        "nodes": [{"id": "a", "type": "t", "properties": {"p": 1}, "relationships": [relationship("r", "b")]}],
    });
    let mut other = one.clone();
    other["groups"]["g"]["members"] = json!(["b", "a"]);
    other["nodes"][0]["properties"]["p"] = json!(1.0);
    assert_eq!(steps(one, other), Steps::default());
}

#[test]
fn every_kind_of_difference_is_a_step() {
    let old = json!({
        "description": "old",
        "outputs": {"kept": 1, "gone": 1}, "workflows": {"w": {"operation": "a"}},
        "inputs": {"i": 1}, "capabilities": {"c": {"value": 1}},
        "nodes": [
            {"id": "web", "type": "t", "properties": {"port": 1, "gone": 1}, "operations": {"start": {"a": 1}},
             "relationships": [relationship("r", "db"), relationship("s", "db")],
             "plugins": [{"name": "p", "executor": "host_agent"}]},
            {"id": "db", "type": "t"},
        ],
    });
    let new = json!({
        "description": "new",
        "outputs": {"kept": 2, "new": 1}, "workflows": {"w": {"operation": "b"}},
        "inputs": {"i": 2}, "capabilities": {},
        "nodes": [
            {"id": "web", "type": "t", "properties": {"port": 2}, "operations": {"stop": {"a": 1}},
             "relationships": [
                 {"type": "s", "target_id": "db", "type_hierarchy": ["s"], "source_operations": {"establish": {}}},
                 relationship("r", "cache"),
             ],
             "plugins": [{"name": "p", "executor": "host_agent", "package_version": "2"},
                         {"name": "q", "executor": "host_agent"}]},
            {"id": "cache", "type": "t"},
            {"id": "proxy", "type": "t", "relationships": [relationship("r", "cache")]},
        ],
    });
    let steps = steps(old, new);
    assert_eq!(
        shown(&steps.supported),
        [
            "remove relationship nodes/web/relationships/0 0",
            "remove operation nodes/web/operations/start 0",
            "remove property nodes/web/properties/gone 0",
            "remove output outputs/gone 0",
            "remove node nodes/db 0",
            "add node nodes/cache 1",
            "add node nodes/proxy 0",
            "add plugin plugins/web/q 0",
            "add operation nodes/web/operations/stop 0",
            "add operation nodes/web/relationships/0/source_operations/establish 0",
            "add output outputs/new 0",
            "add relationship nodes/web/relationships/1 0",
            "modify description description 0",
            "modify plugin plugins/web/p 0",
            "modify relationship nodes/web/relationships/1/0 0",
            "modify property nodes/web/properties/port 0",
            "modify output outputs/kept 0",
            "modify workflow workflows/w 0",
        ]
    );
    assert_eq!(shown(&steps.silent), ["modify input inputs/i 0", "remove capability capabilities/c 0"]);
    assert!(steps.unsupported.is_empty());
}

#[test]
fn what_an_update_cannot_do_is_kept_apart() {
    let old = json!({"groups": {"g": {"members": ["a"]}}, "nodes": [
        {"id": "a", "type": "t", "properties": {"p": 1}},
        {"id": "b", "type": "t"},
        {"id": "c", "type": "t", "relationships": [{"type": "r", "target_id": "a", "properties": {"p": 1}}]},
    ]});
    let new = json!({"groups": {"g": {"members": ["b"]}}, "nodes": [
        {"id": "a", "type": "other", "properties": {"p": 2}},
        {"id": "b", "type": "t", "relationships": [relationship("cloudify.relationships.contained_in", "a")]},
        {"id": "c", "type": "t", "relationships": [{"type": "r", "target_id": "a", "properties": {"p": 2}}]},
    ]});
    let steps = steps(old, new);
    assert!(steps.supported.is_empty());
    assert_eq!(
        shown(&steps.unsupported),
        [
            "modify node nodes/a 0",
            "modify node nodes/b 0",
            "modify property nodes/c/relationships/0/properties/p 0",
            "modify group groups/g 0",
        ]
    );
}

#[test]
fn steps_are_stored_as_clients_know_them() {
    let steps = steps(json!({"nodes": []}), json!({"nodes": [{"id": "a", "type": "t"}]}));
    let step = json!({"action": "add", "entity_id": ["nodes", "a"], "entity_type": "node", "topology_order": 0});
    assert_eq!(json!(steps.supported), json!([step]));
    assert_eq!(serde_json::from_value::<diff::Step>(step).unwrap(), steps.supported[0]);
}
