//! One module per entity: its structs, its statements and its field table for REST. The names are
//! the database's, and those of the modules in the manager and the API.

pub mod agents;
pub mod blueprints;
pub mod config;
pub mod deployment_groups;
pub mod deployment_modifications;
pub mod deployment_updates;
pub mod deployments;
pub mod events;
pub mod execution_groups;
pub mod execution_schedules;
pub mod executions;
pub mod exports;
pub mod filters;
pub mod inter_deployment_dependencies;
pub mod labels;
pub mod maintenance;
pub mod node_instances;
pub mod nodes;
pub mod operations;
pub mod outbox;
pub mod plugins;
pub mod plugins_updates;
pub mod provider_context;
pub mod secrets;
pub mod secrets_providers;
pub mod settings;
pub mod sites;
pub mod tasks_graphs;
pub mod tenants;
pub mod tokens;
pub mod users;
