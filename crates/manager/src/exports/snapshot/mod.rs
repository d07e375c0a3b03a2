//! Snapshots: everything that the manager keeps, in one archive, and the way back.
//!
//! Invariant: a restore is wholly there or not at all, whatever ends it. The archive is checked and unpacked
//! beside what is there (`opened.rs`), rows are replaced in one transaction (`restore.rs`), and the files follow
//! that transaction, at the next start if need be (`swap.rs`). A part of a snapshot is restored as a snapshot of what is
//! there with that part in it (`graft.rs`). One of what changed since another one (`increment.rs`) becomes whole before it is
//! restored (`chain.rs`). [ADR 0020](../../../../../docs/adr/0020-snapshots.md).
//!
//! `metadata.json` names the format; `tables/NAME.jsonl` has one row a line, as JSON objects of columns, all
//! of the same instant; `resources/` is the file tree; `logs/` the manager's logs; `keys/secrets.key` what
//! secrets are encrypted with; `checksums.jsonl`, the last entry, has size and SHA-256 of all others. Secrets stay
//! encrypted, but the key is beside them unless it was asked not to be: a snapshot is as secret as the manager itself.

mod chain;
mod graft;
mod increment;
mod opened;
mod part;
mod rekey;
mod restore;
mod sealed;
pub(crate) mod swap;
mod take_in;
mod write;

use std::path::Path;

use nephele_model::execution::ExecutionStatus;
use nephele_model::{Code, Error, Result, Timestamp};
use nephele_store::{Record, blueprints, executions, processes};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Kind, cloudify, demand_sound};
use crate::executions::{NewRun, others_run};
use crate::rows::failed;
use crate::workflows::upload::blocking;
use crate::{Ctx, Manager};

pub use chain::verify;
pub use opened::Checked;
pub(crate) use opened::{FLOOR, RATIO, damaged, small};
pub use part::Part;
pub(crate) use rekey::fingerprint;
pub(crate) use sealed::Sealed;

/// Tables of what happened, which can be left out.
const EVENTS: [&str; 1] = ["events"];
/// The parts of the file tree that belong to what the tables hold. What else is there is the manager's own.
pub(crate) const AREAS: [&str; 7] = [
    "authenticators",
    "blueprints",
    "deployments",
    "global-resources",
    "plugins",
    "tenant-resources",
    "uploaded-blueprints",
];
pub(crate) const METADATA: &str = "metadata.json";
pub(crate) const CHECKSUMS: &str = "checksums.jsonl";
pub(crate) const KEY: &str = "keys/secrets.key";
/// The format's number. It grows when older managers could not read what is written: whole snapshots are of the first,
/// those of what changed since another one of the second.
pub(crate) const FORMAT: i64 = INCREMENT;
pub(crate) const WHOLE: i64 = 1;
const INCREMENT: i64 = 2;

/// How a snapshot is to be restored.
#[derive(Clone, Debug, Default)]
pub struct Restoration {
    /// Whatever is there already.
    pub force: bool,
    /// With its certificates.
    pub restore_certificates: bool,
    /// Without starting the machine again afterwards.
    pub no_reboot: bool,
    /// Only this; all when absent.
    pub part: Option<Part>,
}

/// What a snapshot says of itself.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Metadata {
    /// `nephele`.
    pub(crate) format: String,
    pub(crate) format_version: i64,
    /// The number of the schema that the rows are of.
    pub(crate) schema: i64,
    /// The version of the manager that wrote it.
    pub(crate) version: String,
    pub(crate) created_at: Timestamp,
    /// The execution that wrote it, which is under way in its own rows.
    pub(crate) execution_id: Option<String>,
    /// What tells the key of the secrets from others.
    pub(crate) key: String,
    /// The snapshot since which it has what changed; it has everything when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) base: Option<Base>,
}

/// The snapshot that another one builds on.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Base {
    /// When it was made.
    pub(crate) created_at: Timestamp,
    /// What tells it from others: the checksum of its checksums.
    pub(crate) sums: String,
}

