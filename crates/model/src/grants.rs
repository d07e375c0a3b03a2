//! Which role holds which permission at the moment.
//!
//! An installation begins with [`Grants::built_in`]; administrators change single grants at
//! `/permissions`. Names that no route asks about are kept too: consoles ask about their own.

use std::collections::BTreeMap;

use crate::permission::{CONSOLE, Permission};
use crate::role::Role;

/// Permissions with the roles that hold them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(BTreeMap<String, Vec<Role>>);

impl Grants {
    /// What an installation begins with.
    pub fn built_in() -> Self {
        let of_routes = Permission::ALL.iter().map(|permission| (permission.as_str(), permission.roles()));
        let all = of_routes.chain(CONSOLE.iter().copied());
        all.flat_map(|(name, roles)| roles.iter().map(|role| (*role, name.to_owned()))).collect()
    }

    /// Whether any of `roles` holds the permission.
    pub fn hold(&self, permission: Permission, roles: &[Role]) -> bool {
        self.0.get(permission.as_str()).is_some_and(|holders| roles.iter().any(|role| holders.contains(role)))
    }

    /// Each permission with the roles that hold it, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Role])> {
        self.0.iter().map(|(name, roles)| (name.as_str(), roles.as_slice()))
    }
}

impl FromIterator<(Role, String)> for Grants {
    fn from_iter<T: IntoIterator<Item = (Role, String)>>(pairs: T) -> Self {
        let mut grants = Self::default();
        for (role, permission) in pairs {
            grants.0.entry(permission).or_default().push(role);
        }
        grants
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viewers_read_and_do_not_write() {
        let grants = Grants::built_in();
        assert!(grants.hold(Permission::BlueprintList, &[Role::Viewer]));
        assert!(!grants.hold(Permission::BlueprintUpload, &[Role::Viewer]));
        assert!(!grants.hold(Permission::BlueprintList, &[]));
    }

    #[test]
    fn system_administrators_hold_every_permission() {
        let grants = Grants::built_in();
        assert!(grants.iter().all(|(_, roles)| roles.contains(&Role::SysAdmin)));
        assert_eq!(grants.iter().count(), Permission::ALL.len() + CONSOLE.len());
    }
}
