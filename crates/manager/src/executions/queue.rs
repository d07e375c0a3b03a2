//! Letting queued executions begin when what they waited for has ended.

use std::collections::HashSet;

use nephele_model::Result;
use nephele_model::execution::ExecutionStatus;
use nephele_store::{Tx, executions};

use super::{order, refresh_deployment};
use crate::Manager;
use crate::rows::failed;

impl Manager {
    /// Begins every queued execution whose deployment is free, the oldest of each deployment first.
    pub(super) async fn dequeue(&self, tx: &Tx) -> Result<()> {
        let mut busy = HashSet::new();
        for execution in executions::queued(tx).await.map_err(failed)? {
            let Some(deployment) = execution.deployment_fk else { continue };
            // Whether it begins now or not, those behind it wait for it.
            if !busy.insert(deployment) {
                continue;
            }
            if !executions::active_of_deployment(tx, deployment).await.map_err(failed)?.is_empty() {
                continue;
            }
            let (from, to) = (ExecutionStatus::Queued, ExecutionStatus::Pending);
            if executions::set_status(tx, execution.storage_id, from, to, None).await.map_err(failed)? {
                refresh_deployment(tx, deployment, execution.storage_id, to).await?;
                order(tx, &execution.id, self.clock.now()).await?;
            }
        }
        Ok(())
    }
}
