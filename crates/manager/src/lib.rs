//! The use cases: everything the product does, independent of HTTP, SQL text and message formats.
//!
//! Invariant: rules live here and only here; the `api` crate extracts and shapes, the `store` crate
//! reads and writes rows. One resource is one file with one `impl Manager` block, and the first
//! argument of each use case is the [`Ctx`] of the request. Start with [`Manager`], then with the
//! file named like the resource.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nephele_bus::Bus;
use nephele_model::{Clock, Secret};
use nephele_store::Store;

mod agents;
pub mod archive;
mod attention;
pub mod audit_log;
pub mod auth;
mod blueprints;
mod bootstrap;
mod builtin_types;
mod config;
mod contacts;
mod crypto;
pub mod ctx;
mod db_nodes;
mod dependencies;
mod deployment_groups;
mod deployment_modifications;
mod deployment_updates;
mod deployments;
mod evaluation;
mod events;
mod execution_groups;
mod execution_schedules;
mod executions;
mod exports;
mod fetch;
mod file_access;
pub mod files;
mod filters;
mod groups;
mod hooks;
mod instances;
mod labels;
mod leftovers;
mod licenses;
mod maintenance;
mod managers;
mod measures;
mod nodes;
mod operations;
mod overrides;
mod parameters;
mod permissions;
mod plugins;
mod plugins_updates;
mod preferences;
mod rabbitmq_brokers;
mod rows;
mod search;
mod searches;
mod secrets;
mod secrets_providers;
mod sites;
mod status;
mod summaries;
mod tenants;
mod tokens;
mod usage;
mod users;
mod visibility;
mod waiting;
pub mod workflows;
mod yaml;

pub use agents::{AgentUpdate, NewAgent};
pub use attention::Attention;
pub use blueprints::{BlueprintFiles, BlueprintUpdate, NewBlueprint};
pub use bootstrap::Opened;
pub use ctx::Ctx;
pub use deployment_groups::{GroupChange, GroupUpdate, NewMember};
pub use deployment_updates::{SWITCHES as UPDATE_SWITCHES, UpdatePatch, UpdateRecord, UpdateRequest};
pub use deployments::{DeploymentUpdate, NewDeployment, Shown, Topology as DeploymentTopology};
pub use evaluation::Context;
pub use events::{Changes, News, Told, ToldChange, Topic, Wanted as WantedChanges};
pub use execution_groups::{GroupTargets, NewExecutionGroup};
pub use execution_schedules::{NewSchedule, RuleWords, ScheduleUpdate, arguments as schedule_arguments};
pub use executions::{Deletion, Explanation, NewExecutionRecord, PlanRequest, RunsGrid, Start, Wait};
pub use exports::{
    Checked as CheckedSnapshot, CloudifyLayout, Kind as ExportKind, MigrationReport, MovedTable, Part as SnapshotPart,
    Restoration, inspect as inspect_cloudify_snapshot, move_database, salt as cloudify_salt, verify as verify_snapshot,
};
pub use filters::{FilterValues, Filtered};
pub use instances::InstanceUpdate;
pub use labels::Labeled;
pub use leftovers::Leftover;
pub use maintenance::Mode;
pub use managers::AddedManager;
pub use measures::Measures;
pub use nephele_store::{Kind, Record, Resource, ShownField};
pub use nodes::NodeUpdate;
pub use operations::{NewOperation, OperationUpdate, Renewed, Tasks};
pub use plugins::{NewPlugin, PluginUpdate};
pub use plugins_updates::{PluginsUpdateRecord, PluginsUpdateRequest, Versions as PluginVersions};
pub use preferences::Preferences;
pub use search::{Found, searched_kinds};
pub use searches::Narrowing;
pub use secrets::{Export as SecretExport, Import as SecretImport, SecretValues};
pub use secrets_providers::ProviderValues;
pub use sites::NewSite;
pub use summaries::Summary;
pub use tenants::Joining;
pub use usage::Usage;
pub use users::{NewUser, UserDetails, UserUpdate};
pub use workflows::lease::SHORTEST as SHORTEST_LEASE;

/// Kinds of records.
pub mod kind {
    use nephele_store::{exports, filters};

    use super::{ExportKind, Filtered, Resource};

