//! Both databases behind one set of functions: SQLite for one machine, PostgreSQL for several.
//!
//! Invariant: SQL stands here and nowhere else, and every statement runs on both databases. Rules
//! (who may do what, which state follows which) stand in the manager; this crate knows rows,
//! tenants and visibility.
//!
//! Two ways to read: [`Store::list`] and [`Store::get`] give [`Record`]s, JSON that the database
//! puts together from a resource's field table, for REST answers; the functions of the table
//! modules ([`blueprints`], [`executions`], ...) give structs for the use cases. Both kinds take a
//! [`Db`]: the [`Store`] itself, where each statement stands alone, or a [`Tx`]. What needs several
//! statements to be one takes a [`Tx`].
//!
//! Start with [`table`] for the entities, `query` and `filter` for how lists become SQL, [`journal`] for what
//! the engine writes, and `backend` for the two databases.

pub mod actor;
mod audit;
mod backend;
mod bootstrap;
mod column;
mod config_defaults;
mod db;
pub mod dump;
mod error;
mod field;
mod filter;
mod filter_defaults;
pub mod journal;
mod json;
pub mod load;
pub mod measures;
mod migrate;
mod places;
mod query;
mod record;
mod references;
mod remembered;
mod rules;
pub mod scope;
mod statements;
mod store;
mod summary;
pub mod table;
mod write;
mod writes;

pub use actor::Actor;
pub use bootstrap::{AUTHORITY, Bootstrap};
pub use db::{Db, Tx};
pub use error::{Error, Result};
pub use field::{Kind, Resource, ShownField};
pub use json::Json;
pub use migrate::{applied, schema};
pub use record::Record;
pub use references::{Reference, references};
pub use scope::Scope;
pub use store::Store;
pub use summary::Group;
pub use table::{
    agents, attention, audit_log, blueprints, certificates, config, db_nodes, deployment_groups,
    deployment_modifications, deployment_updates, deployments, events, execution_groups, execution_schedules,
    executions, exports, filters, groups, hooks, inter_deployment_dependencies, labels, leftovers, licenses,
    maintenance, managers, news, node_instances, nodes, operations, outbox, permissions, phases, plugins,
    plugins_updates, preferences, processes, provider_context, rabbitmq_brokers, secrets, secrets_providers, settings,
    sites, tasks_graphs, tenants, tokens, users,
};
