//! A deployment of three tiers on a host, for all tests.

use nephele_engine::Topology;
use serde_json::{Map, Value, json};

const LIFECYCLE: &str = "cloudify.interfaces.lifecycle.";
const RELATIONSHIP: &str = "cloudify.interfaces.relationship_lifecycle.";

/// An operation of the script plugin as a node's row has it.
pub(crate) fn operation(extra: &Value) -> Value {
    let mut operation = json!({
        "plugin": "script", "operation": "script_runner.tasks.run", "executor": "central_deployment_agent",
        "inputs": {"script_path": "run.sh"}, "has_intrinsic_functions": false, "max_retries": null,
        "retry_interval": null, "timeout": null, "timeout_recoverable": null,
    });
    merge(&mut operation, extra);
    operation
}

fn merge(into: &mut Value, from: &Value) {
    if let (Some(into), Some(from)) = (into.as_object_mut(), from.as_object()) {
        into.extend(from.clone());
    }
}

pub(crate) fn lifecycle(names: &[&str]) -> Value {
    named(LIFECYCLE, names)
}

fn named(prefix: &str, names: &[&str]) -> Value {
    let each = names.iter().map(|name| (format!("{prefix}{name}"), operation(&json!({}))));
    Value::Object(each.collect::<Map<_, _>>())
}

pub(crate) fn node(id: &str, types: &[&str], operations: &Value, relationships: &Value) -> Value {
    json!({
        "id": id, "type_hierarchy": types, "operations": operations, "relationships": relationships,
        "plugins": [{"name": "script", "install": false, "package_name": null, "properties": {}}],
        "properties": {}, "number_of_instances": 2,
    })
}

pub(crate) fn relationship(target: &str, kind: &str, source: &[&str], target_side: &[&str]) -> Value {
    json!({
        "target_id": target, "type": kind, "type_hierarchy": [kind], "properties": {},
        "source_operations": named(RELATIONSHIP, source), "target_operations": named(RELATIONSHIP, target_side),
    })
}

pub(crate) fn instance(id: &str, state: &str, targets: &[(&str, &str)]) -> Value {
    let related = |(target, kind): &(&str, &str)| json!({"target_id": target, "target_name": target.split('_').next(), "type": kind});
    json!({
        "id": id, "node_id": id.split('_').next(), "state": state, "host_id": null,
        "relationships": targets.iter().map(related).collect::<Vec<_>>(),
    })
}

const CONTAINED: &str = "cloudify.relationships.contained_in";
const CONNECTED: &str = "cloudify.relationships.connected_to";

/// A host, a database on it, two application servers connected to it, a web server in front.
pub(crate) fn shop(state: &str) -> Topology {
    let (nodes, instances) = rows(state);
    topology(&nodes, &instances)
}

fn rows(state: &str) -> (Value, Value) {
    let root = "cloudify.nodes.Root";
    let mut host = node("vm", &[root, "cloudify.nodes.Compute"], &json!({}), &json!([]));
    host["properties"] = json!({"install_agent": false});
    let all = ["precreate", "create", "configure", "start", "poststart", "prestop", "stop", "delete", "postdelete"];
    let to_db = relationship("db", CONNECTED, &["preconfigure", "establish", "unlink"], &["establish", "unlink"]);
    let nodes = json!([
        host,
        node("db", &[root, "db"], &lifecycle(&all), &json!([relationship("vm", CONTAINED, &[], &[])])),
        node("app", &[root, "app"], &lifecycle(&["create", "start", "stop", "delete"]), &json!([to_db])),
        node("web", &[root], &json!({}), &json!([relationship("app", CONNECTED, &["establish"], &[])])),
    ]);
    let instances = json!([
        instance("web_1", state, &[("app_1", CONNECTED), ("app_2", CONNECTED)]),
        instance("app_1", state, &[("db_1", CONNECTED)]),
        instance("app_2", state, &[("db_1", CONNECTED)]),
        instance("db_1", state, &[("vm_1", CONTAINED)]),
        instance("vm_1", state, &[]),
    ]);
    (nodes, instances)
}

