//! Filters, searches, workflows and summaries.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{As, Fresh, SMALL};

async fn deployed() -> Fresh {
    let fresh = Fresh::start().await;
    fresh.upload("small", SMALL).await.expect(201);
    for (id, env) in [("d1", "prod"), ("d2", "test")] {
        let body = json!({"blueprint_id": "small", "inputs": {"greeting": "hi"}, "labels": [{"env": env}]});
        fresh.put(&format!("/deployments/{id}"), body).await.expect(201);
    }
    fresh
}

fn rule(key: &str, values: &[&str], operator: &str, kind: &str) -> Value {
    json!({"key": key, "values": values, "operator": operator, "type": kind})
}

fn ids(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn filters_are_made_used_changed_and_deleted() {
    let fresh = deployed().await;
    let on_label = rule("Env", &["prod"], "any_of", "label");
    let made = fresh.put("/filters/deployments/f1", json!({"filter_rules": [on_label]})).await.expect(200);
    assert_eq!(made["value"], json!([rule("env", &["prod"], "any_of", "label")]));
    assert_eq!((&made["is_system_filter"], &made["attrs_filter_rules"]), (&json!(false), &json!([])));
    let again = fresh.put("/filters/deployments/f1", json!({"filter_rules": []})).await;
    assert_eq!(
        again.refused(409, "conflict_error"),
        "<DeploymentsFilter id=`f1` tenant=`default_tenant`> already exists on <Tenant name=`default_tenant`> or with \
         global visibility"
    );
    let list = fresh.get("/deployments?_filter_id=f1&_include=id").await.expect(200);
    assert_eq!((ids(&list), &list["metadata"]["filtered"]), (vec!["d1"], &json!(1)));
    fresh.get("/deployments?_filter_id=nope").await.refused(404, "not_found_error");

    let on_attribute = rule("id", &["d2"], "any_of", "attribute");
    let body = json!({"filter_rules": [on_attribute], "visibility": "global"});
    let changed = fresh.patch("/filters/deployments/f1", body).await.expect(200);
    assert_eq!((&changed["value"][1], &changed["visibility"]), (&on_attribute, &json!("global")));
    assert_eq!(ids(&fresh.get("/deployments?_filter_id=f1").await.expect(200)).len(), 0);
    fresh.patch("/filters/deployments/f1", json!({"visibility": "tenant"})).await.refused(400, "illegal_action_error");
    fresh.patch("/filters/deployments/f1", json!({})).await.refused(400, "illegal_action_error");
    fresh.delete("/filters/deployments/f1").await.expect(204);
    fresh.get("/filters/deployments/f1").await.refused(404, "not_found_error");
}

#[tokio::test]
async fn filters_of_the_manager_stay_and_bad_ones_are_refused() {
    let fresh = Fresh::start().await;
    let own = "/filters/deployments/csys-service-filter";
    assert_eq!(fresh.get(own).await.expect(200)["is_system_filter"], true);
    assert_eq!(fresh.delete(own).await.refused(400, "illegal_action_error"), "Cannot delete a system filter");
    let changed = fresh.patch(own, json!({"filter_rules": [rule("a", &["b"], "any_of", "label")]})).await;
    assert_eq!(changed.refused(400, "illegal_action_error"), "Cannot update a system filter");
    let put = async |id: &str, body: Value| fresh.put(&format!("/filters/blueprints/{id}"), body).await;
    put("csys-mine", json!({"filter_rules": []})).await.refused(400, "bad_parameters_error");
    put("1x", json!({"filter_rules": []})).await.refused(400, "bad_parameters_error");
    put("x", json!({})).await.refused(400, "bad_parameters_error");
    put("x", json!({"filter_rules": {}})).await.refused(400, "bad_parameters_error");
    let bad = rule("site_name", &["a"], "any_of", "attribute");
    let refused = put("x", json!({"filter_rules": [bad]})).await;
    refused.refused(400, "invalid_filter_rule");
    assert_eq!(refused.json()["err_filter_rule"], bad);
    assert_eq!(
        refused.json()["err_reason"],
        "Allowed attributes to filter blueprints by are created_by, state, id, tenant_name"
    );
    fresh.user("vera", "viewer").await;
    let vera = As { user: "vera", password: "secret", tenant: Some("default_tenant") };
    let refused = fresh.ask_as(&vera, Method::PUT, "/filters/blueprints/x", Some(json!({"filter_rules": []}))).await;
    refused.refused(403, "forbidden_error");
}

#[tokio::test]
async fn searches_take_rules_or_constraints() {
    let fresh = deployed().await;
    let search = async |what: &str, body: Value| fresh.post(&format!("/searches/{what}"), body).await;
    let rules = json!({"filter_rules": [rule("env", &["test"], "any_of", "label")]});
    let found = search("deployments?_include=id", rules.clone()).await.expect(200);
    assert_eq!((ids(&found), &found["metadata"]["filtered"]), (vec!["d2"], &json!(1)));
    let found = search("deployments", json!({"constraints": {"name_pattern": {"ends_with": "2"}}})).await.expect(200);
    assert_eq!(ids(&found), ["d2"]);
    let mut both = rules;
    both["constraints"] = json!({"tenants": ["default_tenant"]});
    let message = search("deployments", both).await.refused(400, "bad_parameters_error");
    assert!(message.ends_with("or DSL constraints, not both"), "{message}");
    search("deployments", json!({"filter_rules": "x"})).await.refused(400, "bad_parameters_error");
    let found = search("blueprints?_search=MAL", json!({"constraints": {"valid_values": ["small"]}})).await;
    assert_eq!(ids(&found.expect(200)), ["small"]);
    fresh.put("/secrets/key1", json!({"value": "x"})).await.expect(200);
    let found = search("secrets", json!({"constraints": {"name_pattern": {"starts_with": "KEY"}}})).await.expect(200);
    assert_eq!((found["items"][0]["key"].as_str(), &found["metadata"]["filtered"]), (Some("key1"), &json!(0)));
    let found = search("workflows", json!({})).await.expect(200);
    let names: Vec<_> = found["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"install") && found["metadata"].get("filtered").is_none());
    assert_eq!(fresh.get("/workflows?id=d1").await.expect(200), found);
    assert_eq!(search("workflows?_common_only=true", json!({})).await.expect(200), found);
}

#[tokio::test]
async fn parts_are_searched_in_deployments_and_in_blueprints() {
    let fresh = deployed().await;
    let search = async |what: &str, body: Value| fresh.post(&format!("/searches/{what}"), body).await;
    for what in ["nodes", "node-types", "capabilities", "scaling-groups"] {
        search(what, json!({})).await.refused(400, "bad_parameters_error");
        let two = json!({"constraints": {"blueprint_id": "small", "deployment_id": "d1"}});
        search(what, two).await.refused(400, "bad_parameters_error");
    }
    for place in ["deployment_id=d1", "blueprint_id=small"] {
        let found =
            search(&format!("nodes?{place}"), json!({"constraints": {"name_pattern": {"contains": "pp"}}})).await;
        assert_eq!(ids(&found.expect(200)), ["app"], "{place}");
        let valid = json!({"constraints": {"valid_values": ["cloudify.nodes.Root"]}});
        let found = search(&format!("node-types?{place}&_include=id,type"), valid).await.expect(200);
        assert_eq!(found["items"], json!([{"id": "app", "type": "cloudify.nodes.Root"}]), "{place}");
        let found = search(&format!("node-types?{place}"), json!({"constraints": {"valid_values": ["x"]}})).await;
        assert_eq!(found.expect(200)["items"], json!([]), "{place}");
        assert_eq!(search(&format!("scaling-groups?{place}"), json!({})).await.expect(200)["items"], json!([]));
    }
    let found = search("node-instances?deployment_id=d1&node_id=app&_include=node_id", json!({})).await.expect(200);
    assert_eq!(found["items"], json!([{"node_id": "app"}]));
    search("node-instances", json!({"constraints": {"name_pattern": {"contains": "a"}}}))
        .await
        .refused(400, "bad_parameters_error");
    let constraints = json!({"constraints": {"deployment_id": "d1", "name_pattern": {"equals_to": "twice"}}});
    let found = search("capabilities?_search=hihi", constraints.clone()).await.expect(200);
    assert_eq!(found["items"], json!([{"deployment_id": "d1", "capabilities": [{"twice": {"value": "hihi"}}]}]));
    assert_eq!(search("capabilities?_search=x", constraints).await.expect(200)["metadata"]["filtered"], 1);
}

#[tokio::test]
async fn summaries_count_by_one_field_or_two() {
    let fresh = deployed().await;
    let get = async |path: &str| fresh.get(&format!("/summary/{path}")).await;
    let by_status = get("executions?_target_field=status_display&_sub_field=workflow_id").await.expect(200);
    let parts = json!([
        {"workflow_id": "create_deployment_environment", "executions": 2},
        {"workflow_id": "upload_blueprint", "executions": 1},
    ]);
    let expected = json!([{"status_display": "completed", "executions": 3, "by workflow_id": parts}]);
    assert_eq!(by_status["items"], expected);
    assert_eq!(by_status["metadata"], json!({"pagination": {"total": 2, "size": 1000, "offset": 0}}));
    let nodes = get("nodes?_target_field=deployment_id&_size=1&deployment_id=d1&deployment_id=d2").await.expect(200);
    assert_eq!(nodes["items"], json!([{"deployment_id": "d1", "nodes": 1}]));
    assert_eq!(nodes["metadata"]["pagination"]["total"], 2);
    get("nodes").await.refused(400, "bad_parameters_error");
    let message = get("blueprints?_target_field=id").await.refused(400, "bad_parameters_error");
    assert!(message.contains("Allowed values: tenant_name, visibility"), "{message}");
    get("node_instances?_target_field=state&zz=1").await.refused(400, "bad_parameters_error");
}
