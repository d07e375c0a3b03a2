//! Groups of executions: one workflow started on every member of a group of deployments.
//!
//! Invariant: of a group no more executions are under way than its concurrency; the others are queued
//! and begin when one ends. Source: spec rest-api.md section 2.4.

use std::collections::HashMap;
use std::sync::Arc;

use nephele_model::event::{NewLog, Origin};
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::ExecutionId;
use nephele_model::{Code, Error, Permission, Result, Timestamp};
use nephele_store::events;
use nephele_store::execution_groups::{self as rows, ExecutionGroup, ExecutionGroupChanges};
use nephele_store::{Record, deployment_groups};
use serde_json::{Map, Value};

use crate::deployment_groups::{members_of, status_of_place, visible_member};
use crate::executions::demand_execution_inside;
use crate::executions::place::Wish;
use crate::rows::failed;
use crate::{Ctx, Manager, visibility};

/// What can be asked of a group, by its wire name.
const ACTIONS: [&str; 5] = ["cancel", "force-cancel", "kill", "resume", "force-resume"];

/// What a new group is made of.
#[derive(Debug, Default)]
pub struct NewExecutionGroup {
    /// Its id; made up when absent.
    pub id: Option<String>,
    /// The group of deployments.
    pub deployment_group_id: String,
    /// The workflow.
    pub workflow_id: String,
    /// Parameters for all.
    pub default_parameters: Map<String, Value>,
    /// Parameters by deployment, beside those for all.
    pub parameters: HashMap<String, Map<String, Value>>,
    /// Run whatever stands in the way.
    pub force: bool,
    /// How many run at a time.
    pub concurrency: i64,
    /// Executions that there are already, which make up the group; nothing is started.
    pub associated_executions: Vec<String>,
    /// Who made it, if that is somebody else.
    pub created_by: Option<String>,
    /// When it was made, if that was earlier.
    pub created_at: Option<Timestamp>,
}

/// What of a group is to change; what is `None` stays.
#[derive(Debug, Default)]
pub struct GroupTargets {
    /// The group that deployments join whose execution ends well.
    pub success_group_id: Option<String>,
    /// The group that deployments join whose execution fails.
    pub failure_group_id: Option<String>,
    /// How many run at a time; with 0 nothing more begins.
    pub concurrency: Option<i64>,
}

impl Manager {
    /// One group with its executions.
    pub async fn get_execution_group(&self, ctx: &Ctx, id: &str, include: Option<&[String]>) -> Result<Record> {
        self.get(ctx, &rows::RESOURCE, id, include).await
    }

    /// Starts a workflow on every member of a group of deployments.
    pub async fn start_execution_group(self: &Arc<Self>, ctx: &Ctx, new: NewExecutionGroup) -> Result<Record> {
        ctx.not_while_cancelling()?;
        if new.created_at.is_some() {
            ctx.demand(Permission::SetTimestamp)?;
        }
        if new.id.is_some() {
            ctx.demand(Permission::SetExecutionGroupDetails)?;
        }
        let creator_id = self.new_owner(ctx, new.created_by.clone()).await?.unwrap_or(ctx.user_id);
        let group = self.find_deployment_group(ctx, &new.deployment_group_id).await?;
        let id = new.id.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let mut associated = Vec::new();
        for execution in &new.associated_executions {
            associated.push(self.own_execution(ctx, execution).await?.storage_id);
        }
        let scope = self.scope(ctx, false).await?;
        let mut ready = Vec::new();
        let mut left_out = Vec::new();
        for key in members_of(&*self.store, group.storage_id).await?.into_iter().filter(|_| associated.is_empty()) {
            let Some(deployment) = visible_member(&*self.store, &scope, key).await? else { continue };
            demand_execution_inside(ctx, deployment.tenant_id, deployment.id.as_str())?;
            let in_line = status_of_place(ready.len(), new.concurrency) == ExecutionStatus::Queued;
            let wish = Wish { in_line, ..new.wish(deployment.id.as_str()) };
            match self.make_ready(ctx, &deployment, &wish).await {
                Ok(prepared) => ready.push((deployment, wish, prepared)),
                Err(error) if error.code() == Code::NonexistentWorkflow => left_out.push(error.to_string()),
                Err(error) => return Err(error),
            }
        }
        let tx = self.begin_write().await?;
        let row = rows::NewExecutionGroup {
            id: id.clone(),
            visibility: group.visibility,
            tenant_id: group.tenant_id,
            creator_id,
            created_at: new.created_at.unwrap_or_else(|| self.clock.now()),
            workflow_id: new.workflow_id.clone(),
            concurrency: new.concurrency,
            deployment_group_fk: Some(group.storage_id),
        };
        let group_fk = rows::insert(&tx, row).await.map_err(failed)?;
        for reason in left_out {
            let note = self.note(reason);
            events::insert_of_group(&tx, group_fk, group.tenant_id, &[], &[note]).await.map_err(failed)?;
        }
        let mut started = associated;
        for (deployment, wish, prepared) in ready {
            started.push(self.place(&tx, ctx, &deployment, &wish, prepared).await?.0);
        }
        rows::add(&tx, group_fk, &started).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.workflows.wake();
        self.get_execution_group(ctx, &id, None).await
    }

