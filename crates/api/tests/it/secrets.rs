//! Secrets: encrypted at rest, shown to those who may see them.

use axum::http::Method;
use serde_json::json;

use crate::harness::{As, Fresh};

#[tokio::test]
async fn a_secret_is_stored_encrypted_and_read_back() {
    let fresh = Fresh::start().await;
    let stored = fresh.put("/secrets/s1", json!({"value": "hunter2"})).await.expect(200);
    assert_ne!(stored["value"], "hunter2");
    assert_eq!(stored["private_resource"], false);
    let read = fresh.get("/secrets/s1").await.expect(200);
    assert_eq!((&read["value"], &read["resource_availability"]), (&json!("hunter2"), &json!("tenant")));
    let message = fresh.put("/secrets/s1", json!({"value": "x"})).await.refused(409, "conflict_error");
    assert_eq!(
        message,
        "<Secret id=`s1` tenant=`default_tenant`> already exists on <Tenant name=`default_tenant`> or with global visibility"
    );
    fresh.put("/secrets/s1", json!({"value": "x3", "update_if_exists": true})).await.expect(200);
    assert_eq!(fresh.get("/secrets/s1").await.expect(200)["value"], "x3");
    fresh.delete("/secrets/s1").await.expect(204);
    fresh.get("/secrets/s1").await.refused(404, "not_found_error");
}

#[tokio::test]
async fn schemas_are_kept_and_values_typed() {
    let fresh = Fresh::start().await;
    let schema = json!({"type": "object"});
    fresh.put("/secrets/s4", json!({"value": {"a": 1}, "schema": schema})).await.expect(200);
    assert_eq!(fresh.get("/secrets/s4").await.expect(200)["value"], json!({"a": 1}));
    let message =
        fresh.put("/secrets/s5", json!({"value": "x", "schema": schema})).await.refused(409, "conflict_error");
    assert!(message.starts_with("Error validating secret value: 'x' is not of type 'object'"));
    fresh.put("/secrets/s6", json!({"value": 5})).await.refused(400, "bad_parameters_error");
    fresh.put("/secrets/s6", json!({})).await.refused(400, "bad_parameters_error");
}

#[tokio::test]
async fn hidden_values_are_for_their_owner_and_administrators() {
    let fresh = Fresh::start().await;
    fresh.user("ann", "user").await;
    fresh.put("/secrets/s2", json!({"value": "zz", "is_hidden_value": true})).await.expect(200);
    fresh.put("/secrets/s3", json!({"value": "zz", "visibility": "private"})).await.expect(200);
    let ann = As { user: "ann", password: "secret", tenant: Some("default_tenant") };
    assert_eq!(fresh.ask_as(&ann, Method::GET, "/secrets/s2", None).await.expect(200)["value"], "");
    fresh.ask_as(&ann, Method::PATCH, "/secrets/s2", Some(json!({"value": "y"}))).await.refused(403, "forbidden_error");
    fresh.ask_as(&ann, Method::GET, "/secrets/s3", None).await.refused(404, "not_found_error");
    assert_eq!(fresh.get("/secrets/s2").await.expect(200)["value"], "zz");
}
