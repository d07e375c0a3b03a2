//! Changing a deployment: its labels, its names, and the parts of its plan.
//!
//! Invariant: a part of the plan is set once; only a deployment update at work may replace it.
//! Source: spec rest-api.md section 2.2.

use nephele_model::{Code, Error, Result};
use nephele_store::deployments::{self, Deployment, DeploymentChanges, tree};
use nephele_store::labels::{self as rows, Labeled};
use nephele_store::{Json, Record, Tx};
use serde_json::{Map, Value};

use super::settings::display_name;
use crate::rows::failed;
use crate::{Ctx, Manager, labels, overrides};

/// The label that says who depends on a deployment. It is the manager's to say.
const CONSUMER: &str = "csys-consumer-id";

/// What of a deployment may be changed by a request.
#[derive(Debug, Default)]
pub struct DeploymentUpdate {
    /// The full set of labels.
    pub labels: Option<Vec<Value>>,
    /// Its name for people.
    pub display_name: Option<String>,
    /// What its blueprint says of it.
    pub description: Option<String>,
    /// The new owner's name.
    pub creator: Option<String>,
    /// When the labels were made.
    pub created_at: Option<String>,
    /// Whether functions are evaluated anew at each reading.
    pub runtime_only_evaluation: Option<bool>,
    /// Another blueprint.
    pub blueprint_id: Option<String>,
    /// The execution that made its environment.
    pub create_execution: Option<String>,
    /// Its latest execution.
    pub latest_execution: Option<String>,
    /// Parts of the plan by name, such as `outputs`; each can be set once.
    pub sections: Map<String, Value>,
}

impl Manager {
    /// Changes a deployment. Error: `conflict_error` for a part of the plan that is set already.
    pub async fn update_deployment(&self, ctx: &Ctx, id: &str, update: DeploymentUpdate) -> Result<Record> {
        let deployment = self.writable_deployment(ctx, id).await?;
        let wanted = update.labels.as_deref().map(labels::read).transpose()?;
        let labelled_at = overrides::instant(ctx, update.created_at.as_deref())?;
        if let Some(wanted) = &wanted {
            self.check_parents(ctx, &deployment, wanted).await?;
        }
        let is_update = ctx.only_deployment_update().is_ok();
        let mut changes = self.references(ctx, &update, is_update).await?;
        changes.display_name = update.display_name.as_deref().map(display_name).transpose()?;
        changes.creator_id = self.new_owner(ctx, update.creator).await?;
        if let Some(value) = update.runtime_only_evaluation {
            demand_unset("runtime_only_evaluation", true, is_update)?;
            changes.runtime_only_evaluation = Some(value);
        }
        if let Some(text) = update.description {
            demand_unset("description", deployment.description.is_some(), is_update)?;
            changes.description = Some(Some(text));
        }
        for (name, value) in &update.sections {
            set_section(&deployment, &mut changes, (name, value), is_update)?;
        }
        let labeller = changes.creator_id.unwrap_or(ctx.user_id);
        let tx = self.begin_write().await?;
        deployments::update(&tx, deployment.storage_id, changes).await.map_err(failed)?;
        if let Some(wanted) = wanted {
            self.label_deployment(&tx, ctx, &deployment, wanted, (labeller, labelled_at)).await?;
        }
        tx.commit().await.map_err(failed)?;
        self.changed_deployment(ctx, &deployment.id).await
    }

    /// The rows that a change names by their ids.
    async fn references(&self, ctx: &Ctx, update: &DeploymentUpdate, is_update: bool) -> Result<DeploymentChanges> {
        let mut changes = DeploymentChanges::default();
        if let Some(id) = &update.blueprint_id {
            if !is_update {
                return Err(Error::new(
                    Code::OnlyDeploymentUpdate,
                    "Changing the blueprint is only possible via deployment-update",
                ));
            }
            changes.blueprint_fk = Some(self.find_blueprint(ctx, id).await?.storage_id);
        }
        if let Some(id) = &update.create_execution {
            changes.create_execution_fk = Some(Some(self.find_execution(ctx, id).await?.storage_id));
        }
        if let Some(id) = &update.latest_execution {
            changes.latest_execution_fk = Some(Some(self.find_execution(ctx, id).await?.storage_id));
        }
        Ok(changes)
    }

    /// Makes these the labels of a deployment. What an execution that makes the deployment says adds
    /// to what was said meanwhile.
    async fn label_deployment(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        deployment: &Deployment,
        mut wanted: Vec<labels::Label>,
        (creator, created_at): (i64, Option<nephele_model::Timestamp>),
    ) -> Result<()> {
        let parents = tree::parents(tx, deployment.storage_id).await.map_err(failed)?;
        let creating = match (&ctx.execution, deployment.create_execution_fk) {
            (Some(caller), Some(create)) => {
                let create = nephele_store::executions::by_storage_id(tx, create).await.map_err(failed)?;
                create.is_some_and(|create| create.id == caller.id)
            }
            _ => false,
        };
        wanted.retain(|(key, _)| key != CONSUMER);
        let present = rows::of(tx, Labeled::Deployment, deployment.storage_id).await.map_err(failed)?;
        let kept = present.into_iter().filter(|label| creating || label.key == CONSUMER);
        wanted.extend(kept.map(|label| (label.key, label.value)));
        let at = created_at.unwrap_or_else(|| self.clock.now());
        rows::replace_given(tx, Labeled::Deployment, deployment.storage_id, (creator, at), &wanted)
            .await
            .map_err(failed)?;
        self.replant(tx, ctx, deployment, parents).await
    }
}

/// Refuses to replace what is there.
fn demand_unset(name: &str, is_set: bool, is_update: bool) -> Result<()> {
    if is_set && !is_update { Err(Error::conflict(format!("{name} is already set"))) } else { Ok(()) }
}

/// Sets a part of the plan that is not set yet.
fn set_section(
    deployment: &Deployment,
    changes: &mut DeploymentChanges,
    (name, value): (&str, &Value),
    is_update: bool,
) -> Result<()> {
    let (present, change) = match name {
        "inputs" => (&deployment.inputs, &mut changes.inputs),
        "workflows" => (&deployment.workflows, &mut changes.workflows),
        "outputs" => (&deployment.outputs, &mut changes.outputs),
        "capabilities" => (&deployment.capabilities, &mut changes.capabilities),
        "scaling_groups" => (&deployment.scaling_groups, &mut changes.scaling_groups),
        "groups" => (&deployment.groups, &mut changes.groups),
        "policy_types" => (&deployment.policy_types, &mut changes.policy_types),
        "policy_triggers" => (&deployment.policy_triggers, &mut changes.policy_triggers),
        "resource_tags" => (&deployment.resource_tags, &mut changes.resource_tags),
        _ => return Ok(()),
    };
    demand_unset(name, present.as_ref().is_some_and(|json| json.as_str() != "null"), is_update)?;
    *change = Some(Some(Json::from(value)));
    Ok(())
}
