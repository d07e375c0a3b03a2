//! The whole life of deployments with plugins: three wagons, one with a compiled dependency, one with a workflow, one
//! whose operations are tried again, heal and update; a caravan; and a deployment that goes over to a newer plugin.

use std::fs;
use std::path::{Path, PathBuf};

use nephele_testkit::archive;
use nephele_testkit::python;
use nephele_testkit::rest::blueprint;
use serde_json::{Value, json};

use crate::users::{Users, package, python_home};

const SOLID: [&str; 2] = [include_str!("plugin_life/solid.py"), include_str!("plugin_life/solid.yaml")];
const SURVEY: [&str; 2] = [include_str!("plugin_life/survey.py"), include_str!("plugin_life/survey.yaml")];
const CARE: [&str; 2] = [include_str!("plugin_life/care.py"), include_str!("plugin_life/care.yaml")];
const BLUEPRINT: &str = include_str!("plugin_life/blueprint.yaml");

/// Another version than that of the environment below.
const COMPILED: &str = "install_requires=['MarkupSafe==2.1.5']";

/// A wagon of this version and its description, side by side.
fn care(folder: &Path, version: &str) -> (PathBuf, PathBuf) {
    let [code, yaml] = CARE.map(|text| text.replace("@VERSION@", version));
    let source = package(&folder.join(format!("care-{version}")), "care-plugin", version, "care", &code, "");
    let wagon = python::wagon(&source, &folder.join(format!("care-wagon-{version}")));
    let file = wagon.with_file_name("plugin.yaml");
    fs::write(&file, yaml).unwrap();
    (wagon, file)
}

impl Users {
    fn upload_all(&self) {
        let [code, yaml] = SOLID;
        let solid = package(&self.folder.join("solid"), "solid-plugin", "1.0", "solid", code, COMPILED);
        self.upload_described(&python::whole_wagon(&solid, &self.folder.join("solid-wagon")), yaml);
        let [code, yaml] = SURVEY;
        let survey = package(&self.folder.join("survey"), "survey-plugin", "1.0", "survey", code, "");
        self.upload_described(&python::wagon(&survey, &self.folder.join("survey-wagon")), yaml);
        let (wagon, yaml) = care(&self.folder, "1.0");
        self.upload_wagon(&wagon, &yaml);
    }

    /// A deployment by `cfy`, of a blueprint of the same name.
    fn deploy_by_cfy(&self, id: &str, text: &str) {
        let app = self.folder.join(format!("app-{id}"));
        blueprint(&app, text, &[]);
        self.cfy.ok(&["blueprints", "upload", app.join("blueprint.yaml").to_str().unwrap(), "-b", id]);
        let inputs = json!({"trace": self.folder.join("trace")}).to_string();
        self.cfy.ok(&["deployments", "create", id, "-b", id, "-i", &inputs]);
    }

