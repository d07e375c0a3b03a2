//! Private, tenant and global objects: who sees them, who changes them, from which side of a wall.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{ADMIN, As, Fresh, SMALL};

/// A kind of object that tenants own.
struct Kind {
    list: &'static str,
    key: &'static str,
}

const KINDS: &[Kind] = &[
    Kind { list: "/secrets", key: "key" },
    Kind { list: "/sites", key: "name" },
    Kind { list: "/blueprints", key: "id" },
    Kind { list: "/deployments", key: "id" },
];

const VISIBILITIES: [&str; 3] = ["private", "tenant", "global"];

/// Callers: user, tenant, role there.
const CALLERS: &[(&str, &str, &str)] = &[
    ("owner", "default_tenant", "user"),
    ("mgr", "default_tenant", "manager"),
    ("usr", "default_tenant", "user"),
    ("ops", "default_tenant", "operations"),
    ("view", "default_tenant", "viewer"),
    ("stranger", "other", "user"),
    ("chief", "other", "manager"),
];

/// One object of each kind and visibility, all made by `owner` in the default tenant.
async fn objects(fresh: &Fresh) {
    fresh.post("/tenants/other", json!({})).await.expect(201);
    for (user, tenant, role) in CALLERS {
        fresh.plain_user(user, "default").await;
        fresh.join(user, tenant, role).await;
    }
    // Only to let the owner make global objects, whoever else may.
    fresh.put("/permissions/user/create_global_resource", json!({})).await.expect(200);
    let owner = As { user: "owner", password: "secret", tenant: Some("default_tenant") };
    for visibility in VISIBILITIES {
        let make = async |path: String, body: Value| fresh.ask_as(&owner, Method::PUT, &path, Some(body)).await;
        make(format!("/secrets/o-{visibility}"), json!({"value": "v", "visibility": visibility})).await.expect(200);
        make(format!("/sites/o-{visibility}"), json!({"location": "1,1", "visibility": visibility})).await.expect(200);
        fresh.upload_as(&owner, &format!("o-{visibility}"), visibility, SMALL).await.expect(201);
        let body =
            json!({"blueprint_id": format!("o-{visibility}"), "inputs": {"greeting": "x"}, "visibility": visibility});
        make(format!("/deployments/o-{visibility}"), body).await.expect(201);
    }
    fresh.delete("/permissions/user/create_global_resource").await.expect(204);
}

fn sees(user: &str, tenant: &str, role: &str, visibility: &str) -> bool {
    let inside = tenant == "default_tenant";
    match visibility {
        "global" => true,
        "tenant" => inside,
        _ => inside && (user == "owner" || role == "manager"),
    }
}

#[tokio::test]
async fn everyone_sees_what_the_visibility_says() {
    let fresh = Fresh::start().await;
    objects(&fresh).await;
    let administrator = ("admin", "default_tenant", "manager");
    for (user, tenant, role) in CALLERS.iter().chain([&administrator]) {
        let password = if *user == "admin" { "admin" } else { "secret" };
        let caller = As { user, password, tenant: Some(tenant) };
        for kind in KINDS {
            let list = fresh.ask_as(&caller, Method::GET, kind.list, None).await.expect(200);
            let listed: Vec<&str> =
                list["items"].as_array().unwrap().iter().map(|item| item[kind.key].as_str().unwrap()).collect();
            for visibility in VISIBILITIES {
                let name = format!("o-{visibility}");
                let expected = sees(user, tenant, role, visibility);
                let said = format!("{user} in {tenant}: {} {name}", kind.list);
                assert_eq!(listed.contains(&name.as_str()), expected, "{said}");
                let one = fresh.ask_as(&caller, Method::GET, &format!("{}/{name}", kind.list), None).await;
                assert_eq!(one.status.as_u16(), if expected { 200 } else { 404 }, "{said}: {one:?}");
            }
        }
    }
}

/// Every route of the table that names an object of these kinds, asked from another tenant: nothing is
/// changed, and nothing is read but global objects. What makes a new object of that name in the own
/// tenant is let through by its kind.
#[tokio::test]
async fn walls_between_tenants_hold_for_every_route() {
    let fresh = Fresh::start().await;
    objects(&fresh).await;
    let state = async || {
        let mut all = Vec::new();
        for kind in KINDS {
            let list = fresh.get(&format!("{}?_sort={}", kind.list, kind.key)).await.expect(200);
            all.push(list["items"].clone());
        }
        all
    };
    let before = state().await;
    let mut asked = 0;
    for route in nephele_api::routes() {
        let Some(kind) = KINDS.iter().find(|kind| route.path.starts_with(&format!("{}/{{", kind.list))) else {
            continue;
        };
        let makes = route.method == Method::PUT && route.path.matches('/').count() == 2;
        for visibility in VISIBILITIES {
            for user in ["stranger", "chief"] {
                let rest = route.path.strip_prefix(kind.list).unwrap();
                let tail = rest.split_once('}').unwrap().1;
                let path = format!("{}/o-{visibility}{tail}", kind.list);
                let body = json!({
                    "visibility": "global", "value": "stolen", "location": "9,9", "site_name": "o-global", "labels": [],
                    "display_name": "stolen", "creator": "stranger", "inter_deployment_dependencies": [],
                });
                let caller = As { user, password: "secret", tenant: Some("other") };
                let request = Fresh::request(&caller, route.method.clone(), &path, Some(body));
                let answer = fresh.send_unread(request).await;
                asked += 1;
                let said = format!("{user}: {} {path}: {answer:?}", route.method);
                assert!(answer.status.as_u16() < 500, "{said}");
                let reads = route.method == Method::GET && visibility == "global";
                let made = makes && visibility != "global";
                assert!(!answer.status.is_success() || reads || made, "{said}");
            }
        }
    }
    assert!(asked > 100, "{asked}");
    assert_eq!(state().await, before);
}

