//! Events and logs: telling, listing, deleting.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Fresh, SMALL};

/// A deployment with one event and two logs of its own beside those of its creation.
async fn told() -> (Fresh, String) {
    let fresh = Fresh::start().await;
    fresh.upload("small", SMALL).await.expect(201);
    let made = fresh.put("/deployments/d1", json!({"blueprint_id": "small", "inputs": {"greeting": "x"}})).await;
    let execution = made.expect(201)["create_execution"].as_str().unwrap().to_owned();
    let event =
        json!({"event_type": "task_failed", "message": {"text": "Task 50% done"}, "context": {"node_id": "n_1"}});
    let log = |level: &str, text: &str| json!({"logger": "l", "level": level, "message": {"text": text}, "context": {"operation": "a.b.c"}});
    let body = json!({"execution_id": execution, "events": [event], "logs": [log("info", "One"), log("error", "two")]});
    fresh.post("/events", body).await.expect(201);
    (fresh, execution)
}

fn texts(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["message"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn each_filter_narrows() {
    let (fresh, execution) = told().await;
    let get = async |query: &str| fresh.get(&format!("/events?execution_id={execution}&{query}")).await.expect(200);
    assert_eq!(texts(&get("type=cloudify_log").await), ["Storing nodes: 1, node instances: 1", "One", "two"]);
    assert_eq!(texts(&get("level=error&level=warning").await), ["two"]);
    assert_eq!(texts(&get("event_type=task_failed").await), ["Task 50% done"]);
    assert_eq!(get("event_type=task_failed&level=error").await["items"], json!([]));
    assert_eq!(texts(&get("message=%25task%25").await), ["Task 50% done"]);
    assert_eq!(texts(&get("message.text=%25ta%25&message=%25done").await), ["Task 50% done"]);
    assert_eq!(get("message=%25one&message=%25two").await["items"], json!([]));
    assert_eq!(texts(&get("operation=%25.C").await), ["One", "two"]);
    assert_eq!(texts(&get("node_instance_id=n_1").await), ["Task 50% done"]);
    assert_eq!(get("type=zz").await["items"], json!([]));
    assert_eq!(get("_include=message,zz&operation=%25.C&_size=1").await["items"], json!([{"message": "One"}]));
    assert_eq!(get("_range=timestamp,,2001-01-01").await["metadata"]["pagination"]["total"], 0);
    let first = &get("_size=1").await["items"][0];
    assert_eq!((&first["event_type"], &first["manager_name"]), (&json!("workflow_started"), &json!("manager")));
    for (query, said) in [
        ("zz=1", "Unknown field to filter by: zz. Allowed values: blueprint_id, deployment_id, event_type, "),
        ("_sort=zz", "Unknown field to sort by: zz"),
        ("_range=zz,2001-01-01,", "Unknown field to filter by range: zz"),
        ("_range=timestamp", "range must contain exactly 3 fields"),
        ("_range=timestamp,,", "At least one of from/to must be passed"),
    ] {
        let message = fresh.get(&format!("/events?{query}")).await.refused(400, "bad_parameters_error");
        assert!(message.contains(said), "{message}");
    }
    let old = fresh.get(&format!("/api/v2/events?execution_id={execution}&_sort=-@timestamp")).await.expect(200);
    assert_eq!(old["items"][0]["message"], json!({"text": "two"}));
    assert_eq!(old["items"][0]["context"]["execution_id"], json!(execution));
}

#[tokio::test]
async fn deleting_counts_and_keeps_what_was_asked_for() {
    let (fresh, _) = told().await;
    let delete = async |query: &str| fresh.delete(&format!("/events?{query}")).await;
    delete("deployment_id=d1").await.refused(400, "bad_parameters_error");
    delete("deployment_id=d1&type=cloudify_log").await.refused(400, "bad_parameters_error");
    delete("type=cloudify_event").await.refused(400, "bad_parameters_error");
    let none = delete("deployment_id=zz&type=cloudify_event").await.expect(200);
    assert_eq!(none["items"], json!([0]));
    let gone = delete("deployment_id=d1&type=cloudify_event&_range=timestamp,,2001-01-01").await.expect(200);
    assert_eq!(gone["items"], json!([0]));
    let gone = delete("deployment_id=d1&type=cloudify_event&store_before=True&_size=7").await.expect(200);
    assert_eq!(gone, json!({"items": [3], "metadata": {"pagination": {"size": 7, "total": 3}}}));
    let logs = fresh.manager.settings.data_dir.join("logs");
    let file = std::fs::read_dir(logs).unwrap().next().unwrap().unwrap();
    let kept = std::fs::read_to_string(file.path()).unwrap();
    assert_eq!(kept.lines().count(), 3);
    assert!(kept.contains("Task 50% done"));
    assert_eq!(fresh.get("/events?deployment_id=d1").await.expect(200)["metadata"]["pagination"]["total"], 3);
    delete("deployment_id=d1&type=cloudify_event&type=cloudify_log").await.expect(200);
    assert_eq!(fresh.get("/events?deployment_id=d1").await.expect(200)["metadata"]["pagination"]["total"], 0);
}

/// Events have no tenant of their own: they are seen by whom their execution is for.
#[tokio::test]
async fn events_stay_within_their_tenant() {
    let (fresh, _) = told().await;
    let total = |list: &Value| list["metadata"]["pagination"]["total"].as_u64().unwrap();
    let of_admin = async |query: &str| fresh.get(&format!("/events?{query}")).await.expect(200);
    // As long as there is one tenant, its administrator sees all there is.
    let alone = of_admin("_size=100").await;
    assert_eq!((total(&alone), total(&of_admin("_all_tenants=true").await)), (total(&alone), total(&alone)));

    let elsewhere = fresh.elsewhere().await;
    let there =
        async |query: &str| fresh.ask_as(&elsewhere, Method::GET, &format!("/events?{query}"), None).await.expect(200);
    assert_eq!(there("").await["items"], json!([]));
    assert_eq!(total(&there("_all_tenants=true").await), total(&alone));
    assert_eq!(of_admin("_size=100").await["items"], alone["items"]);

    fresh.user("view", "viewer").await;
    let seen = async |query: &str| {
        fresh.by("view", "default_tenant", Method::GET, &format!("/events?{query}"), json!({})).await.expect(200)
    };
    assert_eq!(seen("_size=100").await["items"], alone["items"]);
    let hidden = json!({"blueprint_id": "small", "inputs": {"greeting": "x"}, "visibility": "private"});
    fresh.put("/deployments/hidden", hidden).await.expect(201);
    assert!(total(&of_admin("").await) > total(&alone));
    for query in ["_size=100", "_size=100&_all_tenants=true"] {
        assert_eq!(seen(query).await["items"], alone["items"], "{query}");
    }
}
