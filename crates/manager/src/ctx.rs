//! Who asks, with which rights, in which tenant.
//!
//! Invariant: a [`Ctx`] from a request is made only by [`crate::Manager::authenticate`] and
//! [`crate::Manager::enter`], so whoever holds one has been identified. Work of the manager's own runs under
//! [`Ctx::internal`]. Source of the rules: spec rest-api.md sections 1.3 and 1.4.

use std::sync::Arc;

use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{ExecutionId, TenantName, Username};
use nephele_model::{Code, Error, Grants, Permission, Result, Role};
use nephele_store::Actor;

/// The caller of a use case.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// The request's id, for the log.
    pub request_id: String,
    /// Who asks.
    pub username: Username,
    /// The user's row; 0 is the first administrator, who may do everything.
    pub user_id: i64,
    /// The tenant of the request, if one was named.
    pub tenant: Option<TenantName>,
    /// The key of [`Self::tenant`]'s row.
    pub tenant_id: Option<i64>,
    /// The roles in the system and in [`Self::tenant`].
    pub roles: Vec<Role>,
    /// The user's own role in the system.
    pub system_role: Role,
    /// That role and those of the user's groups.
    pub system_roles: Vec<Role>,
    /// Every tenant that the user belongs to, with the key of its row and the role there; once for
    /// each role.
    pub own_tenants: Vec<(TenantName, i64, Role)>,
    /// Which role holds which permission.
    pub grants: Arc<Grants>,
    /// Set when a list over several tenants was asked for: it covers tenants where the caller holds
    /// this permission, and everything else stays where [`Self::tenant`] allows it.
    pub over_tenants: Option<Permission>,
    /// Set when the caller showed the token of a running execution.
    pub execution: Option<CallingExecution>,
}

/// The execution whose token the caller showed.
#[derive(Clone, Debug)]
pub struct CallingExecution {
    /// Its id.
    pub id: ExecutionId,
    /// Its tenant.
    pub tenant: TenantName,
    /// The workflow that it runs.
    pub workflow: String,
    /// Its status at the time of the request.
    pub status: ExecutionStatus,
}

impl Ctx {
    /// The manager itself, working in a tenant with the rights of the first administrator.
    pub fn internal(tenant: TenantName, tenant_id: i64) -> Self {
        Self {
            request_id: String::new(),
            username: Username::new("admin"),
            user_id: 0,
            tenant: Some(tenant),
            tenant_id: Some(tenant_id),
            roles: vec![Role::SysAdmin],
            system_role: Role::SysAdmin,
            system_roles: vec![Role::SysAdmin],
            own_tenants: Vec::new(),
            grants: Arc::default(),
            over_tenants: None,
            execution: None,
        }
    }

    /// Does `work` on behalf of this caller, as the audit log shows it.
    pub async fn act<F: Future>(&self, work: F) -> F::Output {
        let actor = Actor {
            username: Some(self.username.to_string()),
            execution_id: self.execution.as_ref().map(|execution| execution.id.to_string()),
            lease: None,
        };
        actor.act(work).await
    }

    /// Whether the caller holds `permission` in the request's tenant.
    pub fn may(&self, permission: Permission) -> bool {
        self.user_id == 0 || self.grants.hold(permission, &self.roles)
    }

    /// Whether the caller holds `permission` in the tenant with this key.
    pub fn may_in(&self, tenant_id: i64, permission: Permission) -> bool {
        self.user_id == 0 || self.grants.hold(permission, &self.roles_in(tenant_id))
    }

    /// Whether the caller holds `permission` by a role in the system, whatever the tenant.
    pub fn may_in_system(&self, permission: Permission) -> bool {
        self.user_id == 0 || self.grants.hold(permission, &self.system_roles)
    }

    pub(crate) fn roles_in(&self, tenant_id: i64) -> Vec<Role> {
        let own = self.own_tenants.iter().filter(|(_, id, _)| *id == tenant_id).map(|(_, _, role)| *role);
        self.system_roles.iter().copied().chain(own).collect()
    }

    /// Refuses callers without `permission`, in the wording that clients know.
    pub fn demand(&self, permission: Permission) -> Result<()> {
        if self.may(permission) { Ok(()) } else { Err(self.refused(permission)) }
    }

    /// Lets the caller list over all tenants where `permission` is held; refuses who holds it nowhere.
    pub fn demand_somewhere(&mut self, permission: Permission) -> Result<()> {
        if !self.may(permission) && !self.own_tenants.iter().any(|(_, id, _)| self.may_in(*id, permission)) {
            return Err(self.refused(permission));
        }
        self.over_tenants = Some(permission);
        Ok(())
    }

    fn refused(&self, permission: Permission) -> Error {
        let place = self.tenant.as_ref().map_or_else(String::new, |tenant| format!(" in the tenant `{tenant}`"));
        Error::forbidden(format!(
            "User `{}` is not permitted to perform the action {}{place}",
            self.username,
            permission.as_str(),
        ))
    }

    /// The tenant of the request. Error: `forbidden_error` when none was named.
    pub fn tenant(&self) -> Result<&TenantName> {
        self.tenant.as_ref().ok_or_else(|| Error::forbidden("Authorization failed: tenant not provided"))
    }

    /// Whether the caller sees private resources and hidden values of others.
    pub fn is_administrator(&self) -> bool {
        self.may(Permission::Administrators)
    }

    /// Refuses the token of an execution that is being cancelled.
    pub fn not_while_cancelling(&self) -> Result<()> {
        match &self.execution {
            Some(execution) if execution.status.is_cancelling() => {
                Err(Error::new(Code::ForbiddenWhileCancelling, "Forbidden: the calling execution is being cancelled"))
            }
            _ => Ok(()),
        }
    }

    /// Refuses everyone but a deployment update at work.
    pub fn only_deployment_update(&self) -> Result<()> {
        match &self.execution {
            Some(execution) if matches!(execution.workflow.as_str(), "update" | "csys_new_deployment_update") => Ok(()),
            _ => Err(Error::new(
                Code::OnlyDeploymentUpdate,
                "This action is only allowed from within a deployment update",
            )),
        }
    }
}
