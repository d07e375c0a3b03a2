//! Plugins: wagons, zips and what is wrong with some of them.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Fresh, tar_gz, zip};

fn description(changes: &Value) -> Vec<u8> {
    let mut whole = json!({
        "archive_name": "shapes-1.0-py311-none-any.wgn", "package_name": "shapes", "package_version": "1.0",
        "package_source": "shapes==1.0", "wheels": ["shapes-1.0-py3-none-any.whl"], "supported_platform": "any",
        "supported_python_versions": ["py311"], "excluded_wheels": [],
        "build_server_os_properties": {"distribution": null, "distribution_version": null, "distribution_release": null},
    });
    whole.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    serde_json::to_vec(&whole).unwrap()
}

pub(crate) fn wagon(changes: &Value) -> Vec<u8> {
    tar_gz(&[("shapes/package.json", &description(changes)), ("shapes/wheels/shapes-1.0-py3-none-any.whl", b"wheel")])
}

pub(crate) const YAML: &str = "
plugins:
  shapes: {executor: central_deployment_agent, package_name: shapes, package_version: '1.0'}
node_types:
  shapes.Circle: {derived_from: cloudify.nodes.Root}
blueprint_labels: {kind: {values: [geometry]}}
";

async fn upload(fresh: &Fresh, query: &str, archive: Vec<u8>) -> Answer {
    fresh.send_bytes(Method::POST, &format!("/plugins{query}"), archive).await
}

#[tokio::test]
async fn a_zip_of_wagon_and_yaml_becomes_a_plugin_that_blueprints_import() {
    let fresh = Fresh::start().await;
    let archive = zip(&[("shapes.wgn", &wagon(&json!({}))), ("plugin.yaml", YAML.as_bytes()), ("icon.png", b"png")]);
    let plugin = upload(&fresh, "?title=Shapes&visibility=global", archive.clone()).await.expect(201);
    assert_eq!((&plugin["package_name"], &plugin["title"]), (&json!("shapes"), &json!("Shapes")));
    assert_eq!(plugin["visibility"], "global");
    assert_eq!(plugin["blueprint_labels"], json!({"kind": ["geometry"]}), "{plugin}");
    let id = plugin["id"].as_str().unwrap();
    assert!(fresh.get(&format!("/plugins/{id}/yaml")).await.bytes.starts_with(b"\nplugins:"));
    assert_eq!(fresh.get(&format!("/plugins/{id}/archive")).await.bytes, wagon(&json!({})));
    let whole = fresh.get(&format!("/plugins/{id}/archive?full_archive=true")).await.bytes;
    assert!(zip::ZipArchive::new(std::io::Cursor::new(whole)).unwrap().by_name("icon.png").is_ok());
    upload(&fresh, "", archive).await.refused(409, "conflict_error");

    let blueprint = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml, 'plugin:shapes']
node_templates: {dot: {type: shapes.Circle}}
";
    fresh.upload("round", blueprint).await.expect(201);
    fresh.delete(&format!("/plugins/{id}")).await.expect(204);
    fresh.get(&format!("/plugins/{id}")).await.refused(404, "not_found_error");
    assert_eq!(fresh.get(&format!("/resources/plugins/{id}/plugin.yaml")).await.status, 404);
}

