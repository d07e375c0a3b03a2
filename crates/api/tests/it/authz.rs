//! Who may call what: the route table against every role.

use axum::http::Method;
use nephele_api::table::{Access, Version};
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

/// What a caller is in the tenants of the test.
struct Who {
    user: &'static str,
    /// Roles in the system.
    system: &'static [&'static str],
    /// Roles in the default tenant.
    own: &'static [&'static str],
    /// Roles in the tenant `other`.
    other: &'static [&'static str],
}

const WHO: &[Who] = &[
    Who { user: "nobody", system: &["default"], own: &[], other: &[] },
    Who { user: "root", system: &["sys_admin"], own: &[], other: &[] },
    Who { user: "mgr", system: &["default"], own: &["manager"], other: &[] },
    Who { user: "usr", system: &["default"], own: &["user"], other: &[] },
    Who { user: "ops", system: &["default"], own: &["operations"], other: &[] },
    Who { user: "view", system: &["default"], own: &["viewer"], other: &[] },
    // Through a group: a viewer here, a manager there.
    Who { user: "mixed", system: &["default"], own: &["viewer"], other: &["manager"] },
    // An administrator of the system through a group.
    Who { user: "deputy", system: &["default", "sys_admin"], own: &[], other: &[] },
];

async fn people(fresh: &Fresh) {
    fresh.post("/tenants/other", json!({})).await.expect(201);
    for group in ["there", "admins"] {
        let role = if group == "admins" { "sys_admin" } else { "default" };
        fresh.post("/user-groups", json!({"group_name": group, "role": role})).await.expect(201);
    }
    let membership = json!({"tenant_name": "other", "group_name": "there", "role": "manager"});
    fresh.put("/tenants/user-groups", membership).await.expect(200);
    for who in WHO {
        fresh.plain_user(who.user, who.system[0]).await;
        if let Some(role) = who.own.first() {
            fresh.join(who.user, "default_tenant", role).await;
        }
    }
    for (user, group) in [("mixed", "there"), ("deputy", "admins")] {
        fresh.put("/user-groups/users", json!({"username": user, "group_name": group})).await.expect(200);
    }
}

/// Each route, as each kind of caller, in the own tenant, in another one and in none: let in exactly
/// where the permission matrix says so. The routes come from the route table, so that none is forgotten.
#[tokio::test]
async fn each_role_reaches_exactly_what_the_matrix_says() {
    let fresh = Fresh::start().await;
    people(&fresh).await;
    let matrix = crate::permissions::matrix();
    let mut asked = 0;
    for (method, path, access) in paths() {
        for who in WHO {
            for tenant in [Some("default_tenant"), Some("other"), None] {
                let in_tenant = |tenant: Option<&str>| match tenant {
                    Some("default_tenant") => who.own,
                    Some("other") => who.other,
                    _ => &[],
                };
                let (permission, tenant_asked) = match access {
                    Access::Public | Access::Cookie | Access::Authenticated | Access::Administrators => (None, tenant),
                    Access::NeedsInNamedTenant(permission) => (Some(permission), Some("default_tenant")),
                    Access::Needs(permission)
                    | Access::NeedsOrExecution(permission)
                    | Access::NeedsInSentTenant(permission) => (Some(permission), tenant),
                };
                let body = match access {
                    Access::NeedsInSentTenant(_) => json!({"tenant_name": tenant}),
                    _ => json!({}),
                };
                let caller = As { user: who.user, password: "secret", tenant };
                let request = Fresh::request(&caller, method.clone(), &path, Some(body));
                let answer = fresh.send_unread(request).await;
                asked += 1;
                let said = format!("{} in {tenant:?}: {method} {path}: {answer:?}", who.user);
                assert!(answer.status.as_u16() < 500, "{said}");
                let Some(permission) = permission else {
                    if access == Access::Administrators {
                        assert_eq!(answer.status == 401, !who.system.contains(&"sys_admin"), "{said}");
                    }
                    continue;
                };
                let holders = &matrix[permission.as_str()];
                let roles = who.system.iter().chain(in_tenant(tenant_asked));
                let allowed = roles.into_iter().any(|role| holders.contains(*role));
                let place = tenant_asked.map_or_else(String::new, |tenant| format!(" in the tenant `{tenant}`"));
                let refusal = format!(
                    "User `{}` is not permitted to perform the action {}{place}",
                    who.user,
                    permission.as_str()
                );
                let denied = answer.status == 403 && answer.json()["message"] == refusal;
                assert_eq!(denied, !allowed, "{said}");
            }
        }
    }
    assert!(asked > 2000, "{asked} requests");
}

#[tokio::test]
async fn lists_over_tenants_cover_those_where_the_permission_is_held() {
    let fresh = Fresh::start().await;
    people(&fresh).await;
    fresh.put("/secrets/here", json!({"value": "x"})).await.expect(200);
    fresh.put("/secrets/hidden-here", json!({"value": "x", "visibility": "private"})).await.expect(200);
    let elsewhere = As { tenant: Some("other"), ..crate::harness::ADMIN };
    for (key, visibility) in [("there", "tenant"), ("hidden-there", "private")] {
        let body = json!({"value": "x", "visibility": visibility});
        fresh.ask_as(&elsewhere, Method::PUT, &format!("/secrets/{key}"), Some(body)).await.expect(200);
    }
    let seen = async |user: &str, tenant: &str, query: &str| {
        let answer = fresh.by(user, tenant, Method::GET, &format!("/secrets{query}"), json!({})).await;
        let keys = |body: serde_json::Value| -> Vec<String> {
            body["items"].as_array().unwrap().iter().map(|item| item["key"].as_str().unwrap().to_owned()).collect()
        };
        if answer.status == 200 { Ok(keys(answer.json())) } else { Err(answer.status.as_u16()) }
    };
    let all = "?_all_tenants=true&_sort=key";
    // A viewer here and a manager there sees what is private only there.
    assert_eq!(seen("mixed", "default_tenant", all).await.unwrap(), ["here", "hidden-there", "there"]);
    assert_eq!(seen("view", "default_tenant", all).await.unwrap(), ["here"]);
    // Rights somewhere do not open this tenant.
    assert_eq!(seen("view", "other", "").await, Err(403));
    assert_eq!(seen("view", "other", all).await.unwrap(), ["here"]);
    assert_eq!(seen("nobody", "default_tenant", all).await, Err(403));
    assert_eq!(seen("root", "default_tenant", all).await.unwrap().len(), 4);
    // A single object is not a list over tenants, whatever the query says.
    let one = fresh.by("view", "other", Method::GET, "/secrets/there?_all_tenants=true", json!({})).await;
    assert_eq!(one.status, 403, "{one:?}");
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
