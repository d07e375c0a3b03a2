//! Which workflows are killed at each of their writes: all that a manager runs.

use nephele_model::operation::{Failure, Outcome, Request};
use serde_json::{Value, json};

use super::every_write::Scene;
use super::whole;
use crate::deployed::{start, upload};
use crate::hands::well;
use crate::harness::Fresh;

/// Two of one kind on a third, with every operation that workflows ask for.
const SITE: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs: {size: {default: 1}}
node_types:
  part:
    derived_from: cloudify.nodes.Root
    properties: {size: {default: 1}}
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: run.sh, max_retries: 0}
        start: {implementation: run.sh, max_retries: 0}
        stop: {implementation: run.sh, max_retries: 0}
        delete: {implementation: run.sh, max_retries: 0}
        heal: {implementation: run.sh, max_retries: 0}
        check_drift: {implementation: run.sh, max_retries: 0}
        update: {implementation: run.sh, max_retries: 0}
        pull: {implementation: run.sh, max_retries: 0}
      cloudify.interfaces.validation:
        check_status: {implementation: run.sh, max_retries: 0}
relationships:
  linked:
    derived_from: cloudify.relationships.connected_to
    source_interfaces:
      cloudify.interfaces.relationship_lifecycle:
        establish: {implementation: run.sh, max_retries: 0}
        unlink: {implementation: run.sh, max_retries: 0}
node_templates:
  app:
    type: part
    properties: {size: {get_input: size}}
    capabilities: {scalable: {properties: {default_instances: 2}}}
    relationships: [{type: linked, target: base}]
  base: {type: part}
";

/// A deployment of the site; workflows that ran in it before, and the one that is to be killed.
pub(super) async fn site(fresh: &Fresh, before: &[&str], workflow: &str, parameters: Value) -> Vec<String> {
    upload(fresh, "site", SITE).await;
    fresh.put("/deployments/d", json!({"blueprint_id": "site"})).await.expect(201);
    for workflow in before {
        let begun = start(fresh, "d", workflow, json!({})).await;
        fresh.ended(&begun).await;
    }
    fresh.stop_runs();
    vec![start(fresh, "d", workflow, parameters).await]
}

fn is(request: &Request, operation: &str) -> bool {
    request.context.operation.name.rsplit('.').next() == Some(operation)
}

/// What is there from the second execution on cannot be created.
pub(super) fn no_third(request: &Request) -> Outcome {
    let fails = request.context.workflow_id == "scale" && is(request, "create");
    if fails { Outcome::Failed(Failure::fatal("no")) } else { well(request) }
}

pub(super) fn no_start(request: &Request) -> Outcome {
    let fails = request.context.node_name.as_deref() == Some("app") && is(request, "start");
    if fails { Outcome::Failed(Failure::fatal("no")) } else { well(request) }
}

/// The applications are ill, and can be healed; the base cannot.
pub(super) fn ill(request: &Request) -> Outcome {
    let is_base = request.context.node_name.as_deref() == Some("base");
    if is(request, "check_status") || (is_base && is(request, "heal")) {
        return Outcome::Failed(Failure::fatal("ill"));
    }
    well(request)
}

pub(super) fn drifted(request: &Request) -> Outcome {
    if is(request, "check_drift") { Outcome::Done(json!({"size": 2})) } else { well(request) }
}

#[tokio::test]
async fn what_comes_and_goes() {
    for (before, workflow) in [(&[][..], "install"), (&["install"], "uninstall")] {
        Scene::set(well, async |fresh| site(fresh, before, workflow, json!({})).await).await.hold_out(4).await;
    }
}

#[tokio::test]
async fn what_runs_operations() {
    let stop = json!({"operation": "cloudify.interfaces.lifecycle.stop"});
    for (workflow, parameters) in [
        ("start", json!({})),
        ("stop", json!({})),
        ("restart", json!({})),
        ("execute_operation", stop),
        ("pull", json!({})),
        ("check_status", json!({})),
        ("check_drift", json!({})),
    ] {
        let before: &[&str] = if workflow == "start" { &[] } else { &["install"] };
        let scene = Scene::set(well, async |fresh| site(fresh, before, workflow, parameters.clone()).await).await;
        scene.hold_out(11).await;
    }
}

