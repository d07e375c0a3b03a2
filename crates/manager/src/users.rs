//! Users: who they are, and making them.

use nephele_model::id::Username;
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Error, Permission, Result, Secret, id};
use nephele_store::{Record, users};

use crate::rows::failed;
use crate::{Ctx, Manager, auth, crypto};

/// The shortest and the longest password.
const PASSWORD: std::ops::RangeInclusive<usize> = 5..=256;

impl Manager {
    /// Every user.
    pub async fn list_users(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Record>> {
        self.list_shared(ctx, &users::RESOURCE, query).await
    }

    /// A user; oneself needs no permission.
    pub async fn get_user(&self, ctx: &Ctx, name: &str) -> Result<Record> {
        if !ctx.username.as_str().eq_ignore_ascii_case(name) {
            ctx.demand(Permission::UserGet)?;
        }
        let record = self.get_shared(ctx, &users::RESOURCE, name, None).await?;
        record.ok_or_else(|| Error::not_found("User", name))
    }

    /// Makes a user.
    pub async fn create_user(&self, ctx: &Ctx, name: &str, password: Secret, role: &str) -> Result<Record> {
        id::check("username", name, true)?;
        let role = auth::role(role, true)?;
        if !PASSWORD.contains(&password.expose().len()) {
            return Err(Error::bad_parameters(format!(
                "The password must have {} to {} characters",
                PASSWORD.start(),
                PASSWORD.end()
            )));
        }
        let hash = tokio::task::spawn_blocking(move || crypto::hash_password(password.expose()))
            .await
            .map_err(Error::internal)?;
        users::insert(&*self.store, &Username::new(name), &hash, role).await.map_err(|error| match error {
            nephele_store::Error::Unique { .. } => Error::conflict(format!("<User username=`{name}`> already exists")),
            other => failed(other),
        })?;
        self.get_user(ctx, name).await
    }
}