    pub use nephele_store::agents::RESOURCE as AGENTS;
    pub use nephele_store::blueprints::{DETAILS as BLUEPRINT, RESOURCE as BLUEPRINTS};
    pub use nephele_store::config::RESOURCE as CONFIG;
    pub use nephele_store::db_nodes::RESOURCE as DB_NODES;
    pub use nephele_store::deployment_groups::RESOURCE as DEPLOYMENT_GROUPS;
    pub use nephele_store::deployment_modifications::RESOURCE as MODIFICATIONS;
    pub use nephele_store::deployment_updates::RESOURCE as DEPLOYMENT_UPDATES;
    pub use nephele_store::deployments::{DETAILS as DEPLOYMENT, RESOURCE as DEPLOYMENTS};
    pub use nephele_store::events::RESOURCE as EVENTS;
    pub use nephele_store::execution_groups::RESOURCE as EXECUTION_GROUPS;
    pub use nephele_store::execution_schedules::RESOURCE as SCHEDULES;
    pub use nephele_store::executions::{DETAILS as EXECUTION, RESOURCE as EXECUTIONS};
    pub use nephele_store::groups::RESOURCE as USER_GROUPS;
    pub use nephele_store::inter_deployment_dependencies::RESOURCE as DEPENDENCIES;
    pub use nephele_store::licenses::RESOURCE as LICENSES;
    pub use nephele_store::managers::RESOURCE as MANAGERS;
    pub use nephele_store::node_instances::RESOURCE as NODE_INSTANCES;
    pub use nephele_store::nodes::RESOURCE as NODES;
    pub use nephele_store::operations::RESOURCE as OPERATIONS;
    pub use nephele_store::permissions::RESOURCE as PERMISSIONS;
    pub use nephele_store::plugins::RESOURCE as PLUGINS;
    pub use nephele_store::plugins_updates::RESOURCE as PLUGINS_UPDATES;
    pub use nephele_store::rabbitmq_brokers::RESOURCE as BROKERS;
    pub use nephele_store::secrets::{DETAILS as SECRET, RESOURCE as SECRETS};
    pub use nephele_store::secrets_providers::RESOURCE as SECRETS_PROVIDERS;
    pub use nephele_store::sites::RESOURCE as SITES;
    pub use nephele_store::tasks_graphs::RESOURCE as TASKS_GRAPHS;
    pub use nephele_store::tenants::RESOURCE as TENANTS;
    pub use nephele_store::tokens::RESOURCE as TOKENS;
    pub use nephele_store::users::RESOURCE as USERS;

    /// Snapshots or log bundles.
    pub fn exports(of: ExportKind) -> &'static Resource {
        exports::Kind::resource(of)
    }

    /// Filters of blueprints or of deployments.
    pub fn filters(of: Filtered) -> &'static Resource {
        filters::resource(of)
    }
}

/// What a manager must be told before it can start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of everything the manager keeps on disk.
    pub data_dir: PathBuf,
    /// The database's URL: `sqlite://PATH` or `postgres://...`.
    pub database_url: String,
    /// The password of `admin` at the first start; `None` makes a random one.
    pub admin_password: Option<Secret>,
    /// The largest blueprint archive, in bytes.
    pub archive_limit: u64,
    /// The folder of types that take the place of the built-in ones.
    pub types: Option<PathBuf>,
    /// The file of hooks, which may come and go.
    pub hooks: PathBuf,
    /// This machine's name.
    pub hostname: String,
    /// The address that workers and the CLI reach this manager by.
    pub host: String,
    /// The port of HTTPS, which operations are told as `rest_port`.
    pub port: u16,
    /// How long this manager may be silent before others on the same database take over what it runs.
    pub lease: Duration,
}

/// The manager: the one value that every request and every run of a workflow works with.
pub struct Manager {
    /// Rows.
    pub store: Arc<Store>,
    /// Messages to workers.
    pub bus: Arc<dyn Bus>,
    /// The tree behind `/resources`.
    pub files: files::Tree,
    /// The types that blueprints import.
    pub types: Arc<nephele_dsl::builtin::Types>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What it was started with.
    pub settings: Settings,
    /// The way to the workflow executor.
    pub workflows: Arc<workflows::Control>,
    /// The key that secrets are stored under.
    cipher: crypto::Cipher,
    /// Credentials that were verified lately.
    verified: auth::Verified,
    /// Who holds what, as it was read last.
    granted: permissions::Granted,
    /// Maintenance mode as it was read last.
    maintenance: maintenance::Known,
    /// The id of the data folder.
    node: String,
    /// Those who follow the audit log.
    audit: audit_log::Feed,
    /// Those who follow changes.
    feed: Arc<events::Feed>,
    /// What was learnt from an identity provider.
    #[cfg(feature = "oidc")]
    issuer: auth::Issuer,
    /// Those who wait for an execution to end.
    waiting: waiting::Waiting,
    /// What is run when executions begin and end.
    hooks: hooks::Hooks,
    /// Whether a snapshot is being restored.
    restoring: std::sync::atomic::AtomicBool,
    /// Says that a schedule may be due earlier than it was.
    schedules_changed: tokio::sync::Notify,
}
