//! The file tree: logins, tenants' walls, ranges, writes.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use crate::harness::{Answer, As, Fresh};

async fn ask(fresh: &Fresh, method: Method, path: &str, headers: &[(&str, &str)], body: &'static str) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("authorization", "Basic YWRtaW46YWRtaW4=");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    fresh.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn the_built_in_types_are_served_with_tags_and_ranges() {
    let fresh = Fresh::start().await;
    let path = "/resources/cloudify/types/types.yaml";
    let whole = ask(&fresh, Method::GET, path, &[], "").await;
    assert_eq!(whole.status, 200);
    let tag = whole.headers["etag"].to_str().unwrap();
    assert_eq!(ask(&fresh, Method::GET, path, &[("if-none-match", tag)], "").await.status, 304);
    let part = ask(&fresh, Method::GET, path, &[("range", "bytes=2-5")], "").await;
    assert_eq!((part.status.as_u16(), &part.bytes[..]), (206, &whole.bytes[2..6]));
    assert_eq!(ask(&fresh, Method::GET, path, &[("range", "bytes=99999999-")], "").await.status, 416);
    assert_eq!(ask(&fresh, Method::GET, "/resources/cloudify/types", &[], "").await.status, 301);
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    fresh.send(request).await.refused(401, "unauthorized_error");
}

#[tokio::test]
async fn files_are_written_listed_and_deleted() {
    let fresh = Fresh::start().await;
    let folder = "/resources/deployments/default_tenant/d1/";
    let file = format!("{folder}sub/a.txt");
    ask(&fresh, Method::PUT, &file, &[], "hello").await.expect(200);
    let index = ask(&fresh, Method::GET, folder, &[], "").await.expect(200);
    assert!(index["sub/a.txt"].as_str().unwrap().ends_with("+00:00"));
    let archive = ask(&fresh, Method::GET, &format!("{folder}?archive=1"), &[], "").await;
    assert_eq!(&archive.bytes[..2], [0x1f, 0x8b]);
    assert_eq!(ask(&fresh, Method::GET, &file, &[], "").await.bytes, b"hello");
    ask(&fresh, Method::DELETE, &file, &[], "").await.expect(200);
    assert_eq!(ask(&fresh, Method::GET, &file, &[], "").await.status, 404);
    assert_eq!(std::fs::read_dir(fresh.manager.files.uploading()).unwrap().count(), 0);
}

#[tokio::test]
async fn paths_do_not_climb() {
    let fresh = Fresh::start().await;
    for path in ["/resources/../nephele.db", "/resources/%2e%2e/nephele.db", "/resources/x/..%2f..%2fnephele.db"] {
        let answer = ask(&fresh, Method::GET, path, &[], "").await;
        assert!(matches!(answer.status.as_u16(), 403 | 404), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn tenants_folders_need_rights_there() {
    let fresh = Fresh::start().await;
    fresh.post("/tenants/t2", json!({})).await.expect(201);
    fresh.user("viv", "viewer").await;
    let viv = As { user: "viv", password: "secret", tenant: Some("default_tenant") };
    let get = async |path: &str| fresh.ask_as(&viv, Method::GET, path, None).await.status.as_u16();
    assert_eq!(get("/resources/blueprints/t2/x").await, 403);
    assert_eq!(get("/resources/./blueprints/t2/x").await, 403);
    assert_eq!(get("/resources/blueprints/default_tenant/x").await, 404);
    assert_eq!(get("/resources/cloudify/types/types.yaml").await, 200);
    let put = fresh.ask_as(&viv, Method::PUT, "/resources/deployments/default_tenant/d/x", Some(json!({}))).await;
    assert_eq!(put.status, 403);
    let request = |uri: &'static str| {
        Request::builder()
            .uri("/api/v3.1/file-server-auth")
            .header("authorization", "Basic dml2OnNlY3JldA==")
            .header("x-original-uri", uri)
            .header("x-original-method", "GET")
            .body(Body::empty())
            .unwrap()
    };
    fresh.send(request("/resources/deployments/default_tenant/x")).await.expect(200);
    fresh.send(request("/resources/deployments/t2/x")).await.expect(403);
    fresh.send(request("/api/v3.1/audit")).await.expect(403);
}
