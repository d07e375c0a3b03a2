//! What the manager does between the graphs of a workflow.
//!
//! Invariant: doing it again comes to the same, see [`nephele_engine::phases::Act`].

use nephele_engine::phases::Act;
use nephele_model::Result;
use nephele_store::executions::Execution;
use serde_json::{Value, json};

use crate::{Ctx, Manager};

impl Manager {
    /// Does what a workflow asks for. Gives what the workflow wants to know of it.
    pub(super) async fn perform_act(&self, execution: &Execution, act: &Act) -> Result<Value> {
        let ctx = Ctx::internal(execution.tenant_name.clone(), execution.tenant_id);
        Ok(match act {
            Act::StartModification { wanted } => json!(self.begin_modification(&ctx, execution, wanted.clone()).await?),
            Act::FinishModification(id) => json!(self.finish_modification_once(&ctx, id).await?),
            Act::RollBackModification(id) => json!(self.roll_back_modification_once(&ctx, id).await?),
        })
    }
}
