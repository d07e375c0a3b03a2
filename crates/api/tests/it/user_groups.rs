//! User groups and tenants: who is in them, and what follows.

use axum::http::Method;
use serde_json::json;

use crate::harness::{ADMIN, As, Fresh};

#[tokio::test]
async fn roles_come_through_groups_and_go_with_them() {
    let fresh = Fresh::start().await;
    fresh.plain_user("ann", "default").await;
    let list = async || fresh.by("ann", "default_tenant", Method::GET, "/secrets", json!({})).await;
    list().await.refused(403, "forbidden_error");
    fresh.post("/user-groups", json!({"group_name": "devs", "role": "default"})).await.expect(201);
    let joined = fresh.put("/user-groups/users", json!({"username": "ann", "group_name": "devs"})).await.expect(200);
    assert_eq!(joined, json!({"name": "devs", "tenants": 0, "users": 1, "role": "default", "ldap_dn": null}));
    let membership = |role: &str| json!({"tenant_name": "default_tenant", "group_name": "devs", "role": role});
    fresh.patch("/tenants/user-groups", membership("viewer")).await.refused(404, "not_found_error");
    let tenant = fresh.put("/tenants/user-groups", membership("viewer")).await.expect(200);
    assert_eq!((&tenant["groups"], &tenant["users"]), (&json!(1), &json!(2)));
    fresh.put("/tenants/user-groups", membership("viewer")).await.refused(409, "conflict_error");
    list().await.expect(200);
    let create = async || fresh.by("ann", "default_tenant", Method::PUT, "/secrets/k", json!({"value": "v"})).await;
    create().await.refused(403, "forbidden_error");
    fresh.patch("/tenants/user-groups", membership("user")).await.expect(200);
    create().await.expect(200);

    let ann = fresh.get("/users/ann?_get_data=true").await.expect(200);
    assert_eq!(ann["tenants"], json!({"default_tenant": {"tenant-role": null, "roles": ["user"]}}));
    assert_eq!(ann["tenant_roles"], json!({"direct": {}, "groups": {"default_tenant": {"user": ["devs"]}}}));
    assert_eq!((&ann["groups"], &ann["group_system_roles"]), (&json!(["devs"]), &json!({"default": ["devs"]})));
    let group = fresh.get("/user-groups/DEVS?_get_data=true").await.expect(200);
    assert_eq!((&group["users"], &group["tenants"]), (&json!(["ann"]), &json!({"default_tenant": "user"})));
    let tenants = fresh.get("/tenants?_get_data=true").await.expect(200);
    assert_eq!(tenants["items"][0]["groups"], json!({"devs": "user"}));
    assert_eq!(tenants["items"][0]["users"]["ann"], json!({"tenant-role": null, "roles": ["user"]}));
    assert_eq!(tenants["items"][0]["users"]["admin"], json!({"tenant-role": "user", "roles": ["user"]}));
    let by_role = json!({"direct": {"admin": "user"}, "groups": {"devs": {"role": "user", "users": ["ann"]}}});
    assert_eq!(tenants["items"][0]["user_roles"], by_role);

    fresh
        .ask_as(&ADMIN, Method::DELETE, "/user-groups/users", Some(json!({"username": "ann", "group_name": "devs"})))
        .await
        .expect(204);
    list().await.refused(403, "forbidden_error");
    fresh
        .ask_as(&ADMIN, Method::DELETE, "/user-groups/users", Some(json!({"username": "ann", "group_name": "devs"})))
        .await
        .refused(404, "not_found_error");
    fresh.ask_as(&ADMIN, Method::DELETE, "/tenants/user-groups", Some(membership("user"))).await.expect(204);
    fresh
        .ask_as(&ADMIN, Method::DELETE, "/tenants/user-groups", Some(membership("user")))
        .await
        .refused(404, "not_found_error");
    fresh.delete("/user-groups/devs").await.expect(204);
    fresh.get("/user-groups/devs").await.refused(404, "not_found_error");
}