/// What belongs to a global deployment is seen from everywhere and changed from inside; runs on it
/// need a permission of their own.
#[tokio::test]
async fn parts_of_global_deployments_are_changed_from_inside() {
    let fresh = Fresh::start().await;
    objects(&fresh).await;
    let first = async |path: &str| fresh.get(path).await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    let instance = first("/node-instances?deployment_id=o-global").await;
    let execution = first("/executions?deployment_id=o-global").await;
    let ask =
        async |user: &str, method: Method, path: &str, body: Value| fresh.by(user, "other", method, path, body).await;
    let path = format!("/node-instances/{instance}");
    ask("stranger", Method::GET, &path, json!({})).await.expect(200);
    let changed = json!({"version": 1, "state": "stolen", "runtime_properties": {"a": 1}});
    ask("chief", Method::PATCH, &path, changed).await.refused(400, "illegal_action_error");
    let path = format!("/executions/{execution}");
    ask("stranger", Method::GET, &path, json!({})).await.expect(200);
    for (method, path, body) in [
        (Method::POST, path.clone(), json!({"action": "kill"})),
        (Method::PATCH, path.clone(), json!({"status": "failed"})),
        (Method::POST, "/executions".to_owned(), json!({"deployment_id": "o-global", "workflow_id": "install"})),
        (Method::POST, "/tasks_graphs/x".to_owned(), json!({"execution_id": execution, "name": "g", "operations": []})),
        (
            Method::POST,
            "/events".to_owned(),
            json!({"execution_id": execution, "events": [{"message": {"text": "x"}}], "logs": []}),
        ),
    ] {
        ask("stranger", method, &path, body).await.refused(403, "forbidden_error");
    }
    let new = json!([{"id": "stolen"}]);
    let nodes = json!({"deployment_id": "o-global", "nodes": new, "node_instances": new});
    ask("chief", Method::POST, "/nodes", nodes.clone()).await.refused(400, "illegal_action_error");
    ask("chief", Method::POST, "/node-instances", nodes).await.refused(400, "illegal_action_error");
    let run = json!({"deployment_id": "o-global", "workflow_id": "install"});
    ask("chief", Method::POST, "/executions", run).await.expect(201);
}

#[tokio::test]
async fn visibility_only_widens_and_global_is_for_administrators() {
    let fresh = Fresh::start().await;
    objects(&fresh).await;
    let set = async |user: &str, path: &str, visibility: &str| {
        let body = json!({"visibility": visibility});
        if user == "admin" {
            return fresh.ask_as(&ADMIN, Method::PATCH, path, Some(body)).await;
        }
        fresh.by(user, "default_tenant", Method::PATCH, path, body).await
    };
    for kind in ["secrets", "blueprints"] {
        let path = |name: &str| format!("/{kind}/o-{name}/set-visibility");
        set("owner", &path("private"), "private").await.refused(400, "bad_parameters_error");
        set("owner", &path("private"), "tenant").await.expect(200);
        set("owner", &path("tenant"), "global").await.refused(403, "forbidden_error");
        set("view", &path("tenant"), "tenant").await.refused(403, "forbidden_error");
        assert_eq!(set("admin", &path("tenant"), "global").await.expect(200)["visibility"], "global");
        let message = set("admin", &path("tenant"), "tenant").await.refused(400, "illegal_action_error");
        assert!(message.ends_with("because it already has wider visibility"), "{message}");
    }
}

#[tokio::test]
async fn owners_are_changed_by_administrators() {
    let fresh = Fresh::start().await;
    objects(&fresh).await;
    for kind in ["secrets", "blueprints", "deployments"] {
        let path = format!("/{kind}/o-private");
        let give = async |user: &str, to: &str| {
            fresh.by(user, "default_tenant", Method::PATCH, &path, json!({"creator": to})).await
        };
        give("owner", "usr").await.refused(403, "forbidden_error");
        let message = fresh.patch(&path, json!({"creator": "nobody"})).await.refused(400, "bad_parameters_error");
        assert_eq!(message, "User nobody does not exist.");
        assert_eq!(fresh.patch(&path, json!({"creator": "usr"})).await.expect(200)["created_by"], "usr", "{kind}");
        fresh.by("usr", "default_tenant", Method::GET, &path, json!({})).await.expect(200);
        fresh.by("owner", "default_tenant", Method::GET, &path, json!({})).await.refused(404, "not_found_error");
    }
}
