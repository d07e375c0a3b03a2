//! `GET /events/stream`: what is told to whom, coming back, and the end of it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Method, Request};
use futures::StreamExt as _;
use nephele_testkit::postgres::Database;
use serde_json::{Value, json};

use crate::harness::{ADMIN, As, Fresh, SMALL};

const PATIENCE: Duration = Duration::from_mins(1);

/// One event of the protocol.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: Value,
}

/// A client that listens.
pub(crate) struct Stream {
    body: BodyDataStream,
    text: String,
}

impl Stream {
    pub(crate) async fn open(fresh: &Fresh, caller: &As<'_>, query: &str) -> Self {
        let request = Fresh::request(caller, Method::GET, &format!("/events/stream?{query}"), None);
        let mut stream = Self::of(fresh, request).await;
        assert_eq!(stream.next().await.unwrap().event, "ready");
        stream
    }

    pub(crate) async fn of(fresh: &Fresh, request: Request<Body>) -> Self {
        let response = fresh.open(request).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event; `None` when the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let value = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                    value.map(str::to_owned)
                };
                let told = field("event").map(|event| Told {
                    id: field("id").unwrap(),
                    event,
                    data: serde_json::from_str(&field("data").unwrap()).unwrap(),
                });
                let read = self.text.len() - rest.len();
                self.text.drain(..read);
                if told.is_some() {
                    return told;
                }
                continue;
            }
            let piece = tokio::time::timeout(PATIENCE, self.body.next()).await.unwrap()?;
            self.text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        }
    }

    /// The next event that is as wanted.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Told) -> bool) -> Told {
        loop {
            let told = self.next().await.unwrap();
            if wanted(&told) {
                return told;
            }
        }
    }
}

pub(crate) async fn deploy(fresh: &Fresh, caller: &As<'_>, id: &str, visibility: &str) {
    let new = json!({"blueprint_id": "bp", "inputs": {"greeting": "x"}, "visibility": visibility});
    fresh.ask_as(caller, Method::PUT, &format!("/deployments/{id}"), Some(new)).await.expect(201);
}

fn is_of<'a>(event: &'a str, id: &'a str) -> impl Fn(&Told) -> bool + 'a {
    move |told| told.event == event && told.data["id"] == id
}

pub(crate) async fn on_both<F: AsyncFn(Fresh)>(journey: F) {
    journey(Fresh::start().await).await;
    let database = Database::empty();
    journey(Fresh::start_on(Some(database.url())).await).await;
}

#[tokio::test]
async fn changes_are_told_and_who_comes_back_misses_nothing() {
    on_both(async |fresh| {
        fresh.upload("bp", SMALL).await.expect(201);
        let mut all = Stream::open(&fresh, &ADMIN, "").await;
        let mut of_b = Stream::open(&fresh, &ADMIN, "topics=deployments,executions&deployment_id=b").await;
        deploy(&fresh, &ADMIN, "a", "tenant").await;
        let instance = all.until(|told| told.event == "node-instances").await;
        assert_eq!((&instance.data["node_id"], &instance.data["deployment_id"]), (&json!("app"), &json!("a")));
        let mut again = Stream::open(&fresh, &ADMIN, "").await;
        deploy(&fresh, &ADMIN, "b", "tenant").await;

        // A run tells of its end before it has ended.
        let told = |told: &Told| told.event == "events" && told.data["event_type"] == "workflow_succeeded";
        let ended = again.until(|one| told(one) && one.data["deployment_id"] == "b").await;
        let is_last = |told: &Told| told.event == "executions" && told.data["status"] == "terminated";
        let run = of_b.until(is_last).await;
        assert_eq!((&run.data["status_display"], &run.data["deployment_id"]), (&json!("completed"), &json!("b")));
        assert_eq!(ended.data["execution_id"], run.data["id"]);

        // Back from where it was, and from a place that nobody knows.
        let last = instance.id.clone();
        drop(all);
        let mut request = Fresh::request(&ADMIN, Method::GET, "/events/stream?topics=deployments", None);
        request.headers_mut().insert("last-event-id", last.parse().unwrap());
        let mut back = Stream::of(&fresh, request).await;
        let ready = back.next().await.unwrap();
        assert_eq!((ready.event.as_str(), &ready.id), ("ready", &last));
        back.until(is_of("deployments", "b")).await;
        let path = "/events/stream?topics=deployments&last_event_id=elsewhere-7";
        let mut lost = Stream::of(&fresh, Fresh::request(&ADMIN, Method::GET, path, None)).await;
        assert_eq!(lost.next().await.unwrap().event, "reset");
        fresh.delete("/deployments/b").await.expect(204);
        let gone = lost.until(|told| told.data["operation"] == "delete").await;
        assert_eq!(gone.data["id"], "b");

        fresh.post("/maintenance/activate", json!({})).await.expect(200);
        let system = again.until(|told| told.event == "system").await;
        assert_eq!(system.data, json!({"what": "maintenance", "operation": "create"}));
    })
    .await;
}