#[tokio::test]
async fn archives_that_lie_are_refused_and_leave_nothing() {
    let fresh = Fresh::start().await;
    let refused = async |archive: Vec<u8>| {
        let message = upload(&fresh, "", archive).await.refused(400, "invalid_plugin_error");
        assert_eq!(fresh.get("/plugins").await.expect(200)["items"], json!([]), "{message}");
        message
    };
    refused(Vec::new()).await;
    refused(b"no archive at all".to_vec()).await;
    refused(tar_gz(&[("shapes/other.json", b"{}")])).await;
    for name in ["../evil.wgn", "/etc/evil.wgn", "a/b.wgn", "..", "plugin.yaml", ".hidden", ""] {
        refused(wagon(&json!({"archive_name": name}))).await;
    }
    refused(wagon(&json!({"package_name": "x".repeat(300)}))).await;
    refused(wagon(&json!({"package_name": ["list"]}))).await;
    refused(wagon(&json!({"wheels": "text"}))).await;
    refused(tar_gz(&[("shapes/package.json", b"{not json")])).await;
    let climbing = refused(zip(&[("../shapes.wgn", &wagon(&json!({})))])).await;
    assert!(climbing.contains("leads outside"), "{climbing}");
    refused(zip(&[("a.wgn", &wagon(&json!({}))), ("b.wgn", &wagon(&json!({})))])).await;
    refused(zip(&[("a.wgn", &wagon(&json!({}))), ("plugin.yaml", b"a: [")])).await;
    let bytes = vec![0_u8; 5 << 20];
    let message = upload(&fresh, "", bytes).await.refused(413, "too_large_error");
    assert!(message.contains("larger than"), "{message}");
}

#[tokio::test]
async fn plugins_are_changed_and_their_installation_is_noted() {
    let fresh = Fresh::start().await;
    let plugin = upload(&fresh, "?id=shapes-1", wagon(&json!({}))).await.expect(201);
    assert_eq!((&plugin["id"], &plugin["visibility"]), (&json!("shapes-1"), &json!("tenant")));
    let labels = json!({"labels": {"team": ["blue"]}});
    assert_eq!(fresh.patch("/plugins/shapes-1", labels).await.expect(200)["labels"], json!({"team": ["blue"]}));
    let wide = fresh.patch("/plugins/shapes-1/set-visibility", json!({"visibility": "global"})).await.expect(200);
    assert_eq!(wide["visibility"], "global");
    let noted = json!({"manager": "manager", "state": "error", "error": "no wheel"});
    fresh.put("/plugins/shapes-1", noted).await.expect(200);
    let states = fresh.get("/plugins/shapes-1").await.expect(200)["installation_state"].clone();
    assert_eq!((&states[0]["state"], &states[0]["error"]), (&json!("error"), &json!("no wheel")));
    fresh.put("/plugins/shapes-1", json!({"state": "installed"})).await.refused(409, "conflict_error");
    let both = json!({"state": "installed", "manager": "manager", "agent": "a"});
    fresh.put("/plugins/shapes-1", both).await.refused(409, "conflict_error");
    fresh.post("/plugins/shapes-1", json!({"action": "dance"})).await.refused(400, "unknown_action");
}

#[tokio::test]
async fn plugins_of_other_tenants_are_not_there() {
    let fresh = Fresh::start().await;
    upload(&fresh, "?id=shapes-1", wagon(&json!({}))).await.expect(201);
    let elsewhere = fresh.elsewhere().await;
    for (method, path, body) in [
        (Method::GET, "/plugins/shapes-1", None),
        (Method::GET, "/plugins/shapes-1/archive", None),
        (Method::PATCH, "/plugins/shapes-1", Some(json!({"labels": {}}))),
        (Method::DELETE, "/plugins/shapes-1", Some(json!({"force": true}))),
    ] {
        fresh.ask_as(&elsewhere, method, path, body).await.refused(404, "not_found_error");
    }
    let again = fresh.ask_as(&elsewhere, Method::GET, "/plugins", None).await.expect(200);
    assert_eq!(again["items"], json!([]));
}

/// The plugin in this version, with its description.
pub(crate) fn shapes(version: &str) -> Vec<u8> {
    let name = format!("shapes-{version}-py311-none-any.wgn");
    let wagon = wagon(&json!({"package_version": version, "archive_name": name}));
    zip(&[("shapes.wgn", &wagon), ("plugin.yaml", YAML.replace("1.0", version).as_bytes())])
}

/// A blueprint that uses it, whatever its version.
pub(crate) const ROUND: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml, 'plugin:shapes']
node_templates:
  dot:
    type: shapes.Circle
    interfaces: {cloudify.interfaces.lifecycle: {create: {implementation: shapes.tasks.draw}}}
";

