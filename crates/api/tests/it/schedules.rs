//! Schedules, and starts in the future.

use std::time::Duration;

use axum::http::Method;
use nephele_model::{Clock as _, clock::SystemClock};
use serde_json::{Value, json};

use crate::harness::{Fresh, SMALL};

async fn deployed() -> Fresh {
    let fresh = Fresh::start().await;
    fresh.upload("small", SMALL).await.expect(201);
    fresh.put("/deployments/d1", json!({"blueprint_id": "small", "inputs": {"greeting": "hi"}})).await.expect(201);
    fresh
}

/// An instant some seconds from now, as clients write it.
fn in_seconds(seconds: i64) -> String {
    let micros = SystemClock.now().micros() + seconds * 1_000_000;
    nephele_model::Timestamp::from_micros(micros).to_string()
}

#[tokio::test]
async fn a_schedule_starts_its_workflow_and_says_what_comes_next() {
    let fresh = deployed().await;
    let body = json!({
        "workflow_id": "install", "since": in_seconds(1), "recurrence": "1 days", "count": 3, "slip": 10,
        "execution_arguments": {"force": true},
    });
    let made = fresh.put("/execution-schedules/s1?deployment_id=d1", body).await.expect(201);
    assert_eq!(made["all_next_occurrences"].as_array().unwrap().len(), 3, "{made}");
    assert_eq!(made["execution_arguments"]["force"], true);
    for _ in 0..300 {
        let schedule = fresh.get("/execution-schedules/s1?deployment_id=d1").await.expect(200);
        if let Some(execution) = schedule["latest_execution_status"].as_str() {
            assert_ne!(execution, "");
            assert_eq!(schedule["all_next_occurrences"].as_array().unwrap().len(), 2, "{schedule}");
            let list = fresh.get("/executions?workflow_id=install").await.expect(200);
            assert_eq!(list["metadata"]["pagination"]["total"], 1);
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the schedule starts nothing");
}

#[tokio::test]
async fn a_schedule_that_is_off_starts_nothing() {
    let fresh = deployed().await;
    let body = json!({"workflow_id": "install", "since": in_seconds(1), "count": 1, "enabled": false});
    fresh.put("/execution-schedules/off?deployment_id=d1", body).await.expect(201);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let list = fresh.get("/executions?workflow_id=install").await.expect(200);
    assert_eq!(list["metadata"]["pagination"]["total"], 0);
}

#[tokio::test]
async fn what_is_no_rule_is_refused() {
    let fresh = deployed().await;
    let put = async |body: Value| fresh.put("/execution-schedules/bad?deployment_id=d1", body).await;
    let base = |more: Value| {
        let mut body = json!({"workflow_id": "install", "since": "2030-01-01T00:00:00.000Z"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    put(base(json!({"recurrence": "often"}))).await.refused(400, "bad_parameters_error");
    put(base(json!({"recurrence": "1 days", "weekdays": ["someday"]}))).await.refused(400, "bad_parameters_error");
    put(base(json!({"rrule": "FREQ=NEVER"}))).await.refused(400, "bad_parameters_error");
    put(json!({"workflow_id": "install"})).await.refused(400, "bad_parameters_error");
    put(base(json!({"workflow_id": "nope", "count": 1}))).await.refused(400, "nonexistent_workflow_error");
    fresh
        .put("/execution-schedules/x?deployment_id=nope", base(json!({"count": 1})))
        .await
        .refused(404, "not_found_error");
}

#[tokio::test]
async fn schedules_change_and_go() {
    let fresh = deployed().await;
    let body =
        json!({"workflow_id": "install", "since": "2030-01-01T00:00:00.000Z", "recurrence": "1 weeks", "count": 4});
    fresh.put("/execution-schedules/s1?deployment_id=d1", body.clone()).await.expect(201);
    fresh.put("/execution-schedules/s1?deployment_id=d1", body).await.refused(409, "conflict_error");
    let changed = fresh
        .patch("/execution-schedules/s1?deployment_id=d1", json!({"recurrence": "2 weeks", "enabled": false}))
        .await
        .expect(201);
    assert_eq!((&changed["enabled"], &changed["rule"]["recurrence"]), (&json!(false), &json!("2 weeks")));
    let elsewhere = fresh.elsewhere().await;
    let list = fresh.ask_as(&elsewhere, Method::GET, "/execution-schedules", None).await.expect(200);
    assert_eq!(list["items"], json!([]));
    fresh
        .ask_as(&elsewhere, Method::DELETE, "/execution-schedules/s1?deployment_id=d1", None)
        .await
        .refused(404, "not_found_error");
    fresh.delete("/execution-schedules/s1?deployment_id=d1").await.expect(204);
    fresh.get("/execution-schedules/s1?deployment_id=d1").await.refused(404, "not_found_error");
}

#[tokio::test]
async fn an_execution_can_be_started_later() {
    let fresh = deployed().await;
    let start = async |time: &str| {
        let body = json!({"deployment_id": "d1", "workflow_id": "install", "scheduled_time": time});
        fresh.post("/executions", body).await
    };
    let later = start("203001010000").await.expect(201);
    assert_eq!((&later["status"], &later["id"]), (&json!("scheduled"), &Value::Null));
    let schedules = fresh.get("/execution-schedules?deployment_id=d1").await.expect(200);
    assert_eq!(schedules["metadata"]["pagination"]["total"], 1);
    start("201001010000").await.refused(400, "bad_parameters_error");
    start("soon").await.refused(400, "bad_parameters_error");
}