    async fn done(&self, deployment: &str) -> Vec<Value> {
        let services = self.instances(deployment, "service").await;
        services.into_iter().map(|service| service["runtime_properties"]["done"].clone()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_plugins_serve_a_deployment_from_install_to_uninstall() {
    let home = python_home();
    let users = Users::arrive(&home);
    users.upload_all();
    users.deploy_by_cfy("d", BLUEPRINT);

    users.runs("d", "install", &json!({}));
    let page = users.properties("d", "page").await;
    assert_eq!(page["text"], "&lt;create&gt;");
    let place = home.data_dir().canonicalize().unwrap().join("worker/plugins/default_tenant/solid-plugin/1.0");
    let [version, package, compiled] = [0, 1, 2].map(|at| page["packages"][at].as_str().unwrap().to_owned());
    assert_eq!(version, "2.1.5");
    assert!([package, compiled].iter().all(|file| file.starts_with(place.to_str().unwrap())), "{page:#}");
    let begun = json!(["create", "configure after 1", "start after 2"]);
    assert_eq!(users.done("d").await, std::slice::from_ref(&begun));
    assert_eq!(users.properties("d", "service").await["region"], "north");

    let said = users.runs("d", "survey", &json!({"text": "<asked>"}));
    assert!(said.contains("'survey' workflow execution succeeded"), "{said}");
    assert_eq!(users.properties("d", "page").await["text"], "&lt;asked&gt;");

    users.runs("d", "scale", &json!({"scalable_entity_name": "service", "delta": 1}));
    assert_eq!(users.done("d").await, [begun.clone(), begun.clone()]);

    users.runs("d", "execute_operation", &json!({"operation": "tests.fall_ill", "node_ids": ["service"]}));
    let ids: Vec<Value> = users.instances("d", "service").await.iter().map(|found| found["id"].clone()).collect();
    users.runs("d", "heal", &json!({"node_instance_id": ids[0]}));
    let healed = json!(["create", "configure after 1", "start after 2", "heal"]);
    assert_eq!(users.done("d").await, [healed.clone(), begun.clone()], "the ill one was healed, the other left alone");
    users.runs("d", "heal", &json!({"node_instance_id": ids[1]}));

    let inputs = json!({"size": 3}).to_string();
    users.cfy.ok(&["deployments", "update", "d", "-i", &inputs]);
    for done in users.done("d").await {
        assert_eq!(done.as_array().unwrap().last().unwrap(), "update to 3 by 1.0", "{done}");
    }

    users.runs("d", "scale", &json!({"scalable_entity_name": "service", "delta": -1}));
    users.runs("d", "uninstall", &json!({}));
    let deleted = fs::read_to_string(users.folder.join("trace")).unwrap();
    assert_eq!(deleted.lines().count(), 2, "{deleted}");
    users.cfy.ok(&["deployments", "delete", "d"]);
    assert_eq!(fs::read_dir(home.data_dir().join("worker/running")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caravan_brings_plugins_and_deployments_go_over_to_newer_ones() {
    let home = python_home();
    let users = Users::arrive(&home);
    let caravan = users.folder.join("caravan");
    let mut metadata = json!({});
    for version in ["1.0", "1.1"] {
        let (wagon, yaml) = care(&users.folder, version);
        fs::create_dir_all(caravan.join(version)).unwrap();
        let [wagon, yaml] = [wagon, yaml].map(|file| {
            let name = format!("{version}/{}", file.file_name().unwrap().to_str().unwrap());
            fs::copy(&file, caravan.join(&name)).unwrap();
            name
        });
        metadata[wagon] = json!(yaml);
    }
    fs::write(caravan.join("METADATA"), metadata.to_string()).unwrap();
    let file = users.folder.join("plugins.tgz");
    fs::write(&file, archive::pack(&caravan)).unwrap();
    users.cfy.ok(&["plugins", "bundle-upload", "-p", file.to_str().unwrap()]);
    let plugins = users.rest.get("/plugins?_sort=package_version").await.expect(200);
    let versions: Vec<&Value> =
        plugins["items"].as_array().unwrap().iter().map(|plugin| &plugin["package_version"]).collect();
    assert_eq!(versions, ["1.0", "1.1"]);

    let only_care = |import: &str| {
        let head = BLUEPRINT.split("  - plugin:solid").next().unwrap();
        format!(
            "{head}  - plugin:care-plugin{import}\ninputs:\n  trace: {{type: string}}\n\
             node_templates:\n  service:\n    type: care.Service\n"
        )
    };
    users.deploy_by_cfy("old", &only_care("?version=1.0"));
    users.deploy_by_cfy("new", &only_care(""));
    for (deployment, version) in [("old", "1.0"), ("new", "1.1")] {
        users.runs(deployment, "install", &json!({}));
        assert_eq!(users.properties(deployment, "service").await["version"], version);
    }

    // The blueprint said which version it wants; a looser one takes what is newest.
    users.deploy_by_cfy("loose", &only_care("?version=>=1.0,<1.1"));
    users.runs("loose", "install", &json!({}));
    assert_eq!(users.properties("loose", "service").await["version"], "1.0");
    let (wagon, yaml) = care(&users.folder, "1.0.5");
    users.upload_wagon(&wagon, &yaml);
    let said = users.cfy.ok(&["plugins", "update", "loose"]);
    assert!(!said.to_lowercase().contains("failed"), "{said}");
    let delete = json!({"operation": "cloudify.interfaces.lifecycle.create", "node_ids": ["service"]});
    users.runs("loose", "execute_operation", &delete);
    assert_eq!(users.properties("loose", "service").await["version"], "1.0.5");
    assert_eq!(users.properties("old", "service").await["version"], "1.0");
    for deployment in ["old", "new", "loose"] {
        users.runs(deployment, "uninstall", &json!({}));
    }
    let deleted = fs::read_to_string(users.folder.join("trace")).unwrap();
    let by: Vec<&str> = deleted.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(by, ["1.0", "1.1", "1.0.5"]);
}
