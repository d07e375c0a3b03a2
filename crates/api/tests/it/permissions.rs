//! Who may do what: the built-in matrix, and changing it.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use nephele_model::{Grants, Permission};
use serde_json::json;

use crate::harness::Fresh;

/// The matrix of the specification: permission to the roles that hold it.
pub(crate) fn matrix() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let lines = include_str!("permissions.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, roles)| (name, roles.split_whitespace().collect()))
        .collect()
}

#[test]
fn the_built_in_matrix_is_that_of_the_specification() {
    let expected = matrix();
    assert_eq!(expected.len(), Permission::ALL.len());
    let grants = Grants::built_in();
    for (name, roles) in grants.iter().filter(|(name, _)| expected.contains_key(name)) {
        let roles: BTreeSet<&str> = roles.iter().map(|role| role.as_str()).collect();
        assert_eq!(roles, expected[name], "{name}");
    }
    assert!(expected.keys().all(|name| grants.iter().any(|(known, _)| known == *name)));
}

#[tokio::test]
async fn grants_are_listed_given_and_taken_at_once() {
    let fresh = Fresh::start().await;
    fresh.user("viv", "viewer").await;
    let all = fresh.get("/permissions?_size=5").await.expect(200);
    assert_eq!(all["items"].as_array().unwrap().len(), 5);
    let of_viewer = fresh.get("/permissions/viewer").await.expect(200);
    assert!(of_viewer["items"].as_array().unwrap().contains(&json!({"role": "viewer", "permission": "secret_list"})));
    fresh.get("/permissions/nobody").await.refused(404, "not_found_error");

    let path = "/permissions/viewer/secret_create";
    let create = async || fresh.by("viv", "default_tenant", Method::PUT, "/secrets/k", json!({"value": "v"})).await;
    create().await.refused(403, "forbidden_error");
    assert_eq!(fresh.put(path, json!({})).await.expect(200), json!({"role": "viewer", "permission": "secret_create"}));
    create().await.expect(200);
    assert_eq!(
        fresh.put(path, json!({})).await.refused(409, "conflict_error"),
        "viewer already has permission secret_create"
    );
    let published = fresh.get("/config").await.expect(200);
    let holders = published["authorization"]["permissions"]["secret_create"].as_array().unwrap().clone();
    assert!(holders.contains(&json!("viewer")));
    fresh.delete(path).await.expect(204);
    fresh.by("viv", "default_tenant", Method::DELETE, "/secrets/k", json!({})).await.refused(403, "forbidden_error");
    assert_eq!(fresh.delete(path).await.refused(404, "not_found_error"), "viewer does not have secret_create");
}

#[tokio::test]
async fn grants_reach_where_the_role_is_held_and_no_further() {
    let fresh = Fresh::start().await;
    fresh.post("/tenants/other", json!({})).await.expect(201);
    fresh.user("mia", "manager").await;
    fresh.plain_user("joe", "default").await;
    fresh.put("/permissions/manager/tenant_add_user", json!({})).await.expect(200);
    let add = async |tenant: &str| {
        let body = json!({"tenant_name": tenant, "username": "joe", "role": "viewer"});
        // The header names the own tenant; the tenant of the body counts.
        fresh.by("mia", "default_tenant", Method::PUT, "/tenants/users", body).await
    };
    add("default_tenant").await.expect(200);
    add("other").await.refused(403, "forbidden_error");
}