#[tokio::test]
async fn groups_are_told_apart_whatever_the_case() {
    let fresh = Fresh::start().await;
    let make = async |name: &str, dn: &str| {
        fresh.post("/user-groups", json!({"group_name": name, "role": "default", "ldap_group_dn": dn})).await
    };
    make("devs", "cn=devs,dc=example").await.expect(201);
    let message = make("DEVS", "cn=x").await.refused(409, "conflict_error");
    assert!(message.contains("already exists") && message.contains("devs"), "{message}");
    make("other", "CN=devs,DC=example").await.refused(409, "conflict_error");
    make("users", "cn=y").await.refused(400, "bad_parameters_error");
    for query in ["name=Devs", "ldap_dn=CN%3Ddevs%2Cdc%3Dexample", "_search=DEV"] {
        let list = fresh.get(&format!("/user-groups?{query}")).await.expect(200);
        assert_eq!(list["metadata"]["pagination"]["total"], 1, "{query}");
    }
    assert_eq!(fresh.post("/user-groups/devs", json!({"role": "sys_admin"})).await.expect(200)["role"], "sys_admin");
    fresh.post("/user-groups/devs", json!({"role": "viewer"})).await.refused(400, "bad_parameters_error");
    fresh.post("/user-groups/devs", json!({})).await.refused(400, "bad_parameters_error");
}

#[tokio::test]
async fn tenants_are_left_and_deleted() {
    let fresh = Fresh::start().await;
    fresh.user("ann", "user").await;
    let membership = |role: &str| json!({"tenant_name": "default_tenant", "username": "ann", "role": role});
    fresh.put("/tenants/users", membership("user")).await.refused(409, "conflict_error");
    fresh.patch("/tenants/users", membership("viewer")).await.expect(200);
    fresh.patch("/tenants/users", membership("default")).await.refused(400, "bad_parameters_error");
    fresh.ask_as(&ADMIN, Method::DELETE, "/tenants/users", Some(membership("viewer"))).await.expect(204);
    fresh
        .ask_as(&ADMIN, Method::DELETE, "/tenants/users", Some(membership("viewer")))
        .await
        .refused(404, "not_found_error");
    fresh.by("ann", "default_tenant", Method::GET, "/secrets", json!({})).await.refused(403, "forbidden_error");

    fresh.post("/tenants/t2", json!({"rabbitmq_password": ""})).await.expect(201);
    fresh.post("/tenants/t2", json!({})).await.refused(409, "conflict_error");
    fresh.post("/tenants/users", json!({})).await;
    let there = As { tenant: Some("t2"), ..ADMIN };
    fresh.ask_as(&there, Method::PUT, "/secrets/k", Some(json!({"value": "v"}))).await.expect(200);
    let message = fresh.delete("/tenants/t2").await.refused(400, "dependent_exists_error");
    assert!(message.contains("secrets"), "{message}");
    fresh.ask_as(&there, Method::DELETE, "/secrets/k", None).await.expect(204);
    fresh.delete("/tenants/t2").await.expect(204);
    fresh.ask_as(&there, Method::GET, "/secrets", None).await.refused(403, "forbidden_error");
    fresh.delete("/tenants/default_tenant").await.refused(400, "illegal_action_error");
}

#[tokio::test]
async fn the_way_of_a_tenants_messages_is_shown_to_its_users() {
    let fresh = Fresh::start().await;
    fresh.user("ann", "user").await;
    fresh.user("viv", "viewer").await;
    fresh.post("/tenants/t2", json!({"rabbitmq_password": "given"})).await.expect(201);
    let t2 = fresh.get("/tenants/t2").await.expect(200);
    assert_eq!(t2["rabbitmq_vhost"], "rabbitmq_vhost_t2");
    assert_eq!((&t2["rabbitmq_username"], &t2["rabbitmq_password"]), (&json!("rabbitmq_user_t2"), &json!("given")));
    let own = fresh.by("ann", "default_tenant", Method::GET, "/tenants/default_tenant", json!({})).await.expect(200);
    assert_eq!(own["rabbitmq_password"].as_str().unwrap().len(), 32);
    fresh
        .by("viv", "default_tenant", Method::GET, "/tenants/default_tenant", json!({}))
        .await
        .refused(403, "forbidden_error");
    let listed = async |user: &str, query: &str| {
        let list =
            fresh.by(user, "default_tenant", Method::GET, &format!("/tenants{query}"), json!({})).await.expect(200);
        list["items"][0]["rabbitmq_password"].clone()
    };
    assert_eq!(listed("ann", "").await, json!(null));
    assert_eq!(listed("ann", "?_include=name,rabbitmq_password").await, own["rabbitmq_password"]);
    assert_eq!(listed("viv", "?_include=name,rabbitmq_password").await, json!(null));
}
