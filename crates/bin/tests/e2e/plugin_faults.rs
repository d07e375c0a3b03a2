//! Wagons that cannot be used: the error is clear, nothing is left behind, and the next plugin is fine.

use std::fs;
use std::path::PathBuf;

use nephele_testkit::archive;
use nephele_testkit::python;
use nephele_testkit::rest::blueprint;
use serde_json::{Value, json};

use crate::users::{Users, package, python_home};

const YAML: &str =
    "plugins: {odd: {executor: central_deployment_agent, package_name: odd-plugin, package_version: '1.0'}}";

const BLUEPRINT: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml, 'plugin:odd-plugin']
node_templates:
  node:
    type: cloudify.nodes.Root
    interfaces: {cloudify.interfaces.lifecycle: {create: odd.odd.tasks.run}}
";

/// What a wagon says of itself, with changes.
fn description(changes: &Value) -> String {
    let mut whole = json!({
        "archive_name": "odd_plugin-1.0-py311-none-any.wgn", "package_name": "odd-plugin", "package_version": "1.0",
        "supported_platform": "any", "supported_python_versions": ["py311"], "wheels": [],
        "build_server_os_properties": {"distribution": null},
    });
    for (key, value) in changes.as_object().unwrap() {
        whole[key] = value.clone();
    }
    whole.to_string()
}

impl Users {
    fn wagon_of(&self, entries: &[(&str, &str)]) -> PathBuf {
        let folder = self.folder.join("odd");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("odd_plugin-1.0-py311-none-any.wgn");
        fs::write(&file, archive::zip(entries)).unwrap();
        file
    }

    /// What is said when this is uploaded as a wagon.
    fn refused(&self, content: &[u8]) -> String {
        let wagon = self.wagon_of(&[]);
        fs::write(&wagon, content).unwrap();
        let yaml = wagon.with_file_name("plugin.yaml");
        fs::write(&yaml, YAML).unwrap();
        self.cfy.fails(&["plugins", "upload", wagon.to_str().unwrap(), "-y", yaml.to_str().unwrap()])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_wagons_say_what_is_wrong_and_leave_nothing() {
    let home = python_home();
    let users = Users::arrive(&home);
    let plain = description(&json!({}));
    let whole = archive::zip(&[("odd/package.json", &plain), ("odd/wheels/a.whl", "")]);
    for (content, part) in [
        (b"no archive at all".as_slice(), "holds no package.json"),
        (&whole[..whole.len() / 2], "holds no package.json"),
        (&archive::zip(&[("odd/wheels/a.whl", "")]), "holds no package.json"),
        (&archive::zip(&[("odd/package.json", "{")]), "package.json: EOF"),
        (&archive::zip(&[("odd/package.json", "{}")]), "`archive_name` is missing"),
    ] {
        let said = users.refused(content);
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(users.rest.ids("/plugins").await.is_empty());

    let plugins = home.data_dir().join("worker/plugins");
    let windows = description(&json!({"supported_platform": "win_amd64"}));
    let old = description(&json!({"supported_python_versions": ["py36"]}));
    for (entries, parts) in [
        (vec![("odd/package.json", plain.as_str())], vec!["it holds no wheels", "wagon create"]),
        (
            vec![
                ("odd/package.json", plain.as_str()),
                ("odd/wheels/../../../../../../escaped-1.0-py3-none-any.whl", "x"),
                ("/escaped-1.0-py3-none-any.whl", "x"),
                ("odd/wheels/deeper/escaped-1.0-py3-none-any.whl", "x"),
            ],
            vec!["it holds no wheels"],
        ),
        (
            vec![("odd/package.json", plain.as_str()), ("odd/wheels/odd_plugin-1.0-py3-none-any.whl", "no wheel")],
            vec!["odd_plugin-1.0-py3-none-any.whl", "is invalid"],
        ),
        (
            vec![("odd/package.json", windows.as_str()), ("odd/wheels/odd_plugin-1.0-cp311-cp311-win_amd64.whl", "")],
            vec!["No matching distribution found for odd-plugin", "Its wagon is for win_amd64, and this is linux_"],
        ),
        (
            vec![("odd/package.json", old.as_str()), ("odd/wheels/odd_plugin-1.0-cp36-cp36m-linux_x86_64.whl", "")],
            vec!["No matching distribution found for odd-plugin", "for py36, and plugins run with Python 3.11 here"],
        ),
    ] {
        let id = users.upload_described(&users.wagon_of(&entries), YAML);
        let (state, error) = users.install(&id).await;
        assert_eq!(state, "error");
        assert!(error.starts_with(&format!("Failed installing managed plugin: {id} [odd-plugin][")), "{error}");
        assert!(parts.iter().all(|part| error.contains(part)), "{parts:?}: {error}");
        assert!(!plugins.join("default_tenant/odd-plugin/1.0").exists(), "{parts:?}");
        users.rest.delete(&format!("/plugins/{id}")).await.expect(204);
    }
    for folder in [home.folder(), &home.data_dir(), std::path::Path::new("/")] {
        assert!(!folder.join("escaped-1.0-py3-none-any.whl").exists());
    }

    // Of two wagons for one version, that for this Python is taken.
    let changes = json!({"supported_python_versions": ["py36"], "archive_name": "odd_plugin-1.0-py36-none-any.wgn"});
    let other = description(&changes);
    let entries = [("odd/package.json", other.as_str()), ("odd/wheels/odd_plugin-1.0-cp36-cp36m-linux_x86_64.whl", "")];
    users.upload_described(&users.wagon_of(&entries), YAML);
    let code = "def run(**_):\n    pass\n";
    let source = package(&users.folder.join("sound"), "odd-plugin", "1.0", "odd", code, "");
    let id = users.upload_described(&python::wagon(&source, &users.folder.join("sound-wagon")), YAML);
    let app = users.folder.join("app");
    blueprint(&app, BLUEPRINT, &[]);
    users.rest.upload_folder("odd", &app).await;
    users.rest.create_deployment("odd", "odd", json!({})).await.expect(201);
    users.rest.run("odd", "install").await;
    assert_eq!(fs::read_to_string(plugins.join("default_tenant/odd-plugin/1.0/plugin.id")).unwrap(), id);
}
