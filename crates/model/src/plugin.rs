//! How far the installation of a plugin is at one place (spec rest-api.md section 3.2).

use serde::{Deserialize, Serialize};

use crate::blueprint::states;

states! {
    /// How far the installation of a plugin is on one manager or agent.
    InstallationState {
        /// Asked for.
        Pending = "pending-install",
        /// Under way.
        Installing = "installing",
        /// Done.
        Installed = "installed",
        /// It failed.
        Error = "error",
        /// Its removal was asked for.
        PendingUninstall = "pending-uninstall",
        /// Its removal is under way.
        Uninstalling = "uninstalling",
        /// It was removed.
        Uninstalled = "uninstalled",
    }
}

impl InstallationState {
    /// Whether something may be there that a removal has to remove.
    pub const fn is_present(self) -> bool {
        matches!(self, Self::Installed | Self::Installing | Self::Error)
    }
}
