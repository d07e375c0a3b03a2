//! Deployments above and below each other, and those that need each other.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Fresh, SMALL};

const IDD: &str = "/deployments/inter-deployment-dependencies";

/// `env` with the environment `inner` and the service `web` in it; `db` in `inner`.
async fn planted() -> Fresh {
    let fresh = Fresh::start().await;
    fresh.upload("small", SMALL).await.expect(201);
    for (id, kind, parent) in [
        ("env", "Environment", None),
        ("inner", "environment", Some("env")),
        ("web", "service", Some("env")),
        ("db", "service", Some("inner")),
    ] {
        let mut labels = vec![json!({"csys-obj-type": kind})];
        labels.extend(parent.map(|parent| json!({"csys-obj-parent": parent})));
        let body = json!({"blueprint_id": "small", "inputs": {"greeting": "hi"}, "labels": labels});
        fresh.put(&format!("/deployments/{id}"), body).await.expect(201);
    }
    fresh
}

async fn counts(fresh: &Fresh, query: &str) -> (i64, i64, Value, Value) {
    let found = fresh.get(&format!("/deployments/{query}")).await.expect(200);
    let number = |name: &str| found[name].as_i64().unwrap();
    (
        number("sub_environments_count"),
        number("sub_services_count"),
        found["sub_environments_status"].clone(),
        found["sub_services_status"].clone(),
    )
}

