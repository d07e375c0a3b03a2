//! A deployment as a picture, and its last runs beside each other.

use axum::http::Method;
use nephele_model::operation::{Failure, Outcome, Request, Severity};
use serde_json::{Value, json};

use crate::deployed::{deploy, fails, runs};
use crate::hands::{Hands, well};
use crate::harness::{Fresh, SMALL};

const SITE: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_types:
  part:
    derived_from: cloudify.nodes.Root
    properties: {text: {default: long}}
    interfaces: {cloudify.interfaces.lifecycle: {create: {implementation: run.sh}, start: {implementation: run.sh}}}
node_templates:
  host:
    type: cloudify.nodes.Root
  app:
    type: part
    capabilities: {scalable: {properties: {default_instances: 2}}}
    relationships:
      - {type: cloudify.relationships.contained_in, target: host}
      - {type: cloudify.relationships.connected_to, target: db}
  db:
    type: part
groups:
  pair: {members: [app]}
policies:
  scaled: {type: cloudify.policies.scaling, targets: [pair], properties: {default_instances: 1}}
";

/// `db` needs a second attempt, and `app` never starts.
fn ailing(request: &Request) -> Outcome {
    let context = &request.context;
    match (context.node_name.as_deref(), context.operation.name.rsplit('.').next(), context.operation.retry_number) {
        (Some("db"), Some("create"), 0) => {
            Outcome::Failed(Failure::new(Severity::Retry { retry_after: Some(0.0) }, "OperationRetry", "later"))
        }
        (Some("app"), Some("start"), _) => Outcome::Failed(Failure::fatal("ill")),
        _ => well(request),
    }
}

fn node<'a>(topology: &'a Value, id: &str) -> &'a Value {
    topology["nodes"].as_array().unwrap().iter().find(|node| node["id"] == id).unwrap()
}

#[tokio::test]
async fn a_deployment_is_a_picture_of_nodes_with_their_instances_counted() {
    let fresh = Fresh::start().await;
    Hands::new(ailing).take_up(&fresh).await;
    deploy(&fresh, "d", SITE, json!({})).await;
    let before = fresh.get("/deployments/d/topology").await.expect(200);
    let app = node(&before, "app");
    assert_eq!((&app["type"], &app["container"], &app["host_id"]), (&json!("part"), &json!("host"), &Value::Null));
    assert_eq!(app["states"], json!({"uninitialized": 2}));
    assert_eq!(app["type_hierarchy"], json!(["cloudify.nodes.Root", "part"]));
    let points = app["relationships"].as_array().unwrap();
    assert_eq!((points.len(), &points[0]["target_id"]), (1, &json!("db")), "what contains it is told apart: {app}");
    assert_eq!(node(&before, "host")["container"], Value::Null);
    let group = &before["groups"][0];
    assert_eq!((&group["name"], &group["members"]), (&json!("pair"), &json!(["app"])));
    assert!(!before.to_string().contains("\"text\""), "properties are left to their own route");

    fails(&fresh, "d", "install").await;
    let after = fresh.get("/deployments/d/topology").await.expect(200);
    assert_eq!(node(&after, "db")["states"], json!({"started": 1}));
    assert_eq!(node(&after, "app")["states"]["started"], Value::Null);
    fresh.get("/deployments/none/topology").await.refused(404, "not_found_error");
    let elsewhere = fresh.elsewhere().await;
    fresh.ask_as(&elsewhere, Method::GET, "/deployments/d/topology", None).await.refused(404, "not_found_error");
}

#[tokio::test]
async fn the_last_runs_say_how_each_ended_for_each_node_instance() {
    let fresh = Fresh::start().await;
    Hands::new(ailing).take_up(&fresh).await;
    deploy(&fresh, "d", SITE, json!({})).await;
    let none = fresh.get("/deployments/d/runs-grid").await.expect(200);
    assert_eq!((&none["runs"], &none["node_instances"]), (&json!([]), &json!([])), "what made it is no run");
    fails(&fresh, "d", "install").await;
    let grid = fresh.get("/deployments/d/runs-grid").await.expect(200);
    let run = &grid["runs"][0];
    assert_eq!(
        (&run["workflow_id"], &run["status"], &run["created_by"]),
        (&json!("install"), &json!("failed"), &json!("admin"))
    );
    let told: Vec<(String, String)> = grid["node_instances"]
        .as_array()
        .unwrap()
        .iter()
        .map(|instance| {
            let outcome = run["outcomes"][instance["id"].as_str().unwrap()].as_str().unwrap_or("none");
            (instance["node_id"].as_str().unwrap().to_owned(), outcome.to_owned())
        })
        .collect();
    let of = |node: &str| -> Vec<&str> {
        told.iter().filter(|(of, _)| of == node).map(|(_, outcome)| outcome.as_str()).collect()
    };
    assert_eq!(of("db"), ["succeeded"], "the last attempt counts: {told:?}");
    assert!(of("app").contains(&"failed"), "{told:?}");

    fresh.upload("small", SMALL).await.expect(201);
    fresh.put("/deployments/still", json!({"blueprint_id": "small", "inputs": {"greeting": "hi"}})).await.expect(201);
    runs(&fresh, "still", "install").await;
    fails(&fresh, "d", "start").await;
    let two = fresh.get("/deployments/d/runs-grid").await.expect(200);
    let ran: Vec<&Value> = two["runs"].as_array().unwrap().iter().map(|run| &run["workflow_id"]).collect();
    assert_eq!(ran, ["start", "install"], "the latest first, and of this deployment alone");
    let one = fresh.get("/deployments/d/runs-grid?last=1").await.expect(200);
    assert_eq!(one["runs"].as_array().map(Vec::len), Some(1));
    for wrong in ["0", "51", "-1", "x"] {
        fresh.get(&format!("/deployments/d/runs-grid?last={wrong}")).await.refused(400, "bad_parameters_error");
    }
}
