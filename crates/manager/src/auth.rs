//! Who a request comes from, and with which rights.
//!
//! Invariant: a credential is checked against the store at least once in 15 seconds; in between, what
//! was found is kept in memory under a keyed hash of the credential, never the credential itself.
//! Changes to users, tokens and executions in this process forget what they touch at once. Order and
//! texts: spec rest-api.md sections 1.3 and 1.4.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nephele_model::id::{ExecutionId, TenantName, Username};
use nephele_model::{Error, Result, Role, Secret};
use nephele_store::{executions, tenants, tokens, users};
use sha2::{Digest, Sha256};

use crate::ctx::CallingExecution;
use crate::rows::failed;
use crate::{Ctx, Manager, crypto};

/// How long a verified credential is believed without another look.
const FRESH: Duration = Duration::from_secs(15);
/// Above this many entries the stale ones are thrown out.
const CROWDED: usize = 4096;

/// What a request shows to be let in. At least one should be there.
#[derive(Debug, Default)]
pub struct Credentials {
    /// The token of an execution, named as such.
    pub execution_token: Option<Secret>,
    /// An API token, or an execution's token in its place.
    pub token: Option<Secret>,
    /// User and password.
    pub basic: Option<(Username, Secret)>,
}

/// Credentials that were verified lately.
pub(crate) struct Verified {
    salt: String,
    entries: Mutex<HashMap<[u8; 32], (Instant, Ctx)>>,
}

impl Default for Verified {
    fn default() -> Self {
        Self { salt: crypto::random_text(32), entries: Mutex::default() }
    }
}

