//! The built-in roles. Which permissions they hold stands in [`crate::permission`].

/// A role that a user has in the system or in a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// May do everything everywhere.
    SysAdmin,
    /// Runs a tenant: also sees private resources of others.
    Manager,
    /// Uploads blueprints and plugins and deploys them.
    User,
    /// Deploys and runs what others have uploaded.
    Operations,
    /// Reads only.
    Viewer,
    /// Exists as a user of the system, nothing else.
    Default,
}

impl Role {
    /// Every built-in role, the most powerful first.
    pub const ALL: &'static [Self] =
        &[Self::SysAdmin, Self::Manager, Self::User, Self::Operations, Self::Viewer, Self::Default];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SysAdmin => "sys_admin",
            Self::Manager => "manager",
            Self::User => "user",
            Self::Operations => "operations",
            Self::Viewer => "viewer",
            Self::Default => "default",
        }
    }

    /// The role with this wire name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.as_str() == name)
    }

    /// What it is for, as clients show it.
    pub const fn description(self) -> &'static str {
        match self {
            Self::SysAdmin => "User that can manage Cloudify",
            Self::Manager => "User that can manage tenants",
            Self::User => "Regular user, can perform actions on tenants resources",
            Self::Operations => "User that can deploy and execute workflows, but cannot manage blueprints or plugins.",
            Self::Viewer => "User that can only view tenant resources",
            Self::Default => "User exists, but have no permissions",
        }
    }

    /// `system_role` or `tenant_role`.
    pub const fn kind(self) -> &'static str {
        if self.is_system() { "system_role" } else { "tenant_role" }
    }

    /// Whether it is given in the system (`system_role`) and not in a tenant (`tenant_role`).
    pub const fn is_system(self) -> bool {
        matches!(self, Self::SysAdmin | Self::Default)
    }
}
