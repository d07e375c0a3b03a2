//! The store on real databases: every test runs on SQLite and on PostgreSQL.

#![recursion_limit = "256"]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "helpers of tests fail loudly")]

mod access;
mod attention;
mod audit_log;
mod bootstrap;
mod concurrency;
mod engine;
mod events;
mod hooks;
mod house;
mod instances;
mod leases;
mod pages;
mod parity;
mod phases;
mod progress;
mod records;
mod rules;
mod tables;
