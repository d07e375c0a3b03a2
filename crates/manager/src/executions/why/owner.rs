//! Who runs an execution, where that is in question: nobody at the moment, or a manager that has fallen silent.

use nephele_model::Result;
use nephele_model::wait::WaitKind;
use nephele_store::processes::Process;

use super::{Look, Wait};

impl Look<'_> {
    /// What it waits for if it is not being run.
    pub(super) async fn owner(&self) -> Result<Option<Wait>> {
        if self.manager.workflows.carries(&self.execution.id) {
            return Ok(None);
        }
        if let Some((owner, silence)) = self.manager.other_owner(self.execution).await? {
            return Ok(takeover(&owner, silence));
        }
        let reason = "no manager carries it at present; one takes it up within seconds";
        Ok(Some(Wait::new(WaitKind::Resume, reason).since(self.execution.started_at)))
    }

    /// What it waits for if the manager that is to run it has fallen silent.
    pub(super) async fn silent_owner(&self) -> Result<Option<Wait>> {
        let other = self.manager.other_owner(self.execution).await?;
        Ok(other.and_then(|(owner, silence)| takeover(&owner, silence)))
    }
}

/// The wait for the end of the lease of a process that should have spoken by now.
fn takeover(owner: &Process, silence: i64) -> Option<Wait> {
    if silence < owner.lease / 2 {
        return None;
    }
    let until = owner.seen_at.plus_micros(owner.lease);
    let (name, since) = (&owner.hostname, owner.seen_at);
    let reason =
        format!("the manager {name} runs it, and is silent since {since}; another one takes over after {until}");
    Some(
        Wait::new(WaitKind::Takeover, reason)
            .since(since)
            .until(until)
            .with("manager", name.as_str())
            .with("process", owner.id),
    )
}
