//! A typed client of the manager's REST API (spec rest-api.md), for workers, agents and the CLI.
//!
//! Invariant: one [`Client`] and all its [`Client::with`] relatives share a pool of kept-alive
//! connections. A resource has its own file in [`resource`]; answers are JSON values where a type
//! of their own would bring nothing.
//!
//! How requests travel: [`connection`]. What can go wrong: [`error`]. Requests without a method of their own: [`raw`].

pub mod connection;
mod download;
pub mod error;
pub mod raw;
pub mod resource;

pub use connection::{Client, Credentials, Endpoint, Trust};
pub use download::download;
pub use error::{Error, Result};
pub use raw::Request;
pub use reqwest::Method;
pub use resource::List;