impl Verified {
    fn key(&self, credentials: &Credentials, tenant: Option<&TenantName>) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut add = |part: Option<&str>| {
            // Lengths keep the parts apart; an absent part differs from an empty one.
            hash.update(part.map_or(u64::MAX, |text| text.len() as u64).to_be_bytes());
            hash.update(part.unwrap_or_default());
        };
        add(Some(&self.salt));
        add(credentials.execution_token.as_ref().map(|token| token.expose().as_str()));
        add(credentials.token.as_ref().map(|token| token.expose().as_str()));
        add(credentials.basic.as_ref().map(|(user, _)| user.as_str()));
        add(credentials.basic.as_ref().map(|(_, password)| password.expose().as_str()));
        add(tenant.map(TenantName::as_str));
        hash.finalize().into()
    }

    fn find(&self, key: &[u8; 32]) -> Option<Ctx> {
        self.lock().get(key).filter(|(since, _)| since.elapsed() < FRESH).map(|(_, ctx)| ctx.clone())
    }

    fn keep(&self, key: [u8; 32], ctx: Ctx) {
        let mut entries = self.lock();
        if entries.len() >= CROWDED {
            entries.retain(|_, (since, _)| since.elapsed() < FRESH);
        }
        entries.insert(key, (Instant::now(), ctx));
    }

    /// Forgets everything: users, roles, tenants or tokens changed.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    /// Forgets the token of an execution whose status changed.
    pub(crate) fn forget_execution(&self, id: &ExecutionId) {
        self.lock().retain(|_, (_, ctx)| ctx.execution.as_ref().is_none_or(|execution| execution.id != *id));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], (Instant, Ctx)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
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
        if let Some(mut ctx) = self.verified.find(&key) {
            ctx.request_id = request_id;
            return Ok(ctx);
        }
        let (user, execution) = self.identify(credentials).await?;
        let tenant = tenant.or_else(|| execution.as_ref().map(|execution| &execution.tenant)).cloned();
        let memberships = users::memberships(&*self.store, user.id).await.map_err(failed)?;
        let mut ctx = Ctx {
            request_id,
            username: user.username,
            user_id: user.id,
            tenant: None,
            tenant_id: None,
            roles: vec![user.system_role],
            system_role: user.system_role,
            own_tenants: memberships.into_iter().map(|own| (own.tenant_name, own.tenant_id, own.role)).collect(),
            execution,
        };
        if let Some(tenant) = tenant {
            ctx = self.enter(&ctx, &tenant).await?;
        }
        self.verified.keep(key, ctx.clone());
        Ok(ctx)
    }

    /// The same caller in another tenant.
    pub async fn enter(&self, ctx: &Ctx, tenant: &TenantName) -> Result<Ctx> {
        let row = tenants::by_name(&*self.store, tenant).await.map_err(failed)?.ok_or_else(|| {
            Error::forbidden(format!("Authorization failed: Tried to authenticate with invalid tenant name: {tenant}"))
        })?;
        let mut ctx = ctx.clone();
        ctx.roles = vec![ctx.system_role];
        ctx.roles.extend(ctx.own_tenants.iter().filter(|(_, id, _)| *id == row.id).map(|(_, _, role)| *role));
        ctx.tenant = Some(row.name);
        ctx.tenant_id = Some(row.id);
        Ok(ctx)
    }

    async fn identify(&self, credentials: &Credentials) -> Result<(users::User, Option<CallingExecution>)> {
        if let Some(token) = credentials.execution_token.as_ref().or(credentials.token.as_ref())
            && let Some(found) = self.by_execution_token(token).await?
        {
            return Ok(found);
        }
        if credentials.execution_token.is_some() {
            return Err(Error::unauthorized("Authentication failed - invalid execution token"));
        }
        if let Some((username, password)) = &credentials.basic
            && let Some(user) = users::by_name(&*self.store, username).await.map_err(failed)?
        {
            return self.by_password(user, password).await.map(|user| (user, None));
        }
        match &credentials.token {
            Some(token) => self.by_token(token).await.map(|user| (user, None)),
            None => Err(Error::unauthorized("No authentication info provided")),
        }
    }

    async fn by_execution_token(&self, token: &Secret) -> Result<Option<(users::User, Option<CallingExecution>)>> {
        let digest = crypto::digest(token.expose());
        let Some(execution) = executions::by_token(&*self.store, &digest).await.map_err(failed)? else {
            return Ok(None);
        };
        let user = users::by_id(&*self.store, execution.creator_id).await.map_err(failed)?;
        let calling = CallingExecution {
            id: execution.id,
            tenant: execution.tenant_name,
            workflow: execution.workflow_id,
            status: execution.status,
        };
        Ok(user.filter(|user| calling.status.is_active() && user.active).map(|user| (user, Some(calling))))
    }

    async fn by_password(&self, user: users::User, password: &Secret) -> Result<users::User> {
        let (password, stored) = (password.clone(), user.password.clone());
        let right = tokio::task::spawn_blocking(move || crypto::verify_password(password.expose(), &stored))
            .await
            .map_err(Error::internal)?;
        if !right {
            users::login_failed(&*self.store, user.id).await.map_err(failed)?;
        }
        if !right || !user.active {
            return Err(Error::unauthorized(format!(
                "Authentication failed for <User username=`{}`>. Wrong credentials or locked account",
                user.username
            )));
        }
        users::login_succeeded(&*self.store, user.id).await.map_err(failed)?;
        Ok(user)
    }

    async fn by_token(&self, token: &Secret) -> Result<users::User> {
        let parts: Vec<&str> = token.expose().split('-').collect();
        let ["ctok", id, secret] = parts.as_slice() else {
            return Err(Error::unauthorized("Invalid token structure"));
        };
        let refused = || Error::unauthorized("Unauthorized");
        let row = tokens::find(&*self.store, id).await.map_err(failed)?.ok_or_else(refused)?;
        if !crypto::same(crypto::digest(secret).as_bytes(), row.secret_hash.as_bytes()) {
            return Err(refused());
        }
        if row.expiration_date.is_some_and(|end| end < self.clock.now()) {
            return Err(Error::unauthorized("Token is expired"));
        }
        tokens::touch(&*self.store, id).await.map_err(failed)?;
        let user = users::by_id(&*self.store, row.user_id).await.map_err(failed)?.ok_or_else(refused)?;
        if user.active { Ok(user) } else { Err(refused()) }
    }
}

/// A role that `name` names, of the kind that is asked for.
pub(crate) fn role(name: &str, system: bool) -> Result<Role> {
    Role::parse(name).filter(|role| role.is_system() == system).ok_or_else(|| {
        let kind = if system { "system_role" } else { "tenant_role" };
        let valid: Vec<String> = Role::ALL
            .iter()
            .filter(|role| role.is_system() == system)
            .map(|role| format!("'{}'", role.as_str()))
            .collect();
        Error::bad_parameters(format!("Invalid role: `{name}`. Valid {kind} roles are: [{}]", valid.join(", ")))
    })
}
