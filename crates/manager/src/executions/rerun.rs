//! Running an execution again: the same workflow with the same parameters, as a new execution that names the first.

use nephele_model::id::ExecutionId;
use nephele_model::{Code, Error, Permission, Result};
use nephele_store::executions::Execution;

use super::place::{Wish, demand_environment};
use crate::deployment_updates::WORKFLOW as UPDATE;
use crate::workflows::upload::parameters;
use crate::{Ctx, Manager};

impl Manager {
    /// Accepts a run like the `first` one. Gives its id.
    ///
    /// Errors: those of a start; `conflict_error` while the first one runs; `illegal_action_error` for what is no
    /// workflow of a deployment, or an update.
    pub(super) async fn rerun(&self, ctx: &Ctx, first: &Execution) -> Result<ExecutionId> {
        ctx.not_while_cancelling()?;
        ctx.demand(Permission::ExecutionStart)?;
        if !first.status.is_final() {
            return Err(Error::conflict(format!(
                "Cannot run execution `{}` again in state: `{}`; wait for its end, or cancel it",
                first.id,
                first.status.as_str()
            )));
        }
        if first.deployment_fk.is_none() || first.workflow_id == UPDATE {
            return Err(Error::new(
                Code::IllegalAction,
                format!(
                    "A run of `{}` cannot be run again: only workflows of deployments can, and an update is begun anew \
                     with `deployment-updates`",
                    first.workflow_id
                ),
            ));
        }
        let deployment = self.deployment_of(first).await?;
        let wish = Wish {
            allow_custom_parameters: first.allow_custom_parameters,
            dry_run: first.is_dry_run,
            wait_after_fail: first.wait_after_fail,
            rerun_of: Some(first.id.clone()),
            ..Wish::new(first.workflow_id.clone(), parameters(first)?)
        };
        demand_environment(&*self.store, &deployment).await?;
        self.place_and_wake(ctx, &deployment, &wish).await
    }
}
