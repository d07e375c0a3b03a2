//! Answers that are no records, by the names that the route table and other shapes use. The tests of this crate hold
//! every answer against them.

use nephele_manager::{Resource, kind, searched_kinds};
use nephele_model::attention::AttentionReason;
use nephele_model::execution::ExecutionStatus;
use nephele_model::leftover::LeftoverKind;
use nephele_model::task::{TaskKind, TaskOutcome, TaskState};
use nephele_model::wait::WaitKind;
use serde_json::{Value, json};

use super::schemas::object;

/// A shape that is no record.
pub(super) fn shape(name: &str) -> Value {
    let text = json!({"type": "string"});
    let maybe = json!({"type": ["string", "null"]});
    let flag = json!({"type": "boolean"});
    let number = json!({"type": "integer"});
    let any = json!({});
    let map = json!({"type": "object"});
    let time = json!({"type": "string", "format": "date-time"});
    let maybe_time = json!({"type": ["string", "null"], "format": "date-time"});
    let list = |items: &Value| json!({"type": "array", "items": items});
    let named = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    match name {
        "AuditLog" => {
            let entry = object(json!({
                "id": number, "ref_table": text, "ref_id": number, "ref_identifier": map, "operation": text,
                "creator_name": maybe, "execution_id": maybe, "created_at": text,
            }));
            // Who did it is there where it is known.
            let entry = optional(entry, &["creator_name", "execution_id", "ref_identifier"]);
            object(json!({"items": list(&entry), "metadata": named("PlainMetadata")}))
        }
        "BegunGroup" => object(json!({"execution_group_id": text})),
        "Capabilities" => object(json!({"deployment_id": text, "capabilities": map})),
        "ClusterStatus" => object(json!({"status": {"enum": ["OK", "Degraded", "Fail"]}, "services": map})),
        "Session" => object(json!({"username": text, "expires_at": time})),
        "Settings" => {
            let authorization = json!({"roles": list(&map), "permissions": map});
            let items = list(&named("Config"));
            optional(
                object(json!({"metadata": map, "items": items, "authorization": object(authorization)})),
                &["authorization"],
            )
        }
        "Count" => {
            json!({"type": "object", "description": "A value of each field, and how many there are under the resource's name."})
        }
        "Attention" => object(json!({"items": list(&object(json!({
            "reason": one_of(AttentionReason::ALL.iter().map(|reason| reason.as_str())), "name": text, "message": text,
            "since": time, "deployment_id": maybe, "execution_id": maybe,
        }))), "total": number})),
        "BlueprintFiles" => object(json!({
            "blueprint_id": text, "main_file_name": maybe,
            "items": list(&object(json!({"path": text, "size": number, "modified_at": time}))),
        })),
        "Found" => object(json!({"items": list(&object(json!({
            "kind": one_of(searched_kinds()), "id": text, "name": text, "about": maybe, "deployment_id": maybe,
        })))})),
        "Preferences" => object(json!({"preferences": map, "updated_at": maybe_time})),
        "RunsGrid" => object(json!({
            "deployment_id": text, "runs": list(&grid_run()),
            "node_instances": list(&object(json!({"id": text, "node_id": maybe}))),
        })),
        "Topology" => topology(),
        "Usage" => {
            let users = object(json!({"items": list(&text), "total": number}));
            object(json!({"blueprints": users, "deployments": users}))
        }
        "Deleted" => object(json!({"deleted": number})),
        "DeletedEvents" => object(json!({"items": list(&number), "metadata": map})),
        "DeletedExecutions" => object(json!({"items": list(&object(json!({"count": number}))), "metadata": map})),
        "DeploymentCapabilities" => object(json!({"deployment_id": text, "capabilities": list(&map)})),
        "DeploymentScalingGroups" => {
            object(json!({"deployment_id": maybe, "name": text, "properties": map, "members": list(&text)}))
        }
        "ExecutionTasks" => object(json!({
            "execution_id": text, "status": one_of(ExecutionStatus::ALL.iter().map(|status| status.as_str())),
            "version": number, "whole": flag, "tasks": list(&named("ExecutionTask")),
        })),
        "ExecutionTask" => object(json!({
            "id": text, "graph": text, "name": text,
            "type": one_of(TaskKind::ALL.iter().map(|kind| kind.as_str())), "operation": maybe, "relationship": maybe,
            "node_id": maybe, "node_instance_id": maybe, "related_node_instance_id": maybe, "subgraph": maybe,
            "dependencies": list(&text), "state": one_of(TaskState::ALL.iter().map(|state| state.as_str())),
            "attempt": number, "max_attempts": {"type": ["integer", "null"]}, "retry_of": maybe, "created_at": time,
            "due_at": maybe_time, "queued_at": maybe_time, "started_at": maybe_time, "ended_at": maybe_time,
            "error": maybe, "manager_name": maybe, "agent_name": maybe, "version": number,
        })),
        "Explanation" => object(json!({
            "execution_id": text, "status": one_of(ExecutionStatus::ALL.iter().map(|status| status.as_str())),
            "summary": text, "waits": list(&named("Wait")), "more": number,
        })),
        "Wait" => object(json!({
            "kind": one_of(WaitKind::ALL.iter().map(|kind| kind.as_str())), "task_id": maybe, "node_instance_id": maybe,
            "reason": text, "since": maybe_time, "deadline": maybe_time, "details": map,
        })),
        "Directory" => json!({"type": "object", "description": "The settings but for the password."}),
        "Empty" => object(json!({})),
        "Evaluated" => object(json!({"deployment_id": text, "payload": any})),
        "ExportedSecrets" => list(&optional(
            object(json!({
                "key": text, "value": any, "visibility": text, "tenant_name": text, "is_hidden_value": flag,
                "encrypted": flag, "provider": {"type": ["object", "string", "null"]},
                "provider_options": {"type": ["object", "string", "null"]}, "created_at": maybe, "updated_at": maybe,
                "creator": maybe, "schema": any,
            })),
            &["created_at", "updated_at", "creator", "schema"],
        )),
        "FileRight" => object(json!({"resource_id": {"type": "null"}})),
        "FilterRule" => object(json!({
            "key": text, "values": list(&text), "operator": text, "type": {"enum": ["label", "attribute"]},
        })),
        "Flag" => flag,
        "Id" => object(json!({"id": text})),
        "ImportedSecrets" => object(json!({"colliding_secrets": map, "secrets_errors": map})),
        "Label" => object(json!({
            "key": text, "value": text, "created_at": {"type": "string", "format": "date-time"}, "created_by": maybe,
        })),
        "Leftovers" => object(json!({"items": list(&object(json!({
            "kind": one_of(LeftoverKind::ALL.iter().map(|kind| kind.as_str())), "id": text, "problem": text,
            "repaired": flag,
        })))})),
        "Maintenance" => object(json!({
            "status": {"enum": ["activated", "activating", "deactivated"]}, "activated_at": text,
            "activation_requested_at": text, "remaining_executions": {"type": ["array", "null"]}, "requested_by": text,
        })),
        "Null" => json!({"type": "null"}),
        "OpenApi" => map,
        "Outputs" => object(json!({"deployment_id": text, "outputs": map})),
        "Plan" => plan(),
        "ProviderContext" => object(json!({"id": maybe, "name": maybe, "context": {"type": ["object", "null"]}})),
        "Registration" => object(json!({"customer_id": text})),
        "Status" => {
            let service =
                object(json!({"status": {"enum": ["Active", "Inactive"]}, "is_remote": flag, "extra_info": map}));
            let services = json!({"type": "object", "additionalProperties": service});
            object(json!({"status": {"enum": ["OK", "Fail"]}, "services": services}))
        }
        "RestoreStatus" | "Stored" => object(json!({"status": text})),
        "UpdatedAgents" => object(json!({"number_of_updated_agents": number})),
        "UploadedExport" => {
            json!({"type": ["object", "null"], "description": "The record of a snapshot; nothing of a log bundle."})
        }
        "Version" => object(json!({
            "edition": text, "version": text, "build": maybe, "date": maybe, "commit": maybe, "distribution": text,
            "distro_release": text,
        })),
        "Well" => json!({"enum": ["OK"]}),
        "Workflow" => object(json!({
            "name": maybe, "plugin": maybe, "operation": maybe, "parameters": {"type": ["object", "null"]},
            "is_cascading": {"type": ["boolean", "null"]}, "is_available": {"type": ["boolean", "null"]},
            "availability_rules": {"type": ["object", "null"]},
        })),
        // "Text" and whatever has no shape of its own.
        _ => text,
    }
}

