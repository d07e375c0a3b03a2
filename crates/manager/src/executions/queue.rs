//! Letting queued executions begin when what they waited for has ended.
//!
//! Invariant: what keeps the whole manager waiting runs alone and comes first; of each deployment only
//! the oldest begins, and a group never has more under way than it allows.

use std::collections::HashMap;

use nephele_model::execution::ExecutionStatus;
use nephele_model::{Code, Error, Result};
use nephele_store::deployments::Deployment;
use nephele_store::executions::{self, Execution, ExecutionChanges};
use nephele_store::{Db, Json, Tx, config, deployments, execution_groups, maintenance};
use serde_json::{Map, Value};

use super::place::{Ready, Wish};
use super::{availability, place, refresh_deployment};
use crate::rows::{failed, is_passing};
use crate::workflows::upload::parameters;
use crate::{Ctx, Manager};

/// The setting that says how many executions run at a time.
pub(crate) const MOST_RUNNING: &str = "max_concurrent_workflows";
/// How many do unless it says otherwise.
const MOST_BY_DEFAULT: usize = 1000;

/// A workflow that runs in the deployments of components as well.
struct Cascade {
    deployment: Deployment,
    ready: Ready,
}

/// What may have made room for queued executions.
#[derive(Clone, Copy)]
pub(crate) enum Freed<'a> {
    /// Anything: a limit is another, or somebody looks after what others left.
    Anything,
    /// The end of this execution, and nothing else since the last look.
    By(&'a Execution),
}

/// Whether queued executions may begin now.
enum Gate {
    Closed,
    /// This one, alone.
    Alone(Box<Execution>),
    /// So many, where their deployments and groups let them.
    Open(usize),
}

impl Manager {
    /// [`Self::dequeue`] in a transaction of its own, for whoever removed an obstacle.
    pub(crate) async fn begin_queued(&self) -> Result<()> {
        let tx = self.begin_write().await?;
        self.dequeue(&tx, Freed::Anything).await?;
        tx.commit().await.map_err(failed)?;
        self.workflows.wake();
        Ok(())
    }

    /// Begins queued executions as far as there is room, the oldest of each deployment first.
    ///
    /// An end lets at most two begin: the next of its deployment, and one that its group or the limit of all kept waiting.
    /// Looking for more would be a walk through the whole queue at each end.
    pub(crate) async fn dequeue(&self, tx: &Tx, freed: Freed<'_>) -> Result<()> {
        tx.lock("queue").await.map_err(failed)?;
        let mut room = match self.gate(tx).await? {
            Gate::Closed => return Ok(()),
            Gate::Alone(first) => return self.let_begin(tx, &first).await,
            Gate::Open(room) => room,
        };
        let mut groups = Groups::read(tx).await?;
        let Freed::By(ended) = freed else {
            while room > 0 && self.begin_next(tx, &mut groups, None).await? {
                room -= 1;
            }
            return Ok(());
        };
        let was_full = room == 1;
        let group_was_full = groups.was_full(tx, ended).await?;
        if let (false, Some(deployment)) = (was_full, ended.deployment_fk) {
            while room > 0 && self.begin_next(tx, &mut groups, Some(deployment)).await? {
                room -= 1;
            }
        }
        if room > 0 && (was_full || group_was_full) {
            self.begin_next(tx, &mut groups, None).await?;
        }
        Ok(())
    }

    /// Begins the oldest that can, of a deployment if one is given. False when there is none.
    async fn begin_next(&self, tx: &Tx, groups: &mut Groups, deployment: Option<i64>) -> Result<bool> {
        while let Some(next) = executions::next_queued(tx, &groups.full, deployment).await.map_err(failed)? {
            match self.demand_ready(tx, &next).await {
                Ok(cascade) => {
                    self.let_begin(tx, &next).await?;
                    groups.begun(tx, &next).await?;
                    if let Some(cascade) = cascade {
                        self.cascade(tx, &next, cascade).await?;
                    }
                    return Ok(true);
                }
                Err(error) if is_passing(&error) => return Err(error),
                // Whatever it is: what cannot begin must not keep others from ending.
                Err(error) => {
                    let reason = format!("Error dequeueing execution: {error}");
                    self.write_move(tx, &next, ExecutionStatus::Failed, Some(&reason)).await?;
                }
            }
        }
        Ok(false)
    }

    /// The queued execution that may begin next, if one may begin now.
    pub(crate) async fn startable(&self, db: &dyn Db) -> Result<Option<Execution>> {
        match self.gate(db).await? {
            Gate::Closed => Ok(None),
            Gate::Alone(first) => Ok(Some(*first)),
            Gate::Open(_) => executions::next_queued(db, &Groups::read(db).await?.full, None).await.map_err(failed),
        }
    }

    async fn gate(&self, db: &dyn Db) -> Result<Gate> {
        if !executions::any_queued(db).await.map_err(failed)? || maintenance::get(db).await.map_err(failed)?.is_some() {
            return Ok(Gate::Closed);
        }
        let active = executions::count_active(db).await.map_err(failed)?;
        if let Some(first) = executions::queued_system_wide(db).await.map_err(failed)? {
            return Ok(if active == 0 { Gate::Alone(Box::new(first)) } else { Gate::Closed });
        }
        let room = self.most_running(db).await?.saturating_sub(active);
        if room == 0 || executions::system_wide(db).await.map_err(failed)? {
            return Ok(Gate::Closed);
        }
        Ok(Gate::Open(room))
    }

