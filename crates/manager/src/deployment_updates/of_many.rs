//! `csys_update_deployment`: begins an update as a workflow of its deployment, so that groups of executions can
//! update many deployments. The update's execution joins the groups.

use nephele_model::id::DeploymentId;
use nephele_model::{Error, Result, python_text};
use nephele_store::executions::{self, Execution};
use serde_json::{Map, Value};

use super::{SWITCHES, UpdateRequest, WORKFLOW};
use crate::ctx::CallingExecution;
use crate::rows::failed;
use crate::workflows::upload::parameters;
use crate::{Ctx, Manager};

impl Manager {
    /// Begins the update, unless an earlier start of the execution did.
    pub(crate) async fn update_as_one_of_many(&self, execution: &Execution) -> Result<()> {
        let deployment = self.deployment_of(execution).await?;
        let runs = executions::of_deployment(&*self.store, deployment.storage_id).await.map_err(failed)?;
        if runs.iter().any(|run| run.workflow_id == WORKFLOW && run.storage_id > execution.storage_id) {
            return Ok(());
        }
        let ctx = Ctx::internal(execution.tenant_name.clone(), execution.tenant_id);
        let calling = CallingExecution {
            id: execution.id.clone(),
            tenant: execution.tenant_name.clone(),
            workflow: execution.workflow_id.clone(),
            status: execution.status,
        };
        let (user_id, username) = (execution.creator_id, execution.created_by.clone());
        let ctx = Ctx { user_id, username, execution: Some(calling), ..ctx };
        let request = request(&deployment.id, &parameters(execution)?)?;
        self.start_update(&ctx, deployment.id.as_str(), request).await.map(drop)
    }
}

fn request(deployment: &DeploymentId, given: &Map<String, Value>) -> Result<UpdateRequest> {
    let present = |name: &str| given.get(name).filter(|value| !value.is_null());
    let text = |name: &str| present(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let flag = |name: &str| present(name).is_some_and(python_text::is_truthy);
    let wrong = |name: &str, kind: &str| {
        Error::bad_parameters(format!(
            "Cannot update deployment {deployment}: parameter `{name}` must be of type `{kind}`"
        ))
    };
    let inputs = match present("inputs") {
        None => Map::new(),
        Some(inputs) => inputs.as_object().cloned().ok_or_else(|| wrong("inputs", "dict"))?,
    };
    let reinstall_list = match present("reinstall_list") {
        None => Vec::new(),
        Some(list) => list.as_array().cloned().ok_or_else(|| wrong("reinstall_list", "list"))?,
    };
    let switches = SWITCHES.iter().filter(|(name, _)| present(name).is_some());
    Ok(UpdateRequest {
        id: None,
        blueprint_id: text("blueprint_id"),
        inputs,
        reinstall_list,
        preview: flag("preview"),
        force: flag("force"),
        runtime_only_evaluation: present("runtime_only_evaluation").and_then(Value::as_bool),
        workflow_id: text("workflow_id"),
        switches: switches.map(|(name, _)| ((*name).to_owned(), flag(name).into())).collect(),
    })
}
