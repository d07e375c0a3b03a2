//! Updates of plugins: a blueprint and all deployments made from it go over to newer versions.
//!
//! Invariant: until an update is finalized, the blueprint has the plan it had; the new one is that of a
//! hidden copy, which its deployments go over to one by one. A blueprint has one update under way at a time.
//! Source: spec rest-api.md section 2.7.

pub(crate) mod run;
mod versions;

use std::collections::BTreeMap;
use std::sync::Arc;

use nephele_model::blueprint::BlueprintState;
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::BlueprintId;
use nephele_model::page::{ListQuery, Page};
use nephele_model::update::UpdateState;
use nephele_model::{Code, Error, Permission, Result, Timestamp, Visibility, id};
use nephele_store::blueprints::{self, Blueprint, BlueprintChanges, NewBlueprint};
use nephele_store::executions::{self, ExecutionChanges};
use nephele_store::plugins_updates::{self as rows, NewPluginsUpdate, PluginsUpdate, PluginsUpdateChanges};
use nephele_store::{Db, Json, Record, Tx, deployments};
use serde_json::{Map, Value, json};

use crate::executions::NewRun;
use crate::rows::failed;
use crate::{Ctx, Manager};

pub use versions::Versions;

const WORKFLOW: &str = "update_plugin";

/// How a blueprint's plugins are to be updated.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are the switches of the request")]
pub struct PluginsUpdateRequest {
    /// To which versions.
    pub versions: Versions,
    /// Whatever stands against it.
    pub force: bool,
    /// Turn inputs into their types.
    pub auto_correct_types: bool,
    /// Look first how updates that seem to be under way have ended.
    pub reevaluate_active_statuses: bool,
    /// Deployments of other tenants too.
    pub all_tenants: bool,
}

/// An update that an administrator brings back.
#[derive(Debug, Default)]
pub struct PluginsUpdateRecord {
    /// Its id; made up when absent.
    pub id: Option<String>,
    /// Where it stands.
    pub state: Option<String>,
    /// Who asked for it.
    pub created_by: Option<String>,
    /// When.
    pub created_at: Option<Timestamp>,
    /// The execution that carried it out.
    pub execution_id: Option<String>,
    /// The ids of the deployments.
    pub affected_deployments: Option<Vec<Value>>,
    /// The ids of the deployments, by tenant.
    pub deployments_per_tenant: Option<Map<String, Value>>,
    /// The copy with the new plugins.
    pub temp_blueprint_id: Option<String>,
    /// Whether it was made whatever stood against it.
    pub force: bool,
    /// Whether deployments of other tenants were updated as well.
    pub all_tenants: bool,
}