#[tokio::test]
async fn what_looks_after_instances() {
    let scene = Scene::set(ill, async |fresh| site(fresh, &["install"], "heal", json!({})).await).await;
    scene.hold_out(7).await;
    let scene = Scene::set(well, async |fresh| site(fresh, &["install"], "reinstall", json!({})).await).await;
    scene.hold_out(17).await;
    let scene = Scene::set(no_start, async |fresh| site(fresh, &["install"], "rollback", json!({})).await).await;
    scene.hold_out(5).await;
}

#[tokio::test]
async fn what_changes_the_number_of_instances() {
    let scaled = |delta: i64| json!({"scalable_entity_name": "app", "delta": delta});
    for (script, delta) in [(well as fn(&Request) -> Outcome, 1), (well, -1), (no_third, 1)] {
        let scene = Scene::set(script, async |fresh| site(fresh, &["install"], "scale", scaled(delta)).await).await;
        scene.hold_out(5).await;
    }
}

/// A deployment of the site, installed, whose update begins.
pub(super) async fn updated(fresh: &Fresh) -> Vec<String> {
    let other = SITE.replace("base: {type: part}", "ground: {type: part}").replace("target: base", "target: ground");
    upload(fresh, "other", &other).await;
    upload(fresh, "site", SITE).await;
    fresh.put("/deployments/d", json!({"blueprint_id": "site"})).await.expect(201);
    let begun = start(fresh, "d", "install", json!({})).await;
    fresh.ended(&begun).await;
    fresh.stop_runs();
    let wanted = json!({"blueprint_id": "other", "inputs": {"size": 2}});
    let begun = fresh.post("/deployment-updates/d/update/initiate", wanted).await.expect(200);
    vec![begun["execution_id"].as_str().unwrap().to_owned()]
}

#[tokio::test]
async fn what_changes_a_deployment() {
    Scene::set(drifted, updated).await.hold_out(9).await;
}

#[tokio::test]
async fn what_makes_and_deletes_deployments() {
    let runs = async |fresh: &Fresh, workflow: &str| {
        let list = fresh.get(&format!("/executions?workflow_id={workflow}&_include_system_workflows=true")).await;
        list.expect(200)["items"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    let made = async |fresh: &Fresh| {
        upload(fresh, "site", SITE).await;
        fresh.stop_runs();
        fresh.put("/deployments/d?async_create=true", json!({"blueprint_id": "site"})).await.expect(201);
        runs(fresh, "create_deployment_environment").await
    };
    Scene::set(well, made).await.hold_out(3).await;
    let deleted = async |fresh: &Fresh| {
        upload(fresh, "site", SITE).await;
        fresh.put("/deployments/d", json!({"blueprint_id": "site"})).await.expect(201);
        fresh.stop_runs();
        fresh.delete("/deployments/d").await.expect(204);
        runs(fresh, "delete_deployment_environment").await
    };
    Scene::set(well, deleted).await.hold_out(3).await;
}

#[tokio::test]
async fn what_runs_in_groups() {
    let grouped = async |fresh: &Fresh| {
        upload(fresh, "site", SITE).await;
        for id in ["d1", "d2", "d3"] {
            fresh.put(&format!("/deployments/{id}"), json!({"blueprint_id": "site"})).await.expect(201);
        }
        fresh.put("/deployment-groups/good", json!({})).await.expect(200);
        fresh.put("/deployment-groups/all", json!({"deployment_ids": ["d1", "d2", "d3"]})).await.expect(200);
        fresh.stop_runs();
        let body = json!({"deployment_group_id": "all", "workflow_id": "install", "concurrency": 1});
        let group = fresh.post("/execution-groups", body).await.expect(200);
        let targets = json!({"success_group_id": "good"});
        fresh.patch(&format!("/execution-groups/{}", group["id"].as_str().unwrap()), targets).await.expect(200);
        group["execution_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    };
    Scene::set(well, grouped).await.hold_out(16).await;
}

#[tokio::test]
async fn what_is_made_of_parts() {
    for (before, workflow) in [(&[][..], "install"), (&["install"], "uninstall"), (&["install"], "check_status")] {
        let scene = Scene::set(well, async |fresh| vec![whole(fresh, before, workflow).await]).await;
        scene.hold_out(23).await;
    }
}
