//! Users: made, described, changed, locked out, deleted.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{As, Fresh};

#[tokio::test]
async fn users_are_made_and_described() {
    let fresh = Fresh::start().await;
    fresh.user("ann", "manager").await;
    let ann = fresh.get("/users/ann").await.expect(200);
    let expected = json!({
        "username": "ann", "tenants": 1, "tenant_roles": null, "groups": 0, "role": "default", "group_system_roles": {},
        "active": true, "first_login_at": null, "last_login_at": null, "is_locked": false,
        "show_getting_started": true, "password_hash": null, "created_at": ann["created_at"],
    });
    assert_eq!(ann, expected);
    let full = fresh.get("/users/ANN?_get_data=true").await.expect(200);
    assert_eq!(full["tenants"], json!({"default_tenant": {"tenant-role": "manager", "roles": ["manager"]}}));
    assert_eq!(full["tenant_roles"], json!({"direct": {"default_tenant": "manager"}, "groups": {}}));
    assert_eq!(full["groups"], json!([]));
    let list = fresh.get("/users?_include=username,tenants&_get_data=true&username=Ann").await.expect(200);
    assert_eq!(list["items"], json!([{"username": "ann", "tenants": full["tenants"]}]));
    let hashes = fresh.get("/users?_include_hash=true&_search=AN").await.expect(200);
    assert!(hashes["items"][0]["password_hash"].as_str().unwrap().starts_with("$pbkdf2-sha256$"));
    fresh.get("/users/nope").await.refused(404, "not_found_error");
}

#[tokio::test]
async fn names_passwords_and_roles_follow_the_rules() {
    let fresh = Fresh::start().await;
    let make = async |name: &str, password: &str, role: &str| {
        fresh.put("/users", json!({"username": name, "password": password, "role": role})).await
    };
    make("ann", "secret", "default").await.expect(201);
    make("Ann", "secret", "default").await.refused(409, "conflict_error");
    make("1ann", "secret", "default").await.refused(400, "bad_parameters_error");
    let (longest, too_long) = ("ß".repeat(256), "x".repeat(257));
    for (password, problem) in [("", "empty"), ("1234", "short"), ("äöü", "short"), (&*too_long, "long")] {
        let message = make("bob", password, "default").await.refused(400, "bad_parameters_error");
        assert!(message.contains(problem), "{message}");
    }
    make("cyd", &longest, "default").await.expect(201);
    let cyd = As { user: "cyd", password: &longest, tenant: None };
    fresh.ask_as(&cyd, Method::GET, "/user", None).await.expect(200);
    let message = make("bob", "secret", "viewer").await.refused(400, "bad_parameters_error");
    assert_eq!(message, "Invalid role: `viewer`. Valid system_role roles are: ['sys_admin', 'default']");
}

#[tokio::test]
async fn a_password_is_changed_by_its_owner_and_by_administrators() {
    let fresh = Fresh::start().await;
    fresh.user("ann", "viewer").await;
    fresh.user("bob", "manager").await;
    let change = async |user: &str, of: &str, body: Value| {
        fresh.by(user, "default_tenant", Method::POST, &format!("/users/{of}"), body).await
    };
    change("bob", "ann", json!({"password": "other-secret"})).await.refused(403, "forbidden_error");
    change("ann", "ann", json!({"role": "sys_admin"})).await.refused(403, "forbidden_error");
    change("ann", "ann", json!({"show_getting_started": false})).await.refused(403, "forbidden_error");
    change("ann", "ann", json!({"password": "other-secret"})).await.expect(200);
    let old = As { user: "ann", password: "secret", tenant: None };
    fresh.ask_as(&old, Method::GET, "/user", None).await.refused(401, "unauthorized_error");
    let new = As { password: "other-secret", ..old };
    fresh.ask_as(&new, Method::GET, "/user", None).await.expect(200);
    let message = fresh.post("/users/ann", json!({"password": "third-one", "role": "default"})).await;
    assert_eq!(message.refused(400, "bad_parameters_error"), "Both `password` and `role` provided");
    fresh.post("/users/ann", json!({})).await.refused(400, "bad_parameters_error");
    let greeted = fresh.post("/users/ann", json!({"show_getting_started": "False"})).await.expect(200);
    assert_eq!(greeted["show_getting_started"], false);
}

#[tokio::test]
async fn too_many_failures_lock_a_user_out() {
    let fresh = Fresh::start().await;
    fresh.user("ann", "viewer").await;
    let login = async |password: &'static str| {
        let caller = As { user: "ann", password, tenant: Some("default_tenant") };
        fresh.ask_as(&caller, Method::GET, "/user", None).await
    };
    let token = fresh.by("ann", "default_tenant", Method::POST, "/tokens", json!({})).await.expect(200);
    let token = token["value"].as_str().unwrap().to_owned();
    let with_token = async || {
        let request = axum::http::Request::builder()
            .uri("/api/v3.1/user")
            .header("authentication-token", &token)
            .body(axum::body::Body::empty())
            .unwrap();
        fresh.send(request).await
    };
    // Without a period nothing locks.
    for _ in 0..6 {
        login("wrong").await.refused(401, "unauthorized_error");
    }
    login("secret").await.expect(200);
    fresh.post("/users/unlock/ann", json!({})).await.refused(409, "conflict_error");

    fresh.put("/config/account_lock_period", json!({"value": 10})).await.expect(200);
    for _ in 0..5 {
        login("wrong").await.refused(401, "unauthorized_error");
    }
    let message = login("secret").await.refused(401, "unauthorized_error");
    assert!(message.ends_with("Wrong credentials or locked account"), "{message}");
    with_token().await.refused(401, "unauthorized_error");
    assert_eq!(fresh.get("/users/ann").await.expect(200)["is_locked"], true);
    let unlocked = fresh.post("/users/unlock/ann", json!({})).await.expect(200);
    assert_eq!(unlocked["is_locked"], false);
    login("secret").await.expect(200);
    with_token().await.expect(200);
}

