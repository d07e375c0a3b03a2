//! Deployments as tests begin with them, and what tests do with them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Fresh, SMALL, tar_gz};

/// What every blueprint begins with.
const HEAD: &str = "tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml]\n";

/// A blueprint with nodes, and whatever follows them.
pub(crate) fn blueprint(nodes: &str) -> String {
    format!("{HEAD}node_templates:\n{nodes}")
}

/// The node of a component, with what its properties say of its blueprint and its deployment.
pub(crate) fn component(name: &str, blueprint: &str, deployment: &str) -> String {
    format!(
        "  {name}:\n    type: cloudify.nodes.Component\n    properties:\n      resource_config:\n        \
         blueprint: {{{blueprint}}}\n        deployment: {{{deployment}}}\n"
    )
}

/// The node `used` of a shared resource.
pub(crate) fn shared_resource(deployment: &str) -> String {
    format!(
        "  used:\n    type: cloudify.nodes.SharedResource\n    properties: {{resource_config: {{deployment: \
         {{id: {deployment}}}}}}}\n"
    )
}

/// Uploads a blueprint whose operations are in `run.sh`.
pub(crate) async fn upload(fresh: &Fresh, id: &str, text: &str) {
    let archive = tar_gz(&[("bp/blueprint.yaml", text.as_bytes()), ("bp/run.sh", b"#!/bin/sh\n")]);
    fresh.upload_archive(id, &archive).await.expect(201);
}

/// Uploads a blueprint that brings the blueprint of a part, [`SMALL`], in `parts/small`.
pub(crate) async fn upload_with_part(fresh: &Fresh, id: &str, text: &str) {
    let files = [("bp/blueprint.yaml", text.as_bytes()), ("bp/parts/small/blueprint.yaml", SMALL.as_bytes())];
    fresh.upload_archive(id, &tar_gz(&files)).await.expect(201);
}

/// The blueprint `small`, and `whole`, which brings a part: a deployment of the latter.
pub(crate) async fn whole(fresh: &Fresh, text: &str) {
    fresh.upload("small", SMALL).await.expect(201);
    upload_with_part(fresh, "whole", text).await;
    fresh.put("/deployments/whole", json!({"blueprint_id": "whole"})).await.expect(201);
}

/// A deployment of `small` that comes up when it is used.
pub(crate) async fn on_demand(fresh: &Fresh, id: &str) {
    let labels = json!([{"csys-obj-type": "on-demand-resource"}]);
    let body = json!({"blueprint_id": "small", "inputs": {"greeting": "hi"}, "labels": labels});
    fresh.put(&format!("/deployments/{id}"), body).await.expect(201);
}

/// A deployment of a blueprint of its own.
pub(crate) async fn deploy(fresh: &Fresh, id: &str, text: &str, body: Value) -> Value {
    upload(fresh, &format!("{id}-bp"), text).await;
    let mut whole = json!({"blueprint_id": format!("{id}-bp")});
    whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    fresh.put(&format!("/deployments/{id}"), whole).await.expect(201)
}

/// Deletes a deployment, and waits until it is gone.
pub(crate) async fn delete(fresh: &Fresh, id: &str) {
    let path = format!("/deployments/{id}");
    fresh.delete(&path).await.expect(204);
    for _ in 0..500 {
        if fresh.get(&path).await.status == 404 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{id} does not go");
}

/// Starts a workflow, and gives its execution.
pub(crate) async fn start(fresh: &Fresh, deployment: &str, workflow: &str, parameters: Value) -> String {
    let body = json!({"deployment_id": deployment, "workflow_id": workflow, "parameters": parameters});
    fresh.post("/executions", body).await.expect(201)["id"].as_str().unwrap().to_owned()
}

/// Runs a workflow to its end.
pub(crate) async fn run(fresh: &Fresh, deployment: &str, workflow: &str) -> Value {
    fresh.ended(&start(fresh, deployment, workflow, json!({})).await).await
}

/// Runs a workflow that has to end well.
pub(crate) async fn runs(fresh: &Fresh, deployment: &str, workflow: &str) {
    let ended = run(fresh, deployment, workflow).await;
    assert_eq!(ended["status"], "terminated", "{ended:#}");
}

/// Runs a workflow that has to fail, and gives its error.
pub(crate) async fn fails(fresh: &Fresh, deployment: &str, workflow: &str) -> String {
    let ended = run(fresh, deployment, workflow).await;
    assert_eq!(ended["status"], "failed", "{ended:#}");
    ended["error"].as_str().unwrap().to_owned()
}

/// The one instance of a node.
pub(crate) async fn instance(fresh: &Fresh, deployment: &str, node: &str) -> Value {
    fresh.get(&format!("/node-instances?deployment_id={deployment}&node_id={node}")).await.expect(200)["items"][0]
        .clone()
}

/// The workflows that ran in a deployment, in order.
pub(crate) async fn history(fresh: &Fresh, deployment: &str) -> Vec<String> {
    let runs = fresh.get(&format!("/executions?deployment_id={deployment}&_sort=created_at")).await.expect(200);
    runs["items"].as_array().unwrap().iter().map(|run| run["workflow_id"].as_str().unwrap().to_owned()).collect()
}

/// The values of a deployment's label.
pub(crate) async fn labeled(fresh: &Fresh, deployment: &str, key: &str) -> Vec<String> {
    let labels = fresh.get(&format!("/deployments/{deployment}")).await.expect(200)["labels"].clone();
    let with_key = labels.as_array().unwrap().iter().filter(|label| label["key"] == key);
    with_key.map(|label| label["value"].as_str().unwrap().to_owned()).collect()
}
