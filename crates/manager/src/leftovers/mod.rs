//! What a crash, or damage from outside, has left behind: found, told and put in order.
//!
//! Invariant: every repair does what the manager does when the same comes about in the usual way, in a transaction, and is
//! on record in the log and the audit log. Of several managers one looks, at its start and now and then. Executions
//! that nobody runs are taken up within seconds all the same (`workflows/lease.rs`); folders that belong to nothing
//! may have been put there by a person, so they are told, and removed only when that is asked for.

mod files;

use std::sync::Arc;
use std::time::Duration;

use nephele_model::archive::ArchiveStatus;
use nephele_model::leftover::LeftoverKind;
use nephele_model::{Error, Result};
use nephele_store::audit_log::{self, NewEntry};
use nephele_store::executions::{Execution, ExecutionChanges};
use nephele_store::leftovers::{self as rows, Row};
use nephele_store::{Db, Json, Tx, deployment_updates, deployments, executions, exports, processes};
use serde::Serialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::executions::{Freed, restate_deployment, status};
use crate::exports::workflow_of;
use crate::plugins_updates::run as plugins_update;
use crate::rows::failed;
use crate::{Ctx, Manager};

/// Between two looks.
const PAUSE: Duration = Duration::from_mins(10);
/// Operations of a cancelled execution may take so long to end, in microseconds.
const DAY: i64 = 86_400_000_000;
/// A message that waits for longer, in microseconds, is worth a word.
const LATE: i64 = 600_000_000;

/// Something that was left behind.
#[derive(Clone, Debug, Serialize)]
pub struct Leftover {
    /// What it is.
    pub kind: LeftoverKind,
    /// Its id, or its path below the manager's folder.
    pub id: String,
    /// A sentence for people.
    pub problem: String,
    /// Whether it is in order now.
    pub repaired: bool,
    /// Table, key and tenant of its row, if it is one.
    #[serde(skip)]
    row: (&'static str, i64, Option<i64>),
}

impl Leftover {
    fn new(kind: LeftoverKind, table: &'static str, row: Row, problem: impl Into<String>) -> Self {
        let Row { storage_id, id, tenant_id } = row;
        Self { kind, id, problem: problem.into(), repaired: false, row: (table, storage_id, Some(tenant_id)) }
    }

    fn of(kind: LeftoverKind, execution: &Execution, problem: impl Into<String>) -> Self {
        let Execution { storage_id, tenant_id, .. } = *execution;
        Self::new(kind, "executions", Row { storage_id, id: execution.id.to_string(), tenant_id }, problem)
    }

    fn file(kind: LeftoverKind, path: String, problem: &str) -> Self {
        Self { kind, id: path, problem: problem.to_owned(), repaired: false, row: ("files", 0, None) }
    }
}

impl Manager {
    /// Puts leftovers in order now and then, until `shutdown`.
    pub(crate) async fn tidy(self: Arc<Self>, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            if let Err(error) = self.lead(Box::pin(self.put_in_order(false))).await {
                tracing::error!(?error, "leftovers could not be looked for; trying again later");
            }
            let _ = shutdown.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
        }
    }

    /// `GET /leftovers`: what was left behind, as it is.
    pub async fn leftovers(&self) -> Result<Vec<Leftover>> {
        let db: &dyn Db = &*self.store;
        let mut found = self.stuck_executions(db).await?;
        for (kind, of) in
            [(LeftoverKind::Snapshot, exports::Kind::Snapshot), (LeftoverKind::LogBundle, exports::Kind::LogBundle)]
        {
            for row in rows::archives(db, of, workflow_of(of)).await.map_err(failed)? {
                found.push(Leftover::new(kind, of.table(), row, "no execution makes it any more"));
            }
        }
        for row in rows::deployments(db).await.map_err(failed)? {
            let problem = "its statuses are not what its node instances and its latest execution say";
            found.push(Leftover::new(LeftoverKind::Deployment, "deployments", row, problem));
        }
        for id in rows::messages(db).await.map_err(failed)? {
            let problem = "it is for a manager that is gone".to_owned();
            let (kind, row) = (LeftoverKind::Message, ("outbox", id, None));
            found.push(Leftover { kind, id: id.to_string(), problem, repaired: false, row });
        }
        for row in rows::tokens(db, self.clock.now().plus_micros(-DAY)).await.map_err(failed)? {
            let problem = "it was cancelled more than a day ago, and its token still counts";
            found.push(Leftover::new(LeftoverKind::Token, "executions", row, problem));
        }
        found.extend(self.lost_files().await?);
        Ok(found)
    }