    async fn let_begin(&self, tx: &Tx, execution: &Execution) -> Result<()> {
        let (from, to) = (ExecutionStatus::Queued, ExecutionStatus::Pending);
        executions::set_status(tx, execution.storage_id, from, to, None).await.map_err(failed)?;
        let changes = ExecutionChanges { process: Some(Some(self.process())), ..ExecutionChanges::default() };
        executions::update(tx, execution.storage_id, changes).await.map_err(failed)?;
        if let Some(deployment) = execution.deployment_fk {
            refresh_deployment(tx, deployment, execution.storage_id, to).await?;
        }
        self.order_run(tx, &execution.id).await
    }

    /// Refuses what can no longer be run: much may have changed since it was queued. Gives what components are to do
    /// as well, if they are.
    async fn demand_ready(&self, tx: &Tx, execution: &Execution) -> Result<Option<Cascade>> {
        let Some(key) = execution.deployment_fk else { return Ok(None) };
        let Some(deployment) = deployments::by_storage_id(tx, key).await.map_err(failed)? else { return Ok(None) };
        if execution.workflow_id == "create_deployment_environment"
            || execution.workflow_id == "delete_deployment_environment"
        {
            return Ok(None);
        }
        if let Some(create) = deployment.create_execution_fk
            && let Some(create) = executions::by_storage_id(tx, create).await.map_err(failed)?
            && create.status == ExecutionStatus::Failed
        {
            return Err(Error::new(Code::DeploymentCreation, "create_deployment_environment failed"));
        }
        if execution.resume {
            return Ok(None);
        }
        let declared = place::declared(&deployment, &execution.workflow_id)?;
        let parameters = self.renew_parameters(tx, execution, &deployment, &declared).await?;
        if !execution.is_forced {
            availability::demand(tx, &deployment, &execution.workflow_id, &declared).await?;
        }
        let ready = Ready { declared, parameters };
        Ok((ready.declared["is_cascading"] == true).then_some(Cascade { deployment, ready }))
    }

    /// Has components begin as well what begins in their deployment.
    async fn cascade(&self, tx: &Tx, execution: &Execution, cascade: Cascade) -> Result<()> {
        let Cascade { deployment, ready } = cascade;
        let internal = Ctx::internal(deployment.tenant_name.clone(), deployment.tenant_id);
        let ctx = Ctx { user_id: execution.creator_id, ..internal };
        let wish = Wish {
            allow_custom_parameters: execution.allow_custom_parameters,
            force: execution.is_forced,
            dry_run: execution.is_dry_run,
            wait_after_fail: execution.wait_after_fail,
            ..Wish::new(execution.workflow_id.clone(), ready.parameters.clone())
        };
        self.place_in_components(tx, &ctx, &deployment, &wish, &ready).await
    }

    /// What the workflow declares may have changed while the execution waited.
    async fn renew_parameters(
        &self,
        tx: &Tx,
        execution: &Execution,
        deployment: &Deployment,
        declared: &Value,
    ) -> Result<Map<String, Value>> {
        let before = parameters(execution)?;
        let ctx = Ctx::internal(deployment.tenant_name.clone(), deployment.tenant_id);
        let given = place::Given {
            workflow: &execution.workflow_id,
            values: before.clone(),
            allow_custom: execution.allow_custom_parameters,
        };
        let values = self.whole_parameters(&ctx, deployment, declared, given).await?;
        if values != before {
            let changes = ExecutionChanges { parameters: Some(Json::of(&values)), ..ExecutionChanges::default() };
            executions::update(tx, execution.storage_id, changes).await.map_err(failed)?;
        }
        Ok(values)
    }

    /// How many executions may be under way.
    pub(super) async fn most_running(&self, db: &dyn Db) -> Result<usize> {
        let found = config::find(db, Some("rest"), MOST_RUNNING).await.map_err(failed)?;
        let most = found.first().and_then(|setting| setting.value.value().ok()).as_ref().and_then(Value::as_u64);
        Ok(most.and_then(|most| usize::try_from(most).ok()).unwrap_or(MOST_BY_DEFAULT))
    }
}

/// How many executions of each group are under way.
pub(super) struct Groups {
    counts: HashMap<i64, i64>,
    /// Those that may not have another.
    pub(super) full: Vec<i64>,
}

impl Groups {
    pub(super) async fn read(db: &dyn Db) -> Result<Self> {
        let mut groups = Self { counts: HashMap::new(), full: execution_groups::paused(db).await.map_err(failed)? };
        for (group, most, count) in execution_groups::under_way(db).await.map_err(failed)? {
            groups.note(group, most, count);
        }
        Ok(groups)
    }

    /// How many of a group are under way.
    pub(super) fn count(&self, group: i64) -> i64 {
        self.counts.get(&group).copied().unwrap_or_default()
    }

    /// One more is under way, in these groups.
    async fn begun(&mut self, tx: &Tx, execution: &Execution) -> Result<()> {
        for group in execution_groups::of_execution(tx, execution.storage_id).await.map_err(failed)? {
            self.note(group.storage_id, group.concurrency, 1);
        }
        Ok(())
    }

    /// Whether one of an ended execution's groups had no room for another while it was under way.
    async fn was_full(&self, db: &dyn Db, ended: &Execution) -> Result<bool> {
        let groups = execution_groups::of_execution(db, ended.storage_id).await.map_err(failed)?;
        Ok(groups.iter().any(|group| self.count(group.storage_id) + 1 >= group.concurrency))
    }

    fn note(&mut self, group: i64, most: i64, more: i64) {
        let count = self.counts.entry(group).or_default();
        *count += more;
        if *count >= most {
            self.full.push(group);
        }
    }
}
