//! One object of every kind that tenants own, in each visibility: what the tests of rights ask for.
//!
//! They are made by `owner`, a user of the default tenant; those that are global by `root`, an
//! administrator of the system, and what nobody else may make by `admin`.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, As, Fresh, SMALL, zip};
use crate::plugins::{YAML, wagon};

/// Whose rights count where an object of another tenant is to be changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wall {
    /// Nobody's.
    Closed,
    /// Those of whoever may run workflows on global deployments of other tenants.
    Runs,
}

/// A kind of object.
pub(crate) struct Kind {
    /// The beginning of the routes that are about one object.
    pub(crate) place: &'static str,
    /// The route that lists them, and the field that tells one from the others.
    pub(crate) list: Option<(&'static str, &'static str)>,
    pub(crate) visibilities: &'static [&'static str],
    pub(crate) wall: Wall,
    /// Made by the first administrator.
    pub(crate) by_admin: bool,
}

const ALL: &[&str] = &["private", "tenant", "global"];

const fn kind(place: &'static str, list: Option<(&'static str, &'static str)>) -> Kind {
    Kind { place, list, visibilities: ALL, wall: Wall::Closed, by_admin: false }
}

const fn run(place: &'static str, list: Option<(&'static str, &'static str)>) -> Kind {
    Kind { wall: Wall::Runs, ..kind(place, list) }
}

pub(crate) const KINDS: &[Kind] = &[
    kind("/secrets/{key}", Some(("/secrets", "key"))),
    kind("/secrets-providers/{name}", Some(("/secrets-providers", "name"))),
    kind("/sites/{name}", Some(("/sites", "name"))),
    kind("/blueprints/{id}", Some(("/blueprints", "id"))),
    kind("/deployments/{id}", Some(("/deployments", "id"))),
    kind("/plugins/{id}", Some(("/plugins", "id"))),
    kind("/filters/{kind}/{id}", Some(("/filters/deployments", "id"))),
    kind("/deployment-groups/{id}", Some(("/deployment-groups", "id"))),
    kind("/deployment-modifications/{id}", Some(("/deployment-modifications", "id"))),
    kind("/deployment-updates/{id}", Some(("/deployment-updates", "id"))),
    kind("/execution-groups/{id}", Some(("/execution-groups", "id"))),
    kind("/node-instances/{id}", Some(("/node-instances", "id"))),
    kind("/nodes/{deployment}/{node}", None),
    kind("/agents/{name}", Some(("/agents", "id"))),
    run("/executions/{id}", Some(("/executions", "id"))),
    run("/execution-schedules/{id}", Some(("/execution-schedules", "id"))),
    run("/tasks_graphs/{id}", None),
    run("/operations/{id}", None),
    Kind { visibilities: &["tenant"], ..kind("/plugins-updates/{id}", Some(("/plugins-updates", "id"))) },
    Kind { visibilities: &["private"], by_admin: true, ..kind("/snapshots/{id}", Some(("/snapshots", "id"))) },
    Kind { visibilities: &["private"], by_admin: true, ..kind("/log-bundles/{id}", Some(("/log-bundles", "id"))) },
];

const OWNER: As<'_> = As { user: "owner", password: "secret", tenant: Some("default_tenant") };
const ROOT: As<'_> = As { user: "root", ..OWNER };

/// Who makes objects of a visibility: what everybody sees needs more than a user's rights.
fn maker(visibility: &str) -> &'static As<'static> {
    if visibility == "global" { &ROOT } else { &OWNER }
}

/// Objects by place and visibility, each as the path to it.
pub(crate) struct Objects(BTreeMap<(&'static str, &'static str), String>);

impl Objects {
    /// Makes them; `owner` and `root` have to be there.
    pub(crate) async fn make(fresh: &Fresh) -> Self {
        for visibility in ALL {
            fresh.upload_as(maker(visibility), &format!("base-{visibility}"), visibility, SMALL).await.expect(201);
            for name in ["base", "updated"] {
                deployment(fresh, name, visibility).await;
            }
        }
        let mut objects = Self(BTreeMap::new());
        for kind in KINDS {
            for visibility in kind.visibilities {
                objects.0.insert((kind.place, visibility), make(fresh, kind.place, visibility).await);
            }
        }
        objects
    }

    pub(crate) fn path(&self, kind: &Kind, visibility: &'static str) -> &str {
        &self.0[&(kind.place, visibility)]
    }

    /// Makes one again that was deleted, or that ended.
    pub(crate) async fn renew(&mut self, fresh: &Fresh, kind: &Kind, visibility: &'static str) {
        self.0.insert((kind.place, visibility), make(fresh, kind.place, visibility).await);
    }

