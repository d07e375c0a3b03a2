//! What only some may say of a resource: who made it, and when. Restoring a snapshot needs it.
//!
//! Source: spec rest-api.md section 1.5.

use nephele_model::{Error, Permission, Result, Timestamp};
use nephele_store::users;

use crate::rows::failed;
use crate::{Ctx, Manager};

impl Manager {
    /// The key of the user who is to own something, if that was said.
    pub(crate) async fn new_owner(&self, ctx: &Ctx, name: Option<String>) -> Result<Option<i64>> {
        let Some(name) = name else { return Ok(None) };
        ctx.demand(Permission::SetOwner)?;
        let user = users::by_name(&*self.store, &name.as_str().into()).await.map_err(failed)?;
        let user = user.ok_or_else(|| Error::bad_parameters(format!("User {name} does not exist.")))?;
        Ok(Some(user.id))
    }
}

/// The instant at which something is said to have been made, if that was said.
pub(crate) fn instant(ctx: &Ctx, text: Option<&str>) -> Result<Option<Timestamp>> {
    let Some(text) = text else { return Ok(None) };
    ctx.demand(Permission::SetTimestamp)?;
    let instant = Timestamp::parse(text);
    instant.map(Some).ok_or_else(|| Error::bad_parameters(format!("{text} is not a legal time format")))
}
