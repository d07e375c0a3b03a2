//! The REST service in one process over a real SQLite file: requests in, answers out.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod authz;
mod blueprints;
mod deployments;
mod errors;
mod evaluate;
mod events;
mod file_server;
mod filters;
mod harness;
mod imports;
mod lists;
mod manager;
mod node_instances;
mod secrets;
mod tokens;
mod tree;