    /// `POST /execution-groups/ID`: asks all of its executions to stop, or lets them go on.
    pub async fn act_on_execution_group(&self, ctx: &Ctx, id: &str, action: &str) -> Result<Record> {
        if !ACTIONS.contains(&action) {
            return Err(Error::bad_parameters(format!(
                "Invalid action: {action}, Valid action values are: [{}]",
                ACTIONS.map(|name| format!("'{name}'")).join(", ")
            )));
        }
        let group = self.own_execution_group(ctx, id).await?;
        let executions = rows::executions(&*self.store, group.storage_id).await.map_err(failed)?;
        let resumes = matches!(action, "resume" | "force-resume");
        let wanted = |status: ExecutionStatus| {
            if resumes {
                matches!(status, ExecutionStatus::Failed | ExecutionStatus::Cancelled)
            } else {
                !status.is_final()
            }
        };
        // The queued ones first: what ends lets the next one begin.
        let mut chosen: Vec<(ExecutionId, ExecutionStatus)> =
            executions.into_iter().filter(|(.., status)| wanted(*status)).map(|(_, id, status)| (id, status)).collect();
        chosen.sort_by_key(|(_, status)| *status != ExecutionStatus::Queued);
        for (id, _) in chosen {
            match self.act(&id, action, true).await {
                // It ended, or is ending, on its own.
                Err(error) if matches!(error.code(), Code::IllegalAction | Code::Conflict) => {}
                acted => acted?,
            }
        }
        if resumes {
            self.begin_queued().await?;
        }
        self.get_execution_group(ctx, id, None).await
    }

    /// Changes a group. Deployments whose executions have ended by now join the targets at once.
    pub async fn update_execution_group(&self, ctx: &Ctx, id: &str, update: GroupTargets) -> Result<Record> {
        if update.concurrency.is_some_and(|concurrency| concurrency < 0) {
            return Err(negative(update.concurrency.unwrap_or_default()));
        }
        let group = self.own_execution_group(ctx, id).await?;
        let mut changes = ExecutionGroupChanges { concurrency: update.concurrency, ..ExecutionGroupChanges::default() };
        if let Some(target) = update.success_group_id.as_deref().filter(|id| !id.is_empty()) {
            changes.success_group_fk = Some(self.writable_deployment_group(ctx, target).await?.storage_id);
        }
        if let Some(target) = update.failure_group_id.as_deref().filter(|id| !id.is_empty()) {
            changes.failed_group_fk = Some(self.writable_deployment_group(ctx, target).await?.storage_id);
        }
        let targets = [
            (changes.success_group_fk, ExecutionStatus::Terminated),
            (changes.failed_group_fk, ExecutionStatus::Failed),
        ];
        let tx = self.begin_write().await?;
        for (target, status) in targets {
            if let Some(target) = target {
                let ended = rows::deployments_in(&tx, group.storage_id, status).await.map_err(failed)?;
                deployment_groups::add(&tx, target, &ended).await.map_err(failed)?;
            }
        }
        rows::update(&tx, group.storage_id, changes).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        if update.concurrency.is_some_and(|concurrency| concurrency > group.concurrency) {
            self.begin_queued().await?;
        }
        self.get_execution_group(ctx, id, None).await
    }

    /// Why a deployment takes no part, as a log of the group.
    fn note(&self, message: String) -> NewLog {
        NewLog {
            logger: "cloudify-restservice".to_owned(),
            level: "info".to_owned(),
            message,
            origin: Origin::default(),
            timestamp: self.clock.now(),
            reported: None,
        }
    }

    pub(crate) async fn own_execution_group(&self, ctx: &Ctx, id: &str) -> Result<ExecutionGroup> {
        let scope = self.scope(ctx, false).await?;
        let group = rows::find(&*self.store, &scope, id).await.map_err(failed)?;
        let group = group.ok_or_else(|| Error::not_found("ExecutionGroup", id))?;
        visibility::demand_inside(ctx, group.visibility, group.tenant_id, id)?;
        Ok(group)
    }
}

impl NewExecutionGroup {
    fn wish(&self, deployment: &str) -> Wish {
        let mut parameters = self.default_parameters.clone();
        parameters.extend(self.parameters.get(deployment).cloned().unwrap_or_default());
        Wish { force: self.force, queue: true, ..Wish::new(self.workflow_id.clone(), parameters) }
    }
}

/// A concurrency that is none, in the wording that clients know.
pub(crate) fn negative(concurrency: impl std::fmt::Display) -> Error {
    Error::bad_parameters(format!("concurrency must be a nonnegative number, but got: {concurrency}"))
}
