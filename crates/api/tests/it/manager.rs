//! What the manager says of itself.

use axum::http::Method;
use serde_json::json;

use crate::harness::{As, Fresh};

#[tokio::test]
async fn a_profile_can_be_made() {
    let fresh = Fresh::start().await;
    assert_eq!(fresh.get("/api/version").await.expect(200), fresh.get("/version").await.expect(200));
    assert_eq!(fresh.get("/status").await.expect(200)["status"], "OK");
    assert_eq!(fresh.get("/ok").await.expect(200), "OK");
    assert_eq!(fresh.get("/license-check").await.expect(200), "OK");
    assert_eq!(fresh.get("/maintenance").await.expect(200)["status"], "deactivated");
    let host = |list: serde_json::Value, key: &str| {
        assert_eq!(list["metadata"]["pagination"]["total"], 1);
        list["items"][0][key].clone()
    };
    let manager = host(fresh.get("/managers").await.expect(200), "private_ip");
    assert_eq!(host(fresh.get("/brokers").await.expect(200), "host"), manager);
    assert_eq!(host(fresh.get("/db-nodes").await.expect(200), "host"), manager);
    assert_eq!(fresh.get("/provider/context").await.expect(200)["name"], "provider");
}

#[tokio::test]
async fn configuration_names_roles_and_permissions() {
    let fresh = Fresh::start().await;
    let config = fresh.get("/config").await.expect(200);
    assert_eq!(config["authorization"]["roles"][0]["name"], "sys_admin");
    assert!(config["authorization"]["permissions"]["blueprint_upload"].as_array().unwrap().len() == 3);
    assert!(fresh.get("/config?scope=rest").await.expect(200).get("authorization").is_none());
    assert_eq!(fresh.get("/config/rest.default_page_size").await.expect(200)["value"], 1000);
    fresh.get("/config/max_workers").await.refused(409, "ambiguous_name");
    fresh.get("/config/zzz").await.refused(404, "not_found_error");
}

#[tokio::test]
async fn users_see_themselves() {
    let fresh = Fresh::start().await;
    let me = fresh.get("/user").await.expect(200);
    assert_eq!((&me["username"], &me["role"], &me["tenants"]), (&json!("admin"), &json!("sys_admin"), &json!(1)));
    fresh.user("viv", "viewer").await;
    let viv = As { user: "viv", password: "secret", tenant: Some("default_tenant") };
    fresh.ask_as(&viv, Method::GET, "/users/viv", None).await.expect(200);
    fresh.ask_as(&viv, Method::GET, "/users/admin", None).await.refused(403, "forbidden_error");
    let tenants = fresh.ask_as(&viv, Method::GET, "/tenants", None).await.expect(200);
    assert_eq!(tenants["items"][0]["name"], "default_tenant");
}

#[tokio::test]
async fn the_page_of_the_console_loads_nothing_from_elsewhere() {
    let fresh = Fresh::start().await;
    let request = axum::http::Request::builder().uri("/console/").body(axum::body::Body::empty()).unwrap();
    let answer = fresh.send(request).await;
    assert_eq!(answer.status, 200);
    assert!(answer.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    assert!(String::from_utf8(answer.bytes).unwrap().contains("Nephele"));
}

#[tokio::test]
async fn settings_are_changed_within_their_schema() {
    let fresh = Fresh::start().await;
    let put = async |name: &str, value: serde_json::Value| {
        fresh.put(&format!("/config/{name}"), json!({"value": value})).await
    };
    let changed = put("default_page_size", json!(500)).await.expect(200);
    assert_eq!((&changed["value"], &changed["updater_name"]), (&json!(500), &json!("admin")));
    let message = put("default_page_size", json!("x")).await.refused(409, "conflict_error");
    assert_eq!(message, "Error validating default_page_size: x is not an integer");
    assert_eq!(
        put("file_server_root", json!("x")).await.refused(409, "conflict_error"),
        "file_server_root is not editable"
    );
    put("zzz", json!(1)).await.refused(404, "not_found_error");
}

#[tokio::test]
async fn sites_are_made_moved_and_renamed() {
    let fresh = Fresh::start().await;
    fresh.put("/sites/paris", json!({"location": "48.8, 2.35"})).await.expect(200);
    let moved = fresh.post("/sites/paris", json!({"location": "1.5,2", "new_name": "paris2"})).await.expect(200);
    assert_eq!((&moved["name"], &moved["location"]), (&json!("paris2"), &json!("1.5, 2.0")));
    fresh.get("/sites/paris").await.refused(404, "not_found_error");
    fresh.delete("/sites/paris2").await.expect(204);
}
