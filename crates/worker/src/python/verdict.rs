//! What an operation comes to, from how its process ended and what it left in `output.json`.
//!
//! Source: spec workflows.md sections 2.1 and 2.6.

use std::io::Read;
use std::path::Path;

use nephele_model::operation::{Failure, Outcome};
use serde_json::{Value, json};

/// The largest result, in bytes; it goes through the bus and into the database.
const MOST: u64 = 32 << 20;

/// What is quoted of a workflow's process that died: its log has the rest.
const LAST_LINES: usize = 10;

/// The outcome of a process that ended with this code, or with this signal if negative.
pub(super) fn judge(code: i32, output: &Path) -> Outcome {
    match code {
        0 => read(output).unwrap_or_else(Outcome::Failed),
        -15 | -9 => Outcome::Failed(Failure::fatal(format!("Process terminated (rc={code})"))),
        _ => Outcome::Failed(Failure::fatal(format!("Unhandled exception occurred in operation dispatch (rc={code})"))),
    }
}

/// What a workflow comes to whose process died; `said` is the end of what that wrote.
pub(super) fn silent(code: i32, said: &str) -> Failure {
    let how = if code < 0 { format!("was ended by signal {}", -code) } else { format!("ended with exit code {code}") };
    let lines: Vec<&str> = said.lines().collect();
    let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
    let last = if last.is_empty() { String::new() } else { format!(" The end of what it wrote:\n{last}") };
    Failure::fatal(format!("The workflow's process {how} before it said what became of the workflow.{last}"))
}

fn read(output: &Path) -> Result<Outcome, Failure> {
    let unreadable =
        |why: &dyn std::fmt::Display| Failure::fatal(format!("The operation's result cannot be used: {why}"));
    let mut text = Vec::new();
    let file = std::fs::File::open(output).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => unreadable(&"its process ended with exit code 0 before it wrote one"),
        _ => unreadable(&error),
    })?;
    file.take(MOST + 1).read_to_end(&mut text).map_err(|error| unreadable(&error))?;
    if text.len() as u64 > MOST {
        return Err(unreadable(&format!("it is larger than {} MiB", MOST >> 20)));
    }
    let mut told: Value = serde_json::from_slice(&text).map_err(|error| unreadable(&error))?;
    let payload = told.get_mut("payload").map(Value::take).unwrap_or_default();
    match told["type"].as_str() {
        Some("result") => Ok(Outcome::Done(payload)),
        Some("error") => Ok(Outcome::from_wire(&json!({"ok": false, "error": payload}))),
        _ => Err(Failure::fatal(format!("Unexpected output type: {}", told["type"]))),
    }
}

#[cfg(test)]
mod tests {
    use nephele_model::operation::Severity;

    use super::*;

    fn judged(code: i32, text: &str) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("output.json");
        std::fs::write(&file, text).unwrap();
        judge(code, &file)
    }

    fn failure(code: i32, text: &str) -> Failure {
        let Outcome::Failed(failure) = judged(code, text) else { panic!("{text} succeeded") };
        failure
    }

    #[test]
    fn results_and_errors_are_told_apart() {
        assert_eq!(judged(0, r#"{"type": "result", "payload": [1]}"#), Outcome::Done(json!([1])));
        let retry = failure(
            0,
            r#"{"type": "error", "payload": {"exception_type": "OperationRetry", "message": "later",
                "known_exception_type": "OperationRetry", "known_exception_type_args": [7]}}"#,
        );
        assert_eq!(retry.severity, Severity::Retry { retry_after: Some(7.0) });
        for text in ["", "{", "[]", r#"{"type": "else"}"#, r#"{"type": "result", "payload": NaN}"#] {
            assert_eq!(failure(0, text).severity, Severity::Fatal, "{text}");
        }
    }

    #[test]
    fn a_process_that_died_gives_no_result() {
        let result = r#"{"type": "result", "payload": 1}"#;
        assert_eq!(failure(-9, result).message, "Process terminated (rc=-9)");
        assert_eq!(failure(3, result).message, "Unhandled exception occurred in operation dispatch (rc=3)");
        assert_eq!(failure(-11, result).message, "Unhandled exception occurred in operation dispatch (rc=-11)");
    }
}
