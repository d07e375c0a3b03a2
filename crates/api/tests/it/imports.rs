//! What blueprints import from the manager: plugins and other blueprints.

use std::io::{Cursor, Write};

use axum::body::Body;
use axum::http::{Method, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::harness::{Answer, Fresh, SMALL, tar_gz};

const PLUGIN: &str = "
plugins:
  clouds: {executor: central_deployment_agent, package_name: clouds, package_version: 'VERSION'}
node_types:
  clouds.Server:
    derived_from: cloudify.nodes.Compute
    interfaces: {cloudify.interfaces.lifecycle: {create: clouds.server.create}}
";

/// A plugin as people upload it: a zip of its wagon and its YAML.
fn plugin(version: &str) -> Vec<u8> {
    let description = json!({
        "package_name": "clouds", "package_version": version, "package_source": format!("clouds=={version}"),
        "archive_name": format!("clouds-{version}.wgn"), "wheels": [], "supported_platform": "any",
        "build_server_os_properties": {"distribution": Value::Null},
    });
    let wagon = tar_gz(&[("clouds/package.json", description.to_string().as_bytes())]);
    let yaml = PLUGIN.replace("VERSION", version);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [("clouds.wgn", wagon.as_slice()), ("plugin.yaml", yaml.as_bytes())] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

async fn upload_plugin(fresh: &Fresh, version: &str) -> Answer {
    let request = Request::builder()
        .method(Method::POST)
        .uri("/api/v3.1/plugins?visibility=tenant")
        .header("authorization", format!("Basic {}", STANDARD.encode("admin:admin")))
        .header("tenant", "default_tenant")
        .body(Body::from(plugin(version)))
        .unwrap();
    fresh.send(request).await
}

fn with_import(import: &str, kind: &str) -> String {
    format!(
        "tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml, '{import}']\n\
         node_templates: {{server: {{type: {kind}}}}}\n"
    )
}

#[tokio::test]
async fn plugins_are_imported_by_name_and_version() {
    let fresh = Fresh::start().await;
    let missing = fresh.upload("early", &with_import("plugin:clouds", "clouds.Server")).await;
    let message = missing.refused(400, "invalid_blueprint_error");
    assert!(message.contains("Plugin clouds was not found: upload it"), "{message}");
    for version in ["1.9", "1.10", "2.0"] {
        upload_plugin(&fresh, version).await.expect(201);
    }
    for (id, import, version) in [
        ("newest", "plugin:clouds", "2.0"),
        ("below", "plugin:clouds?version=>=1.0,<2.0", "1.10"),
        ("exact", "plugin:clouds?version=1.9", "1.9"),
    ] {
        let blueprint = fresh.upload(id, &with_import(import, "clouds.Server")).await.expect(201);
        let plugins = &blueprint["plan"]["deployment_plugins_to_install"];
        assert_eq!(plugins[0]["package_version"], version, "{import}");
    }
    let message = fresh.upload("odd", &with_import("plugin:clouds?release=1", "clouds.Server")).await;
    assert!(message.refused(400, "invalid_blueprint_error").contains("invalid parameter release"));
}

#[tokio::test]
async fn blueprints_are_imported_under_a_namespace() {
    let fresh = Fresh::start().await;
    let base = tar_gz(&[
        (
            "bp/blueprint.yaml",
            b"tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml, more.yaml]\n",
        ),
        ("bp/more.yaml", b"node_templates: {db: {type: cloudify.nodes.Root}}\n"),
    ]);
    fresh.upload_archive("base", &base).await.expect(201);
    fresh.upload("small", SMALL).await.expect(201);
    let text = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml, 'data--blueprint:base']
node_templates:
  app:
    type: cloudify.nodes.Root
    relationships: [{type: cloudify.relationships.depends_on, target: data--db}]
";
    let blueprint = fresh.upload("user", text).await.expect(201);
    let nodes: Vec<_> = blueprint["plan"]["nodes"].as_array().unwrap().iter().map(|node| &node["id"]).collect();
    assert_eq!(nodes, ["app", "data--db"]);
    assert_eq!(blueprint["plan"]["imported_blueprints"], json!(["base"]));
    let message = fresh.upload("lost", &with_import("x--blueprint:nothing", "cloudify.nodes.Root")).await;
    assert!(message.refused(400, "invalid_blueprint_error").contains("`nothing` was not found"));
}

#[tokio::test]
async fn the_provider_context_may_send_imports_elsewhere() {
    let fresh = Fresh::start().await;
    let rules = json!([{"https://old.example/": "cloudify/types/"}]);
    let context = json!({"cloudify": {"import_resolver": {"parameters": {"rules": rules}}}});
    fresh.post("/provider/context", json!({"name": "p", "context": context})).await.expect(201);
    fresh
        .upload("moved", &SMALL.replace("cloudify/types/types.yaml", "https://old.example/types_1_4.yaml"))
        .await
        .expect(201);
}
