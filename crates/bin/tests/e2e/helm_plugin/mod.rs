//! The built-in plugin for Helm, with the real `helm`: releases are kept by its driver for PostgreSQL, repositories
//! come by HTTP. The cluster alone is none ([`cluster`]), and tells nobody of changes, for which Helm 4 would wait.

use std::path::{Path, PathBuf};
use std::process::Command;

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use nephele_testkit::home::Home;
use nephele_testkit::postgres::Database;
use nephele_testkit::python;
use nephele_testkit::rest::blueprint;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::deployed::{Deployed, example, left_nothing};
use crate::home;
use cluster::Cluster;

mod cluster;

/// Nobody may be told of it.
const TOKEN: &str = "a-token-of-the-cluster";

const BLUEPRINT: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml, 'plugin:nephele-helm']
inputs:
  program: {}
  kubeconfig: {}
  repository: {}
  release: {default: other}
node_templates:
  helm:
    type: cloudify.nodes.helm.Binary
    properties: {helm_config: {executable_path: {get_input: program}}}
  repository:
    type: cloudify.nodes.helm.Repo
    properties: {resource_config: {name: shop, repo_url: {get_input: repository}}}
    relationships: [{type: cloudify.helm.relationships.run_on_host, target: helm}]
  release:
    type: cloudify.nodes.helm.Release
    properties:
      client_config: {configuration: {file_content: {get_input: kubeconfig}}}
      resource_config:
        name: {get_input: release}
        chart: shop/page
        values_file: values.yaml
        set_values: [{name: word, value: {get_secret: word}}]
        flags: [{name: namespace, value: shop}]
    interfaces:
      cloudify.interfaces.lifecycle:
        start: {inputs: {flags: [{name: disable-openapi-validation}]}}
    relationships:
      - {type: cloudify.helm.relationships.run_on_host, target: helm}
      - {type: cloudify.relationships.depends_on, target: repository}
";

/// What the repository has: version 0.1.0 and 0.2.0 of a chart.
fn charts(home: &Home, helm: &Path) -> PathBuf {
    let (source, folder) = (home.folder().join("page"), home.folder().join("charts"));
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  text: {{ printf \
                    \"%s %s %s\" .Chart.Version .Values.greeting .Values.word | quote }}\n";
    std::fs::create_dir_all(source.join("templates")).unwrap();
    std::fs::write(source.join("templates/page.yaml"), template).unwrap();
    std::fs::write(source.join("values.yaml"), "greeting: none\nword: none\n").unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new(helm).args(arguments).env("HELM_CACHE_HOME", home.folder()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    for version in ["0.1.0", "0.2.0"] {
        std::fs::write(source.join("Chart.yaml"), format!("apiVersion: v2\nname: page\nversion: {version}\n")).unwrap();
        run(&["package", source.to_str().unwrap(), "-d", folder.to_str().unwrap()]);
    }
    run(&["repo", "index", folder.to_str().unwrap()]);
    folder
}

/// Serves a folder, and gives its address.
async fn served(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let file = move |uri: Uri| {
        let file = folder.join(uri.path().trim_start_matches('/'));
        std::future::ready(match std::fs::read(file) {
            Ok(content) => content.into_response(),
            Err(_) => StatusCode::NOT_FOUND.into_response(),
        })
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(file)).await });
    address
}

/// A home whose `helm` keeps releases in this database.
fn keeping(database: &Database) -> Home {
    let (place, folder) = database.url().split_once("?host=").unwrap();
    let name = place.rsplit('/').next().unwrap();
    let settings = format!("host={folder} user=postgres dbname={name} sslmode=disable");
    home().with_variable("HELM_DRIVER", "sql").with_variable("HELM_DRIVER_SQL_CONNECTION_STRING", settings)
}

fn kubeconfig(cluster: &Cluster) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": cluster.address}}],
        "users": [{"name": "u", "user": {"token": TOKEN}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    })
}

