//! What the manager says of the execution that a request belongs to.

use nephele_client::{Client, Error};
use nephele_model::execution::ExecutionStatus;
use nephele_model::operation::Request;

/// Whether an operation is still wanted.
pub(crate) enum Standing {
    Open,
    /// It was cancelled, or goes on in a later run with another token.
    Dropped,
    Gone(Error),
    Unknown(Error),
}

/// Asks the manager.
pub(crate) async fn standing(client: &Client, request: &Request) -> Standing {
    let cancelled = [ExecutionStatus::Cancelled, ExecutionStatus::KillCancelling];
    match client.executions().get(&request.context.execution_id, &[("_include", "id,status")]).await {
        Ok(found) if cancelled.iter().any(|status| found["status"] == status.as_str()) => Standing::Dropped,
        Ok(_) => Standing::Open,
        Err(error) if is_void(&error) => Standing::Dropped,
        Err(error) if error.is_not_found() => Standing::Gone(error),
        Err(error) => Standing::Unknown(error),
    }
}

/// The token of the run has ended.
pub(crate) const fn is_void(error: &Error) -> bool {
    matches!(error, Error::Refused { status: 401, .. })
}
