//! Blueprints and plugins of the heirs: their words, the names of their plugins, their names of the package.

use std::path::Path;

use nephele_testkit::python;
use nephele_testkit::rest::blueprint;
use serde_json::json;

use crate::users::{Users, package, python_home};

/// As the heirs' plugins begin, with their names for what `cloudify-common` has.
const TASKS: &str = r"
from @NAME@ import ctx, manager
from @NAME@.decorators import operation
from @NAME@.exceptions import NonRecoverableError
from @NAME@.mocks import MockNativeEdgeContext
from @NAME@.state import ctx_parameters as inputs
import @NAME@.ctx_wrappers

try:
    from nativeedge_rest_client.exceptions import NativeEdgeClientError
except ImportError:
    NativeEdgeClientError = None


@operation
def create(word, **_):
    try:
        manager.get_rest_client().secrets.get('nothing')
    except NativeEdgeClientError as error:
        ctx.instance.runtime_properties['said'] = error.status_code
    ctx.instance.runtime_properties['word'] = word


@operation
def start(**_):
    raise NonRecoverableError('never here')
";

const YAML: &str = "
plugins: {@NAME@: {executor: central_deployment_agent, package_name: @PACKAGE@, package_version: '1.0'}}
node_types:
  @NAME@.nodes.Thing:
    derived_from: @NAME@.nodes.Root
    interfaces:
      @NAME@.interfaces.lifecycle:
        create: {implementation: @NAME@.heir.tasks.create, inputs: {word: {default: hello}}}
";

const BLUEPRINT: &str = "
tosca_definitions_version: @VERSION@
imports: [@NAME@/types/types.yaml, 'plugin:@IMPORT@?version=>=3.0.0.0,<4.0.0.0']
node_templates:
  thing:
    type: @TYPE@.nodes.Thing
    interfaces:
      @NAME@.interfaces.lifecycle: {configure: scripts/configure.py}
";

const SCRIPT: &str = "
from @NAME@ import ctx
from @NAME@.exceptions import NonRecoverableError
from @NAME@.state import ctx_parameters as inputs

ctx.instance.runtime_properties['configured'] = ctx.node.type
if ctx.instance.runtime_properties['word'] != 'hello':
    raise NonRecoverableError('what is this?')
";

impl Users {
    fn heir(&self, name: &str, package_name: &str, version: &str) {
        let fill = |text: &str| text.replace("@NAME@", name).replace("@PACKAGE@", package_name);
        let folder = self.folder.join(package_name);
        let source = package(&folder.join("source"), package_name, version, "heir", &fill(TASKS), "");
        let yaml = fill(YAML).replace("'1.0'", &format!("'{version}'"));
        self.upload_described(&python::wagon(&source, &folder.join("wagon")), &yaml);
    }

    async fn blueprint(&self, id: &str, version: &str, name: &str, import: &str) {
        let fill = |text: &str| text.replace("@VERSION@", version).replace("@NAME@", name).replace("@IMPORT@", import);
        let folder = Path::join(&self.folder, id);
        blueprint(&folder, &fill(BLUEPRINT).replace("@TYPE@", name), &[("scripts/configure.py", &fill(SCRIPT))]);
        self.rest.upload_folder(id, &folder).await;
        self.rest.create_deployment(id, id, json!({})).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_heirs_plugins_and_scripts_run_under_their_own_names() {
    let home = python_home();
    let users = Users::arrive(&home);
    users.heir("nativeedge", "nativeedge-thing-plugin", "3.1.0.0");
    users.blueprint("own", "nativeedge_1_0", "nativeedge", "nativeedge-thing-plugin").await;
    users.rest.run("own", "install").await;
    let expected = json!({"word": "hello", "said": 404, "configured": "cloudify.nodes.Thing"});
    assert_eq!(users.properties("own", "thing").await, expected);

    // The original's plugin stands in for one that nobody has, whatever version is wanted of that.
    users.heir("dell", "cloudify-other-plugin", "1.2.3");
    users.blueprint("borrowed", "dell_1_1", "dell", "other-plugin").await;
    users.rest.run("borrowed", "install").await;
    assert_eq!(users.properties("borrowed", "thing").await, expected);

    // An error of theirs is what it is here.
    let order = json!({"operation": "cloudify.interfaces.lifecycle.create", "operation_kwargs": {"word": "huh"},
        "allow_kwargs_override": true});
    users.runs("own", "execute_operation", &order);
    let again = json!({"operation": "cloudify.interfaces.lifecycle.configure"});
    let execution = users.rest.start("own", "execute_operation", again).await;
    let ended = users.rest.ended(&execution).await;
    assert!(ended["error"].as_str().unwrap().contains("what is this?"), "{ended}");
    let events = users.rest.events(&execution).await;
    assert!(events.iter().all(|event| event["event_type"] != "task_rescheduled"), "it is tried again: {events:?}");
}
