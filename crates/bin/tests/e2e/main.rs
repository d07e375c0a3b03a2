//! The product from outside: the real binary, real processes, unmodified clients.
//!
//! Invariant: every test has a data directory, ports and a manager of its own, and looks at what
//! clients see and at what scripts left on the disk, never inside. One file is one theme.

#![expect(clippy::unwrap_used, reason = "a test fails loudly, its helpers as well")]

mod access;
mod ansible_plugin;
mod aws_plugin;
mod bad_input;
mod cancelling;
mod cfy;
mod command_line;
mod compat;
mod crash;
mod ctx_surface;
mod custom_workflows;
mod deployed;
mod deployment_updates;
mod docker_plugin;
mod editor;
mod examples;
mod failing_operation;
mod fix_forward;
mod full_disk;
mod functions;
mod heirs;
mod helm_plugin;
mod hooks;
mod kills;
mod listing;
mod made_up_requests;
mod mcp;
mod migration;
mod model;
mod moving;
mod own_commands;
mod plugin_faults;
mod plugin_life;
mod plugins;
mod rest_plugin;
mod shadow;
mod ssh_plugin;
mod start;
mod takeover;
mod terminal;
mod terraform_plugin;
mod trial;
mod users;
mod validation;
mod why;
mod workflows;

use nephele_testkit::home::Home;

/// A fresh home for the binary that was just built.
fn home() -> Home {
    Home::new(env!("CARGO_BIN_EXE_nephele"))
}
