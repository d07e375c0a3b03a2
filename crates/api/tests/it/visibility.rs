//! Private, tenant and global objects: who sees them, who changes them, from which side of a wall.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{ADMIN, Fresh};
use crate::matrix::people;
use crate::objects::{KINDS, Objects};

/// What belongs to a global deployment is seen from everywhere and changed from inside; runs on it
/// need a permission of their own.
#[tokio::test]
async fn parts_of_global_deployments_are_changed_from_inside() {
    let fresh = Fresh::start().await;
    people(&fresh).await;
    Objects::make(&fresh).await;
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

/// Requests that name a global object of another tenant otherwise than in their path.
#[tokio::test]
async fn what_is_named_in_a_body_is_behind_the_wall_too() {
    let fresh = Fresh::start().await;
    people(&fresh).await;
    let objects = Objects::make(&fresh).await;
    let id = |place: &str| {
        let kind = KINDS.iter().find(|kind| kind.place == place).unwrap();
        objects.path(kind, "global").rsplit('/').next().unwrap().to_owned()
    };
    let (instance, group) = (id("/node-instances/{id}"), id("/execution-groups/{id}"));
    let agent = json!({
        "node_instance_id": instance, "state": "creating", "install_method": "remote", "create_rabbitmq_user": false,
    });
    let told = json!({"execution_group_id": group, "events": [], "logs": [{"message": {"text": "x"}, "context": {}}]});
    let due = json!({"workflow_id": "install", "since": "2099-01-01T00:00:00.000Z", "count": 1});
    let taken_in = json!({"deployment_ids": ["base-global"], "labels": [{"a": "b"}]});
    let renewed = json!({
        "action": "update-stored", "deployment_id": "base-global", "node_id": "app", "operation": "a.b",
    });
    for (method, path, body) in [
        (Method::PUT, "/agents/own", agent),
        (Method::POST, "/events", told),
        (Method::PUT, "/execution-schedules/own?deployment_id=base-global", due),
        (Method::PUT, "/deployment-groups/own", taken_in),
        (Method::PUT, "/deployment-groups/o-global", json!({"description": "stolen"})),
        (Method::POST, "/deployment-modifications", json!({"deployment_id": "base-global", "nodes": {}})),
        (Method::POST, "/deployment-updates/base-global/update/initiate", json!({})),
        (Method::POST, "/plugins-updates/base-global/update/initiate", json!({"all_to_latest": true})),
        (Method::POST, "/operations", renewed),
    ] {
        let answer = fresh.by("stranger", "other", method.clone(), path, body).await;
        let refused = matches!(answer.status.as_u16(), 400 | 403) && {
            let message = answer.json()["message"].to_string();
            message.contains("outside its tenant") || message.contains("different tenant")
        };
        assert!(refused, "{method} {path}: {} {}", answer.status, String::from_utf8_lossy(&answer.bytes));
    }
    let everywhere = json!({"all_to_latest": true, "all_tenants": true});
    let message =
        fresh.by("mgr", "default_tenant", Method::POST, "/plugins-updates/base-tenant/update/initiate", everywhere);
    message.await.refused(403, "forbidden_error");
}

#[tokio::test]
async fn executions_of_other_tenants_are_not_deleted() {
    let fresh = Fresh::start().await;
    people(&fresh).await;
    Objects::make(&fresh).await;
    let body = json!({"deployment_id": "base-global", "workflow_id": "install"});
    let run = fresh.post("/executions", body).await.expect(201);
    fresh.ended(run["id"].as_str().unwrap()).await;
    let total =
        async || fresh.get("/executions?workflow_id=install").await.expect(200)["items"].as_array().unwrap().len();
    assert_eq!(total().await, 1);
    let delete = async |user: &str, tenant: &str, query: &str| {
        fresh.by(user, tenant, Method::DELETE, &format!("/executions{query}"), json!({})).await.expect(200)
    };
    delete("hand", "other", "").await;
    delete("hand", "other", "?_all_tenants=true").await;
    assert_eq!(total().await, 1);
    delete("ops", "default_tenant", "").await;
    assert_eq!(total().await, 0);
}

/// A group is no way around what its members are: neither those of other tenants, nor private ones.
#[tokio::test]
async fn members_of_groups_keep_their_own_walls() {
    let fresh = Fresh::start().await;
    people(&fresh).await;
    Objects::make(&fresh).await;
    let ask = async |user: &str, tenant: &str, method, path: &str, body: Value| {
        fresh.by(user, tenant, method, path, body).await
    };
    let run = |group: &str| json!({"deployment_group_id": group, "workflow_id": "install"});
    let group = |members: &[&str]| json!({"deployment_ids": members, "visibility": "tenant"});

    let members = group(&["base-global"]);
    ask("stranger", "other", Method::PUT, "/deployment-groups/borrowed", members).await.expect(200);
    ask("stranger", "other", Method::POST, "/execution-groups", run("borrowed")).await.refused(403, "forbidden_error");
    ask("chief", "other", Method::POST, "/execution-groups", run("borrowed")).await.expect(200);
    let all = "/deployment-groups/borrowed?delete_deployments=true";
    ask("chief", "other", Method::DELETE, all, json!({})).await.refused(400, "illegal_action_error");

    let members = group(&["base-private", "base-tenant"]);
    ask("owner", "default_tenant", Method::PUT, "/deployment-groups/mixed", members).await.expect(200);
    ask("usr", "default_tenant", Method::POST, "/execution-groups", run("mixed")).await.refused(404, "not_found_error");
    let all = "/deployment-groups/mixed?delete_deployments=true";
    ask("usr", "default_tenant", Method::DELETE, all, json!({})).await.refused(404, "not_found_error");
    ask("owner", "default_tenant", Method::POST, "/execution-groups", run("mixed")).await.expect(200);
}

#[tokio::test]
async fn visibility_only_widens_and_global_is_for_administrators() {
    let fresh = Fresh::start().await;
    people(&fresh).await;
    Objects::make(&fresh).await;
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
    people(&fresh).await;
    Objects::make(&fresh).await;
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
