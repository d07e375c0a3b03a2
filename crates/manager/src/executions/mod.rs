//! Runs of workflows: listing, starting, stopping and every change of their status.
//!
//! Invariant: an execution's status changes only through [`crate::Manager::set_status`] and the
//! requests in `cancel.rs`; both keep the deployment's own status in step. What the workflow
//! executor calls: `next_execution_to_run`-like queries are the store's,
//! `mint_token(&ExecutionId) -> Result<Secret>` when a run starts,
//! `set_status(&ExecutionId, ExecutionStatus, error: Option<&str>) -> Result<()>` for every move.
