//! The resources of the REST API, one file each: `client.blueprints().get("shop")`.
//!
//! Methods name the verbs of spec rest-api.md section 2; ids are plain text here, as the manager
//! checks them.

use serde::Deserialize;
use serde_json::Value;

mod blueprints;
mod deployments;
mod evaluate;
mod events;
mod executions;
mod manager;
mod node_instances;
mod nodes;
mod operations;
mod plugins;
mod resources;
mod secrets;
mod tenants;
mod tokens;

pub use blueprints::{Blueprints, Upload};
pub use deployments::Deployments;
pub use evaluate::Evaluate;
pub use events::Events;
pub use executions::Executions;
pub use manager::Manager;
pub use node_instances::NodeInstances;
pub use nodes::Nodes;
pub use operations::Operations;
pub use plugins::Plugins;
pub use resources::Resources;
pub use secrets::Secrets;
pub use tenants::Tenants;
pub use tokens::Tokens;

/// One page of a list.
#[derive(Clone, Debug, Deserialize)]
pub struct List {
    /// The rows of this page.
    pub items: Vec<Value>,
    metadata: Metadata,
}

impl List {
    /// Rows that match, in all pages.
    pub fn total(&self) -> u64 {
        let here = || u64::try_from(self.items.len()).unwrap_or(u64::MAX);
        self.metadata.pagination.as_ref().map_or_else(here, |pagination| pagination.total)
    }

    /// Rows that a filter hides, where the manager counts them.
    pub const fn filtered(&self) -> Option<u64> {
        self.metadata.filtered
    }
}

#[derive(Clone, Debug, Deserialize)]
struct Metadata {
    /// Lists of settings come whole.
    pagination: Option<Pagination>,
    #[serde(default)]
    filtered: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
struct Pagination {
    total: u64,
}

/// Declares a resource's handle and the method of [`crate::Client`] that gives it.
macro_rules! resource {
    ($(#[$doc:meta])* $name:ident, $method:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name<'a>(&'a crate::Client);

        impl crate::Client {
            $(#[$doc])*
            pub const fn $method(&self) -> $name<'_> {
                $name(self)
            }
        }
    };
}

/// Gives a resource `list`, with the query keys of rest-api.md sections 1.9 and 1.10, and `get`.
macro_rules! listed {
    ($name:ident, $path:literal) => {
        impl $name<'_> {
            /// The rows that match, one page of them.
            pub async fn list(&self, query: &[(&str, &str)]) -> crate::Result<crate::List> {
                self.0.json(self.0.api(reqwest::Method::GET, &[$path]).query(query)).await
            }
        }
    };
    ($name:ident, $path:literal, get) => {
        $crate::resource::listed!($name, $path);

        impl $name<'_> {
            /// The one with this id; `query` may hold `_include`.
            pub async fn get(&self, id: &str, query: &[(&str, &str)]) -> crate::Result<serde_json::Value> {
                self.0.get(&[$path, id], query).await
            }
        }
    };
}
use {listed, resource};
