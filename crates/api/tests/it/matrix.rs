//! Every route that names an object × every role × own and other tenant × every visibility: let in,
//! refused, or told that there is nothing, exactly as the permission matrix and the visibility say.
//!
//! The routes come from the route table. One that is about no kind of `objects` has to be named here as
//! being about nothing that tenants own, so that none is forgotten.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use nephele_api::table::{Access, Route, Version};
use nephele_model::Permission;
use serde_json::{Value, json};

use crate::harness::{Answer, As, Fresh, tar_gz, zip};
use crate::objects::{KINDS, Kind, Objects, Wall, ask_with_bytes};
use crate::permissions::matrix;

/// Beginnings of routes about what belongs to no tenant, or to a person.
const OF_NO_TENANT: &[&str] = &[
    "/file-server-proxy/",
    "/managers/",
    "/brokers/",
    "/config/",
    "/maintenance/",
    "/tenants/",
    "/users/",
    "/user-groups/",
    "/permissions/",
    "/tokens/",
    "/labels/",
    "/filters/{kind}",
];

/// Routes that make an object of the name in the caller's tenant, or would if it were not taken.
const MAKING: &[(&str, &str)] = &[
    ("PUT", "/secrets/{key}"),
    ("PUT", "/sites/{name}"),
    ("PUT", "/blueprints/{id}"),
    ("PUT", "/blueprints/{id}/validate"),
    ("PUT", "/deployments/{id}"),
    ("PUT", "/deployment-groups/{id}"),
    ("PUT", "/deployment-updates/{id}"),
    ("PUT", "/filters/{kind}/{id}"),
    ("PUT", "/execution-schedules/{id}"),
    ("PUT", "/agents/{name}"),
    ("PUT", "/operations/{id}"),
    ("POST", "/tasks_graphs/{id}"),
    ("PUT", "/snapshots/{id}"),
    ("PUT", "/snapshots/{id}/archive"),
    ("PUT", "/log-bundles/{id}"),
];

/// Routes with another method than GET that only show an object, or use it.
const USING: &[(&str, &str)] = &[
    ("POST", "/deployment-updates/{id}/update/{phase}"),
    ("PATCH", "/tasks_graphs/{id}"),
    // A global plugin is there for all tenants to install.
    ("POST", "/plugins/{id}"),
];

/// Routes after which an object is not what it was.
const ENDING: &[(&str, &str)] =
    &[("POST", "/deployment-modifications/{id}/finish"), ("POST", "/deployment-modifications/{id}/rollback")];

/// Routes for executions that update a deployment; nobody else may go on.
const FOR_UPDATES: &[(&str, &str)] = &[
    ("PATCH", "/nodes/{deployment}/{node}"),
    ("DELETE", "/nodes/{deployment}/{node}"),
    ("DELETE", "/node-instances/{id}"),
];

/// Routes that refuse even those who may, as the objects are.
const NEVER: &[(&str, &str)] = &[
    // What made a deployment ended long ago.
    ("POST", "/executions/{id}"),
    ("POST", "/executions/{id}/tasks/{task}"),
    ("PATCH", "/executions/{id}"),
    // There are blueprints, and it is not forced; an update that needs no change has no other phase.
    ("POST", "/snapshots/{id}/restore"),
    ("POST", "/plugins-updates/{id}/update/{phase}"),
];

/// A caller: roles in the system, in the default tenant and in the tenant `other`.
struct Who {
    user: &'static str,
    system: &'static str,
    own: Option<&'static str>,
    other: Option<&'static str>,
}

const fn who(user: &'static str, system: &'static str, own: Option<&'static str>, other: Option<&'static str>) -> Who {
    Who { user, system, own, other }
}

const WHO: &[Who] = &[
    who("owner", "default", Some("user"), None),
    who("root", "sys_admin", None, None),
    who("mgr", "default", Some("manager"), None),
    who("usr", "default", Some("user"), None),
    who("ops", "default", Some("operations"), None),
    who("view", "default", Some("viewer"), None),
    who("outsider", "default", None, None),
    who("chief", "default", None, Some("manager")),
    who("stranger", "default", None, Some("user")),
    who("hand", "default", None, Some("operations")),
    who("guest", "default", None, Some("viewer")),
];