async fn a_release_lives(helm: PathBuf) {
    let (database, cluster) = (Database::empty(), Cluster::start().await);
    let home = keeping(&database);
    let repository = served(charts(&home, &helm)).await;
    let deployed = Deployed::on(&home, &[("word", "open-sesame")]).await;
    let folder = home.folder().join("app");
    blueprint(&folder, BLUEPRINT, &[("values.yaml", "greeting: Hello")]);
    let inputs = json!({"program": helm, "kubeconfig": kubeconfig(&cluster), "repository": repository});
    deployed.deploy("d", &folder, inputs.clone()).await;
    let mut told = deployed.runs("d", "install", json!({})).await;
    assert_eq!(cluster.text("shop", "other").as_deref(), Some("0.2.0 Hello open-sesame"));
    let properties = deployed.properties("d", "release").await;
    assert_eq!(properties["status_output"]["info"]["status"], "deployed", "{properties:#}");
    assert_eq!(properties["install_output"]["chart"]["version"], "0.2.0");
    assert_eq!(deployed.properties("d", "repository").await["list_output"][0]["name"], "shop");
    told += &deployed.runs("d", "check_status", json!({})).await;
    told += &deployed.runs("d", "check_drift", json!({})).await;
    assert_eq!(deployed.properties("d", "release").await["is_drifted"], false);

    let upgrade = json!({"operation": "helm.upgrade_release", "node_ids": ["release"], "allow_kwargs_override": true,
        "operation_kwargs": {"set_values": [{"name": "greeting", "value": "Bye"}],
            "flags": [{"name": "version", "value": "0.1.0"}, {"name": "disable-openapi-validation"}]}});
    told += &deployed.runs("d", "execute_operation", upgrade).await;
    assert_eq!(cluster.text("shop", "other").as_deref(), Some("0.1.0 Bye open-sesame"));
    assert_eq!(deployed.properties("d", "release").await["status_output"]["version"], 2);
    cluster.lose("shop", "other");
    told += &deployed.runs("d", "check_drift", json!({})).await;
    let drifts = deployed.properties("d", "release").await["drifts"].clone();
    assert_eq!(drifts, json!({"missing": ["ConfigMap/other"]}));

    // A release that is there already is nobody else's.
    deployed.rest.create_deployment("again", "d", inputs).await.expect(201);
    let (error, _) = deployed.fails("again", "install").await;
    assert!(error.contains("There is a release other already, which this node did not install"), "{error}");
    deployed.runs("again", "uninstall", json!({})).await;
    deployed.runs("d", "check_status", json!({})).await;

    told += &deployed.runs("d", "uninstall", json!({})).await;
    assert_eq!(deployed.properties("d", "release").await, json!({"executable_path": helm}));
    assert_eq!(database.sql("SELECT count(*) FROM releases_v1"), "0");
    assert!(!told.contains("open-sesame") && !home.log().contains("open-sesame"), "{told}");
    assert!(!home.data_dir().join("worker/work/deployments/default_tenant/d/helm").exists());
    left_nothing(&home);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_lives_from_repository_to_uninstall() {
    a_release_lives(python::helm()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_installs_its_chart() {
    let (database, cluster) = (Database::empty(), Cluster::start().await);
    let home = keeping(&database);
    let deployed = Deployed::on(&home, &[]).await;
    let inputs = json!({"host": cluster.address, "token": TOKEN, "executable_path": python::helm(),
        "flags": [{"name": "disable-openapi-validation"}]});
    deployed.deploy("helm", &example("helm"), inputs).await;
    let told = deployed.runs("helm", "install", json!({})).await;
    assert_eq!(cluster.text("default", "page").as_deref(), Some("Hello from a chart"));
    assert_eq!(deployed.outputs("helm").await, json!({"status": "deployed"}));
    deployed.runs("helm", "uninstall", json!({})).await;
    assert_eq!(cluster.text("default", "page"), None);
    assert!(!told.contains(TOKEN), "{told}");
    left_nothing(&home);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_says_why() {
    let (database, cluster) = (Database::empty(), Cluster::start().await);
    let home = keeping(&database);
    let deployed = Deployed::on(&home, &[]).await;
    let inputs = json!({"host": cluster.address, "token": "wrong", "executable_path": "/nowhere/helm"});
    deployed.deploy("absent", &example("helm"), inputs).await;
    let (error, _) = deployed.fails("absent", "install").await;
    assert!(error.contains("There is no program /nowhere/helm. Install Helm there"), "{error}");
    let inputs = json!({"host": "", "token": "", "executable_path": python::helm()});
    deployed.rest.create_deployment("nowhere", "absent", inputs).await.expect(201);
    let (error, _) = deployed.fails("nowhere", "install").await;
    assert!(error.contains("There is no cluster: set `client_config.configuration`"), "{error}");
    left_nothing(&home);
}
