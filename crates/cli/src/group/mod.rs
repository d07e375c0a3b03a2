//! The commands, one file a group.

mod access;
mod agents;
mod audit;
pub(crate) mod blueprint_ways;
mod blueprints;
mod certificates;
mod cluster;
mod deployment_groups;
mod deployment_updates;
pub(crate) mod deployments;
mod events;
mod execution_groups;
pub(crate) mod executions;
mod extras;
mod filters;
mod insight;
mod installing;
mod label;
mod license;
mod log_bundles;
mod maintenance;
mod modifications;
mod nodes;
mod plugin_ways;
mod plugins;
mod profile_archives;
mod profiles;
mod recovery;
mod schedules;
mod secrets;
mod sites;
mod snapshots;
mod status;
mod summary;
mod system;
mod tenants;
mod users;
mod validating;
mod visibility;
mod workflows;

use std::pin::Pin;

use crate::table::{Act, Command, Group, Outcome};

/// Every group of commands.
pub(crate) static GROUPS: &[Group] = &[
    Group { name: "", about: "", commands: installing::COMMANDS },
    Group { name: "", about: "", commands: extras::COMMANDS },
    Group { name: "agents", about: "Agents on hosts", commands: agents::COMMANDS },
    Group { name: "auditlog", about: "Who did what", commands: audit::COMMANDS },
    Group { name: "blueprints", about: "What can be deployed", commands: blueprints::COMMANDS },
    Group { name: "blueprints", about: "What can be deployed", commands: filters::OF_BLUEPRINTS },
    Group { name: "blueprints", about: "What can be deployed", commands: blueprint_ways::COMMANDS },
    Group { name: "blueprints", about: "What can be deployed", commands: insight::BLUEPRINTS },
    Group { name: "certificates", about: "The manager's certificates", commands: certificates::COMMANDS },
    Group {
        name: "cluster",
        about: "The managers, brokers and databases that work together",
        commands: cluster::COMMANDS,
    },
    Group { name: "community", about: "Registration", commands: license::COMMUNITY },
    Group { name: "config", about: "Settings of the manager", commands: system::CONFIG },
    Group { name: "db-nodes", about: "The database's machines", commands: cluster::DB_NODES },
    Group { name: "deployments", about: "Blueprints with inputs", commands: deployments::COMMANDS },
    Group { name: "deployments", about: "Blueprints with inputs", commands: deployment_updates::COMMANDS },
    Group { name: "deployments", about: "Blueprints with inputs", commands: deployment_groups::COMMANDS },
    Group { name: "deployments", about: "Blueprints with inputs", commands: modifications::COMMANDS },
    Group { name: "deployments", about: "Blueprints with inputs", commands: insight::DEPLOYMENTS },
    Group { name: "deployments", about: "Blueprints with inputs", commands: schedules::COMMANDS },
    Group { name: "deployments", about: "Blueprints with inputs", commands: filters::OF_DEPLOYMENTS },
    Group { name: "events", about: "What executions told", commands: events::COMMANDS },
    Group { name: "executions", about: "Runs of workflows", commands: executions::COMMANDS },
    Group { name: "executions", about: "Runs of workflows", commands: recovery::COMMANDS },
    Group { name: "executions", about: "Runs of workflows", commands: execution_groups::COMMANDS },
    Group { name: "groups", about: "Groups of nodes", commands: workflows::GROUPS },
    Group { name: "idp", about: "Who vouches for users", commands: system::IDP },
    Group { name: "ldap", about: "Login through a directory", commands: system::LDAP },
    Group { name: "license", about: "The licence", commands: license::COMMANDS },
    Group { name: "log-bundles", about: "Logs of the manager to take along", commands: log_bundles::COMMANDS },
    Group { name: "maintenance-mode", about: "A manager that takes no work", commands: maintenance::COMMANDS },
    Group { name: "managers", about: "The managers that work together", commands: cluster::MANAGERS },
    Group { name: "node-instances", about: "What nodes became", commands: nodes::INSTANCES },
    Group { name: "nodes", about: "The parts of deployments", commands: nodes::COMMANDS },
    Group { name: "permissions", about: "What roles may do", commands: access::PERMISSIONS },
    Group { name: "plugins", about: "Code for operations", commands: plugins::COMMANDS },
    Group { name: "plugins", about: "Code for operations", commands: plugin_ways::COMMANDS },
    Group { name: "profiles", about: "Managers that you work with", commands: profiles::COMMANDS },
    Group { name: "profiles", about: "Managers that you work with", commands: profile_archives::COMMANDS },
    Group { name: "secrets", about: "Values that are kept safe", commands: secrets::COMMANDS },
    Group { name: "sites", about: "Places of deployments", commands: sites::COMMANDS },
    Group { name: "snapshots", about: "The manager's whole state in a file", commands: snapshots::COMMANDS },
    Group { name: "tenants", about: "Walls between users", commands: tenants::COMMANDS },
    Group { name: "tokens", about: "Login without a password", commands: access::TOKENS },
    Group { name: "user-groups", about: "Users together", commands: users::GROUPS },
    Group { name: "users", about: "Who may log in", commands: users::COMMANDS },
    Group { name: "workflows", about: "What deployments can do", commands: workflows::COMMANDS },
];

/// A row of the table.
const fn command(name: &'static str, takes: &'static str, about: &'static str, act: Act) -> Command {
    Command { name, takes, about, act }
}

/// For commands that wait for nothing.
fn at_once<'a>(outcome: Outcome) -> Pin<Box<dyn Future<Output = Outcome> + 'a>> {
    Box::pin(std::future::ready(outcome))
}