/// Makes the tenant `other`, and the callers.
pub(crate) async fn people(fresh: &Fresh) {
    fresh.post("/tenants/other", json!({})).await.expect(201);
    for who in WHO {
        fresh.plain_user(who.user, who.system).await;
        for (tenant, role) in [("default_tenant", who.own), ("other", who.other)] {
            if let Some(role) = role {
                fresh.join(who.user, tenant, role).await;
            }
        }
    }
}

type Matrix = BTreeMap<&'static str, BTreeSet<&'static str>>;

impl Who {
    fn may(&self, matrix: &Matrix, permission: Permission, tenant: &str) -> bool {
        let holders = &matrix[permission.as_str()];
        let role = if tenant == "other" { self.other } else { self.own };
        holders.contains(self.system) || role.is_some_and(|role| holders.contains(role))
    }

    fn sees(&self, matrix: &Matrix, tenant: &str, kind: &Kind, visibility: &str) -> bool {
        let own = !kind.by_admin && self.user == "owner";
        match visibility {
            "global" => true,
            "tenant" => tenant != "other",
            _ => tenant != "other" && (own || self.may(matrix, Permission::Administrators, tenant)),
        }
    }
}

/// What has to come of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// The role lacks the permission.
    Denied,
    /// There is nothing of that name for the caller.
    Hidden,
    /// It is there, and cannot be changed from another tenant.
    Walled,
    /// Only executions of a kind go on here.
    Elsewhere,
    /// Nothing but that other people's objects stay as they are.
    Apart,
    Allowed,
}

fn is(route: &Route, list: &[(&str, &str)]) -> bool {
    list.contains(&(route.method.as_str(), route.path))
}

fn permission(route: &Route) -> Permission {
    match route.access {
        Access::Needs(permission) | Access::NeedsOrExecution(permission) => permission,
        other => panic!("{} asks for {other:?}", route.path),
    }
}

fn expected(matrix: &Matrix, route: &Route, who: &Who, tenant: &str, kind: &Kind, visibility: &str) -> Expected {
    if !who.may(matrix, permission(route), tenant) {
        return Expected::Denied;
    }
    if is(route, FOR_UPDATES) {
        return Expected::Elsewhere;
    }
    if is(route, MAKING) {
        return Expected::Apart;
    }
    if !who.sees(matrix, tenant, kind, visibility) {
        return Expected::Hidden;
    }
    let reads = route.method == Method::GET || is(route, USING);
    let runs = kind.wall == Wall::Runs || route.path == "/deployments/{id}/plan";
    let passes = runs && who.may(matrix, Permission::ExecuteGlobalWorkflow, tenant);
    if tenant == "other" && !reads && !passes {
        return Expected::Walled;
    }
    let widens = route.path.ends_with("/set-visibility") && visibility == "global";
    if widens && !who.may(matrix, Permission::CreateGlobalResource, tenant) {
        return Expected::Denied;
    }
    Expected::Allowed
}

/// Whether an answer is what was expected.
fn is_right(expected: Expected, answer: &Answer) -> bool {
    if answer.status.is_success() {
        return matches!(expected, Expected::Apart | Expected::Allowed);
    }
    let body = answer.json();
    let text = |key: &str| body[key].as_str().unwrap_or_default();
    let (status, code, message) = (answer.status.as_u16(), text("error_code"), text("message"));
    let is_wall = message.contains("outside its tenant") || message.contains("different tenant");
    match expected {
        Expected::Denied => status == 403 && message.contains("is not permitted to"),
        Expected::Hidden => (status, code) == (404, "not_found_error"),
        Expected::Walled => {
            is_wall && matches!((status, code), (400, "illegal_action_error") | (403, "forbidden_error"))
        }
        Expected::Elsewhere => code == "only_deployment_update",
        Expected::Apart => status < 500,
        Expected::Allowed => matches!(status, 400 | 409) && !is_wall,
    }
}

/// What is sent.
enum Sent {
    Json(Value),
    Bytes(Vec<u8>),
}