#[tokio::test]
async fn a_deactivated_user_stays_out() {
    let fresh = Fresh::start().await;
    fresh.user("ann", "viewer").await;
    let set = async |action: &str| fresh.post("/users/active/ann", json!({"action": action})).await;
    set("activate").await.refused(409, "conflict_error");
    fresh.by("ann", "default_tenant", Method::GET, "/user", json!({})).await.expect(200);
    assert_eq!(set("deactivate").await.expect(200)["active"], false);
    fresh.by("ann", "default_tenant", Method::GET, "/user", json!({})).await.refused(401, "unauthorized_error");
    set("deactivate").await.refused(409, "conflict_error");
    set("activate").await.expect(200);
    fresh.by("ann", "default_tenant", Method::GET, "/user", json!({})).await.expect(200);
}

#[tokio::test]
async fn an_administrator_always_remains() {
    let fresh = Fresh::start().await;
    fresh.plain_user("root", "sys_admin").await;
    fresh.post("/users/active/admin", json!({"action": "deactivate"})).await.expect(200);
    let ask = async |method, path: &str, body| fresh.by("root", "default_tenant", method, path, body).await;
    let message = ask(Method::POST, "/users/active/root", json!({"action": "deactivate"})).await;
    assert_eq!(message.refused(400, "illegal_action_error"), "Cannot deactivate the last active sys_admin");
    let message = ask(Method::POST, "/users/root", json!({"role": "default"})).await;
    assert_eq!(message.refused(400, "illegal_action_error"), "Cannot modify the role of the last active sys_admin");
    ask(Method::DELETE, "/users/root", json!({})).await.refused(400, "illegal_action_error");
    ask(Method::DELETE, "/users/admin", json!({})).await.refused(400, "illegal_action_error");
    ask(Method::POST, "/users/active/admin", json!({"action": "activate"})).await.expect(200);
    ask(Method::POST, "/users/active/root", json!({"action": "deactivate"})).await.expect(200);
}

#[tokio::test]
async fn users_who_own_something_stay() {
    let fresh = Fresh::start().await;
    fresh.user("ann", "user").await;
    fresh.by("ann", "default_tenant", Method::PUT, "/secrets/k", json!({"value": "v"})).await.expect(200);
    let message = fresh.delete("/users/ann").await.refused(400, "dependent_exists_error");
    assert!(message.contains("secrets"), "{message}");
    fresh.delete("/secrets/k").await.expect(204);
    fresh.delete("/users/ann").await.expect(204);
    fresh.get("/users/ann").await.refused(404, "not_found_error");
    fresh.by("ann", "default_tenant", Method::GET, "/user", json!({})).await.refused(401, "unauthorized_error");
}

#[tokio::test]
async fn tokens_of_others_are_managed_by_administrators_alone() {
    let fresh = Fresh::start().await;
    fresh.user("ann", "user").await;
    fresh.user("bob", "user").await;
    let token = fresh.by("ann", "default_tenant", Method::POST, "/tokens", json!({})).await.expect(200);
    let path = format!("/tokens/{}", token["id"].as_str().unwrap());
    fresh.by("bob", "default_tenant", Method::GET, &path, json!({})).await.refused(404, "not_found_error");
    fresh.by("bob", "default_tenant", Method::DELETE, &path, json!({})).await.refused(404, "not_found_error");
    let of_bob = fresh.by("bob", "default_tenant", Method::GET, "/tokens", json!({})).await.expect(200);
    assert_eq!(of_bob["items"], json!([]));
    let all = fresh.get("/tokens").await.expect(200);
    assert_eq!(all["items"][0]["username"], "ann");
    fresh.delete(&path).await.expect(204);
}

#[tokio::test]
async fn users_brought_along_keep_their_hash_and_their_times() {
    let fresh = Fresh::start().await;
    fresh.plain_user("ann", "default").await;
    let hash = fresh.get("/users/ann?_include_hash=true").await.expect(200)["password_hash"].clone();
    let body = json!({
        "username": "bob", "password": hash, "is_prehashed": true, "role": "default",
        "created_at": "2020-01-01T00:00:00.000Z", "first_login_at": "2021-01-01T00:00:00.000Z",
    });
    let bob = fresh.put("/users", body).await.expect(201);
    assert_eq!(bob["created_at"], "2020-01-01T00:00:00.000Z");
    assert_eq!(bob["first_login_at"], "2021-01-01T00:00:00.000Z");
    fresh.by("bob", "default_tenant", Method::GET, "/user", json!({})).await.expect(200);
}
