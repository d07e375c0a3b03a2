//! Blueprints from upload to deletion.

use serde_json::{Value, json};

use crate::harness::{Fresh, SMALL, tar_gz};

#[tokio::test]
async fn an_upload_that_is_waited_for_ends_uploaded() {
    let fresh = Fresh::start().await;
    let blueprint = fresh.upload("small", SMALL).await.expect(201);
    assert_eq!((&blueprint["state"], &blueprint["error"]), (&json!("uploaded"), &Value::Null));
    assert_eq!(blueprint["upload_execution"]["status"], "terminated");
    let read = fresh.get("/blueprints/small").await.expect(200);
    assert_eq!(read["plan"]["inputs"]["greeting"]["type"], "string");
    let message = fresh.upload("small", SMALL).await.refused(409, "conflict_error");
    assert_eq!(message, "blueprint with id=small already exists on tenant default_tenant or with global visibility");
    let archive = fresh.get("/blueprints/small/archive").await;
    assert_eq!(archive.status, 200);
    assert_eq!(archive.headers["content-length"], archive.bytes.len().to_string());
    assert_eq!(archive.headers["content-disposition"], "attachment; filename=\"small.tar.gz\"");
    fresh.delete("/blueprints/small").await.expect(204);
    fresh.get("/blueprints/small").await.refused(404, "not_found_error");
    assert_eq!(fresh.get("/resources/blueprints/default_tenant/small/blueprint.yaml").await.status, 404);
}

#[tokio::test]
async fn its_files_are_listed_and_read_and_nothing_beside_them() {
    let fresh = Fresh::start().await;
    let files: [(&str, &[u8]); 2] =
        [("bp/blueprint.yaml", SMALL.as_bytes()), ("bp/scripts/a b.sh", b"#!/bin/sh\necho hello\n")];
    fresh.upload_archive("small", &tar_gz(&files)).await.expect(201);
    let list = fresh.get("/blueprints/small/files").await.expect(200);
    assert_eq!(list["main_file_name"], "blueprint.yaml");
    let paths: Vec<&Value> = list["items"].as_array().unwrap().iter().map(|item| &item["path"]).collect();
    assert_eq!(paths, ["blueprint.yaml", "scripts/a b.sh"]);
    assert_eq!(list["items"][1]["size"], 21);
    let read = fresh.get("/blueprints/small/files/scripts/a%20b.sh").await;
    assert_eq!((read.status.as_u16(), &read.bytes[..]), (200, files[1].1));
    for absent in ["scripts", "nothing.yaml", "scripts/"] {
        fresh.get(&format!("/blueprints/small/files/{absent}")).await.refused(404, "not_found_error");
    }
    fresh.upload("other", SMALL).await.expect(201);
    for outside in ["../other/blueprint.yaml", "%2e%2e/other/blueprint.yaml", "scripts/..%2f..%2fother/blueprint.yaml"]
    {
        let answer = fresh.get(&format!("/blueprints/small/files/{outside}")).await;
        assert!(matches!(answer.status.as_u16(), 403 | 404), "{outside}: {answer:?}");
    }
    fresh.get("/blueprints/none/files").await.refused(404, "not_found_error");
}

#[tokio::test]
async fn failed_uploads_say_why_and_can_be_repeated() {
    let fresh = Fresh::start().await;
    let message = fresh.upload("bad", "foo: [1,").await.refused(400, "invalid_blueprint_error");
    assert!(message.starts_with("Blueprint `bad` is invalid. Error: "), "{message}");
    assert_eq!(fresh.get("/blueprints/bad?_include=state").await.expect(200), json!({"state": "invalid"}));
    fresh.upload("bad", SMALL).await.expect(201);
    let message = fresh.upload_archive("none", b"not an archive").await.refused(400, "bad_parameters_error");
    assert!(message.starts_with("Blueprint archive is of an unrecognized format."));
    fresh.get("/blueprints/none").await.refused(404, "not_found_error");
    let two = tar_gz(&[("a/blueprint.yaml", b"x"), ("b/blueprint.yaml", b"x")]);
    let message = fresh.upload_archive("two", &two).await.refused(400, "invalid_blueprint_error");
    assert!(message.contains("1 directory"), "{message}");
    fresh.upload_archive("1abc", &two).await.refused(400, "bad_parameters_error");
}

#[tokio::test]
async fn archives_beyond_the_limit_leave_nothing() {
    let fresh = Fresh::start().await;
    fresh.upload_archive("huge", &vec![7; 5 << 20]).await.refused(413, "too_large_error");
    fresh.get("/blueprints/huge").await.refused(404, "not_found_error");
    assert_eq!(std::fs::read_dir(fresh.manager.files.uploading()).unwrap().count(), 0);
}

#[tokio::test]
async fn labels_replace_the_set() {
    let fresh = Fresh::start().await;
    fresh.upload("small", SMALL).await.expect(201);
    let labels = json!({"labels": [{"Env": "Test"}, {"env": "x2"}]});
    let labelled = fresh.patch("/blueprints/small", labels).await.expect(200);
    let found: Vec<_> = labelled["labels"].as_array().unwrap().iter().map(|label| &label["value"]).collect();
    assert_eq!(found, ["Test", "x2"]);
    assert_eq!(fresh.get("/labels/blueprints").await.expect(200)["items"], json!(["env"]));
    assert_eq!(fresh.get("/labels/blueprints/env?_search=X").await.expect(200)["items"], json!(["x2"]));
    let message = fresh.patch("/blueprints/small", json!({"labels": {"a": "b"}})).await;
    assert_eq!(
        message.refused(400, "bad_parameters_error"),
        "labels parameter is expected to be of type list but is of type dict"
    );
    fresh.patch("/blueprints/small", json!({"zz": 1})).await.refused(400, "bad_parameters_error");
    fresh.patch("/blueprints/small", json!({})).await.refused(400, "illegal_action_error");
}

