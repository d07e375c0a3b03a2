//! Plugins as users have them: wagons built by the real `wagon`, uploaded by the real `cfy`, and plugins
//! that blueprints bring; through install, custom operations and uninstall.

use std::fs;
use std::path::{Path, PathBuf};

use nephele_testkit::python;
use nephele_testkit::rest::blueprint;
use serde_json::{Value, json};

use crate::users::{Users, gone, package, python_home};

/// The operations of the plugin `tiny`. `VERSION` is replaced.
const TASKS: &str = r#"
import os
from cloudify import ctx, manager
from cloudify.decorators import operation
from cloudify.exceptions import NonRecoverableError, RecoverableError

VERSION = "@VERSION@"


@operation
def create(word, **_):
    ctx.logger.info('%s from %s, plugin %s', word, ctx.instance.id, VERSION)
    ctx.instance.runtime_properties['word'] = word
    ctx.instance.runtime_properties['version'] = VERSION
    ctx.instance.runtime_properties['secret'] = manager.get_rest_client().secrets.get('key').value
    ctx.instance.runtime_properties['region'] = ctx.plugin.properties.get('region', {}).get('value')
    ctx.instance.runtime_properties['prefix'] = ctx.plugin.prefix
    ctx.instance.update()
    return 'created'


@operation
def start(**_):
    if ctx.operation.retry_number < 2:
        ctx.instance.runtime_properties['tries'] = ctx.operation.retry_number + 1
        return ctx.operation.retry('not yet', retry_after=0.1)
    ctx.send_event('it runs')


@operation
def link(**_):
    ctx.source.instance.runtime_properties['peer'] = ctx.target.instance.runtime_properties['word']
    ctx.target.instance.runtime_properties['peers'] = ctx.target.instance.runtime_properties.get('peers', 0) + 1


@operation
def check(how, **_):
    ctx.instance.runtime_properties['checked'] = ctx.instance.runtime_properties.get('checked', 0) + 1
    if how == 'recoverable' and ctx.operation.retry_number == 0:
        raise RecoverableError('a moment, please', retry_after=0.1)
    if how == 'fatal':
        raise NonRecoverableError('never')


@operation
def delete(trace, **_):
    with open(trace, 'a') as file:
        file.write('%s %s\n' % (ctx.instance.id, VERSION))
"#;

const PLUGIN: &str = "
plugins:
  tiny:
    executor: central_deployment_agent
    package_name: tiny-plugin
    package_version: '@VERSION@'
    properties:
      region: {type: string, value: north}
node_types:
  tiny.Node:
    derived_from: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: tiny.tiny.tasks.create, inputs: {word: {default: hello}}}
        start: {implementation: tiny.tiny.tasks.start}
      checks:
        check: {implementation: tiny.tiny.tasks.check, inputs: {how: {default: ''}}}
relationships:
  tiny.link:
    derived_from: cloudify.relationships.connected_to
    source_interfaces:
      cloudify.interfaces.relationship_lifecycle:
        establish: {implementation: tiny.tiny.tasks.link}
";

const BLUEPRINT: &str = "
tosca_definitions_version: cloudify_dsl_1_5
imports: [cloudify/types/types.yaml, 'plugin:tiny-plugin?version=@VERSION@']
inputs: {trace: {type: string}}
node_templates:
  first:
    type: tiny.Node
    interfaces: &delete
      cloudify.interfaces.lifecycle:
        delete: {implementation: tiny.tiny.tasks.delete, inputs: {trace: {get_input: trace}}}
  second:
    type: tiny.Node
    interfaces: *delete
    relationships:
      - {type: tiny.link, target: first}
outputs:
  peer: {value: {get_attribute: [second, peer]}}
";

/// One plugin that is installed as the blueprint wants it, and one that is not to be.
const NEEDY: &str = "
tosca_definitions_version: cloudify_dsl_1_5
imports: [cloudify/types/types.yaml]
plugins:
  needy:
    executor: central_deployment_agent
    package_name: broken-plugin
    package_version: '1.0'
    install_arguments: --no-deps
  absent: {executor: central_deployment_agent, install: false}