/// One of these words.
fn one_of(words: impl Iterator<Item = &'static str>) -> Value {
    json!({"enum": words.collect::<Vec<_>>()})
}

/// The shapes that a shape refers to.
pub(super) fn parts(name: &str) -> &'static [&'static str] {
    match name {
        "ExecutionTasks" => &["ExecutionTask"],
        "Explanation" => &["Wait"],
        _ => &[],
    }
}

/// The plan of an execution.
fn plan() -> Value {
    let (text, number, flag) = (json!({"type": "string"}), json!({"type": "integer"}), json!({"type": "boolean"}));
    let (maybe, seconds) = (json!({"type": ["string", "null"]}), json!({"type": "number"}));
    let maybe_seconds = json!({"type": ["number", "null"], "description": "Null where no such operation ever ran."});
    let list = |items: &Value| json!({"type": "array", "items": items});
    let task = object(json!({
        "id": number, "name": text, "type": text, "subgraph": {"type": ["integer", "null"]},
        "dependencies": list(&number), "node_id": maybe, "node_instance_id": maybe, "operation": maybe,
        "relationship": maybe, "related_node_instance_id": maybe, "state": maybe, "text": maybe,
        "expected_seconds": maybe_seconds, "is_critical": flag,
    }));
    let phase = object(json!({
        "name": text, "type": {"enum": ["graph", "act"]}, "detail": {"type": ["object", "null"]}, "tasks": list(&task),
        "expected_seconds": maybe_seconds, "at_least_seconds": seconds,
    }));
    let obstacle = object(json!({"error_code": text, "message": text}));
    let update =
        json!({"type": ["object", "null"], "description": "What an update changes: blueprint, inputs, steps, nodes."});
    object(json!({
        "deployment_id": text, "workflow_id": text, "parameters": {"type": "object"}, "error": maybe,
        "obstacles": list(&obstacle), "update": update, "phases": list(&phase),
        "node_instances": object(json!({"created": list(&text), "changed": list(&text), "deleted": list(&text)})),
        "expected_seconds": maybe_seconds, "at_least_seconds": seconds, "operations": number,
        "operations_without_history": number,
    }))
}