    async fn stuck_executions(&self, db: &dyn Db) -> Result<Vec<Leftover>> {
        let mut found = Vec::new();
        for id in processes::free_executions(db).await.map_err(failed)? {
            if let Some(execution) = executions::by_id(db, &id).await.map_err(failed)? {
                let problem = "nobody runs it; a manager takes it up within seconds";
                found.push(Leftover::of(LeftoverKind::Execution, &execution, problem));
            }
        }
        if let Some(execution) = self.startable(db).await? {
            let problem = "it is queued, and nothing stands in its way";
            found.push(Leftover::of(LeftoverKind::Queue, &execution, problem));
        }
        for execution in rows::unsettled(db).await.map_err(failed)? {
            let status = execution.status.display();
            let problem = format!("`{}` is {status}, and what it was for does not say so", execution.workflow_id);
            found.push(Leftover::of(LeftoverKind::Outcome, &execution, problem));
        }
        Ok(found)
    }

    /// `POST /leftovers`: puts in order what was left behind, folders of nothing included, and gives it.
    pub async fn repair_leftovers(&self, ctx: &Ctx) -> Result<Vec<Leftover>> {
        ctx.act(Box::pin(self.put_in_order(true))).await
    }

    async fn put_in_order(&self, is_asked_for: bool) -> Result<Vec<Leftover>> {
        let late = rows::late_messages(&*self.store, self.clock.now().plus_micros(-LATE)).await.map_err(failed)?;
        if late > 0 {
            tracing::warn!(messages = late, "messages have waited in the outbox for more than ten minutes");
        }
        let mut found = self.leftovers().await?;
        for leftover in &mut found {
            match leftover.kind {
                // Whoever takes it up says so.
                LeftoverKind::Execution => continue,
                LeftoverKind::Folder if !is_asked_for => {}
                _ => match self.repair(leftover).await {
                    Ok(()) => leftover.repaired = true,
                    Err(error) => tracing::error!(?error, "a leftover cannot be put in order"),
                },
            }
            let Leftover { kind, id, problem, repaired, .. } = leftover;
            tracing::warn!(kind = kind.as_str(), id, problem, repaired, "something was left behind");
        }
        self.workflows.wake();
        Ok(found)
    }

    async fn repair(&self, leftover: &Leftover) -> Result<()> {
        let (_, key, _) = leftover.row;
        let tx = self.begin_write().await?;
        match leftover.kind {
            LeftoverKind::Execution => {}
            LeftoverKind::Queue => self.dequeue(&tx, Freed::Anything).await?,
            LeftoverKind::Outcome => settle(&tx, key).await?,
            LeftoverKind::Snapshot => fail_archive(&tx, exports::Kind::Snapshot, key).await?,
            LeftoverKind::LogBundle => fail_archive(&tx, exports::Kind::LogBundle, key).await?,
            LeftoverKind::Deployment => restate(&tx, key).await?,
            LeftoverKind::Message => rows::free_message(&tx, key).await.map_err(failed)?,
            LeftoverKind::Token => {
                let changes = ExecutionChanges { token: Some(None), ..ExecutionChanges::default() };
                executions::update(&tx, key, changes).await.map_err(failed)?;
            }
            LeftoverKind::Temporary | LeftoverKind::Folder => self.remove_lost(&leftover.id).await?,
        }
        self.audit_repair(&tx, leftover).await?;
        tx.commit().await.map_err(failed)
    }

    async fn audit_repair(&self, tx: &Tx, leftover: &Leftover) -> Result<()> {
        let (table, key, tenant_id) = leftover.row;
        let told = json!({"id": leftover.id, "leftover": leftover.kind, "problem": leftover.problem});
        let actor = nephele_store::Actor::present();
        let entry = NewEntry {
            ref_table: table.to_owned(),
            ref_id: key,
            ref_identifier: Some(Json::of(&told)),
            tenant_id,
            operation: "update".to_owned(),
            creator_name: actor.username,
            execution_id: actor.execution_id,
            created_at: self.clock.now(),
        };
        audit_log::insert(tx, vec![entry]).await.map_err(failed)
    }
}

/// Has what an ended execution was for say how that ended.
async fn settle(tx: &Tx, key: i64) -> Result<()> {
    let execution = executions::by_storage_id(tx, key).await.map_err(failed)?;
    let execution = execution.ok_or_else(|| Error::not_found("Execution", key))?;
    let error = execution.error.as_deref();
    status::end_upload(tx, &execution, execution.status, error).await?;
    deployment_updates::fail_unfinished(tx, key).await.map_err(failed)?;
    plugins_update::end(tx, &execution, execution.status).await
}

async fn fail_archive(tx: &Tx, kind: exports::Kind, key: i64) -> Result<()> {
    let why = "The execution that was to make it is gone";
    exports::set_status(tx, kind, key, ArchiveStatus::Failed, why).await.map_err(failed)
}

/// Brings a deployment's statuses in step with what is in it.
async fn restate(tx: &Tx, key: i64) -> Result<()> {
    let Some(deployment) = deployments::by_storage_id(tx, key).await.map_err(failed)? else { return Ok(()) };
    let latest = match deployment.latest_execution_fk {
        Some(latest) => executions::by_storage_id(tx, latest).await.map_err(failed)?,
        None => None,
    };
    restate_deployment(tx, key, latest.map(|latest| (latest.storage_id, latest.status))).await
}
