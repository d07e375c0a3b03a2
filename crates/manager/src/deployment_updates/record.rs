//! Rows of updates as the workflows write them that carry them out, and as restores bring them back.

use nephele_dsl::diff::Step;
use nephele_model::update::{StepAction, UpdateState};
use nephele_model::{Error, Permission, Result, Timestamp, Visibility, id};
use nephele_store::deployment_updates::{self as rows, NewStep, NewUpdate, Undertaking, Update, UpdateChanges};
use nephele_store::deployments::{self, DeploymentChanges};
use nephele_store::{Json, Record, Tx, executions};
use serde_json::{Map, Value};

use crate::rows::failed;
use crate::{Ctx, Manager, visibility as visibilities};

/// An update that a workflow or a restore writes down. What is `None` stays.
#[derive(Debug, Default)]
pub struct UpdateRecord {
    /// Its id.
    pub id: String,
    /// The deployment.
    pub deployment_id: String,
    /// The execution that carries it out; the calling one when absent.
    pub execution_id: Option<String>,
    /// Where it stands.
    pub state: Option<String>,
    /// The blueprint before.
    pub old_blueprint_id: Option<String>,
    /// The blueprint afterwards.
    pub blueprint_id: Option<String>,
    /// Who asked for it, if that was somebody else.
    pub created_by: Option<String>,
    /// When, if that was earlier.
    pub created_at: Option<Timestamp>,
    /// Who sees it.
    pub visibility: Option<String>,
    /// Whether functions are evaluated at run time only.
    pub runtime_only_evaluation: Option<bool>,
    /// Whether dependencies of before stay.
    pub keep_old_deployment_dependencies: Option<bool>,
    /// Its steps: `{action, entity_type, entity_id, topology_order}`.
    pub steps: Vec<Value>,
    /// What it holds besides, by the names of the record.
    pub parts: Map<String, Value>,
}

/// What of an update is to change; what is `None` stays.
#[derive(Debug, Default)]
pub struct UpdatePatch {
    /// Where it stands.
    pub state: Option<String>,
    /// The plan that the deployment is to follow.
    pub plan: Option<Map<String, Value>>,
    /// Further steps.
    pub steps: Vec<Value>,
    /// The nodes that come, go and change.
    pub nodes: Option<Value>,
    /// The instances that come and go.
    pub node_instances: Option<Value>,
}

impl Manager {
    /// Writes down an update, or what is new about it.
    ///
    /// Error: `forbidden_error` for who is no execution and names none.
    pub async fn record_update(&self, ctx: &Ctx, record: UpdateRecord) -> Result<Record> {
        if record.execution_id.is_none() && ctx.execution.is_none() {
            return Err(Error::forbidden("Deployment update objects can only be created by executions"));
        }
        let tx = self.begin_write().await?;
        let id = record.id.clone();
        self.write_record(&tx, ctx, record).await?;
        tx.commit().await.map_err(failed)?;
        self.get_update(ctx, &id, None).await
    }

    /// Brings back updates of a snapshot. Gives how many.
    pub async fn restore_updates(&self, ctx: &Ctx, records: Vec<UpdateRecord>) -> Result<usize> {
        let count = records.len();
        let tx = self.begin_write().await?;
        for record in records {
            self.write_record(&tx, ctx, record).await?;
        }
        tx.commit().await.map_err(failed)?;
        Ok(count)
    }

    /// Notes how far an update is. Its success is a change of the deployment.
    pub async fn patch_update(&self, ctx: &Ctx, id: &str, patch: UpdatePatch) -> Result<Record> {
        let scope = self.scope(ctx, false).await?;
        let tx = self.begin_write().await?;
        let update = rows::find(&tx, &scope, id).await.map_err(failed)?;
        let update = update.ok_or_else(|| Error::not_found(rows::RESOURCE.model, id))?;
        visibilities::demand_inside(ctx, update.visibility, update.tenant_id, id)?;
        let state = patch.state.as_deref().filter(|state| !state.is_empty()).map(state).transpose()?;
        let changes = UpdateChanges {
            state,
            deployment_plan: patch.plan.map(|plan| Json::of(&plan)),
            deployment_update_nodes: patch.nodes.as_ref().map(Json::from),
            deployment_update_node_instances: patch.node_instances.as_ref().map(Json::from),
            ..UpdateChanges::default()
        };
        rows::update(&tx, update.storage_id, changes).await.map_err(failed)?;
        let steps = steps(&Owner::of(&update, ctx.user_id), &patch.steps)?;
        rows::insert_steps(&tx, steps).await.map_err(failed)?;
        if state.or(update.state) == Some(UpdateState::Successful) {
            let changes = DeploymentChanges { updated_at: Some(self.clock.now()), ..DeploymentChanges::default() };
            deployments::update(&tx, update.deployment_fk, changes).await.map_err(failed)?;
        }
        tx.commit().await.map_err(failed)?;
        self.get_update(ctx, id, None).await
    }