#[tokio::test]
async fn newer_plugins_are_taken_over_by_an_update() {
    let fresh = Fresh::start().await;
    upload(&fresh, "", shapes("1.0")).await.expect(201);
    fresh.upload("round", ROUND).await.expect(201);
    let update = async |body: Value| fresh.post("/plugins-updates/round/update/initiate", body).await;
    let nothing = update(json!({"all_to_latest": true})).await.expect(200);
    assert_eq!((&nothing["state"], &nothing["temp_blueprint_id"]), (&json!("no_changes_required"), &Value::Null));
    let execution = fresh.get(&format!("/executions/{}", nothing["execution_id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&execution["status"], &execution["workflow_id"]), (&json!("terminated"), &json!("update_plugin")));

    upload(&fresh, "", shapes("1.5")).await.expect(201);
    let kept = update(json!({"all_to_latest": true, "plugin_names": ["other"]})).await.expect(200);
    assert_eq!(kept["state"], "no_changes_required");
    let record = json!({"update_id": "old", "state": "updating", "created_at": "2020-01-01T00:00:00.000Z"});
    let restored = update(record).await.expect(200);
    assert_eq!((&restored["id"], &restored["state"]), (&json!("old"), &json!("updating")));
    let message = update(json!({"all_to_latest": true})).await.refused(409, "conflict_error");
    assert!(message.contains("old"), "{message}");
    let id = nothing["id"].as_str().unwrap();
    fresh.post(&format!("/plugins-updates/{id}/update/finalize"), json!({})).await.refused(400, "illegal_action_error");
    fresh.post("/plugins-updates/nope/update/initiate", json!({})).await.refused(404, "not_found_error");
    let listed = fresh.get("/plugins-updates").await.expect(200);
    assert_eq!(listed["metadata"]["pagination"]["total"], 3);
}

#[tokio::test]
async fn deployments_go_over_to_newer_plugins_with_their_blueprint() {
    let fresh = Fresh::start().await;
    upload(&fresh, "", shapes("1.0")).await.expect(201);
    fresh.upload("round", ROUND).await.expect(201);
    for id in ["d1", "d2"] {
        fresh.put(&format!("/deployments/{id}"), json!({"blueprint_id": "round"})).await.expect(201);
    }
    upload(&fresh, "", shapes("1.5")).await.expect(201);
    let begun = fresh.post("/plugins-updates/round/update/initiate", json!({"all_to_minor": true})).await.expect(200);
    assert_eq!(begun["state"], "executing_workflow");
    let copy = begun["temp_blueprint_id"].as_str().unwrap();
    let execution = fresh.ended(begun["execution_id"].as_str().unwrap()).await;
    assert_eq!(execution["status"], "terminated", "{execution}");
    let update = fresh.get(&format!("/plugins-updates/{}", begun["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&update["state"], &update["temp_blueprint_id"]), (&json!("successful"), &Value::Null));
    fresh.get(&format!("/blueprints/{copy}")).await.refused(404, "not_found_error");
    for id in ["d1", "d2"] {
        assert_eq!(fresh.get(&format!("/deployments/{id}")).await.expect(200)["blueprint_id"], "round");
        let node = fresh.get(&format!("/nodes?deployment_id={id}")).await.expect(200)["items"][0].clone();
        let shapes = node["plugins"].as_array().unwrap().iter().find(|plugin| plugin["name"] == "shapes");
        assert_eq!(shapes.unwrap()["package_version"], "1.5");
    }
    let plan = &fresh.get("/blueprints/round").await.expect(200)["plan"];
    assert_eq!(plan["deployment_plugins_to_install"][0]["package_version"], "1.5");
    let events = fresh.get(&format!("/events?execution_id={}", execution["id"].as_str().unwrap())).await.expect(200);
    let said = |text: &str| events["items"].as_array().unwrap().iter().any(|event| event["message"] == text);
    assert!(said("Executing deployment update for deployment d1..."), "{events}");
    assert!(said("Finalizing plugins update..."), "{events}");
}
