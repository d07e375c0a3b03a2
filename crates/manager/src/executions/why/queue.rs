//! What keeps an execution in the queue: all that does, in the order in which the queue looks.

use nephele_model::Result;
use nephele_model::wait::WaitKind;
use nephele_store::executions::{self, Execution};
use nephele_store::{Db, execution_groups, maintenance};
use serde_json::{Value, json};

use super::super::queue::Groups;
use super::{Look, Wait};
use crate::rows::failed;

/// Executions that are named where many stand in the way.
const NAMED: i64 = 20;

impl Look<'_> {
    pub(super) async fn in_queue(&self) -> Result<Vec<Wait>> {
        let db: &dyn Db = &*self.manager.store;
        let mut waits = Vec::new();
        waits.extend(self.maintenance(db).await?);
        waits.extend(self.system_wide(db).await?);
        waits.extend(self.deployment(db).await?);
        waits.extend(self.slots(db).await?);
        let before = executions::queued_before(db, self.execution).await.map_err(failed)?;
        let place = before + 1;
        let reason = if waits.is_empty() && before == 0 {
            "it is the first in the queue and begins at the queue's next turn".to_owned()
        } else {
            format!("it is number {place} in the queue")
        };
        waits.push(
            Wait::new(WaitKind::Queue, reason)
                .since(self.execution.created_at)
                .with("position", place)
                .with("queued_before", before),
        );
        Ok(waits)
    }

    async fn maintenance(&self, db: &dyn Db) -> Result<Option<Wait>> {
        let Some(mode) = maintenance::get(db).await.map_err(failed)? else { return Ok(None) };
        let by = mode.requested_by.as_ref().map_or_else(String::new, |user| format!(" (asked for by {user})"));
        let reason = format!("the manager is in maintenance mode{by}: nothing queued begins until it ends");
        Ok(Some(
            Wait::new(WaitKind::Maintenance, reason)
                .since(mode.activated_at.unwrap_or(mode.activation_requested_at))
                .with("status", mode.status),
        ))
    }

    /// What runs alone keeps others waiting, and waits for all others.
    async fn system_wide(&self, db: &dyn Db) -> Result<Option<Wait>> {
        let alone = self.execution.is_system_workflow;
        let others = if alone {
            executions::under_way(db, NAMED).await.map_err(failed)?
        } else {
            executions::system_wide_beside(db, self.execution).await.map_err(failed)?
        };
        let reason = match (alone, others.as_slice()) {
            (_, []) => return Ok(None),
            (true, others) => format!("it runs alone, and waits for {}", self.listed(others)),
            (false, others) => format!("{} keeps all others waiting", self.listed(others)),
        };
        Ok(Some(self.blocked(WaitKind::SystemWorkflow, reason, &others)))
    }

    async fn deployment(&self, db: &dyn Db) -> Result<Option<Wait>> {
        let Some(deployment) = &self.execution.deployment_id else { return Ok(None) };
        let others = executions::before_in_deployment(db, self.execution).await.map_err(failed)?;
        if others.is_empty() {
            return Ok(None);
        }
        let reason = format!("its deployment {deployment} is occupied by {}", self.listed(&others));
        Ok(Some(self.blocked(WaitKind::Deployment, reason, &others)))
    }

    /// The limits on how many are under way: of all, and of each group.
    async fn slots(&self, db: &dyn Db) -> Result<Vec<Wait>> {
        let running = executions::count_active(db).await.map_err(failed)?;
        let mut waits = Vec::new();
        let most = self.manager.most_running(db).await?;
        if running >= most {
            let reason = format!("{running} executions are under way, and {most} may be (max_concurrent_workflows)");
            waits.push(Wait::new(WaitKind::Slots, reason).with("running", running).with("limit", most));
        }
        let groups = Groups::read(db).await?;
        for group in execution_groups::of_execution(db, self.execution.storage_id).await.map_err(failed)? {
            if !groups.full.contains(&group.storage_id) {
                continue;
            }
            let running = groups.count(group.storage_id);
            let (id, limit) = (&group.id, group.concurrency);
            let reason = if limit == 0 {
                format!("its group {id} is paused: of it none may be under way")
            } else {
                format!("of its group {id} {running} executions are under way, and {limit} may be")
            };
            waits.push(
                Wait::new(WaitKind::GroupSlots, reason)
                    .with("group_id", json!(id))
                    .with("running", running)
                    .with("limit", limit),
            );
        }
        Ok(waits)
    }

    fn blocked(&self, kind: WaitKind, reason: String, others: &[Execution]) -> Wait {
        let (seen, hidden) = self.named(others);
        Wait::new(kind, reason)
            .since(self.execution.created_at)
            .with("executions", Value::Array(seen))
            .with("hidden", hidden)
    }

    /// The first of these executions in words, and how many there are beside it.
    fn listed(&self, executions: &[Execution]) -> String {
        let sees = |other: &&Execution| self.scope.sees(other.visibility, other.tenant_id, other.creator_id);
        match (executions.iter().find(sees), executions.len()) {
            (Some(first), count) => {
                let (workflow, id, status) = (&first.workflow_id, &first.id, first.status.display());
                let others = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
                format!("`{workflow}` ({id}), which is {status}{others}")
            }
            (None, 1) => "another execution".to_owned(),
            (None, count) => format!("{count} other executions"),
        }
    }
}
