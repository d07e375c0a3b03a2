//! Use cases through the store, on both databases.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test stops at what it did not expect")]

mod attention;
mod evaluation;
mod evaluation_limits;
mod group_capabilities;
mod house;
mod leftovers;
mod schedules;
mod why;
