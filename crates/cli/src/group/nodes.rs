//! `nodes ...` and `node-instances ...`.

use std::process::ExitCode;

use anyhow::Context;
use nephele_client::Method;
use serde_json::{Value, json};

use super::{command, summary};
use crate::call::Call;
use crate::follow::{self, Watch};
use crate::inputs::{self, Reading};
use crate::output;
use crate::paging;
use crate::table::Act::{List, Own};
use crate::table::{Columns, Command, Outcome, list};

const NODE: &[&str] = &[
    "id",
    "deployment_id",
    "blueprint_id",
    "host_id",
    "type",
    "visibility",
    "tenant_name",
    "actual_number_of_instances",
    "actual_planned_number_of_instances",
    "created_by",
];
const LABELS: &[(&str, &str)] = &[
    ("actual_number_of_instances", "number_of_instances"),
    ("actual_planned_number_of_instances", "planned_number_of_instances"),
];
const INSTANCE: Columns =
    Columns::of(&["id", "deployment_id", "host_id", "node_id", "state", "visibility", "tenant_name", "created_by"]);

pub(super) static COMMANDS: &[Command] = &[
    command(
        "get",
        "NODE_ID -d,--deployment-id=! --evaluate-functions",
        "Show a node",
        Own(|call| Box::pin(node(call))),
    ),
    command(
        "list",
        "-d,--deployment-id= SORT(deployment_id) --run-checks ALL_TENANTS SEARCH PAGES --evaluate-functions \
        WATCH --timeout=int(900)",
        "List nodes",
        Own(|call| Box::pin(nodes(call))),
    ),
    command(
        "summary",
        summary::TAKES,
        "Count nodes",
        Own(|call| Box::pin(summary::count(call, "nodes", "nodes", None))),
    ),
];

pub(super) static INSTANCES: &[Command] = &[
    command(
        "delete-runtime",
        "NODE_INSTANCE_ID -p,--properties=*!",
        "Take runtime properties away",
        Own(|call| Box::pin(change(call, false))),
    ),
    command("get", "NODE_INSTANCE_ID --evaluate-functions", "Show an instance", Own(|call| Box::pin(instance(call)))),
    command(
        "list",
        "-d,--deployment-id= -b,--blueprint-id= -n,--node-name= SORT(node_id) ALL_TENANTS SEARCH PAGES",
        "List instances",
        List(list("node-instances", "node-instances", INSTANCE).query("deployment_id node_id:node-name")),
    ),
    command(
        "summary",
        summary::TAKES,
        "Count instances",
        Own(|call| Box::pin(summary::count(call, "node_instances", "node_instances", None))),
    ),
    command(
        "update-runtime",
        "NODE_INSTANCE_ID -p,--properties=*!",
        "Set runtime properties",
        Own(|call| Box::pin(change(call, true))),
    ),
];

async fn node(call: &Call) -> Outcome {
    let (id, deployment) = (call.needed("NODE_ID"), call.needed("deployment-id"));
    let evaluate = call.flag("evaluate-functions").to_string();
    let query = [("deployment_id", deployment), ("id", id), ("_evaluate_functions", evaluate.as_str())];
    let found = call.list(&["nodes"], &query).await?.items.into_iter().next();
    let mut node = found.with_context(|| format!("node {id} was not found in deployment {deployment}"))?;
    let instances = call.list(&["node-instances"], &[("deployment_id", deployment), ("node_id", id)]).await?.items;
    let instances: Vec<Value> = instances.into_iter().map(|mut instance| instance["id"].take()).collect();
    if call.print.is_data() {
        node["instances"] = instances.into();
        let columns = [NODE, &["properties", "instances", "operations", "type_hierarchy"]].concat();
        call.print.row_of(&columns, &[], node)?;
        return Ok(ExitCode::SUCCESS);
    }
    call.print.row_of(NODE, &[], node.clone())?;
    let types: Vec<_> = node["type_hierarchy"].as_array().into_iter().flatten().map(output::text).collect();
    call.print.tell(format!("Type hierarchy:\n\t{}\n\nNode properties:", types.join("\n\t")))?;
    call.print.details(&node["properties"])?;
    let named = |(name, operation): (&String, &Value)| {
        let mut operation = operation.clone();
        operation["name"] = name.as_str().into();
        operation
    };
    let operations = node["operations"].as_object().into_iter().flatten().map(named).collect();
    call.print.rows(&Columns::of(&["name", "inputs", "plugin", "executor", "operation"]), operations)?;
    let instances: Vec<_> = instances.iter().map(|id| format!("\n\t{}", output::text(id))).collect();
    call.print.tell(format!("Node instance IDs:{}", instances.concat()))?;
    Ok(ExitCode::SUCCESS)
}

async fn nodes(call: &Call) -> Outcome {
    let deployment = call.text("deployment-id");
    if call.flag("run-checks") {
        let deployment = deployment.context("--run-checks needs --deployment-id")?;
        for workflow in ["check_drift", "check_status"] {
            let body = json!({"deployment_id": deployment, "workflow_id": workflow});
            let started = call.send(Method::POST, &["executions"], &body).await?;
            follow::until_end(call, &output::text(&started["id"]), &Watch::of(call)).await?;
        }
    }
    let columns = Columns::of(NODE).labels(LABELS);
    let columns =
        if deployment.is_some() { columns.more(&["drifted_instances", "unavailable_instances"]) } else { columns };
    let query = if deployment.is_some() {
        "deployment_id _evaluate_functions:evaluate-functions _instance_counts=true"
    } else {
        "_evaluate_functions:evaluate-functions _instance_counts=false"
    };
    paging::show(&list("nodes", "nodes", columns).query(query), call).await
}

async fn instance(call: &Call) -> Outcome {
    let id = call.needed("NODE_INSTANCE_ID");
    let evaluate = call.flag("evaluate-functions").to_string();
    let found = call.get(&["node-instances", id], &[("_evaluate_functions", &evaluate)]).await?;
    show(call, found)
}

fn show(call: &Call, instance: Value) -> Outcome {
    if call.print.is_data() {
        call.print.row(&INSTANCE.more(&["runtime_properties", "system_properties"]), instance)?;
        return Ok(ExitCode::SUCCESS);
    }
    call.print.row(&INSTANCE, instance.clone())?;
    for (key, heading) in
        [("runtime_properties", "Instance runtime properties:"), ("system_properties", "Instance system properties:")]
    {
        call.print.tell(heading)?;
        call.print.details(&instance[key])?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn change(call: &Call, is_set: bool) -> Outcome {
    let path = ["node-instances", call.needed("NODE_INSTANCE_ID")];
    let mut instance = call.get(&path, &[]).await?;
    let mut properties = instance["runtime_properties"].take();
    if !properties.is_object() {
        properties = json!({});
    }
    if is_set {
        inputs::overlay(&mut properties, inputs::nested(&call.many("properties"), Reading::Texts)?);
    } else {
        inputs::remove(&mut properties, &call.many("properties"))?;
    }
    let version = instance["version"].as_i64().unwrap_or_default() + 1;
    call.send(Method::PATCH, &path, &json!({"runtime_properties": properties, "version": version})).await?;
    show(call, call.get(&path, &[]).await?)
}
