//! Who asks, with which rights, in which tenant.
//!
//! Invariant: a [`Ctx`] from a request is made only by [`crate::Manager::authenticate`] and
//! [`crate::Manager::enter`], so whoever holds one has been identified. Work of the manager's own runs under
//! [`Ctx::internal`]. Source of the rules: spec rest-api.md sections 1.3 and 1.4.

use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{ExecutionId, TenantName, Username};
use nephele_model::{Code, Error, Permission, Result, Role};

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
    /// The role in the system alone.
    pub system_role: Role,
    /// Every tenant that the user belongs to, with the key of its row and the role there.
    pub own_tenants: Vec<(TenantName, i64, Role)>,
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
            own_tenants: Vec::new(),
            execution: None,
        }
    }

    /// Whether the caller holds `permission` in the request's tenant.
    pub fn may(&self, permission: Permission) -> bool {
        self.user_id == 0 || permission.granted_to(&self.roles)
    }

    /// Refuses callers without `permission`, in the wording that clients know.
    pub fn demand(&self, permission: Permission) -> Result<()> {
        if self.may(permission) {
            return Ok(());
        }
        let place = self.tenant.as_ref().map_or_else(String::new, |tenant| format!(" in the tenant `{tenant}`"));
        Err(Error::forbidden(format!(
            "User `{}` is not permitted to perform the action {}{place}",
            self.username,
            permission.as_str(),
        )))
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
