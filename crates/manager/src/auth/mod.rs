//! Who a request comes from, and with which rights.
//!
//! Invariant: a credential is checked against the store at least once in 15 seconds (`verified`). The
//! order in which kinds of credentials are tried, and every text, is spec rest-api.md sections 1.3
//! and 1.4. Passwords and locks are in `password`, directories and identity providers in `external`.

use std::sync::Arc;

use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{TenantName, Username};
use nephele_model::{Error, Result, Role, Secret, Timestamp};
use nephele_store::executions::Execution;
use nephele_store::{executions, operations, tenants, tokens, users};

use crate::ctx::CallingExecution;
use crate::rows::failed;
use crate::workflows::upload::blocking;
use crate::{Ctx, Manager, crypto};

mod directory;
pub(crate) mod external;
#[cfg(feature = "ldap")]
mod ldap;
mod messages;
#[cfg(feature = "oidc")]
mod oidc;
pub(crate) mod password;
mod verified;

pub use directory::settings as directory_settings;
#[cfg(feature = "oidc")]
pub(crate) use oidc::Issuer;
pub(crate) use verified::Verified;

/// How far from its time a scheduled execution may already, or still, show its token, in microseconds.
const ON_TIME: i64 = 60_000_000;

/// What a request shows to be let in. At least one should be there.
#[derive(Debug, Default)]
pub struct Credentials {
    /// The token of an execution, named as such.
    pub execution_token: Option<Secret>,
    /// An API token, or an execution's token in its place.
    pub token: Option<Secret>,
    /// User and password.
    pub basic: Option<(Username, Secret)>,
    /// What an identity provider gave out.
    pub bearer: Option<Secret>,
}

/// Who was found behind credentials.
struct Identity {
    user: users::User,
    execution: Option<CallingExecution>,
    /// When the credential ends, if it does.
    until: Option<Timestamp>,
}

impl From<users::User> for Identity {
    fn from(user: users::User) -> Self {
        Self { user, execution: None, until: None }
    }
}

impl Manager {
    /// Finds out who asks. `tenant` is the tenant that the request names.
    ///
    /// Errors: `unauthorized_error` for credentials that are absent or wrong, `forbidden_error` for a
    /// tenant that does not exist.
    pub async fn authenticate(
        &self,
        credentials: &Credentials,
        tenant: Option<&TenantName>,
        request_id: String,
    ) -> Result<Ctx> {
        let key = self.verified.key(credentials, tenant);
        if let Some(mut ctx) = self.verified.find(&key, self.clock.now()) {
            ctx.request_id = request_id;
            return Ok(ctx);
        }
        let Identity { user, execution, until } = self.identify(credentials).await?;
        let tenant = tenant.or_else(|| execution.as_ref().map(|execution| &execution.tenant)).cloned();
        let mut ctx = self.ctx_of(user, execution).await?;
        ctx.request_id = request_id;
        if let Some(tenant) = tenant {
            ctx = self.enter(&ctx, &tenant).await?;
        }
        self.verified.keep(key, credentials, ctx.clone(), until);
        Ok(ctx)
    }

    /// The user behind an API token, without a tenant: for what shows a token in a way of its own.
    pub async fn authenticate_token(&self, token: &Secret) -> Result<Ctx> {
        let identity = self.by_token(token).await?;
        self.ctx_of(identity.user, None).await
    }

    async fn ctx_of(&self, user: users::User, execution: Option<CallingExecution>) -> Result<Ctx> {
        let memberships = users::memberships(&*self.store, &[user.id]).await.map_err(failed)?;
        let belongings = users::belongings(&*self.store, &[user.id]).await.map_err(failed)?;
        let mut system_roles = vec![user.system_role];
        system_roles.extend(belongings.iter().map(|belonging| belonging.role));
        Ok(Ctx {
            request_id: String::new(),
            username: user.username,
            user_id: user.id,
            tenant: None,
            tenant_id: None,
            roles: system_roles.clone(),
            system_role: user.system_role,
            system_roles,
            own_tenants: memberships.into_iter().map(|own| (own.tenant_name, own.tenant_id, own.role)).collect(),
            grants: self.grants().await?,
            over_tenants: None,
            execution,
        })
    }

    /// The same caller in another tenant.
    pub async fn enter(&self, ctx: &Ctx, tenant: &TenantName) -> Result<Ctx> {
        let row = tenants::by_name(&*self.store, tenant).await.map_err(failed)?.ok_or_else(|| {
            Error::forbidden(format!("Authorization failed: Tried to authenticate with invalid tenant name: {tenant}"))
        })?;
        let mut ctx = ctx.clone();
        ctx.roles = ctx.roles_in(row.id);
        ctx.tenant = Some(row.name);
        ctx.tenant_id = Some(row.id);
        Ok(ctx)
    }