/// The same with a third application server, which is not there yet.
pub(crate) fn bigger_shop(state: &str) -> Topology {
    let (nodes, mut instances) = rows(state);
    instances[0] = instance("web_1", state, &[("app_1", CONNECTED), ("app_2", CONNECTED), ("app_3", CONNECTED)]);
    if let Some(instances) = instances.as_array_mut() {
        instances.push(instance("app_3", "uninitialized", &[("db_1", CONNECTED)]));
    }
    topology(&nodes, &instances)
}

/// Two hosts; on each something that can be healed, and something that cannot.
pub(crate) fn clinic(state: &str) -> Topology {
    let root = "cloudify.nodes.Root";
    let checked = named("cloudify.interfaces.validation.", &["check_status"]);
    let with = |names: &[&str]| {
        let mut operations = lifecycle(names);
        merge(&mut operations, &checked);
        operations
    };
    let inside = || json!([relationship("vm", CONTAINED, &[], &[])]);
    let healed = with(&["create", "start", "stop", "delete", "preheal", "heal", "pull", "check_drift"]);
    let nodes = json!([
        node("vm", &[root], &with(&["start", "stop"]), &json!([])),
        node("app", &[root], &healed, &inside()),
        node("tool", &[root], &with(&["create", "delete", "check_drift"]), &inside()),
    ]);
    let of_host = |host: usize| {
        let vm = format!("vm_{host}");
        let inside = [(vm.as_str(), CONTAINED)];
        [
            instance(&vm, state, &[]),
            instance(&format!("app_{host}"), state, &inside),
            instance(&format!("tool_{host}"), state, &inside),
        ]
    };
    let instances: Vec<Value> = (1..=4).flat_map(of_host).collect();
    topology(&nodes, &json!(instances))
}

/// What an update comes upon: something that can be updated between what is new and what goes, something that can
/// only be installed again, and something that finds out how it is.
pub(crate) fn building(state: &str) -> Topology {
    let root = "cloudify.nodes.Root";
    let link = |target: &str| relationship(target, CONNECTED, &["establish", "unlink", "update"], &["establish"]);
    let mut renewed = lifecycle(&["create", "stop", "delete", "check_drift", "heal", "update", "update_apply"]);
    merge(&mut renewed, &named("cloudify.interfaces.validation.", &["check_status"]));
    let plain = lifecycle(&["create", "start", "delete"]);
    let nodes = json!([
        node("door", &[root], &renewed, &json!([link("new"), link("old"), link("wall")])),
        node("wall", &[root], &plain, &json!([])),
        node("roof", &[root], &lifecycle(&["create", "delete", "check_drift"]), &json!([link("wall")])),
        node("new", &[root], &plain, &json!([])),
        node("old", &[root], &plain, &json!([])),
    ]);
    let instances = json!([
        instance("door_1", state, &[("new_1", CONNECTED), ("old_1", CONNECTED), ("wall_1", CONNECTED)]),
        instance("wall_1", state, &[]),
        instance("roof_1", state, &[("wall_1", CONNECTED)]),
        instance("new_1", "uninitialized", &[]),
        instance("old_1", state, &[]),
    ]);
    topology(&nodes, &instances)
}

/// Two hosts with agents, one of them with something on it.
pub(crate) fn hosts(state: &str) -> Topology {
    let agent = named("cloudify.interfaces.cloudify_agent.", &["create", "delete", "create_amqp", "validate_amqp"]);
    let mut operations = lifecycle(&["create", "start", "stop"]);
    merge(&mut operations, &agent);
    let mut host = node("vm", &["cloudify.nodes.Compute"], &operations, &json!([]));
    host["properties"] = json!({"agent_config": {"install_method": "remote"}});
    let monitored = named("cloudify.interfaces.monitoring.", &["start"]);
    let nodes = json!([host, node("app", &["t"], &monitored, &json!([relationship("vm", CONTAINED, &[], &[])]))]);
    let instances = json!([
        instance("vm_1", state, &[]),
        instance("vm_2", state, &[]),
        instance("app_1", state, &[("vm_1", CONTAINED)]),
    ]);
    topology(&nodes, &instances)
}

pub(crate) fn topology(nodes: &Value, instances: &Value) -> Topology {
    serde_json::from_value(json!({"nodes": nodes, "instances": instances})).expect("a topology")
}
