//! The engine from outside: graphs as text, runs against a scripted world, crashes at every write.

#![expect(clippy::expect_used, reason = "a test that cannot be set up must say so and stop")]

mod decisions;
mod driver;
mod lifecycle;
mod phases;
mod random_graphs;
mod reference;
mod resuming;
mod scenarios;
mod semantics;
mod shop;
mod sim;
mod world;
