//! Who may call what: the route table against every role.

use axum::http::Method;
use nephele_api::table::{Access, Version};
use nephele_model::Role;
use serde_json::json;

use crate::harness::{As, Fresh};

/// Routes of the newest version with their parameters filled in.
fn paths() -> Vec<(Method, String, Access)> {
    nephele_api::routes()
        .into_iter()
        .filter(|route| route.until == Version::V31)
        .map(|route| {
            let path: Vec<&str> = route
                .path
                .split('/')
                .map(|part| match part {
                    "{kind}" => "deployments",
                    "{name}" if route.path.starts_with("/tenants/") => "default_tenant",
                    part if part.starts_with('{') => "nothing-here",
                    part => part,
                })
                .collect();
            (route.method, path.join("/"), route.access)
        })
        .collect()
}

#[tokio::test]
async fn every_route_but_the_public_ones_wants_a_login() {
    let fresh = Fresh::start().await;
    for (method, path, access) in paths() {
        let request = axum::http::Request::builder()
            .method(method.clone())
            .uri(format!("/api/v3.1{path}"))
            .header("tenant", "default_tenant")
            .body(axum::body::Body::empty())
            .unwrap();
        let answer = fresh.send(request).await;
        if access == Access::Public {
            assert_eq!(answer.status, 200, "{method} {path}");
        } else {
            let message = answer.refused(401, "unauthorized_error");
            assert_eq!(message, "User unauthorized: No authentication info provided", "{method} {path}");
        }
        assert!(answer.headers.contains_key("x-request-id"));
    }
}

#[tokio::test]
async fn each_role_reaches_exactly_what_its_permissions_name() {
    let fresh = Fresh::start().await;
    for role in Role::ALL.iter().filter(|role| !role.is_system()) {
        let name = role.as_str();
        fresh.user(name, name).await;
        let caller = As { user: name, password: "secret", tenant: Some("default_tenant") };
        for (method, path, access) in paths() {
            let (Access::Needs(permission)
            | Access::NeedsOrExecution(permission)
            | Access::NeedsInNamedTenant(permission)) = access
            else {
                continue;
            };
            let answer = fresh.ask_as(&caller, method.clone(), &path, Some(json!({}))).await;
            let denied = answer.status == 403
                && answer.json()["message"].as_str().is_some_and(|message| {
                    message.contains(&format!("is not permitted to perform the action {}", permission.as_str()))
                });
            let allowed = permission.granted_to(&[Role::Default, *role]);
            assert_eq!(denied, !allowed, "{name}: {method} {path}: {answer:?}");
            assert!(answer.status.as_u16() < 500, "{name}: {method} {path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn tenants_must_exist_and_lists_need_one() {
    let fresh = Fresh::start().await;
    let nowhere = As { user: "admin", password: "admin", tenant: None };
    let lost = As { tenant: Some("nope"), ..nowhere };
    let get = async |caller: &As<'_>, path| fresh.ask_as(caller, Method::GET, path, None).await;
    assert_eq!(
        get(&lost, "/blueprints").await.refused(403, "forbidden_error"),
        "Authorization failed: Tried to authenticate with invalid tenant name: nope"
    );
    assert_eq!(
        get(&nowhere, "/blueprints").await.refused(403, "forbidden_error"),
        "Authorization failed: tenant not provided"
    );
    for path in ["/version", "/tenants", "/user", "/tokens", "/config"] {
        get(&nowhere, path).await.expect(200);
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_are_told_apart_as_ever() {
    let fresh = Fresh::start().await;
    let wrong = As { user: "admin", password: "bad", tenant: Some("default_tenant") };
    assert_eq!(
        fresh.ask_as(&wrong, Method::GET, "/blueprints", None).await.refused(401, "unauthorized_error"),
        "User unauthorized: Authentication failed for <User username=`admin`>. Wrong credentials or locked account"
    );
    let ghost = As { user: "ghost", ..wrong };
    assert_eq!(
        fresh.ask_as(&ghost, Method::GET, "/blueprints", None).await.refused(401, "unauthorized_error"),
        "User unauthorized: No authentication info provided"
    );
}

#[tokio::test]
async fn another_tenants_resources_are_not_there() {
    let fresh = Fresh::start().await;
    fresh.post("/tenants/other", json!({})).await.expect(201);
    fresh.put("/secrets/mine", json!({"value": "x"})).await.expect(200);
    let elsewhere = As { user: "admin", password: "admin", tenant: Some("other") };
    fresh.ask_as(&elsewhere, Method::GET, "/secrets/mine", None).await.refused(404, "not_found_error");
    let list = fresh.ask_as(&elsewhere, Method::GET, "/secrets", None).await.expect(200);
    assert_eq!(list["metadata"]["pagination"]["total"], 0);
    let all = fresh.ask_as(&elsewhere, Method::GET, "/secrets?_all_tenants=true", None).await.expect(200);
    assert_eq!(all["metadata"]["pagination"]["total"], 1);
}