    async fn identify(&self, credentials: &Credentials) -> Result<Identity> {
        if let Some(token) = credentials.execution_token.as_ref().or(credentials.token.as_ref())
            && let Some((user, execution)) = self.by_execution_token(token).await?
        {
            return Ok(Identity { execution: Some(execution), ..self.demand_open(user).await?.into() });
        }
        if credentials.execution_token.is_some() {
            return Err(invalid_execution_token());
        }
        let external = self.external().await?;
        if let Some((username, password)) = &credentials.basic
            && let Some(user) = users::by_name(&*self.store, username).await.map_err(failed)?
            && (!external.replaces_passwords() || user.id == users::ADMIN_ID)
        {
            return self.by_password(user, password).await.map(Identity::from);
        }
        if let Some(token) = &credentials.token {
            return self.by_token(token).await;
        }
        match self.by_external(&external, credentials).await? {
            Some(user) => Ok(self.demand_open(user).await?.into()),
            None => Err(Error::unauthorized("No authentication info provided")),
        }
    }

    async fn by_execution_token(&self, token: &Secret) -> Result<Option<(users::User, CallingExecution)>> {
        let digest = crypto::digest(token.expose());
        let Some(execution) = executions::by_token(&*self.store, &digest).await.map_err(failed)? else {
            return Ok(None);
        };
        if !self.may_still_act(&execution).await? {
            return Err(invalid_execution_token());
        }
        let user = users::by_id(&*self.store, execution.creator_id).await.map_err(failed)?;
        let calling = CallingExecution {
            id: execution.id,
            tenant: execution.tenant_name,
            workflow: execution.workflow_id,
            status: execution.status,
        };
        Ok(user.map(|user| (user, calling)))
    }

    /// Active executions act; one that is just about to begin, and a cancelled one whose operations
    /// have not all ended.
    async fn may_still_act(&self, execution: &Execution) -> Result<bool> {
        let apart = |at: Timestamp| (at.micros() - self.clock.now().micros()).abs();
        match execution.status {
            ExecutionStatus::Scheduled => Ok(execution.scheduled_for.is_some_and(|at| apart(at) < ON_TIME)),
            ExecutionStatus::Cancelled => {
                operations::has_open(&*self.store, execution.storage_id).await.map_err(failed)
            }
            status => Ok(status.is_active()),
        }
    }

    async fn by_token(&self, token: &Secret) -> Result<Identity> {
        let mut parts = token.expose().splitn(3, '-');
        let (Some(_), Some(id), Some(secret)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Error::unauthorized("Invalid token structure"));
        };
        let refused = || Error::unauthorized("Unauthorized");
        let row = tokens::find(&*self.store, id).await.map_err(failed)?.ok_or_else(refused)?;
        let (given, stored) = (secret.to_owned(), row.secret_hash.clone());
        let is_right = if stored.starts_with('$') {
            // Tokens of another manager are hashed as passwords are.
            blocking(move || crypto::verify_password(&given, &stored)).await?
        } else {
            crypto::same(crypto::digest(&given).as_bytes(), stored.as_bytes())
        };
        if !is_right {
            return Err(refused());
        }
        if row.expiration_date.is_some_and(|end| end <= self.clock.now()) {
            return Err(Error::unauthorized("Token is expired"));
        }
        tokens::touch(&*self.store, id).await.map_err(failed)?;
        let user = users::by_id(&*self.store, row.user_id).await.map_err(failed)?.ok_or_else(refused)?;
        Ok(Identity { until: row.expiration_date, ..self.demand_open(user).await?.into() })
    }

    /// Who holds what at the moment. Another manager on the same database may have changed it.
    pub(crate) async fn grants(&self) -> Result<Arc<nephele_model::Grants>> {
        let changed_at = nephele_store::permissions::changed_at(&*self.store).await.map_err(failed)?;
        if let Some(grants) = self.granted.find(changed_at) {
            return Ok(grants);
        }
        let grants = Arc::new(nephele_store::permissions::grants(&*self.store).await.map_err(failed)?);
        self.granted.keep(changed_at, grants.clone());
        Ok(grants)
    }
}

fn invalid_execution_token() -> Error {
    Error::unauthorized("Authentication failed, invalid Execution Token")
}

/// A role that `name` names, of the kind that is asked for.
pub(crate) fn role(name: &str, system: bool) -> Result<Role> {
    Role::parse(name).filter(|role| role.is_system() == system).ok_or_else(|| {
        let of_kind = || Role::ALL.iter().filter(|role| role.is_system() == system);
        let kind = of_kind().next().map_or("", |role| role.kind());
        let valid: Vec<String> = of_kind().map(|role| format!("'{}'", role.as_str())).collect();
        Error::bad_parameters(format!("Invalid role: `{name}`. Valid {kind} roles are: [{}]", valid.join(", ")))
    })
}
