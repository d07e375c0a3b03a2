//! The vocabulary that every other crate shares: identifiers, states with their legal transitions,
//! roles and permissions, errors, events, tasks and operation messages.
//!
//! Invariant: nothing here performs I/O, and nothing here knows of HTTP routes, SQL or AMQP. One
//! entity is one file. Start with [`error`] for how failures travel, with [`task`] and
//! [`operation`] for what the engine and the workers tell each other.

pub mod agent;
pub mod archive;
pub mod attention;
pub mod blueprint;
pub mod clock;
pub mod deployment;
pub mod error;
pub mod event;
pub mod execution;
pub mod filter;
pub mod finding;
pub mod grants;
pub mod id;
pub mod instance;
pub mod json;
pub mod leftover;
pub mod operation;
pub mod page;
pub mod permission;
pub mod phase;
pub mod plugin;
pub mod python_text;
pub mod role;
pub mod secret;
pub mod task;
pub mod update;
pub mod visibility;
pub mod wait;

pub use clock::{Clock, Timestamp};
pub use error::{Code, Error, Result};
pub use grants::Grants;
pub use permission::Permission;
pub use role::Role;
pub use secret::Secret;
pub use visibility::Visibility;