/// Says that nothing can be done with an archive, and why.
pub(crate) fn unusable(why: impl std::fmt::Display) -> Error {
    Error::new(Code::SnapshotAction, format!("The snapshot cannot be restored: {why}"))
}

impl Manager {
    /// Whether a snapshot is being restored.
    pub fn is_restoring(&self) -> bool {
        self.restoring.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Begins to restore a snapshot. Gives the execution.
    ///
    /// Errors: `snapshot_action_error` if its archive is none, or the manager has blueprints and is not to be forced;
    /// `existing_running_execution_error`.
    pub async fn restore_snapshot(&self, ctx: &Ctx, id: &str, wish: Restoration) -> Result<Record> {
        if wish.no_reboot && !wish.restore_certificates {
            return Err(Error::bad_parameters("`no_reboot` is only relevant when `restore_certificates` is activated"));
        }
        let export = self.find_export(ctx, Kind::Snapshot, id).await?;
        demand_sound(Kind::Snapshot, &export, "restored")?;
        let place = self.export_archive(ctx, Kind::Snapshot, id).await?;
        blocking(move || glance(&place)).await??;
        if wish.part.is_none() {
            self.demand_empty(wish.force).await?;
        }
        self.demand_alone().await?;
        let tx = self.begin_write().await?;
        tx.lock("queue").await.map_err(failed)?;
        let running = executions::active_ids(&tx).await.map_err(failed)?;
        if !running.is_empty() {
            return Err(others_run(&running));
        }
        let Restoration { force, restore_certificates, no_reboot, part } = wish;
        let parameters = json!({
            "snapshot_id": id, "force": force, "restore_certificates": restore_certificates, "no_reboot": no_reboot,
        });
        let Value::Object(mut parameters) = parameters else { return Err(Error::internal("no object")) };
        if let Some(Part { tenant, deployment }) = part {
            parameters.insert("tenant_name".to_owned(), tenant.into());
            parameters.insert("deployment_id".to_owned(), deployment.into());
        }
        let run = NewRun {
            status: ExecutionStatus::Pending,
            is_system: true,
            ..NewRun::internal("restore_snapshot", parameters)
        };
        let (_, execution) = self.accept(&tx, ctx, run).await?;
        tx.commit().await.map_err(failed)?;
        self.workflows.wake();
        self.get_execution(ctx, execution.as_str(), None).await
    }

    /// Refuses to replace what somebody may need.
    async fn demand_empty(&self, force: bool) -> Result<()> {
        if force || !blueprints::any(&*self.store).await.map_err(failed)? {
            return Ok(());
        }
        Err(Error::new(
            Code::SnapshotAction,
            "Snapshot restoration on a non-empty manager is not permitted. Pass the --force flag to force the restore \
             and delete existing data from the manager",
        ))
    }

    /// Refuses while other managers work on the database: they would go on with what is no more.
    async fn demand_alone(&self) -> Result<()> {
        if processes::all(&*self.store).await.map_err(failed)?.len() <= 1 {
            return Ok(());
        }
        Err(Error::new(
            Code::SnapshotAction,
            "A snapshot can be restored only while one manager works on the database; stop the others first",
        ))
    }
}

/// Whether an archive looks like a snapshot, of this or of a Cloudify manager.
fn glance(archive: &Path) -> Result<()> {
    match cloudify::layout(archive)? {
        Some(_) => Ok(()),
        None => opened::glance(archive),
    }
}

/// The object that a line of a table is.
fn row(line: &str, table: &str) -> Result<Map<String, Value>> {
    serde_json::from_str(line).map_err(|error| unusable(format!("a row of `{table}` is damaged: {error}")))
}

fn read_key(data_dir: &Path) -> Result<String> {
    std::fs::read_to_string(data_dir.join("secrets.key")).map_err(Error::internal)
}
