//! Bodies that nobody sends by accident, to every route that takes one: no JSON, values of the wrong type under every key,
//! too much at once, NUL and other odd characters.

use axum::body::Body;
use axum::http::Method;
use nephele_testkit::postgres::Database;
use serde_json::{Value, json};

use crate::harness::{ADMIN, Answer, Fresh, SMALL};

/// A route that takes a JSON object.
struct Taking {
    method: Method,
    path: String,
    /// What it takes, and whether that must be there.
    keys: Vec<String>,
    required: bool,
    /// The body says which tenant the request is about, so that it is looked at before the handler is asked.
    names_tenant: bool,
}

/// Every route that takes a JSON object, with names of nothing in its path.
fn taking() -> Vec<Taking> {
    let document = nephele_api::document();
    let mut found = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            // In maintenance nothing else would be answered.
            if schema["type"] != "object" || path.starts_with("/maintenance") {
                continue;
            }
            let mut filled = path.clone();
            for parameter in operation["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "path")
            {
                let word = parameter["schema"]["enum"][0].as_str().unwrap_or("nothing");
                filled = filled.replace(&format!("{{{}}}", parameter["name"].as_str().unwrap()), word);
            }
            let query = operation["parameters"].as_array().into_iter().flatten().filter(|one| one["required"] == true);
            let query: Vec<String> = query
                .filter(|one| one["in"] == "query")
                .map(|one| format!("{}=nothing", one["name"].as_str().unwrap()))
                .collect();
            found.push(Taking {
                method: method.to_uppercase().parse().unwrap(),
                path: if query.is_empty() { filled } else { format!("{filled}?{}", query.join("&")) },
                keys: schema["properties"].as_object().unwrap().keys().cloned().collect(),
                required: operation["requestBody"]["required"] == true,
                names_tenant: operation["x-permission-in"] == "body",
            });
        }
    }
    assert!(found.len() > 80, "only {} routes take a body", found.len());
    found
}

async fn send(fresh: &Fresh, route: &Taking, body: impl Into<Body>) -> Answer {
    let mut request = Fresh::request(&ADMIN, route.method.clone(), &route.path, None);
    *request.body_mut() = body.into();
    fresh.send(request).await
}

#[tokio::test]
async fn what_is_no_json_object_is_refused_everywhere() {
    let fresh = Fresh::start().await;
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let texts: [&[u8]; 12] = [
        b"{",
        b"{\"a\": 1",
        b"{\"a\" 1}",
        b"{\"a\": 1}{\"b\": 2}",
        b"{'a': 1}",
        b"nul",
        b"[1]",
        b"\"x\"",
        b"\xff\xfe",
        b"\0",
        b"{\"a\": \"\\ud800\"}",
        &deep,
    ];
    for route in &taking() {
        for text in texts {
            let answer = send(&fresh, route, text.to_vec()).await;
            if route.names_tenant && answer.status == 403 {
                continue;
            }
            let shown = String::from_utf8_lossy(&text[..text.len().min(20)]).into_owned();
            assert_eq!(answer.status, 400, "{} {} with {shown}: {answer:?}", route.method, route.path);
        }
        let none = send(&fresh, route, "").await;
        assert!(!route.required || none.status.is_client_error(), "{} {}: {none:?}", route.method, route.path);
        assert!(!none.status.is_server_error(), "{} {}: {none:?}", route.method, route.path);
    }
}

/// Whatever a value is instead of what it should be, the answer is in order: the harness holds it against the document.
async fn wrong_types(database_url: Option<&str>) {
    let fresh = Fresh::start_on(database_url).await;
    fresh.upload("small", SMALL).await.expect(201);
    fresh.put("/deployments/d1", json!({"blueprint_id": "small", "inputs": {"greeting": "x"}})).await.expect(201);
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e308),
        json!(""),
        json!("a\0\u{202e}\u{1f4a9}\u{ffff}"),
        json!("' OR 1=1; --"),
        json!([[null]]),
        json!([{"a\0": "b\0"}]),
        json!({"": {"a": null}}),
        json!({"get_secret": "x"}),
        json!("x".repeat(70_000)),
    ];
    let mut sent = 0;
    for route in &taking() {
        // The beginning of a body that is right, so that the value in question matters.
        let right = json!({
            "blueprint_id": "small", "deployment_id": "d1", "workflow_id": "install", "tenant_name": "default_tenant",
            "username": "admin", "action": "cancel", "state": "started", "version": 1, "status": "started",
        });
        for key in &route.keys {
            for value in &values {
                let mut body = json!({});
                for other in route.keys.iter().filter(|other| !right[other.as_str()].is_null()) {
                    body[other] = right[other].clone();
                }
                body[key] = value.clone();
                // The password and the account of whoever asks stay.
                if route.path.starts_with("/users/") {
                    body["action"] = json!("nothing");
                }
                let answer = send(&fresh, route, body.to_string()).await;
                let shown: String = body.to_string().chars().take(300).collect();
                assert!(!answer.status.is_server_error(), "{} {} {shown}: {answer:?}", route.method, route.path);
                sent += 1;
            }
        }
    }
    assert!(sent > 2000, "{sent}");
    fresh.get("/deployments/d1").await.expect(200);
}