impl Manager {
    /// One page of updates.
    pub async fn list_plugins_updates(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Record>> {
        self.list(ctx, &rows::RESOURCE, query).await
    }

    /// One update.
    pub async fn get_plugins_update(&self, ctx: &Ctx, id: &str, include: Option<&[String]>) -> Result<Record> {
        self.get(ctx, &rows::RESOURCE, id, include).await
    }

    /// Begins to update the plugins of a blueprint and of its deployments.
    ///
    /// Errors: `conflict_error` while another update is under way; `invalid_blueprint_error` when the
    /// blueprint makes no plan with the new plugins.
    pub async fn start_plugins_update(
        self: &Arc<Self>,
        ctx: &Ctx,
        blueprint: &str,
        request: PluginsUpdateRequest,
    ) -> Result<Record> {
        if request.all_tenants {
            ctx.demand(Permission::AllTenants)?;
        }
        let blueprint = self.writable_blueprint(ctx, blueprint).await?;
        let scope = self.scope(ctx, false).await?;
        if request.reevaluate_active_statuses {
            self.settle_updates(&blueprint).await?;
        }
        demand_none(&*self.store, &blueprint).await?;
        let plan = blueprints::plan(&*self.store, blueprint.storage_id).await.map_err(failed)?;
        let plan: nephele_model::json::Value =
            plan.map(|plan| plan.parse()).transpose().map_err(failed)?.unwrap_or_default();
        let parsed = self.parse_again(&blueprint, scope.clone(), request.versions.choose(&plan)?).await?;
        let new = nephele_model::json::Value::Object(parsed.plan.0);
        let is_needed = versions::differ(&new, &plan);

        let tx = self.begin_write().await?;
        tx.lock(&format!("plugins of {}", blueprint.storage_id)).await.map_err(failed)?;
        demand_none(&tx, &blueprint).await?;
        let tenant = (!request.all_tenants).then_some(scope.tenant_id);
        let (copy, affected) = if is_needed {
            let affected = deployments::of_blueprint(&tx, blueprint.storage_id, tenant).await.map_err(failed)?;
            (Some(self.copy_blueprint(&tx, ctx, &blueprint, &new).await?), Some(per_tenant(&affected)))
        } else {
            (None, None)
        };
        let id = uuid::Uuid::new_v4().to_string();
        let (copy_fk, copy_id) = copy.unzip();
        let arguments = json!({
            "update_id": id, "deployments_to_update": null, "deployments_per_tenant": affected,
            "temp_blueprint_id": copy_id, "force": request.force,
            "auto_correct_types": request.auto_correct_types,
            "reevaluate_active_statuses": request.reevaluate_active_statuses,
        });
        let execution = self.run_update(&tx, ctx, arguments, is_needed).await?;
        let row = NewPluginsUpdate {
            id: id.clone(),
            visibility: Visibility::Tenant,
            tenant_id: scope.tenant_id,
            creator_id: ctx.user_id,
            created_at: self.clock.now(),
            state: if is_needed { UpdateState::ExecutingWorkflow } else { UpdateState::NoChangesRequired },
            deployments_to_update: None,
            deployments_per_tenant: affected.as_ref().map(Json::of),
            forced: request.force,
            all_tenants: request.all_tenants,
            blueprint_fk: blueprint.storage_id,
            temp_blueprint_fk: copy_fk,
            execution_fk: Some(execution),
        };
        rows::insert(&tx, row).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.workflows.wake();
        self.get_plugins_update(ctx, &id, None).await
    }

    /// The blueprint takes over the plan of its copy, and the deployments of this.
    ///
    /// Errors: `illegal_action_error` for an update that is not under way; `plugins_update_failed` when its
    /// execution or some of its deployments failed, after which it has failed itself.
    pub async fn finalize_plugins_update(&self, ctx: &Ctx, id: &str) -> Result<Record> {
        let scope = self.scope(ctx, false).await?;
        let tx = self.begin_write().await?;
        let update = rows::find(&tx, &scope, id).await.map_err(failed)?;
        let update = update.ok_or_else(|| Error::not_found(rows::RESOURCE.model, id))?;
        if update.state != UpdateState::ExecutingWorkflow {
            let message = format!("Cannot finalize plugins update {id}, it's not in the executing_workflow state.");
            return Err(Error::new(Code::IllegalAction, message));
        }
        let status = status_of(&tx, &update).await?;
        if matches!(status, Some(ExecutionStatus::Failed | ExecutionStatus::Cancelled)) {
            return Err(fail(tx, &update, status).await?);
        }
        let tenant = (!update.all_tenants).then_some(scope.tenant_id);
        let left = deployments::of_blueprint(&tx, update.blueprint_fk, tenant).await.map_err(failed)?;
        let copy = update.temp_blueprint_fk.unwrap_or_default();
        if !left.is_empty() {
            self.keep_copy(&tx, &update, copy, tenant).await?;
            return Err(fail(tx, &update, status).await?);
        }
        let plan = blueprints::plan(&tx, copy).await.map_err(failed)?;
        let now = self.clock.now();
        let changes = BlueprintChanges { plan: Some(plan), updated_at: Some(now), ..BlueprintChanges::default() };
        blueprints::update(&tx, update.blueprint_fk, changes).await.map_err(failed)?;
        deployments::move_to_blueprint(&tx, copy, update.blueprint_fk, now).await.map_err(failed)?;
        blueprints::delete(&tx, copy).await.map_err(failed)?;
        let changes = PluginsUpdateChanges { state: Some(UpdateState::Successful), ..PluginsUpdateChanges::default() };
        rows::update(&tx, update.storage_id, changes).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.get_plugins_update(ctx, id, None).await
    }

    /// Writes down an update of before.
    pub async fn record_plugins_update(
        &self,
        ctx: &Ctx,
        blueprint: &str,
        record: PluginsUpdateRecord,
    ) -> Result<Record> {
        ctx.demand(Permission::SetPluginUpdateDetails)?;
        let state =
            record.state.as_deref().filter(|state| !state.is_empty()).ok_or_else(|| {
                Error::bad_parameters("State must be supplied when overriding plugin update settings.")
            })?;
        let state = UpdateState::parse(state)
            .ok_or_else(|| Error::bad_parameters(format!("Invalid plugins update state: `{state}`")))?;
        if record.created_at.is_some() {
            ctx.demand(Permission::SetTimestamp)?;
        }
        let creator_id = self.new_owner(ctx, record.created_by).await?.unwrap_or(ctx.user_id);
        let id = record.id.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        id::check("update_id", &id, false)?;
        let blueprint = self.writable_blueprint(ctx, blueprint).await?;
        let execution_fk = match &record.execution_id {
            Some(id) => Some(self.find_execution(ctx, id).await?.storage_id),
            None => None,
        };
        let temp_blueprint_fk = match &record.temp_blueprint_id {
            Some(id) => Some(self.find_blueprint(ctx, id).await?.storage_id),
            None => None,
        };
        let row = NewPluginsUpdate {
            id: id.clone(),
            visibility: Visibility::Tenant,
            tenant_id: self.scope(ctx, false).await?.tenant_id,
            creator_id,
            created_at: record.created_at.unwrap_or_else(|| self.clock.now()),
            state,
            deployments_to_update: Some(Json::of(&record.affected_deployments.unwrap_or_default())),
            deployments_per_tenant: Some(Json::of(&record.deployments_per_tenant.unwrap_or_default())),
            forced: record.force,
            all_tenants: record.all_tenants,
            blueprint_fk: blueprint.storage_id,
            temp_blueprint_fk,
            execution_fk,
        };
        rows::insert(&*self.store, row).await.map_err(failed)?;
        self.get_plugins_update(ctx, &id, None).await
    }

    /// Notes of each update that seems to be under way how its execution ended.
    async fn settle_updates(&self, blueprint: &Blueprint) -> Result<()> {
        let db: &dyn Db = &*self.store;
        for update in rows::active(db, blueprint.storage_id).await.map_err(failed)? {
            let state = match status_of(db, &update).await? {
                Some(ExecutionStatus::Terminated) => UpdateState::Successful,
                Some(ExecutionStatus::Failed | ExecutionStatus::Cancelled) => UpdateState::Failed,
                Some(status) if status.is_cancelling() => UpdateState::Failed,
                _ => continue,
            };
            let changes = PluginsUpdateChanges { state: Some(state), ..PluginsUpdateChanges::default() };
            rows::update(db, update.storage_id, changes).await.map_err(failed)?;
        }
        Ok(())
    }

    /// The hidden copy with the new plan. Gives its row and id.
    async fn copy_blueprint(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        blueprint: &Blueprint,
        plan: &nephele_model::json::Value,
    ) -> Result<(i64, BlueprintId)> {
        let now = self.clock.now();
        let stamp: String = now.to_string().chars().filter(char::is_ascii_alphanumeric).collect();
        let copy = BlueprintId::new(format!("plugins-update-{stamp}-{}", blueprint.id));
        let note = format!("copied from {} at {now} on plugins update", blueprint.id);
        let described = plan.get("description").and_then(|text| text.as_str());
        let description = described.map_or_else(|| note.clone(), |text| format!("{text}\n{note}"));
        let row = NewBlueprint {
            id: copy.clone(),
            visibility: blueprint.visibility,
            tenant_id: blueprint.tenant_id,
            creator_id: ctx.user_id,
            created_at: now,
            state: BlueprintState::Uploaded,
            main_file_name: blueprint.main_file_name.clone(),
            is_hidden: true,
        };
        let key = blueprints::insert(tx, row).await.map_err(failed)?;
        let changes = BlueprintChanges {
            plan: Some(Some(Json::of(plan))),
            description: Some(Some(description)),
            updated_at: Some(now),
            ..BlueprintChanges::default()
        };
        blueprints::update(tx, key, changes).await.map_err(failed)?;
        Ok((key, copy))
    }

    /// The execution of an update; where nothing is to be done it has ended already.
    async fn run_update(&self, tx: &Tx, ctx: &Ctx, arguments: Value, is_needed: bool) -> Result<i64> {
        let Value::Object(arguments) = arguments else { return Err(Error::internal("arguments are no object")) };
        let status = if is_needed { ExecutionStatus::Pending } else { ExecutionStatus::Terminated };
        let run = NewRun { status, is_system: true, ..NewRun::internal(WORKFLOW, arguments) };
        let (key, _) = self.accept(tx, ctx, run).await?;
        if !is_needed {
            let changes = ExecutionChanges { ended_at: Some(Some(self.clock.now())), ..ExecutionChanges::default() };
            executions::update(tx, key, changes).await.map_err(failed)?;
        }
        Ok(key)
    }

    /// After an update that failed, the copy stays for the deployments that went over to it.
    async fn keep_copy(&self, tx: &Tx, update: &PluginsUpdate, copy: i64, tenant: Option<i64>) -> Result<()> {
        if deployments::of_blueprint(tx, copy, tenant).await.map_err(failed)?.is_empty() {
            return blueprints::delete(tx, copy).await.map(drop).map_err(failed);
        }
        let changes = BlueprintChanges { is_hidden: Some(false), ..BlueprintChanges::default() };
        blueprints::update(tx, copy, changes).await.map_err(failed)?;
        let of = async |key| blueprints::by_storage_id(tx, key).await.map_err(failed);
        if let (Some(from), Some(to)) = (of(update.blueprint_fk).await?, of(copy).await?) {
            self.copy_blueprint_files(&from, &to).await?;
        }
        Ok(())
    }
}

async fn demand_none(db: &dyn Db, blueprint: &Blueprint) -> Result<()> {
    let active = rows::active(db, blueprint.storage_id).await.map_err(failed)?;
    if active.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = active.iter().map(|update| update.id.as_str()).collect();
    Err(Error::conflict(format!("There are plugins updates still active, update IDs: {}", ids.join(", "))))
}

async fn status_of(db: &dyn Db, update: &PluginsUpdate) -> Result<Option<ExecutionStatus>> {
    let Some(key) = update.execution_fk else { return Ok(None) };
    Ok(executions::by_storage_id(db, key).await.map_err(failed)?.map(|execution| execution.status))
}

/// Writes down that an update failed. Gives the refusal.
async fn fail(tx: Tx, update: &PluginsUpdate, status: Option<ExecutionStatus>) -> Result<Error> {
    let changes = PluginsUpdateChanges { state: Some(UpdateState::Failed), ..PluginsUpdateChanges::default() };
    rows::update(&tx, update.storage_id, changes).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    let status = status.map_or("failed", ExecutionStatus::as_str);
    Ok(Error::new(Code::PluginsUpdateFailed, format!("The execution of plugins update {} {status}.", update.id)))
}

fn per_tenant(affected: &[deployments::Named]) -> BTreeMap<String, Vec<String>> {
    let mut per_tenant: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (_, id, tenant) in affected {
        per_tenant.entry(tenant.to_string()).or_default().push(id.to_string());
    }
    per_tenant
}
