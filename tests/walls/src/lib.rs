//! The rules that hold for the whole workspace, as functions that return what breaks them.
//!
//! Invariant: every checker takes its input as data, so that its own tests can show it turning red.
//! `tests/workspace.rs` runs them on the real workspace. [`layers`] says which crate may know which,
//! [`files`] what a source file looks like, [`handlers`] how long a handler may be, [`documents`] that the documentation names things that exist; `tests/errors_page.rs` writes `docs/errors.md`.
//! Licences and sources of outside packages are the business of `deny.toml`.

pub mod documents;
pub mod files;
pub mod handlers;
pub mod layers;

use std::path::{Path, PathBuf};

use anyhow::Context;
use cargo_metadata::{Metadata, MetadataCommand};

/// The root of the workspace.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest).to_path_buf()
}

/// What cargo knows of the workspace and of every package in its lock file.
pub fn metadata() -> anyhow::Result<Metadata> {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml")).other_options(vec!["--locked".to_owned()]);
    command.exec().context("cargo metadata")
}
