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
    fresh.upload_archive("huge", &vec![7; 5 << 20]).await.refused(400, "bad_parameters_error");
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
