//! Which crate may depend on which: arrows point downwards only.
//!
//! Invariant: a crate that is not in [`MAY_USE`] breaks the rules, so a new crate needs a decision.
//! Development dependencies are free: tests put layers together on purpose, and ship nowhere.

use std::fmt;

use cargo_metadata::{DependencyKind, Metadata};

/// For each crate of the workspace the crates that it may use.
pub const MAY_USE: &[(&str, &[&str])] = &[
    ("nephele-yaml11", &[]),
    ("nephele-model", &[]),
    ("nephele-dsl", &["nephele-yaml11", "nephele-model"]),
    ("nephele-store", &["nephele-model"]),
    ("nephele-bus", &["nephele-model"]),
    ("nephele-amqp", &["nephele-bus", "nephele-model"]),
    ("nephele-engine", &["nephele-model"]),
    ("nephele-client", &["nephele-model"]),
    (
        "nephele-manager",
        &["nephele-dsl", "nephele-store", "nephele-bus", "nephele-engine", "nephele-model", "nephele-yaml11"],
    ),
    ("nephele-api", &["nephele-manager", "nephele-model"]),
    ("nephele-worker", &["nephele-bus", "nephele-client", "nephele-model", "nephele-yaml11"]),
    ("nephele-cli", &["nephele-client", "nephele-dsl", "nephele-model", "nephele-yaml11"]),
    (
        "nephele",
        &[
            "nephele-amqp",
            "nephele-api",
            "nephele-bus",
            "nephele-cli",
            "nephele-client",
            "nephele-dsl",
            "nephele-engine",
            "nephele-manager",
            "nephele-model",
            "nephele-store",
            "nephele-worker",
        ],
    ),
    (TESTKIT, &["nephele-model"]),
    ("nephele-walls", &[]),
];

/// Outside crates that belong to certain crates only.
pub const ONLY_IN: &[(&str, &[&str])] = &[
    ("sqlx", &["nephele-store"]),
    ("sea-query", &["nephele-store"]),
    ("sea-query-sqlx", &["nephele-store"]),
    ("lapin", &["nephele-bus"]),
    ("amq-protocol", &["nephele-amqp"]),
    ("axum", &["nephele-api", "nephele-cli", "nephele-worker"]),
    ("clap", &["nephele-cli", "nephele"]),
    ("reqwest", &["nephele-client", "nephele-manager", "nephele-worker"]),
    ("libyaml-safer", &["nephele-yaml11"]),
];

/// Crates without any input or output, and what would give it to them.
const PURE: &[&str] = &["nephele-yaml11", "nephele-model", "nephele-dsl"];
const DOES_IO: &[&str] = &["tokio", "hyper", "reqwest", "sqlx", "axum", "tempfile", "nix"];

const TESTKIT: &str = "nephele-testkit";

/// One arrow between two crates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The crate that depends.
    pub from: String,
    /// The crate it depends on.
    pub to: String,
    /// Whether only tests and benches need it.
    pub development: bool,
}

impl fmt::Display for Edge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.development { " (for development)" } else { "" };
        write!(formatter, "{} -> {}{kind}", self.from, self.to)
    }
}

/// Every dependency that a crate of the workspace declares.
pub fn edges(metadata: &Metadata) -> Vec<Edge> {
    let declared = |package: &cargo_metadata::Package| {
        let from = package.name.to_string();
        let edge = move |dependency: &cargo_metadata::Dependency| Edge {
            from: from.clone(),
            to: dependency.name.clone(),
            development: dependency.kind == DependencyKind::Development,
        };
        package.dependencies.iter().map(edge).collect::<Vec<_>>()
    };
    metadata.workspace_packages().into_iter().flat_map(declared).collect()
}

/// What is wrong with these arrows, one sentence each.
pub fn violations(edges: &[Edge]) -> Vec<String> {
    edges.iter().filter_map(violation).collect()
}

/// The crates of the workspace that the table does not know.
pub fn unknown(names: &[String]) -> Vec<String> {
    let known = |name: &String| MAY_USE.iter().any(|(entry, _)| entry == name);
    names.iter().filter(|name| !known(name)).map(|name| format!("{name} has no place in the layers")).collect()
}

fn violation(edge: &Edge) -> Option<String> {
    let (from, to) = (edge.from.as_str(), edge.to.as_str());
    let entry = |table: &[(&str, &[&str])], key: &str, value: &str| {
        table.iter().find(|(entry, _)| *entry == key).map(|(_, values)| values.contains(&value))
    };
    let of_workspace = MAY_USE.iter().any(|(name, _)| *name == to);
    if edge.development {
        None
    } else if of_workspace && entry(MAY_USE, from, to) != Some(true) {
        Some(format!("{edge}: the layers forbid it"))
    } else if from != TESTKIT && entry(ONLY_IN, to, from) == Some(false) {
        Some(format!("{edge}: {to} belongs to other crates"))
    } else if PURE.contains(&from) && DOES_IO.contains(&to) {
        Some(format!("{edge}: {from} performs no input or output"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(from: &str, to: &str, development: bool) -> Edge {
        Edge { from: from.to_owned(), to: to.to_owned(), development }
    }

    #[test]
    fn forbidden_arrows_are_found() {
        let forbidden = [
            edge("nephele-store", "nephele-manager", false),
            edge("nephele-api", "nephele-store", false),
            edge("nephele-manager", "axum", false),
            edge("nephele-api", "sqlx", false),
            edge("nephele-worker", "lapin", false),
            edge("nephele-manager", "clap", false),
            edge("nephele-dsl", "tokio", false),
            edge("nephele-model", "nephele-testkit", false),
            edge("nephele-engine", "sqlx", false),
        ];
        for edge in forbidden {
            assert_eq!(violations(std::slice::from_ref(&edge)).len(), 1, "{edge} was let through");
        }
    }

    #[test]
    fn allowed_arrows_pass() {
        let allowed = [
            edge("nephele-manager", "nephele-store", false),
            edge("nephele-store", "sqlx", false),
            edge("nephele-worker", "axum", false),
            edge("nephele-api", "nephele-store", true),
            edge("nephele-api", "nephele-testkit", true),
            edge("nephele-client", "axum", true),
            edge("nephele-testkit", "reqwest", false),
        ];
        assert_eq!(violations(&allowed), Vec::<String>::new());
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        let names = ["nephele-model".to_owned(), "nephele-utils".to_owned()];
        assert_eq!(unknown(&names), ["nephele-utils has no place in the layers"]);
    }
}