#[tokio::test]
async fn values_of_every_type_are_taken_or_refused_on_sqlite() {
    wrong_types(None).await;
}

#[tokio::test]
async fn values_of_every_type_are_taken_or_refused_on_postgresql() {
    let database = Database::empty();
    wrong_types(Some(database.url())).await;
}

#[tokio::test]
async fn too_much_at_once_is_refused() {
    let fresh = Fresh::start().await;
    let large = json!({"value": "x".repeat(17 << 20)}).to_string();
    for (method, path) in [(Method::PUT, "/secrets/s"), (Method::PUT, "/tenants/users"), (Method::POST, "/executions")]
    {
        let mut request = Fresh::request(&ADMIN, method, path, None);
        *request.body_mut() = Body::from(large.clone());
        let message = fresh.send(request).await.refused(413, "too_large_error");
        assert!(message.contains("16777216"), "{message}");
    }
    // Archives have a limit of their own, which this harness sets to 4 MiB.
    let archive = vec![0_u8; 5 << 20];
    for (method, path) in [
        (Method::PUT, "/blueprints/b"),
        (Method::POST, "/plugins"),
        (Method::PUT, "/snapshots/s/archive"),
        (Method::PUT, "/file-server-proxy/global-resources/x"),
    ] {
        fresh.send_bytes(method, path, archive.clone()).await.refused(413, "too_large_error");
    }
    // Nothing of them stays.
    assert_eq!(std::fs::read_dir(fresh.manager.files.uploading()).unwrap().count(), 0);
    fresh.get("/blueprints/b").await.refused(404, "not_found_error");
}

async fn odd_texts(database_url: Option<&str>) {
    let fresh = Fresh::start_on(database_url).await;
    fresh.upload("small", SMALL).await.expect(201);
    for (name, escaped) in [("a\0b", "a%00b"), ("a\u{7}b", "a%07b"), ("\u{0}", "%00")] {
        for path in ["/secrets/", "/sites/", "/deployments/", "/deployment-groups/", "/agents/", "/filters/blueprints/"]
        {
            let body = json!({"value": "v", "location": "1,1", "blueprint_id": "small", "filter_rules": []});
            let answer = fresh.put(&format!("{path}{escaped}"), body).await;
            assert!(answer.status.is_client_error(), "{path}{name:?}: {answer:?}");
            let answer = fresh.get(&format!("{path}{escaped}")).await;
            assert!(answer.status.is_client_error(), "{path}{name:?}: {answer:?}");
        }
        let answer = fresh.post("/executions", json!({"deployment_id": name, "workflow_id": name})).await;
        assert!(answer.status.is_client_error(), "{name:?}: {answer:?}");
        for query in ["deployment_id", "_search", "_include", "_sort", "_filter_id", "_group_id", escaped] {
            let answer = fresh.get(&format!("/deployments?{query}={escaped}")).await;
            assert!(!answer.status.is_server_error(), "{query}={escaped}: {answer:?}");
        }
    }
    // Text that databases take is stored as it is.
    let odd = "\u{1f4a9} ﷽ e\u{301} \u{202e}txt \r\n\t\u{7f} '\"\\`;--";
    fresh.put("/secrets/odd", json!({"value": odd})).await.expect(200);
    assert_eq!(fresh.get("/secrets/odd").await.expect(200)["value"], odd);
    let body = json!({"blueprint_id": "small", "inputs": {"greeting": odd}, "display_name": "naïve 用户"});
    fresh.put("/deployments/odd", body).await.expect(201);
    assert_eq!(fresh.get("/deployments/odd/outputs").await.expect(200)["outputs"]["said"], odd);
    assert_eq!(fresh.get("/deployments/odd").await.expect(200)["display_name"], "naïve 用户");
}

#[tokio::test]
async fn odd_texts_are_kept_or_refused_on_sqlite() {
    odd_texts(None).await;
}

#[tokio::test]
async fn odd_texts_are_kept_or_refused_on_postgresql() {
    let database = Database::empty();
    odd_texts(Some(database.url())).await;
}

#[tokio::test]
async fn thousands_of_labels_at_once_are_taken() {
    let fresh = Fresh::start().await;
    fresh.upload("small", SMALL).await.expect(201);
    let labels: Vec<Value> = (0..5000).map(|number| json!({"key": format!("v{number}")})).collect();
    let body = json!({"blueprint_id": "small", "inputs": {"greeting": "x"}, "labels": labels});
    fresh.put("/deployments/d1", body).await.expect(201);
    let listed = fresh.get("/labels/deployments/key").await.expect(200);
    assert_eq!(listed["metadata"]["pagination"]["total"], 5000);
    let fewer = json!({"labels": labels[..3000]});
    fresh.patch("/deployments/d1", fewer).await.expect(200);
    let deployment = fresh.get("/deployments/d1?_include=labels").await.expect(200);
    assert_eq!(deployment["labels"].as_array().unwrap().len(), 3000);
    let values: Vec<String> = (0..5000).map(|number| format!("v{number}")).collect();
    let rules = json!({"filter_rules": [{"key": "key", "values": values, "operator": "any_of", "type": "label"}]});
    let found = fresh.post("/searches/deployments?_include=id", rules).await.expect(200);
    assert_eq!(found["items"], json!([{"id": "d1"}]));
}
