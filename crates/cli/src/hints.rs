//! What can be done after an error: one line below it, for people.
//!
//! Invariant: scripts that call us by the original's name see none of it.

use nephele_client::Error;

use crate::call::Call;
use crate::connection;

/// What is not found, as the manager calls it, and the commands that show those that are there.
const LISTS: &[(&str, &str)] = &[
    ("Blueprint", "blueprints list"),
    ("Deployment", "deployments list"),
    ("DeploymentGroup", "deployments groups list"),
    ("Execution", "executions list"),
    ("ExecutionGroup", "executions groups list"),
    ("ExecutionSchedule", "deployments schedule list"),
    ("Group", "user-groups list"),
    ("LogBundle", "log-bundles list"),
    ("Node", "nodes list"),
    ("NodeInstance", "node-instances list"),
    ("Plugin", "plugins list"),
    ("Secret", "secrets list"),
    ("SecretsProvider", "secrets providers list"),
    ("Site", "sites list"),
    ("Snapshot", "snapshots list"),
    ("Tenant", "tenants list"),
    ("Token", "tokens list"),
    ("User", "users list"),
];

/// The hint after an error, if there is something to be done about it.
pub(crate) fn after(call: &Call, error: &anyhow::Error) -> Option<String> {
    let error = error.downcast_ref::<Error>()?;
    let program = connection::program(&call.settings);
    match error {
        Error::Unreachable { .. } => {
            Some(format!("`{program} up` starts a manager here; `{program} doctor` looks for what is wrong"))
        }
        Error::Refused { status: 401, .. } => Some(format!(
            "give --user and --password, or keep them in a profile with `{program} profiles use`; `{program} doctor` \
             shows which manager is meant"
        )),
        Error::Refused { status: 403, .. } => Some(format!(
            "`{program} permissions list` shows which roles may do it, `{program} users get` those of a user"
        )),
        Error::Refused { status: 404, message, .. } => {
            list_of(message).map(|list| format!("`{program} {list}` shows those that are there"))
        }
        Error::Refused { error_code, .. } if error_code == "existing_running_execution_error" => Some(format!(
            "`{program} executions list` shows what runs, `{program} executions why` what it waits for; --queue waits \
             until it has ended"
        )),
        _ => None,
    }
}

/// What is missing stands in the message.
fn list_of(message: &str) -> Option<&'static str> {
    let (_, rest) = message.split_once('`')?;
    let (kind, _) = rest.split_once('`')?;
    LISTS.iter().find(|(known, _)| *known == kind).map(|(_, list)| *list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_says_where_to_look() {
        assert_eq!(list_of("Requested `Deployment` with ID `x` was not found"), Some("deployments list"));
        assert_eq!(list_of("Requested `Moon` with ID `x` was not found"), None);
        assert_eq!(list_of("nothing here"), None);
    }

    #[test]
    fn the_lists_are_commands() {
        for (_, list) in LISTS {
            let (group, rest) = list.split_once(' ').unwrap();
            let found = crate::group::GROUPS.iter().filter(|one| one.name == group).flat_map(|one| one.commands);
            assert!(found.into_iter().any(|command| command.name == rest), "{list}");
        }
    }
}