node_templates:
  node:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: needy.tiny.tasks.check, inputs: {how: ''}}
      checks:
        absent: absent.tasks.run
";

impl Users {
    /// Uploads a version of the plugin, and gives its id.
    fn upload(&self, version: &str) -> String {
        let wagon = python::wagon(
            &source(&self.folder.join(format!("source-{version}")), "tiny-plugin", version),
            &self.folder.join(version),
        );
        let yaml = self.folder.join(version).join("plugin.yaml");
        fs::write(&yaml, PLUGIN.replace("@VERSION@", version)).unwrap();
        self.upload_wagon(&wagon, &yaml)
    }

    /// A blueprint and a deployment `v<version>` with this version of the plugin.
    async fn deploy(&self, version: &str) {
        let folder = self.folder.join(format!("blueprint-{version}"));
        blueprint(&folder, &BLUEPRINT.replace("@VERSION@", version), &[]);
        let id = format!("v{version}");
        self.rest.upload_folder(&id, &folder).await;
        let inputs = json!({"trace": self.folder.join("deleted")});
        self.rest.create_deployment(&id, &id, inputs).await.expect(201);
    }

    /// Runs the operation `check` of the node `first`, and gives the execution with its events' messages.
    async fn check(&self, deployment: &str, how: &str) -> (Value, Vec<String>) {
        let parameters = json!({"operation": "checks.check", "node_ids": ["first"], "operation_kwargs": {"how": how}, "allow_kwargs_override": true});
        let id = self.rest.start(deployment, "execute_operation", parameters).await;
        let ended = self.rest.ended(&id).await;
        let events = self.rest.events(&id).await;
        let messages = events.iter().filter_map(|event| event["message"].as_str()).map(str::to_owned).collect();
        (ended, messages)
    }
}

/// The source of a package with the module `tiny`.
fn source(folder: &Path, name: &str, version: &str) -> PathBuf {
    package(folder, name, version, "tiny", &TASKS.replace("@VERSION@", version), "zip_safe=False")
}