fn labels(deployment: &Value, key: &str) -> Vec<String> {
    let all = deployment["labels"].as_array().unwrap().iter();
    all.filter(|label| label["key"] == key).map(|label| label["value"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn parents_count_what_is_below_them() {
    let fresh = planted().await;
    let bad = json!("requires_attention");
    assert_eq!(counts(&fresh, "env").await, (1, 2, bad.clone(), bad.clone()));
    assert_eq!(counts(&fresh, "env?all_sub_deployments=false").await, (1, 1, bad.clone(), bad.clone()));
    assert_eq!(counts(&fresh, "inner").await, (0, 1, Value::Null, bad.clone()));
    let env = fresh.get("/deployments/env").await.expect(200);
    assert_eq!(env["has_sub_deployments"], true);
    assert_eq!(
        (labels(&env, "csys-consumer-id"), labels(&env, "csys-obj-type")),
        (vec!["inner".to_owned(), "web".to_owned()], vec!["environment".to_owned()])
    );
    let own = fresh
        .post(
            "/searches/deployments",
            json!({"filter_rules": [
        {"key": "csys-obj-type", "values": ["environment"], "operator": "any_of", "type": "label"}]}),
        )
        .await
        .expect(200);
    assert_eq!(own["metadata"]["pagination"]["total"], 2);
}

#[tokio::test]
async fn moving_and_deleting_children_is_counted() {
    let fresh = planted().await;
    fresh.patch("/deployments/db", json!({"labels": [{"csys-obj-parent": "env"}]})).await.expect(200);
    assert_eq!(counts(&fresh, "inner").await.1, 0);
    assert_eq!(counts(&fresh, "env").await.1, 2);
    assert!(labels(&fresh.get("/deployments/inner").await.expect(200), "csys-consumer-id").is_empty());
    // A computed label is neither taken nor removed.
    let body = json!({"labels": [{"csys-obj-type": "environment"}, {"csys-consumer-id": "me"}]});
    let env = fresh.patch("/deployments/env", body).await.expect(200);
    assert_eq!(labels(&env, "csys-consumer-id"), ["inner", "web", "db"]);
    let message = fresh.delete("/deployments/env").await.refused(400, "dependent_exists_error");
    assert!(message.contains("[1] Deployment `env` is the parent of deployment inner"), "{message}");
    fresh.delete("/deployments/web").await.expect(204);
    for _ in 0..500 {
        if fresh.get("/deployments/web").await.status == 404 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(counts(&fresh, "env").await.1, 1);
    assert_eq!(labels(&fresh.get("/deployments/env").await.expect(200), "csys-consumer-id"), ["inner", "db"]);
}

#[tokio::test]
async fn parts_of_the_plan_are_set_once() {
    let fresh = planted().await;
    let patch = async |body: Value| fresh.patch("/deployments/web", body).await;
    patch(json!({})).await.refused(400, "illegal_action_error");
    assert_eq!(patch(json!({"outputs": {}})).await.refused(409, "conflict_error"), "outputs is already set");
    let message = patch(json!({"runtime_only_evaluation": true})).await.refused(409, "conflict_error");
    assert_eq!(message, "runtime_only_evaluation is already set");
    patch(json!({"blueprint_id": "small"})).await.refused(403, "only_deployment_update");
    assert_eq!(patch(json!({"display_name": "The web"})).await.expect(200)["display_name"], "The web");
    let message =
        patch(json!({"labels": [{"csys-obj-parent": "zz"}]})).await.refused(404, "deployment_parent_not_found_error");
    assert_eq!(message, "Environment referenced by `csys-obj-parent` not found: zz");
    fresh.patch("/nodes/web/app", json!({})).await.refused(403, "only_deployment_update");
    fresh.delete("/nodes/web/app").await.refused(403, "only_deployment_update");
    fresh.delete("/node-instances/zz").await.refused(403, "only_deployment_update");
}

#[tokio::test]
async fn records_have_the_shape_of_their_version() {
    let fresh = planted().await;
    let list = fresh.get("/deployments?id=web").await.expect(200);
    let nulls = json!([{"name": null, "plugin": null, "operation": null, "parameters": null, "is_cascading": null,
                        "is_available": null, "availability_rules": null}]);
    assert_eq!(list["items"][0]["workflows"], nulls);
    let list = fresh.get("/deployments?id=web&_get_data=true").await.expect(200);
    assert_eq!(list["items"][0]["workflows"][0]["name"], "install");
    for (version, has) in [("v1", false), ("v2", false), ("v2.1", true), ("v3.1", true)] {
        let one = fresh.get(&format!("/api/{version}/deployments/web")).await.expect(200);
        assert_eq!(one.get("scaling_groups").is_some(), has, "{version}");
        let nodes = fresh.get(&format!("/api/{version}/nodes?deployment_id=web")).await.expect(200);
        let node = nodes.get("items").unwrap_or(&nodes)[0].clone();
        assert_eq!(node.get("min_number_of_instances").is_some(), has, "{version}");
    }
    assert!(fresh.get("/api/v1/blueprints/small").await.expect(200).get("main_file_name").is_none());
    let folder = fresh.manager.files.deployment(&"default_tenant".into(), &"web".into());
    std::fs::write(folder.join("note"), "x").unwrap();
    let one = fresh.get("/deployments/web?include_workdir=true&_include=id,workdir_zip").await.expect(200);
    let archive =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, one["workdir_zip"].as_str().unwrap());
    assert!(archive.unwrap().starts_with(b"PK"));
}

#[tokio::test]
async fn dependencies_lead_on_and_never_back() {
    let fresh = planted().await;
    let one = json!({"dependency_creator": "component.x", "source_deployment": "web", "target_deployment": "db"});
    fresh.put(IDD, one).await.expect(200);
    let many = json!({"source_deployment_id": "env", "inter_deployment_dependencies": [
        {"dependency_creator": "a", "target_deployment": "web"}, {"dependency_creator": "b", "target_deployment_func": {"get_input": "x"}}]});
    let made = fresh.post(IDD, many).await.expect(200);
    assert_eq!((made["items"].as_array().unwrap().len(), &made["metadata"]["pagination"]["size"]), (2, &json!(2)));
    let back = json!({"dependency_creator": "c", "source_deployment": "db", "target_deployment": "env"});
    let message = fresh.put(IDD, back).await.refused(409, "conflict_error");
    assert_eq!(message, "cyclic dependency between deployments db and env");
    let below = json!({"inter_deployment_dependencies": [{"dependency_creator": "c", "target_deployment": "web"}]});
    let message =
        fresh.put("/deployments/db/inter-deployment-dependencies", below).await.refused(409, "conflict_error");
    assert!(message.starts_with("Cyclic dependency between <Deployment id=`db`"), "{message}");
    let list = async |query: &str| {
        let list = fresh.get(&format!("/deployments?{query}&_include=id&_sort=id")).await.expect(200);
        list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list("_dependencies_of=env").await, ["db", "web"]);
    assert!(list("_dependencies_of=db").await.is_empty());
    assert_eq!(list("_environments_only=1").await, ["env", "inner", "web"]);
    fresh.get("/deployments?_dependencies_of=zz").await.refused(404, "not_found_error");
    let gone = json!({"dependency_creator": "component.x", "source_deployment": "web", "is_component_deletion": false});
    let delete =
        async |body: Value| fresh.ask_as(&crate::harness::ADMIN, axum::http::Method::DELETE, IDD, Some(body)).await;
    delete(gone.clone()).await.expect(204);
    delete(gone).await.refused(404, "not_found_error");
}
