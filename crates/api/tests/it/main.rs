//! The REST service in one process over a real SQLite file: requests in, answers out.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod agents;
mod audit_log;
mod authz;
mod blueprints;
mod capabilities;
mod composition;
mod contract;
mod crashes;
mod deployment_settings;
mod deployment_updates;
mod deployments;
mod errors;
mod evaluate;
mod event_stream;
mod events;
mod exports;
mod file_server;
mod filters;
mod groups;
mod harness;
mod hostile;
mod imports;
mod ldap;
mod lists;
mod maintenance;
mod manager;
mod matrix;
mod node_instances;
mod objects;
mod oidc;
mod openapi;
mod permissions;
mod plans;
mod plugins;
mod queueing;
mod schedules;
mod secrets;
mod secrets_elsewhere;
mod tokens;
mod tree;
mod updates;
mod user_groups;
mod users;
mod visibility;