#[tokio::test(flavor = "multi_thread")]
async fn wagons_are_installed_when_needed_and_versions_run_side_by_side() {
    let home = python_home();
    let users = Users::arrive(&home);
    users.rest.put("/secrets/key", &json!({"value": "hidden"})).await.expect(200);
    let old = users.upload("1.9.0");
    let new = users.upload("1.10.0");
    for version in ["1.9.0", "1.10.0"] {
        users.deploy(version).await;
        let deployment = format!("v{version}");
        users.rest.run(&deployment, "install").await;
        let first = users.properties(&deployment, "first").await;
        assert_eq!((&first["word"], &first["version"]), (&json!("hello"), &json!(version)), "{first:#}");
        assert_eq!((&first["secret"], &first["peers"], &first["tries"]), (&json!("hidden"), &json!(1), &json!(2)));
        let place =
            home.data_dir().canonicalize().unwrap().join("worker/plugins/default_tenant/tiny-plugin").join(version);
        assert_eq!(first["prefix"], json!(place));
        assert_eq!(
            users.rest.get(&format!("/deployments/{deployment}/outputs")).await.expect(200)["outputs"]["peer"],
            "hello"
        );
    }
    assert_eq!(users.properties("v1.9.0", "first").await["version"], "1.9.0");
    for id in [&old, &new] {
        let plugin = users.rest.get(&format!("/plugins/{id}")).await.expect(200);
        let states = plugin["installation_state"].as_array().unwrap();
        assert_eq!((states.len(), &states[0]["state"], &states[0]["error"]), (1, &json!("installed"), &Value::Null));
    }

    let (ended, messages) = users.check("v1.9.0", "recoverable").await;
    assert_eq!(ended["status"], "terminated", "{messages:#?}");
    assert!(messages.iter().any(|message| message.contains("a moment, please [retry_after=0.1]")), "{messages:#?}");
    let (ended, messages) = users.check("v1.9.0", "fatal").await;
    assert_eq!(ended["status"], "failed", "{messages:#?}");
    assert!(messages.iter().any(|message| message.contains("never")), "{messages:#?}");
    assert_eq!(users.properties("v1.9.0", "first").await["checked"], 3, "what was set before an error stays");

    assert!(users.cfy.fails(&["plugins", "delete", &old]).contains("in use"));
    for version in ["v1.9.0", "v1.10.0"] {
        users.rest.run(version, "uninstall").await;
        users.cfy.ok(&["deployments", "delete", version]);
        users.cfy.ok(&["blueprints", "delete", version]);
    }
    let deleted = fs::read_to_string(home.folder().join("deleted")).unwrap();
    assert_eq!(deleted.lines().count(), 4, "{deleted}");
    users.cfy.ok(&["plugins", "delete", &old]);
    let plugins = home.data_dir().join("worker/plugins/default_tenant/tiny-plugin");
    gone(&plugins.join("1.9.0")).await;
    assert!(plugins.join("1.10.0/plugin.id").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_is_installed_on_order_and_broken_ones_say_why() {
    let home = python_home();
    let users = Users::arrive(&home);
    let id = users.upload("2.0.0");
    assert_eq!(users.install(&id).await, ("installed".to_owned(), String::new()));

    // A wagon whose wheel needs what nobody has.
    let broken = source(&users.folder.join("broken"), "broken-plugin", "1.0");
    let setup = fs::read_to_string(broken.join("setup.py")).unwrap();
    let needy = setup.replace("zip_safe", "install_requires=['no-such-package-anywhere>=7'], zip_safe");
    fs::write(broken.join("setup.py"), needy).unwrap();
    let wagon = python::wagon(&broken, &users.folder.join("broken-wagon"));
    let id = users.upload_wagon(&wagon, &users.folder.join("2.0.0/plugin.yaml"));
    let (state, error) = users.install(&id).await;
    assert_eq!(state, "error");
    assert!(error.starts_with(&format!("Failed installing managed plugin: {id} [broken-plugin][")), "{error}");
    assert!(error.contains("no-such-package-anywhere"), "the output of pip is missing: {error}");
    assert!(!home.data_dir().join("worker/plugins/default_tenant/broken-plugin/1.0").exists());

    // A blueprint may tell pip to do without.
    let folder = users.folder.join("needy-blueprint");
    blueprint(&folder, NEEDY, &[]);
    users.rest.upload_folder("needy", &folder).await;
    users.rest.create_deployment("needy", "needy", json!({})).await.expect(201);
    users.rest.run("needy", "install").await;
    assert_eq!(users.properties("needy", "node").await["checked"], 1);
    // What is not to be installed has to be there already.
    let id = users.rest.start("needy", "execute_operation", json!({"operation": "checks.absent"})).await;
    let ended = users.rest.ended(&id).await;
    assert!(ended["error"].as_str().unwrap().contains("No source or managed plugin found for absent"), "{ended:#}");
}

/// Many nodes that need the same plugin at once; the import gives it a property.
const AT_ONCE: &str = "
tosca_definitions_version: cloudify_dsl_1_5
imports:
  - cloudify/types/types.yaml
  - plugin:tiny-plugin?version=3.0.0: {region: {get_input: region}}
inputs: {region: {type: string}}
node_templates:
  node:
    type: tiny.Node
    instances: {deploy: 12}
";

#[tokio::test(flavor = "multi_thread")]
async fn who_needs_a_plugin_at_once_has_it_installed_once_and_imports_give_it_properties() {
    let home = python_home();
    let users = Users::arrive(&home);
    users.rest.put("/secrets/key", &json!({"value": "hidden"})).await.expect(200);
    users.upload("3.0.0");
    let folder = users.folder.join("at-once");
    blueprint(&folder, AT_ONCE, &[]);
    users.rest.upload_folder("at-once", &folder).await;
    let mut runs = Vec::new();
    for region in ["south", "west"] {
        users.rest.create_deployment(region, "at-once", json!({"region": region})).await.expect(201);
        runs.push(users.rest.start(region, "install", json!({})).await);
    }
    for run in &runs {
        let ended = users.rest.ended(run).await;
        assert_eq!(ended["status"], "terminated", "{ended:#}");
    }
    for region in ["south", "west"] {
        let nodes = users.instances(region, "node").await;
        assert_eq!(nodes.len(), 12);
        assert!(nodes.iter().all(|node| node["runtime_properties"]["region"] == region), "{nodes:#?}");
    }
    let log = home.log();
    assert_eq!(log.matches("installing a plugin").count(), 1, "{log}");
    let wrong = AT_ONCE.replace("region: {get_input: region}", "regoin: x");
    let folder = users.folder.join("wrong");
    blueprint(&folder, &wrong, &[]);
    let refused = users.rest.upload("wrong", nephele_testkit::archive::pack(&folder)).await;
    refused.refused(400, "invalid_blueprint_error", &["redundant", "regoin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blueprint_brings_its_plugin() {
    let home = python_home();
    let users = Users::arrive(&home);
    users.rest.put("/secrets/key", &json!({"value": "hidden"})).await.expect(200);
    let text = BLUEPRINT.replace(", 'plugin:tiny-plugin?version=@VERSION@'", "")
        + &PLUGIN.replace(
            "package_name: tiny-plugin\n    package_version: '@VERSION@'",
            "source: tiny-source\n    install_arguments: -r requirements.txt",
        );
    let folder = home.folder().join("own");
    blueprint(&folder, &text, &[]);
    let plugin = source(&folder.join("plugins/tiny-source"), "tiny-source", "0.1");
    package(&plugin.join("extra"), "extra", "0.2", "extra", "", "");
    fs::write(plugin.join("requirements.txt"), "./extra\n").unwrap();
    users.rest.upload_folder("own", &folder).await;
    users.rest.create_deployment("own", "own", json!({"trace": home.folder().join("deleted")})).await.expect(201);
    users.rest.run("own", "install").await;
    let first = users.properties("own", "first").await;
    assert_eq!((&first["version"], &first["peers"]), (&json!("0.1"), &json!(1)), "{first:#}");
    let place = home.data_dir().join("worker/source_plugins/default_tenant/own");
    assert_eq!(fs::read_to_string(place.join("tiny/0.0.0/plugin.id")).unwrap(), "source-own");
    assert!(place.join("tiny/0.0.0/lib/python3.11/site-packages/extra/tasks.py").exists());
    users.rest.run("own", "uninstall").await;
    users.cfy.ok(&["deployments", "delete", "own"]);
    gone(&place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_nobody_has_is_named() {
    let home = python_home();
    let users = Users::arrive(&home);
    let text = BLUEPRINT.replace(", 'plugin:tiny-plugin?version=@VERSION@'", "") + &PLUGIN.replace("@VERSION@", "9");
    let folder = home.folder().join("missing");
    blueprint(&folder, &text, &[]);
    users.rest.upload_folder("missing", &folder).await;
    let inputs = json!({"trace": home.folder().join("deleted")});
    let body = json!({"blueprint_id": "missing", "inputs": inputs, "skip_plugins_validation": true});
    users.rest.put("/deployments/missing", &body).await.expect(201);
    let id = users.rest.start("missing", "install", json!({})).await;
    let ended = users.rest.ended(&id).await;
    let error = ended["error"].as_str().unwrap();
    assert!(
        error.contains("No source or managed plugin found for tiny-plugin") && error.contains("cfy plugins upload"),
        "{error}"
    );
}