fn body(route: &Route, visibility: &str) -> Sent {
    let archive = || tar_gz(&[("bp/blueprint.yaml", crate::harness::SMALL.as_bytes())]);
    Sent::Json(match (route.method.as_str(), route.path) {
        ("PUT", "/blueprints/{id}/archive") => return Sent::Bytes(archive()),
        ("PUT", "/log-bundles/{id}/archive") => return Sent::Bytes(zip(&[("a", b"1")])),
        (_, path) if path.ends_with("/set-visibility") => json!({"visibility": visibility}),
        ("PATCH", "/blueprints/{id}" | "/deployments/{id}") => json!({"labels": []}),
        ("POST", "/snapshots/{id}/restore") => {
            json!({"force": false, "restore_certificates": false, "no_reboot": false})
        }
        ("PATCH", "/secrets/{key}") => json!({"value": "v"}),
        ("POST", "/sites/{name}") => json!({"location": "2,2"}),
        ("POST", "/executions/{id}/tasks/{task}") => json!({"action": "skip", "reason": "why"}),
        ("POST", "/deployments/{id}/plan") => json!({"workflow_id": "install"}),
        ("POST", "/deployments/{id}/set-site") => json!({"detach_site": true}),
        ("PUT", "/deployments/{id}/inter-deployment-dependencies") => json!({"inter_deployment_dependencies": []}),
        ("PATCH", "/filters/{kind}/{id}") => {
            json!({"filter_rules": [{"key": "a", "values": ["c"], "operator": "any_of", "type": "label"}]})
        }
        ("PATCH", "/deployment-groups/{id}") => json!({"add": {}, "remove": {}}),
        ("POST", "/execution-groups/{id}" | "/executions/{id}") => json!({"action": "cancel"}),
        ("PATCH", "/execution-groups/{id}") => json!({"concurrency": 3}),
        ("PATCH", "/executions/{id}") => json!({"status": "started"}),
        ("PATCH", "/node-instances/{id}") => json!({"version": 1000, "state": "started"}),
        ("PATCH", "/agents/{name}") => json!({"state": "started"}),
        ("PATCH", "/tasks_graphs/{id}" | "/operations/{id}") => json!({"state": "pending"}),
        ("PATCH", "/snapshots/{id}" | "/log-bundles/{id}") => json!({"status": "created"}),
        ("PATCH", "/deployment-updates/{id}") => json!({"state": "successful"}),
        ("POST", "/plugins/{id}") => json!({"action": "install", "managers": [], "agents": []}),
        ("PUT", "/plugins/{id}") => json!({"state": "installed", "manager": "manager"}),
        _ => json!({}),
    })
}

/// The routes about objects, each with its kind.
fn routes() -> Vec<(Route, &'static Kind)> {
    let mut found = Vec::new();
    for route in nephele_api::routes() {
        if !route.path.contains('{') || route.until != Version::V31 {
            continue;
        }
        match KINDS.iter().find(|kind| route.path.starts_with(kind.place)) {
            Some(kind) => found.push((route, kind)),
            None => assert!(
                OF_NO_TENANT.iter().any(|place| route.path.starts_with(place)),
                "{} {} is about no kind of object",
                route.method,
                route.path
            ),
        }
    }
    // What is made by these hides what is expected to be hidden.
    found.sort_by_key(|(route, _)| is(route, MAKING));
    found
}

async fn ask(fresh: &Fresh, route: &Route, path: &str, caller: &As<'_>, visibility: &str) -> Answer {
    match body(route, visibility) {
        Sent::Json(body) => fresh.send_unread(Fresh::request(caller, route.method.clone(), path, Some(body))).await,
        Sent::Bytes(bytes) => ask_with_bytes(fresh, caller, route.method.clone(), path, bytes).await,
    }
}

fn filled(route: &Route, kind: &Kind, objects: &Objects, visibility: &'static str) -> String {
    let object = objects.path(kind, visibility);
    let (object, query) =
        object.split_once('?').map_or((object, String::new()), |(path, query)| (path, format!("?{query}")));
    let rest = route.path[kind.place.len()..].replace("{phase}", "finalize").replace("{*path}", "blueprint.yaml");
    format!("{object}{rest}{query}")
}

/// Everything that the default tenant has, as an administrator sees it.
async fn state(fresh: &Fresh) -> Vec<Value> {
    let mut all = Vec::new();
    for (list, key) in KINDS.iter().filter_map(|kind| kind.list) {
        let mut list = fresh.get(&format!("{list}?_sort={key}&_size=1000")).await.expect(200)["items"].clone();
        for item in list.as_array_mut().unwrap() {
            // Counted while agents and runs go about their work.
            item.as_object_mut().unwrap().retain(|key, _| !key.ends_with("_at"));
        }
        all.push(list);
    }
    all
}