/// A run in a grid of runs.
fn grid_run() -> Value {
    let (text, time) = (json!({"type": "string"}), json!({"type": "string", "format": "date-time"}));
    let maybe_time = json!({"type": ["string", "null"], "format": "date-time"});
    let outcome = one_of(TaskOutcome::ALL.iter().map(|outcome| outcome.as_str()));
    object(json!({
        "id": text, "workflow_id": text, "status": one_of(ExecutionStatus::ALL.iter().map(|status| status.as_str())),
        "created_by": text, "created_at": time, "started_at": maybe_time, "ended_at": maybe_time,
        "is_dry_run": {"type": "boolean"}, "outcomes": {
            "type": "object", "additionalProperties": outcome, "description": "By the ids of node instances.",
        },
    }))
}

/// A deployment as a picture.
fn topology() -> Value {
    let (text, number) = (json!({"type": "string"}), json!({"type": "integer"}));
    let (maybe, count) = (json!({"type": ["string", "null"]}), json!({"type": ["integer", "null"]}));
    let list = |items: &Value| json!({"type": "array", "items": items});
    let relationship = object(json!({"target_id": text, "type": text, "type_hierarchy": list(&text)}));
    let node = object(json!({
        "id": text, "type": text, "type_hierarchy": list(&text), "container": maybe, "host_id": maybe,
        "relationships": list(&relationship), "plugins": list(&text), "planned_number_of_instances": number,
        "min_number_of_instances": number, "max_number_of_instances": number, "drifted_instances": number,
        "unavailable_instances": number, "states": {
            "type": "object", "additionalProperties": number, "description": "How many instances are in each state.",
        },
    }));
    let group = object(json!({
        "name": text, "members": list(&text), "current_instances": count, "planned_instances": count,
    }));
    object(json!({"deployment_id": text, "nodes": list(&node), "groups": list(&group)}))
}

/// The records that a shape holds.
pub(super) fn held(name: &str) -> Option<&'static Resource> {
    (name == "Settings").then_some(&kind::CONFIG)
}

/// The same object, where these keys may be missing.
fn optional(mut object: Value, keys: &[&str]) -> Value {
    if let Some(required) = object["required"].as_array_mut() {
        required.retain(|name| !keys.iter().any(|key| name == key));
    }
    object
}
