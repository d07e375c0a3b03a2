//! Logins for messages: each execution has its own.
//!
//! Invariant: a login counts exactly as long as the token that its execution shows to the REST service; when
//! the token changes, the password has changed. Nothing of it is stored.

use nephele_bus::Vhost;
use nephele_model::id::ExecutionId;
use nephele_model::{Result, Secret};
use nephele_store::executions;

use crate::rows::failed;
use crate::{Manager, crypto};

impl Manager {
    /// The execution that connects with this login, if it may: to the manager's messages and to those of its
    /// own tenant.
    pub async fn admit_messages(
        &self,
        username: &str,
        password: &Secret,
        vhost: &Vhost,
    ) -> Result<Option<ExecutionId>> {
        let id = ExecutionId::new(username);
        let Some(execution) = executions::by_id(&*self.store, &id).await.map_err(failed)? else { return Ok(None) };
        let may_go = *vhost == Vhost::Manager || *vhost == Vhost::Tenant(execution.tenant_name.clone());
        if !may_go || !self.may_still_act(&execution).await? {
            return Ok(None);
        }
        let right = self.messages_password(&id).await?;
        let is_right = right.is_some_and(|right| crypto::same(right.as_bytes(), password.expose().as_bytes()));
        Ok(is_right.then_some(id))
    }

    /// The password of an execution; `None` without a token.
    pub(crate) async fn messages_password(&self, id: &ExecutionId) -> Result<Option<String>> {
        let token = executions::token(&*self.store, id).await.map_err(failed)?;
        let key = self.cipher.derive("messages");
        Ok(token.map(|token| crypto::keyed_hash(&key, &format!("{id} {token}"))))
    }
}
