//! The tokens that runs show to the REST service.

use nephele_model::id::ExecutionId;
use nephele_model::{Error, Result, Secret};
use nephele_store::executions::{self, ExecutionChanges};

use crate::rows::failed;
use crate::{Manager, crypto};

impl Manager {
    /// Makes a new token for a run; an earlier one of the same execution ends. Only its hash is kept.
    pub async fn mint_token(&self, id: &ExecutionId) -> Result<Secret> {
        let token = uuid::Uuid::new_v4().simple().to_string();
        let execution = executions::by_id(&*self.store, id).await.map_err(failed)?;
        let execution = execution.ok_or_else(|| Error::not_found("Execution", id))?;
        let changes = ExecutionChanges { token: Some(Some(crypto::digest(&token))), ..ExecutionChanges::default() };
        executions::update(&*self.store, execution.storage_id, changes).await.map_err(failed)?;
        self.verified.forget_execution(id);
        Ok(Secret::new(token))
    }
}
