//! `ctx`: how a running script reads and changes its surroundings.
//!
//! The script's side is the command [`command`], which sends its arguments to the worker's side,
//! `proxy`. There, `walk` follows the arguments through the `objects` of the operation and
//! calls `calls`; `session` holds what the operation has read, changed and decided.
//! Source: spec workflows.md sections 3.2 and 4.

mod arguments;
mod calls;
pub mod command;
mod mapping;
mod objects;
mod path;
pub(crate) mod proxy;
pub(crate) mod raised;
mod render;
pub(crate) mod session;
mod subject;
mod walk;
mod within;