/// Serves one file at `http://ADDRESS/archive`, and says nothing else.
async fn file_server(archive: Vec<u8>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().route("/archive", axum::routing::get(move || async move { archive.clone() }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

#[tokio::test]
async fn archives_are_fetched_from_elsewhere() {
    let fresh = Fresh::start().await;
    let host = file_server(tar_gz(&[("bp/blueprint.yaml", SMALL.as_bytes())])).await;
    let both = fresh.put(&format!("/blueprints/both?blueprint_archive_url={host}/archive"), json!({})).await;
    both.refused(400, "bad_parameters_error");
    let fetch = async |id: &str, url: &str| {
        let path = format!("/blueprints/{id}?blueprint_archive_url={url}");
        fresh.ask_as(&crate::harness::ADMIN, axum::http::Method::PUT, &path, None).await
    };
    let fetched = fetch("far", &format!("{host}/archive")).await.expect(201);
    assert_eq!((&fetched["state"], &fetched["main_file_name"]), (&json!("uploaded"), &json!("blueprint.yaml")));
    for (id, url, said) in [
        ("absent", format!("{host}/nothing"), "404"),
        ("unknown", "not-a-url".to_owned(), "No scheme supplied"),
        ("dead", "http://127.0.0.1:1/x.zip".to_owned(), "127.0.0.1:1"),
    ] {
        let message = fetch(id, &url).await.refused(400, "invalid_blueprint_error");
        assert!(message.contains("has failed uploading") && message.contains(said), "{message}");
        let left = fresh.get(&format!("/blueprints/{id}")).await.expect(200);
        assert_eq!((&left["state"], &left["main_file_name"]), (&json!("failed_uploading"), &json!("")));
    }
    fetch("absent", &format!("{host}/archive")).await.expect(201);
}

#[tokio::test]
async fn icons_go_into_the_archive() {
    let fresh = Fresh::start().await;
    fresh.upload("small", SMALL).await.expect(201);
    let icon = "/resources/blueprints/default_tenant/small/icon.png";
    assert_eq!(fresh.get(icon).await.status, 404);
    let request = axum::http::Request::patch("/api/v3.1/blueprints/small/icon")
        .header("authorization", "Basic YWRtaW46YWRtaW4=")
        .header("tenant", "default_tenant")
        .body(axum::body::Body::from("picture"))
        .unwrap();
    assert_eq!(fresh.send(request).await.expect(200)["id"], "small");
    assert_eq!(fresh.get(icon).await.bytes, b"picture");
    let archive = fresh.get("/blueprints/small/archive").await;
    let mut names = Vec::new();
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(archive.bytes.as_slice()));
    for entry in tar.entries().unwrap() {
        names.push(entry.unwrap().path().unwrap().to_string_lossy().into_owned());
    }
    assert!(names.contains(&"blueprint/icon.png".to_owned()), "{names:?}");
    let none = fresh.ask_as(&crate::harness::ADMIN, axum::http::Method::PATCH, "/blueprints/small/icon", None).await;
    none.expect(200);
    assert_eq!(fresh.get(icon).await.status, 404);
    fresh.patch("/blueprints/nope/icon", json!({})).await.refused(404, "not_found_error");
}

#[tokio::test]
async fn an_outside_upload_says_how_far_it_is() {
    let fresh = Fresh::start().await;
    let archive = tar_gz(&[("bp/blueprint.yaml", SMALL.as_bytes())]);
    let request = axum::http::Request::put("/api/v3.1/blueprints/own?skip_execution=true&state=parsing")
        .header("authorization", "Basic YWRtaW46YWRtaW4=")
        .header("tenant", "default_tenant")
        .body(axum::body::Body::from(archive))
        .unwrap();
    assert_eq!(fresh.send(request).await.expect(201)["state"], "parsing");
    let early = fresh.patch("/blueprints/own", json!({"labels": [{"a": "b"}]})).await;
    early.refused(409, "conflict_error");
    let message = fresh.patch("/blueprints/own", json!({"state": "zz"})).await.refused(400, "bad_parameters_error");
    assert!(message.starts_with("Invalid state: `zz`. Valid blueprint state values are: ["), "{message}");
    let plan = json!({"inputs": {}, "nodes": [], "blueprint_labels": {"Team": {"values": ["x"]}}});
    let done = json!({"state": "uploaded", "plan": plan, "main_file_name": "blueprint.yaml"});
    let done = fresh.patch("/blueprints/own", done).await.expect(200);
    assert_eq!((&done["labels"][0]["key"], &done["plan"]["nodes"]), (&json!("team"), &json!([])));
    assert_eq!(fresh.get("/resources/blueprints/default_tenant/own/blueprint.yaml").await.status, 200);
    let importing = json!({"plan": {"imported_blueprints": ["own"]}});
    fresh.upload("other", SMALL).await.expect(201);
    fresh.patch("/blueprints/other", importing).await.expect(200);
    let message = fresh.delete("/blueprints/own").await.refused(405, "blueprint_in_use");
    assert!(message.contains("currently in use"), "{message}");
    let absent = fresh.patch("/blueprints/other", json!({"plan": {"imported_blueprints": ["zz"]}})).await;
    absent.refused(404, "imported_blueprint_not_found");
    fresh.delete("/blueprints/own?force=true").await.expect(204);
}