const TENANTS: [&str; 2] = ["default_tenant", "other"];

#[tokio::test]
async fn each_role_reaches_exactly_the_objects_that_it_should() {
    let fresh = Fresh::start().await;
    people(&fresh).await;
    let mut objects = Objects::make(&fresh).await;
    let matrix = matrix();
    let routes = routes();
    let before = state(&fresh).await;
    let (mut asked, mut wrong, mut successes) = (0, Vec::new(), BTreeMap::new());
    // First all that must be refused, then all that may change something.
    for is_allowed in [false, true] {
        for (route, kind) in &routes {
            for (who, tenant) in WHO.iter().flat_map(|who| TENANTS.map(|tenant| (who, tenant))) {
                for visibility in kind.visibilities {
                    let expected = expected(&matrix, route, who, tenant, kind, visibility);
                    // What makes objects in the own tenant changes what is there.
                    let later = expected == Expected::Allowed || (expected == Expected::Apart && tenant != "other");
                    if later != is_allowed {
                        continue;
                    }
                    let path = filled(route, kind, &objects, visibility);
                    let caller = As { user: who.user, password: "secret", tenant: Some(tenant) };
                    let answer = ask(&fresh, route, &path, &caller, visibility).await;
                    asked += 1;
                    if !is_right(expected, &answer) {
                        let got = format!("{} {}", answer.status, String::from_utf8_lossy(&answer.bytes));
                        let asked = format!("{} in {tenant}: {} {path}", who.user, route.method);
                        wrong.push(format!("{asked}: should be {expected:?}, got {got}"));
                    }
                    if expected == Expected::Allowed && answer.status.is_success() {
                        *successes.entry((route.method.to_string(), route.path)).or_insert(0) += 1;
                        if route.method == Method::DELETE {
                            objects.gone(&fresh, kind, visibility).await;
                        }
                        if route.method == Method::DELETE || is(route, ENDING) {
                            objects.renew(&fresh, kind, visibility).await;
                        }
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{} of {asked} answers are wrong:\n{}", wrong.len(), wrong.join("\n"));
        if !is_allowed {
            let after = state(&fresh).await;
            for (kind, (before, after)) in
                KINDS.iter().filter(|kind| kind.list.is_some()).zip(before.iter().zip(&after))
            {
                assert_eq!(before, after, "{}", kind.place);
            }
        }
    }
    assert!(asked > 3000, "{asked}");
    for (route, _) in &routes {
        let never = is(route, NEVER) || is(route, FOR_UPDATES) || is(route, MAKING);
        let done = successes.contains_key(&(route.method.to_string(), route.path));
        assert!(done != never, "{} {} succeeds: {done}", route.method, route.path);
    }
}

#[tokio::test]
async fn lists_show_exactly_the_objects_that_are_seen() {
    let fresh = Fresh::start().await;
    people(&fresh).await;
    let objects = Objects::make(&fresh).await;
    let matrix = matrix();
    for (kind, (list, key)) in KINDS.iter().filter_map(|kind| Some((kind, kind.list?))) {
        let route = nephele_api::routes().into_iter().find(|route| {
            route.method == Method::GET
                && (route.path == list || list.starts_with("/filters") && route.path == "/filters/{kind}")
        });
        let permission = permission(&route.unwrap());
        for (who, tenant) in WHO.iter().flat_map(|who| TENANTS.map(|tenant| (who, tenant))) {
            let caller = As { user: who.user, password: "secret", tenant: Some(tenant) };
            let answer = fresh.ask_as(&caller, Method::GET, &format!("{list}?_size=1000"), None).await;
            if !who.may(&matrix, permission, tenant) {
                answer.refused(403, "forbidden_error");
                continue;
            }
            let items = answer.expect(200)["items"].clone();
            let listed: Vec<&str> = items.as_array().unwrap().iter().filter_map(|item| item[key].as_str()).collect();
            for visibility in kind.visibilities {
                let path = objects.path(kind, visibility);
                let name = path.rsplit('/').next().unwrap().split('?').next().unwrap();
                let expected = who.sees(&matrix, tenant, kind, visibility);
                assert_eq!(listed.contains(&name), expected, "{} in {tenant}: {list}: {name}", who.user);
            }
        }
    }
}
