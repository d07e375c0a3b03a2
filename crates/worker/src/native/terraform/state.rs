//! A module's state: kept by the manager as a secret, so that it is encrypted and outlives this machine.
//!
//! While a module is worked with, its state is a file, and stays one until the manager has it: who finds such
//! a file takes the newer one of the two. Invariant: a state is never replaced by an older one.

use std::path::Path;

use nephele_client::Error;
use nephele_model::operation::Failure;
use serde_json::Value;

use crate::intake::client_failure;
use crate::native::task::{Task, unwritable};

/// The name that Terraform gives the file.
pub(super) const FILE: &str = "terraform.tfstate";

/// The secret that keeps an instance's state.
pub(super) fn key(task: &Task) -> String {
    let context = &task.operation.request.context;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    format!("terraform-state.{}.{}", text(&context.deployment_id), text(&context.node_id))
}

/// Puts the state where the module finds it: the manager's, or a newer one that an interrupted operation left
/// in `file`.
pub(super) async fn load(task: &Task, file: &Path) -> Result<(), Failure> {
    let kept = match task.operation.client.secrets().get(&key(task)).await {
        Ok(secret) => secret["value"].as_str().map(str::to_owned),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(refused(&key(task), &error)),
    };
    let left = std::fs::read_to_string(file).ok();
    let state = match (left, kept) {
        (Some(left), Some(kept)) => Some(if is_newer(&left, &kept) { left } else { kept }),
        (left, kept) => left.or(kept),
    };
    match state {
        Some(state) => std::fs::write(file, state).map_err(|error| unwritable(file, &error)),
        None => Ok(()),
    }
}

/// Gives the state to the manager; one that knows of nothing any more is forgotten.
pub(super) async fn keep(task: &Task, file: &Path) -> Result<(), Failure> {
    let Ok(text) = std::fs::read_to_string(file) else { return Ok(()) };
    let state: Value = serde_json::from_str(&text).unwrap_or_default();
    let knows = |part: &str| match &state[part] {
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => false,
    };
    let secrets = task.operation.client.secrets();
    let key = key(task);
    let done = if knows("resources") || knows("outputs") {
        secrets.put(&key, &text).await
    } else {
        match secrets.delete(&key).await {
            Err(error) if error.is_not_found() => Ok(()),
            done => done,
        }
    };
    done.map_err(|error| refused(&key, &error))
}

/// Whether the first is a later version of the second.
fn is_newer(one: &str, other: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let (one, other) = (read(one), read(other));
    one["lineage"] == other["lineage"] && one["serial"].as_u64() > other["serial"].as_u64()
}

fn refused(key: &str, error: &Error) -> Failure {
    let mut failure = client_failure(error);
    failure.message =
        format!("The state of the module is kept as the secret `{key}`, which failed: {}", failure.message);
    failure
}

#[cfg(test)]
mod tests {
    use super::is_newer;

    #[test]
    fn only_a_later_state_of_the_same_line_takes_the_place_of_another() {
        let state = |lineage: &str, serial: u32| format!(r#"{{"lineage": "{lineage}", "serial": {serial}}}"#);
        assert!(is_newer(&state("a", 3), &state("a", 2)));
        assert!(!is_newer(&state("a", 2), &state("a", 2)));
        assert!(!is_newer(&state("b", 9), &state("a", 2)));
        assert!(!is_newer("cut off", &state("a", 2)));
    }
}
