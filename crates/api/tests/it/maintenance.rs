//! Maintenance mode: what is refused, and to whom.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use crate::harness::{Fresh, SMALL};

#[tokio::test]
async fn nothing_but_the_manager_itself_answers() {
    let fresh = Fresh::start().await;
    fresh.user("ann", "user").await;
    let begun = fresh.post("/maintenance/activate", json!({})).await.expect(200);
    assert_eq!((&begun["status"], &begun["remaining_executions"]), (&json!("activated"), &json!([[]])));
    assert_eq!((&begun["requested_by"], &begun["activated_at"]), (&json!("admin"), &begun["activation_requested_at"]));
    let again = fresh.post("/maintenance/activate", json!({})).await;
    assert_eq!((again.status.as_u16(), again.bytes.len()), (304, 0));
    for path in
        ["/status", "/version", "/config", "/license", "/managers", "/brokers", "/db-nodes", "/maintenance", "/ok"]
    {
        fresh.get(path).await.expect(200);
    }
    for path in ["/blueprints", "/users", "/tokens", "/license-check", "/resources/blueprints/default_tenant/x/y"] {
        let message = fresh.get(path).await.refused(503, "maintenance_mode_active");
        assert_eq!(message, "Your request was rejected since Cloudify manager is currently in maintenance mode");
    }
    let bypass = async |user: &str, password: &str| {
        let mut request = Fresh::request(
            &crate::harness::As { user, password, tenant: Some("default_tenant") },
            Method::GET,
            "/blueprints",
            None,
        );
        request.headers_mut().insert("x-bypass-maintenance", "yes".parse().unwrap());
        fresh.send(request).await
    };
    bypass("admin", "admin").await.expect(200);
    bypass("ann", "secret").await.refused(503, "maintenance_mode_active");
    let nobody = Request::builder().uri("/api/v3.1/blueprints").header("x-bypass-maintenance", "1");
    fresh.send(nobody.body(Body::empty()).unwrap()).await.refused(401, "unauthorized_error");
    let ended = fresh.post("/maintenance/deactivate", json!({})).await.expect(200);
    assert_eq!(ended["status"], "deactivated");
    fresh.get("/blueprints").await.expect(200);
    assert_eq!(fresh.post("/maintenance/deactivate", json!({})).await.status, 304);
}

/// An execution that waits forever for another one keeps the mode from coming.
#[tokio::test]
async fn the_mode_comes_when_the_last_execution_has_ended() {
    let fresh = Fresh::start().await;
    fresh.upload("bp", SMALL).await.expect(201);
    fresh.put("/deployments/d", json!({"blueprint_id": "bp", "inputs": {"greeting": "x"}})).await.expect(201);
    let waiting = json!({"deployment_id": "d", "workflow_id": "execute_operation",
        "parameters": {"operation": "none.such", "operation_kwargs": {}}});
    let execution = fresh.post("/executions", waiting).await;
    let Some(id) = (execution.status == 201).then(|| execution.json()["id"].as_str().unwrap().to_owned()) else {
        panic!("{execution:?}");
    };
    // Whether it is still at work or has ended already, the mode ends up on, and says how far it is.
    let begun = fresh.post("/maintenance/activate", json!({})).await.expect(200);
    if begun["status"] == "activating" {
        assert_eq!(begun["remaining_executions"][0][0]["id"], id.as_str());
    }
    for _ in 0..200 {
        if fresh.get("/maintenance").await.expect(200)["status"] == "activated" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(fresh.get("/maintenance").await.expect(200)["status"], "activated");
    let start = json!({"deployment_id": "d", "workflow_id": "install"});
    fresh.post("/executions", start.clone()).await.refused(503, "maintenance_mode_active");
    fresh.post("/maintenance/deactivate", json!({})).await.expect(200);
    fresh.post("/executions", start).await.expect(201);
}