    /// Waits until an object is gone.
    pub(crate) async fn gone(&self, fresh: &Fresh, kind: &Kind, visibility: &'static str) {
        let path = self.path(kind, visibility);
        for _ in 0..500 {
            if fresh.get(path).await.status == 404 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{path} stays");
    }
}

async fn by(caller: &As<'_>, fresh: &Fresh, method: Method, path: &str, body: Value) -> Value {
    let answer = fresh.ask_as(caller, method, path, Some(body)).await;
    assert!(answer.status.is_success(), "{path}: {answer:?}");
    if answer.bytes.is_empty() { Value::Null } else { answer.json() }
}

async fn deployment(fresh: &Fresh, name: &str, visibility: &str) {
    let body =
        json!({"blueprint_id": format!("base-{visibility}"), "inputs": {"greeting": "x"}, "visibility": visibility});
    by(maker(visibility), fresh, Method::PUT, &format!("/deployments/{name}-{visibility}"), body).await;
}

/// Makes an object of a kind and gives the path to it.
async fn make(fresh: &Fresh, place: &str, visibility: &str) -> String {
    let (name, base, updated) =
        (format!("o-{visibility}"), format!("base-{visibility}"), format!("updated-{visibility}"));
    let put = async |path: String, body: Value| {
        by(maker(visibility), fresh, Method::PUT, &path, body).await;
        path
    };
    let made = async |path: &str, body: Value| {
        let made = by(maker(visibility), fresh, Method::POST, path, body).await;
        made["id"].as_str().unwrap().to_owned()
    };
    let first = async |list: &str| fresh.get(list).await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    let instance = first(&format!("/node-instances?deployment_id={base}")).await;
    let execution = first(&format!("/executions?deployment_id={base}&_sort=created_at")).await;
    match place {
        "/secrets/{key}" => put(format!("/secrets/{name}"), json!({"value": "v", "visibility": visibility})).await,
        "/sites/{name}" => put(format!("/sites/{name}"), json!({"location": "1,1", "visibility": visibility})).await,
        "/secrets-providers/{name}" => {
            let body = json!({
                "name": name, "type": "vault", "visibility": visibility,
                "connection_parameters": {"url": "http://127.0.0.1:1", "path": "secret/x", "token": "t"},
            });
            put("/secrets-providers".to_owned(), body).await;
            format!("/secrets-providers/{name}")
        }
        "/blueprints/{id}" => {
            fresh.upload_as(maker(visibility), &name, visibility, SMALL).await.expect(201);
            format!("/blueprints/{name}")
        }
        "/deployments/{id}" => {
            deployment(fresh, "o", visibility).await;
            format!("/deployments/{name}")
        }
        "/plugins/{id}" => {
            let version = json!({"package_version": format!("1.{}", visibility.len()), "package_name": name});
            let archive = zip(&[("shapes.wgn", &wagon(&version)), ("plugin.yaml", YAML.as_bytes())]);
            let mut request =
                Fresh::request(maker(visibility), Method::POST, &format!("/plugins?visibility={visibility}"), None);
            *request.body_mut() = Body::from(archive);
            let plugin = fresh.send(request).await.expect(201);
            format!("/plugins/{}", plugin["id"].as_str().unwrap())
        }
        "/filters/{kind}/{id}" => {
            let rules = json!([{"key": "a", "values": ["b"], "operator": "any_of", "type": "label"}]);
            put(format!("/filters/deployments/{name}"), json!({"filter_rules": rules, "visibility": visibility})).await
        }
        "/deployment-groups/{id}" => put(format!("/deployment-groups/{name}"), json!({"visibility": visibility})).await,
        "/deployment-modifications/{id}" => {
            let id = made("/deployment-modifications", json!({"deployment_id": updated, "nodes": {}})).await;
            format!("/deployment-modifications/{id}")
        }
        "/deployment-updates/{id}" => {
            let body = json!({"deployment_id": updated, "execution_id": execution, "state": "successful"});
            put(format!("/deployment-updates/{name}"), body).await
        }
        "/execution-groups/{id}" => {
            let group = format!("run-{visibility}");
            put(format!("/deployment-groups/{group}"), json!({"visibility": visibility})).await;
            let id = made("/execution-groups", json!({"deployment_group_id": group, "workflow_id": "install"})).await;
            format!("/execution-groups/{id}")
        }
        "/executions/{id}" => format!("/executions/{execution}"),
        "/execution-schedules/{id}" => {
            let body = json!({"workflow_id": "install", "since": "2099-01-01T00:00:00.000Z", "count": 1});
            put(format!("/execution-schedules/{name}?deployment_id={base}"), body).await
        }
        "/nodes/{deployment}/{node}" => format!("/nodes/{base}/app"),
        "/node-instances/{id}" => format!("/node-instances/{instance}"),
        "/agents/{name}" => {
            let body = json!({
                "node_instance_id": instance, "state": "creating", "install_method": "remote",
                "create_rabbitmq_user": false, "visibility": visibility,
            });
            put(format!("/agents/{name}"), body).await
        }
        "/tasks_graphs/{id}" | "/operations/{id}" => {
            let task = uuid::Uuid::new_v4().to_string();
            let operation = json!({"id": task, "name": "o", "type": "NOPLocalWorkflowTask", "state": "pending"});
            let graph = json!({"execution_id": execution, "name": task, "operations": [operation]});
            let id = made("/tasks_graphs/x", graph).await;
            if place.starts_with("/operations") { format!("/operations/{task}") } else { format!("/tasks_graphs/{id}") }
        }
        "/plugins-updates/{id}" => {
            let path = format!("/plugins-updates/{base}/update/initiate");
            format!("/plugins-updates/{}", made(&path, json!({"all_to_latest": true})).await)
        }
        "/snapshots/{id}" => {
            fresh.send_bytes(Method::PUT, &format!("/snapshots/{name}/archive"), zip(&[("a", b"1")])).await.expect(201);
            format!("/snapshots/{name}")
        }
        "/log-bundles/{id}" => {
            let begun = fresh.put(&format!("/log-bundles/{name}"), json!({})).await.expect(201);
            fresh.ended(begun["id"].as_str().unwrap()).await;
            format!("/log-bundles/{name}")
        }
        other => panic!("nobody makes {other}"),
    }
}

/// Asks with whatever bytes.
pub(crate) async fn ask_with_bytes(
    fresh: &Fresh,
    caller: &As<'_>,
    method: Method,
    path: &str,
    bytes: Vec<u8>,
) -> Answer {
    let mut request = Fresh::request(caller, method, path, None);
    *request.body_mut() = Body::from(bytes);
    fresh.send_unread(request).await
}
