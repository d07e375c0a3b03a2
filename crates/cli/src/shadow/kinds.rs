//! What is read of a manager: paths of its REST API, and the names that its snapshots have for the same.

use serde_json::Value;

/// A kind of records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// Its name in snapshots.
    pub(super) name: &'static str,
    /// The path of the list.
    pub(super) path: &'static [&'static str],
    pub(super) query: &'static [(&'static str, &'static str)],
    /// The fields that tell records of a tenant apart.
    pub(super) key: &'static [&'static str],
    /// Whether each is a deployment's, whose id stands outside of the record in snapshots.
    pub(super) is_part: bool,
    /// What is asked for beside the list.
    pub(super) detail: Detail,
}

/// What a list does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    Nothing,
    /// The plan, and the archive.
    Blueprint,
    /// The workflows, and the files of its folder.
    Deployment,
    /// The archive.
    Plugin,
}

const fn kind(name: &'static str, path: &'static [&'static str], key: &'static [&'static str]) -> Kind {
    Kind { name, path, query: &[], key, is_part: false, detail: Detail::Nothing }
}

const DATA: &[(&str, &str)] = &[("_get_data", "true")];

pub(super) const TENANTS: Kind = kind("tenants", &["tenants"], &["name"]);

/// Of the manager as a whole.
pub(super) const SYSTEM: [Kind; 3] = [
    kind("permissions", &["permissions"], &["role", "permission"]),
    Kind { query: DATA, ..kind("user_groups", &["user-groups"], &["name"]) },
    Kind { query: &[("_get_data", "true"), ("_include_hash", "true")], ..kind("users", &["users"], &["username"]) },
];

/// Lists without pages: read at once.
pub(super) const SECRETS: Kind =
    Kind { query: &[("_include_metadata", "true")], ..kind("secrets", &["secrets", "share", "export"], &["key"]) };

pub(super) const EXECUTIONS: Kind = Kind {
    query: &[("_include_system_workflows", "true"), ("_sort", "-created_at")],
    ..kind("executions", &["executions"], &["id"])
};

pub(super) const GRAPHS: Kind = kind("tasks_graphs", &["tasks_graphs"], &["id"]);

/// Of each tenant, besides [`SECRETS`], [`EXECUTIONS`], [`GRAPHS`] and events.
pub(super) const OF_TENANTS: [Kind; 16] = [
    kind("sites", &["sites"], &["name"]),
    Kind { detail: Detail::Plugin, ..kind("plugins", &["plugins"], &["id"]) },
    kind("secrets_providers", &["secrets-providers"], &["name"]),
    Kind { detail: Detail::Blueprint, ..kind("blueprints", &["blueprints"], &["id"]) },
    Kind { detail: Detail::Deployment, ..kind("deployments", &["deployments"], &["id"]) },
    Kind { query: DATA, ..kind("deployment_groups", &["deployment-groups"], &["id"]) },
    Kind { is_part: true, ..kind("nodes", &["nodes"], &["deployment_id", "id"]) },
    Kind { is_part: true, ..kind("node_instances", &["node-instances"], &["id"]) },
    Kind { query: DATA, ..kind("agents", &["agents"], &["id"]) },
    kind("inter_deployment_dependencies", &["deployments", "inter-deployment-dependencies"], &["id"]),
    Kind { query: DATA, ..kind("execution_groups", &["execution-groups"], &["id"]) },
    kind("deployment_updates", &["deployment-updates"], &["id"]),
    kind("plugins_update", &["plugins-updates"], &["id"]),
    kind("deployments_filters", &["filters", "deployments"], &["id"]),
    kind("blueprints_filters", &["filters", "blueprints"], &["id"]),
    kind("execution_schedules", &["execution-schedules"], &["deployment_id", "id"]),
];

impl Kind {
    /// What tells a record apart.
    pub(super) fn key_of(&self, item: &Value) -> String {
        let parts: Vec<&str> = self.key.iter().map(|field| item[*field].as_str().unwrap_or_default()).collect();
        parts.join("/")
    }
}
