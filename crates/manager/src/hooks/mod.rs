//! Hooks: what is run when executions are queued, begin and end (spec workflows.md section 1.5(f)).
//!
//! Invariant: an event and the hook that is to hear of it are noted in the transaction of the execution's move, and the
//! note goes when the hook has run: a crash in between has it run again. No execution waits for a hook or fails by one.
//! Which hooks there are is in `file.rs`, how one is run in `run.rs`.

mod file;
mod run;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nephele_model::execution::ExecutionStatus;
use nephele_model::{Error, Result};
use nephele_store::hooks::{self as rows, NewHook};
use nephele_store::{Json, Tx, executions};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Notify;

use self::file::{Hook, Known};
use crate::Manager;
use crate::rows::failed;
use crate::workflows::upload::parameters;

/// What happens to an execution that hooks can hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Happening {
    #[serde(rename = "workflow_queued")]
    Queued,
    #[serde(rename = "workflow_started")]
    Started,
    #[serde(rename = "workflow_succeeded")]
    Succeeded,
    #[serde(rename = "workflow_failed")]
    Failed,
    #[serde(rename = "workflow_cancelled")]
    Cancelled,
}

impl Happening {
    /// What a move to this status is.
    const fn of(status: ExecutionStatus) -> Option<Self> {
        match status {
            ExecutionStatus::Queued => Some(Self::Queued),
            ExecutionStatus::Started => Some(Self::Started),
            ExecutionStatus::Terminated => Some(Self::Succeeded),
            ExecutionStatus::Failed => Some(Self::Failed),
            ExecutionStatus::Cancelled => Some(Self::Cancelled),
            _ => None,
        }
    }
}

/// The hooks, and which of them are being run.
pub(crate) struct Hooks {
    file: PathBuf,
    known: Mutex<Known>,
    /// Rows whose hooks are being run.
    under_way: Mutex<HashSet<i64>>,
    /// Says that there may be one to run.
    changed: Notify,
}

impl Hooks {
    pub(crate) fn new(file: PathBuf) -> Self {
        Self { file, known: Mutex::default(), under_way: Mutex::default(), changed: Notify::new() }
    }

    /// The hooks as the file has them now.
    fn present(&self) -> Arc<[Hook]> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).present(&self.file)
    }

    /// The folder of the file, where programs are looked for.
    fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new("/"))
    }

    fn under_way(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Manager {
    /// Notes that a hook is to hear of an execution's move to this status, if one is. To be called before the rows of
    /// the move: they may take the execution away.
    pub(crate) async fn note_hook(&self, tx: &Tx, execution_fk: i64, status: ExecutionStatus) -> Result<()> {
        let Some(happening) = Happening::of(status) else { return Ok(()) };
        let hooks = self.hooks.present();
        // As in the original, the first one in the file is run and no other.
        let Some(hook) = hooks.iter().find(|hook| hook.event_type == happening) else { return Ok(()) };
        let execution = executions::by_storage_id(tx, execution_fk).await.map_err(failed)?;
        let execution = execution.ok_or_else(|| Error::not_found("Execution", execution_fk))?;
        let now = self.clock.now();
        let mut event = json!({
            "message_type": "hook", "event_type": happening, "timestamp": now, "arguments": null,
            "execution_id": execution.id, "workflow_id": execution.workflow_id,
            "deployment_id": execution.deployment_id, "blueprint_id": execution.blueprint_id,
            "tenant_name": execution.tenant_name, "is_system_workflow": execution.is_system_workflow,
        });
        if !execution.is_system_workflow {
            event["execution_parameters"] = parameters(&execution)?.into();
        }
        let row = NewHook {
            tenant_id: execution.tenant_id,
            user_id: execution.creator_id,
            execution_id: execution.id,
            hook: Json::of(hook),
            event: Json::of(&event),
            created_at: now,
        };
        rows::insert(tx, row).await.map_err(failed)?;
        self.hooks.changed.notify_one();
        Ok(())
    }
}