    async fn write_record(&self, tx: &Tx, ctx: &Ctx, record: UpdateRecord) -> Result<()> {
        id::check("update_id", &record.id, false)?;
        if record.created_at.is_some() {
            ctx.demand(Permission::SetTimestamp)?;
        }
        let creator_id = self.new_owner(ctx, record.created_by).await?;
        let deployment = self.writable_deployment(ctx, &record.deployment_id).await?;
        let execution = match (&record.execution_id, &ctx.execution) {
            (Some(id), _) => Some(self.find_execution(ctx, id).await?.storage_id),
            (None, Some(calling)) => {
                executions::by_id(tx, &calling.id).await.map_err(failed)?.map(|execution| execution.storage_id)
            }
            (None, None) => None,
        };
        let state = record.state.as_deref().filter(|state| !state.is_empty()).map(state).transpose()?;
        let state = state.unwrap_or(UpdateState::Updating);
        let (old, new) = (record.old_blueprint_id.as_deref(), record.blueprint_id.as_deref());
        let parts = record.parts;
        let part = |name: &str| parts.get(name).filter(|value| !value.is_null()).map(Json::from);
        let changes = UpdateChanges {
            visibility: record.visibility.as_deref().map(visibility).transpose()?,
            creator_id,
            created_at: record.created_at,
            state: Some(state),
            deployment_plan: part("deployment_plan"),
            deployment_update_node_instances: part("deployment_update_node_instances"),
            deployment_update_nodes: part("deployment_update_nodes"),
            central_plugins_to_install: part("central_plugins_to_install"),
            central_plugins_to_uninstall: part("central_plugins_to_uninstall"),
            modified_entity_ids: part("modified_entity_ids"),
            old_inputs: part("old_inputs"),
            new_inputs: part("new_inputs"),
            runtime_only_evaluation: record.runtime_only_evaluation,
            keep_old_deployment_dependencies: record.keep_old_deployment_dependencies,
            execution_fk: None,
            old_blueprint_fk: self.blueprint_row(ctx, old).await?.map(Some),
            new_blueprint_fk: self.blueprint_row(ctx, new).await?.map(Some),
        };
        let scope = self.scope(ctx, false).await?;
        let row = NewUpdate {
            id: record.id.clone(),
            visibility: deployment.visibility,
            tenant_id: deployment.tenant_id,
            creator_id: creator_id.unwrap_or(ctx.user_id),
            created_at: record.created_at.unwrap_or_else(|| self.clock.now()),
            state,
            deployment_fk: deployment.storage_id,
            execution_fk: execution,
        };
        let update = match rows::find(tx, &scope, &record.id).await.map_err(failed)? {
            Some(update) if update.deployment_fk == deployment.storage_id => update,
            Some(_) => return Err(Error::conflict(format!("Update `{}` is of another deployment", record.id))),
            None => {
                rows::insert(tx, row).await.map_err(failed)?;
                let update = rows::find(tx, &scope, &record.id).await.map_err(failed)?;
                update.ok_or_else(|| Error::not_found(rows::RESOURCE.model, &record.id))?
            }
        };
        rows::update(tx, update.storage_id, changes).await.map_err(failed)?;
        let steps = steps(&Owner::of(&update, creator_id.unwrap_or(ctx.user_id)), &record.steps)?;
        rows::insert_steps(tx, steps).await.map_err(failed)
    }

    async fn blueprint_row(&self, ctx: &Ctx, id: Option<&str>) -> Result<Option<i64>> {
        match id.filter(|id| !id.is_empty()) {
            Some(id) => Ok(Some(self.find_blueprint(ctx, id).await?.storage_id)),
            None => Ok(None),
        }
    }
}

fn state(name: &str) -> Result<UpdateState> {
    UpdateState::parse(name).ok_or_else(|| Error::bad_parameters(format!("Invalid deployment update state: `{name}`")))
}

fn visibility(name: &str) -> Result<Visibility> {
    Visibility::parse(name).ok_or_else(|| Error::bad_parameters(format!("Invalid visibility: `{name}`")))
}

/// Whose steps are.
struct Owner {
    update_fk: i64,
    visibility: Visibility,
    tenant_id: i64,
    creator_id: i64,
}

impl Owner {
    const fn of(update: &Update, creator_id: i64) -> Self {
        let Update { storage_id: update_fk, visibility, tenant_id, .. } = *update;
        Self { update_fk, visibility, tenant_id, creator_id }
    }
}

/// The rows of steps that the manager found itself.
pub(super) fn new_steps(update: &Undertaking, found: &[Step]) -> Result<Vec<NewStep>> {
    let Undertaking { storage_id: update_fk, visibility, tenant_id, creator_id, .. } = *update;
    let given: Vec<Value> = found.iter().map(|step| serde_json::json!(step)).collect();
    steps(&Owner { update_fk, visibility, tenant_id, creator_id }, &given)
}

fn steps(owner: &Owner, given: &[Value]) -> Result<Vec<NewStep>> {
    let step = |given: &Value| {
        let wrong = |name: &str| {
            Error::bad_parameters(format!("A step of an update has no `{name}` that can be read: {given}"))
        };
        let text = |part: &Value| part.as_str().map_or_else(|| part.to_string(), str::to_owned);
        let path: Vec<String> = match &given["entity_id"] {
            Value::Array(parts) => parts.iter().map(text).collect(),
            Value::String(path) => path.split(':').map(str::to_owned).collect(),
            _ => return Err(wrong("entity_id")),
        };
        let action = given["action"].as_str().and_then(StepAction::parse).ok_or_else(|| wrong("action"))?;
        Ok(NewStep {
            id: given["id"].as_str().map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned),
            visibility: owner.visibility,
            tenant_id: owner.tenant_id,
            creator_id: owner.creator_id,
            action,
            entity_type: given["entity_type"].as_str().ok_or_else(|| wrong("entity_type"))?.to_owned(),
            entity_id: Json::of(&path),
            topology_order: given["topology_order"].as_i64().unwrap_or_default(),
            deployment_update_fk: owner.update_fk,
        })
    };
    given.iter().map(step).collect()
}
