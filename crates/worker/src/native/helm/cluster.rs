//! The cluster that releases go to: from `client_config` to the environment of `helm`.
//!
//! Invariant: what the machine itself has for Kubernetes is not used.

use std::ffi::OsString;
use std::path::Path;

use nephele_model::operation::Failure;
use nephele_model::python_text;
use serde_json::Value;

use super::{mapping, write_text};
use crate::native::task::Task;

type Variables = Vec<(OsString, OsString)>;

/// For commands that ask no cluster.
pub(super) fn nowhere() -> Variables {
    vec![("KUBECONFIG".into(), "/dev/null".into())]
}

/// The way to the cluster that the node names. Files of it are in the task's folder.
pub(super) async fn variables(task: &Task, folder: &Path) -> Result<Variables, Failure> {
    let client = mapping("client_config", task.setting("client_config"))?;
    if client.get("authentication").is_some_and(python_text::is_truthy) {
        return Err(Failure::fatal(
            "`client_config.authentication` is not known to the built-in plugin: give a token as \
             `client_config.configuration.api_options.api_key`",
        ));
    }
    let given = mapping("client_config.configuration", client.get("configuration"))?;
    let options = mapping("client_config.configuration.api_options", given.get("api_options"))?;
    let mut variables = nowhere();
    if let Some(file) = kubeconfig(task, &given, folder).await? {
        variables.push(("KUBECONFIG".into(), file));
    } else if !options.get("host").is_some_and(python_text::is_truthy) {
        return Err(Failure::fatal(
            "There is no cluster: set `client_config.configuration` of the node to a kubeconfig (`file_content`, \
             `blueprint_file_name` or `manager_file_path`) or to `api_options` with `host` and `api_key`",
        ));
    }
    let text = |name: &str| options.get(name).filter(|value| python_text::is_truthy(*value)).map(python_text::str);
    for (name, variable) in [("host", "HELM_KUBEAPISERVER"), ("api_key", "HELM_KUBETOKEN")] {
        variables.extend(text(name).map(|text| (variable.into(), text.into())));
    }
    if let Some(token) = text("api_key") {
        task.operation.logs.hide(&token);
    }
    if let Some(authority) = text("ssl_ca_cert") {
        let file = folder.join("authority.pem");
        let content = if authority.contains("-----BEGIN") {
            authority
        } else if authority.starts_with('/') {
            std::fs::read_to_string(&authority)
                .map_err(|error| Failure::fatal(format!("{authority} cannot be read: {error}")))?
        } else {
            String::from_utf8_lossy(&task.fetch(&authority).await?).into_owned()
        };
        write_text(&file, &content)?;
        variables.push(("HELM_KUBECAFILE".into(), file.into()));
    }
    if options.get("verify_ssl") == Some(&Value::Bool(false)) {
        variables.push(("HELM_KUBEINSECURE_SKIP_TLS_VERIFY".into(), "true".into()));
    }
    Ok(variables)
}

/// The file with the cluster and its users, if the node gives one.
async fn kubeconfig(
    task: &Task,
    given: &serde_json::Map<String, Value>,
    folder: &Path,
) -> Result<Option<OsString>, Failure> {
    let given = |name: &str| given.get(name).filter(|value| python_text::is_truthy(*value));
    let content = match (given("file_content"), given("blueprint_file_name"), given("manager_file_path")) {
        (Some(Value::String(text)), ..) => text.clone(),
        // JSON is YAML.
        (Some(content), ..) => content.to_string(),
        (None, Some(path), _) => String::from_utf8_lossy(&task.fetch(&python_text::str(path)).await?).into_owned(),
        (None, None, Some(path)) => return Ok(Some(python_text::str(path).into())),
        (None, None, None) => return Ok(None),
    };
    let file = folder.join("kubeconfig");
    write_text(&file, &content)?;
    Ok(Some(file.into()))
}
