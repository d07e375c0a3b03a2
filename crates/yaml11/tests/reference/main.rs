//! Our reader against the original's: what it recorded for chosen texts, and what it says now of
//! thousands of made-up ones.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod describe;
mod goldens;
mod live;
mod mixture;
