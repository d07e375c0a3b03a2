//! What tests of several crates need: a running manager, a REST caller, archives, `cfy`, Python,
//! PostgreSQL, an LDAP server, an SSH server, containers.
//!
//! Invariant: nothing here stands in for a part of the product; every helper starts, feeds or asks
//! the real thing. A helper that cannot do its work panics with what is missing, so that a test
//! never passes by leaving something out. Begin with [`home`] to run a manager.

#![expect(clippy::expect_used, clippy::print_stderr, reason = "a helper of tests fails the test that uses it, loudly")]

pub mod archive;
pub mod cfy;
pub mod home;
pub mod podman;
pub mod postgres;
pub mod python;
pub mod rest;
pub mod slapd;
pub mod sshd;
