//! What does not fit is refused in the shape that clients expect, never with a 500.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use crate::harness::Fresh;

#[tokio::test]
async fn unknown_paths_and_methods_are_answered_in_json() {
    let fresh = Fresh::start().await;
    assert_eq!(fresh.get("/nothing").await.expect(404)["error_code"], "not_found_error");
    assert_eq!(fresh.get("/api/v1/tokens").await.expect(404)["error_code"], "not_found_error");
    assert_eq!(fresh.delete("/version").await.expect(405)["error_code"], "method_not_allowed_error");
    assert_eq!(fresh.get("/api/v1/events").await.refused(405, "method_not_allowed_error"), "");
}

#[tokio::test]
async fn bodies_must_be_json_objects() {
    let fresh = Fresh::start().await;
    let request = |kind: &str, body: &'static str| {
        Request::builder()
            .method(Method::PUT)
            .uri("/api/v3.1/deployments/d")
            .header("authorization", "Basic YWRtaW46YWRtaW4=")
            .header("tenant", "default_tenant")
            .header("content-type", kind)
            .body(Body::from(body))
            .unwrap()
    };
    fresh.send(request("text/plain", "{}")).await.refused(415, "unsupported_content_type_error");
    fresh.send(request("application/json", "{")).await.refused(400, "bad_parameters_error");
    let message = fresh.send(request("application/json; charset=utf-8", "{}")).await;
    assert_eq!(message.refused(400, "bad_parameters_error"), "Missing blueprint_id in json request body");
}

#[tokio::test]
async fn a_request_id_is_kept_or_made() {
    let fresh = Fresh::start().await;
    let request =
        |id: &str| Request::builder().uri("/api/v3.1/ok").header("x-request-id", id).body(Body::empty()).unwrap();
    assert_eq!(fresh.send(request("abc-1")).await.headers["x-request-id"], "abc-1");
    assert_ne!(fresh.send(request("a b\tc")).await.headers["x-request-id"], "a b\tc");
}

#[tokio::test]
async fn ids_follow_the_rules() {
    let fresh = Fresh::start().await;
    let message = fresh.put("/secrets/a%20b", json!({"value": "x"})).await.refused(400, "bad_parameters_error");
    assert!(message.starts_with("The `key` argument contains illegal characters."));
}
