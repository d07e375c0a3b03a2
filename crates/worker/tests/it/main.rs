//! A worker with real processes, on the in-process bus.

#![expect(clippy::expect_used, clippy::panic, reason = "test code fails by panicking")]

mod bench;
mod ctx;
mod ctx_command;
mod interruption;
mod manager;
mod python;
mod python_faults;
mod scripts;
