//! What a blueprint settles for its deployments (`deployment_settings`): their name for people, groups that they join,
//! schedules; and what it demands of the environment that they are in.
//!
//! Invariant: settling twice comes to the same, for the creation of an environment may be interrupted. Functions in the
//! settings are evaluated once labels are there, on which they may depend. Source: spec workflows.md section 7, "create
//! deployment".

use nephele_model::json::{Map, Value};
use nephele_model::{Code, Error, Result};
use nephele_store::deployments::{self, Deployment, DeploymentChanges};
use nephele_store::{deployment_groups, labels};
use unicode_normalization::UnicodeNormalization;

use crate::deployment_groups::{GroupChange, GroupUpdate};
use crate::evaluation::Context;
use crate::rows::failed;
use crate::workflows::upload::declared_labels;
use crate::{Ctx, Manager};

/// Characters of a name for people.
const LONGEST_NAME: usize = 256;
/// The label that names the environment of a deployment.
const PARENT: &str = "csys-obj-parent";

impl Manager {
    /// Applies the settings of a plan to its new deployment; a name that its creator chose stays.
    pub(crate) async fn settle_deployment(
        &self,
        deployment: &Deployment,
        settings: &Map,
        chosen_name: Option<&str>,
    ) -> Result<()> {
        if settings.is_empty() {
            return Ok(());
        }
        let ctx = Ctx::internal(deployment.tenant_name.clone(), deployment.tenant_id);
        let settings = serde_json::Value::Object(settings.into());
        let settings = Value::from(self.evaluate(&ctx, &deployment.id, Context::default(), settings).await?);
        if let (None, Some(name)) = (chosen_name, settings["display_name"].as_str().filter(|name| !name.is_empty())) {
            let changes = DeploymentChanges { display_name: Some(display_name(name)?), ..DeploymentChanges::default() };
            deployments::update(&*self.store, deployment.storage_id, changes).await.map_err(failed)?;
        }
        for group in settings["default_groups"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            self.join_or_make(&ctx, group, deployment).await?;
        }
        match settings.as_object() {
            Some(settings) => self.renew_schedules(&ctx, deployment, settings).await,
            None => Ok(()),
        }
    }

    /// Adds a deployment to a group, which is made if there is none.
    async fn join_or_make(&self, ctx: &Ctx, group: &str, deployment: &Deployment) -> Result<()> {
        let scope = self.scope(ctx, false).await?;
        let joining = GroupChange { deployment_ids: Some(vec![deployment.id.to_string()]), ..GroupChange::default() };
        if deployment_groups::find(&*self.store, &scope, group).await.map_err(failed)?.is_some() {
            self.change_deployment_group(ctx, group, joining, GroupChange::default()).await?;
        } else {
            self.put_deployment_group(ctx, group, GroupUpdate { members: joining, ..GroupUpdate::default() }).await?;
        }
        Ok(())
    }

    /// Refuses a deployment whose environment lacks capabilities that its blueprint needs.
    ///
    /// `needed` are paths into capabilities, `declared` the labels that the blueprint gives beside those that are there.
    pub(crate) async fn demand_environment_capabilities(
        &self,
        deployment: &Deployment,
        needed: &Value,
        declared: &Map,
    ) -> Result<()> {
        let needed = needed.as_array().cloned().unwrap_or_default();
        if needed.is_empty() {
            return Ok(());
        }
        let given =
            labels::of(&*self.store, labels::Labeled::Deployment, deployment.storage_id).await.map_err(failed)?;
        let given = given.into_iter().map(|label| (label.key, label.value));
        let Some((_, parent)) = given.chain(declared_labels(declared)).find(|(key, _)| key == PARENT) else {
            return Err(lacking(format!(
                "Environment not found, but environment capabilities are required: {}",
                list(&needed)
            )));
        };
        let ctx = Ctx::internal(deployment.tenant_name.clone(), deployment.tenant_id);
        let parent = self.find_deployment(&ctx, &parent).await?;
        let present: Map = match &parent.capabilities {
            Some(capabilities) => capabilities.parse::<Option<Map>>().map_err(failed)?.unwrap_or_default(),
            None => Map::default(),
        };
        let missing: Vec<Value> = needed.iter().filter(|path| !has(&present, path)).cloned().collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(lacking(format!(
            "Environment {} ({}) does not have the required capabilities: {}",
            parent.display_name,
            parent.id,
            list(&missing)
        )))
    }
}

fn lacking(message: String) -> Error {
    Error::new(Code::DeploymentCreation, message)
}

/// Whether the capability and all that the path goes into is there.
fn has(capabilities: &Map, path: &Value) -> bool {
    let mut parts = path.as_array().into_iter().flatten();
    let Some(capability) = parts.next().and_then(Value::as_str).and_then(|name| capabilities.get(name)) else {
        return false;
    };
    let mut value = &capability["value"];
    for part in parts {
        let inner = match part.as_str() {
            Some(name) => value.get(name),
            None => part.as_u64().and_then(|index| value.as_array()?.get(usize::try_from(index).ok()?)),
        };
        let Some(inner) = inner else { return false };
        value = inner;
    }
    true
}

fn list(paths: &[Value]) -> String {
    let text = |part: &Value| part.as_str().map_or_else(|| part.to_string(), str::to_owned);
    let path = |path: &Value| path.as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join(".");
    paths.iter().map(path).collect::<Vec<_>>().join(", ")
}

/// A name for people in the form in which it is kept.
///
/// Error: `bad_parameters_error` for one that is too long or holds control characters.
pub(crate) fn display_name(name: &str) -> Result<String> {
    let refuse = |problem: &str| Err(Error::bad_parameters(format!("The deployment display name {problem}")));
    if name.chars().count() > LONGEST_NAME {
        return refuse("is too long. Maximum allowed length is 256 characters");
    }
    if name.chars().any(char::is_control) {
        return refuse("contains illegal characters. Control characters are not allowed");
    }
    Ok(name.nfkc().collect())
}

#[cfg(test)]
mod tests {
    use nephele_model::json::json;

    use super::*;

    #[test]
    fn a_path_into_capabilities_must_lead_to_something() {
        let capabilities = json!({"ports": {"value": [{"http": 80}]}});
        let capabilities = capabilities.as_object().unwrap();
        for (path, is_there) in [
            (json!(["ports"]), true),
            (json!(["ports", 0, "http"]), true),
            (json!(["ports", 1]), false),
            (json!(["address"]), false),
        ] {
            assert_eq!(has(capabilities, &path), is_there, "{path:?}");
        }
        assert_eq!(list(&[json!(["a"]), json!(["b", 0])]), "a, b.0");
    }

    #[test]
    fn names_are_checked_and_brought_into_one_form() {
        assert_eq!(display_name("\u{fb01}ne").unwrap(), "fine");
        assert!(display_name(&"x".repeat(257)).is_err() && display_name("a\nb").is_err());
    }
}