#[tokio::test]
async fn nobody_hears_of_what_is_not_theirs() {
    on_both(async |fresh| {
        fresh.upload("bp", SMALL).await.expect(201);
        let elsewhere = fresh.elsewhere().await;
        for name in ["ann", "bob"] {
            fresh.user(name, "user").await;
        }
        let of = |user| As { user, password: "secret", tenant: Some("default_tenant") };
        let mut bobs = Stream::open(&fresh, &of("bob"), "").await;
        let mut foreign = Stream::open(&fresh, &elsewhere, "").await;
        let mut admins = Stream::open(&fresh, &ADMIN, "topics=deployments").await;
        deploy(&fresh, &of("ann"), "hidden", "private").await;
        admins.until(is_of("deployments", "hidden")).await;
        fresh.ask_as(&of("ann"), Method::DELETE, "/deployments/hidden", None).await.expect(204);
        deploy(&fresh, &of("ann"), "open", "tenant").await;
        loop {
            let told = bobs.next().await.unwrap();
            assert!(!told.data.to_string().contains("hidden"), "{told:?}");
            if told.event == "deployments" && told.data["id"] == "open" {
                break;
            }
        }
        fresh.ask_as(&elsewhere, Method::PUT, "/sites/here", Some(json!({"name": "here"}))).await.expect(200);
        fresh.post("/maintenance/activate", json!({})).await.expect(200);
        assert_eq!(foreign.next().await.unwrap().event, "system", "nothing of another tenant came before");
    })
    .await;
}

#[tokio::test]
async fn streams_are_refused_and_end() {
    let fresh = Fresh::start().await;
    fresh.user("ann", "user").await;
    fresh.plain_user("guest", "default").await;
    let guest = As { user: "guest", password: "secret", tenant: Some("default_tenant") };
    fresh.ask_as(&guest, Method::GET, "/events/stream?topics=events", None).await.refused(403, "forbidden_error");
    fresh.get("/events/stream?topics=weather").await.refused(400, "bad_parameters_error");
    let ann = As { user: "ann", password: "secret", tenant: Some("default_tenant") };
    let token = fresh.ask_as(&ann, Method::POST, "/tokens", Some(json!({}))).await.expect(200);
    let mut request = Fresh::request(&ann, Method::GET, "/events/stream", None);
    request.headers_mut().remove("authorization");
    request.headers_mut().insert("authentication-token", token["value"].as_str().unwrap().parse().unwrap());
    let mut with_token = Stream::of(&fresh, request).await;
    let mut with_password = Stream::open(&fresh, &ann, "topics=events,system").await;
    assert_eq!(with_token.next().await.unwrap().event, "ready");
    fresh.delete(&format!("/tokens/{}", token["id"].as_str().unwrap())).await.expect(204);
    fresh.put("/license", json!({})).await;
    fresh.upload("bp", SMALL).await.expect(201);
    while with_token.next().await.is_some() {}
    with_password.until(|told| told.event == "events").await;

    let mut many = Vec::new();
    for _ in 0..19 {
        many.push(Stream::open(&fresh, &ann, "").await);
    }
    let refused = fresh.ask_as(&ann, Method::GET, "/events/stream", None).await;
    assert!(refused.refused(409, "conflict_error").contains("20 streams"));
    drop(many.pop());
    drop(Stream::open(&fresh, &ann, "").await);
    // Nobody hears of a tenant any more that was left.
    let leaving = json!({"tenant_name": "default_tenant", "username": "ann"});
    fresh.ask_as(&ADMIN, Method::DELETE, "/tenants/users", Some(leaving)).await.expect(204);
    fresh.upload("other", SMALL).await.expect(201);
    while with_password.next().await.is_some() {}
    let mut last = Stream::open(&fresh, &ADMIN, "").await;
    fresh.manager.end_streams();
    while last.next().await.is_some() {}
}

#[tokio::test]
async fn one_manager_tells_what_another_did() {
    let database = Database::empty();
    let first = Fresh::start_on(Some(database.url())).await;
    let second = Fresh::start_in(Arc::new(tempfile::tempdir().unwrap()), Some(database.url()), "second").await;
    first.upload("bp", SMALL).await.expect(201);
    let mut stream = Stream::open(&second, &ADMIN, "topics=deployments,events").await;
    deploy(&first, &ADMIN, "d", "tenant").await;
    stream.until(is_of("deployments", "d")).await;
    stream.until(|told| told.event == "events" && told.data["deployment_id"] == "d").await;
}
