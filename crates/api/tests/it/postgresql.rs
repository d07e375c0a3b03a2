//! The tests of this folder once more, on PostgreSQL: this program runs itself.

use std::process::Command;

use crate::harness::DATABASE;

/// What has nothing to do with the database, or runs on both by itself.
const LEFT_OUT: &[&str] = &[
    "postgresql::",
    "authz::",
    "matrix::",
    "hostile",
    "crashes::",
    "event_stream::",
    "races::",
    "oidc::",
    "ldap::",
    "openapi::",
    "outcomes::",
    "tree::",
    "capabilities::",
    "deployment_updates::",
    "snapshots::",
    "cloudify::",
];

#[test]
fn the_same_on_postgresql() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(DATABASE, "postgresql").args(["--test-threads", "4"]);
    command.args(LEFT_OUT.iter().flat_map(|theme| ["--skip", theme]));
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{said}");
    let passed = said.lines().filter(|line| line.ends_with("... ok")).count();
    assert!(passed > 80, "only {passed} tests ran:\n{said}");
}
