//! `hooks.conf`: a list `hooks` of `{event_type, implementation, inputs, description, timeout}`.
//!
//! Invariant: what is wrong in the file is told in the log once, when it is read, and stops nothing: a hook that cannot
//! be used is left out. The file is read again when it has changed, at the next event or within a second.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::Happening;
use crate::yaml;

/// Seconds that a hook may take, unless it says, and at most.
const TIMEOUT: f64 = 600.0;
const LONGEST: f64 = 86_400.0;

/// What is run when something happens to an execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Hook {
    pub(super) event_type: Happening,
    /// A function, such as `plugin.module.function`, or the path of a program.
    pub(super) implementation: String,
    #[serde(default, deserialize_with = "or_none")]
    pub(super) inputs: Map<String, Value>,
    /// Seconds that it may take.
    #[serde(default = "timeout")]
    pub(super) timeout: f64,
}

const fn timeout() -> f64 {
    TIMEOUT
}

/// Inputs may be written as an empty line.
fn or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// What tells a file from the same file after a change.
#[derive(PartialEq, Eq)]
struct Stamp([i64; 4], u64);

impl Stamp {
    fn of(file: &Metadata) -> Self {
        Self([file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()], file.ino())
    }
}

/// The file as it was read last.
#[derive(Default)]
pub(super) struct Known {
    /// `None` when there was none.
    stamp: Option<Stamp>,
    hooks: Arc<[Hook]>,
}

impl Known {
    /// The hooks of the file as it is now.
    pub(super) fn present(&mut self, file: &Path) -> Arc<[Hook]> {
        // Before the content: what is written meanwhile is read the next time.
        let stamp = std::fs::metadata(file).ok().as_ref().map(Stamp::of);
        if stamp != self.stamp {
            self.hooks = load(file).into();
            self.stamp = stamp;
        }
        Arc::clone(&self.hooks)
    }
}

fn load(file: &Path) -> Vec<Hook> {
    let name = file.display();
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            if error.kind() == ErrorKind::NotFound {
                tracing::info!("{name} is gone, and its hooks with it");
            } else {
                tracing::error!("{name} cannot be read, so there are no hooks: {error}");
            }
            return Vec::new();
        }
    };
    match read(&text) {
        Ok((hooks, problems)) => {
            for problem in &problems {
                tracing::error!("{name}: {problem}");
            }
            tracing::info!("{} hooks were read from {name}", hooks.len());
            hooks
        }
        Err(problem) => {
            tracing::error!("{name} is not as it should be, so there are no hooks: {problem}");
            Vec::new()
        }
    }
}

/// The hooks of a text, and what is wrong with others.
fn read(text: &str) -> Result<(Vec<Hook>, Vec<String>), String> {
    let file = nephele_yaml11::load(text).map_err(|error| error.to_string())?;
    let file = file.map_or(Value::Null, |node| yaml::json(&node));
    let entries = match &file["hooks"] {
        Value::Array(entries) => entries,
        Value::Null if file.is_null() || file.get("hooks").is_some() => return Ok((Vec::new(), Vec::new())),
        _ => return Err("it must hold a list `hooks`".to_owned()),
    };
    let (mut hooks, mut problems) = (Vec::<Hook>::new(), Vec::new());
    for (number, entry) in entries.iter().enumerate().map(|(index, entry)| (index + 1, entry)) {
        match Hook::deserialize(entry) {
            Err(error) => problems.push(format!("hook {number} is left out: {error}")),
            Ok(hook) if hook.timeout <= 0.0 || hook.timeout > LONGEST => problems.push(format!(
                "hook {number} is left out: its `timeout` must be a number of seconds, above 0 and at most {LONGEST}"
            )),
            Ok(hook) if hooks.iter().any(|other| other.event_type == hook.event_type) => {
                problems.push(format!("hook {number} is left out: one before it is for the same `event_type`"));
            }
            Ok(hook) => hooks.push(hook),
        }
    }
    Ok((hooks, problems))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FILE: &str = "
hooks:
  - event_type: workflow_started
    implementation: tell.tell.started
    inputs: {to: [ops, 7]}
    description: tells that something begins
  - event_type: workflow_failed
    implementation: ./page.sh
    inputs:
    timeout: 5
  - {event_type: workflow_started, implementation: never.run}
  - {event_type: workflow_paused, implementation: a.b}
  - {event_type: workflow_queued}
  - {event_type: workflow_queued, implementation: a.b, timeout: 0}
";

    #[test]
    fn hooks_are_read_and_what_is_wrong_is_told() {
        let (hooks, problems) = read(FILE).unwrap();
        let hook = |event_type, implementation: &str, inputs: Value, timeout| Hook {
            event_type,
            implementation: implementation.to_owned(),
            inputs: inputs.as_object().cloned().unwrap(),
            timeout,
        };
        let started = hook(Happening::Started, "tell.tell.started", json!({"to": ["ops", 7]}), TIMEOUT);
        assert_eq!(hooks, [started, hook(Happening::Failed, "./page.sh", json!({}), 5.0)]);
        let expected =
            ["hook 3 is", "hook 4 is left out: unknown variant `workflow_paused`", "missing field `impl", "above 0"];
        assert_eq!(problems.len(), expected.len(), "{problems:?}");
        assert!(problems.iter().zip(expected).all(|(problem, part)| problem.contains(part)), "{problems:?}");
        for nothing in ["", "# none yet", "hooks:", "hooks: []"] {
            assert_eq!(read(nothing), Ok((Vec::new(), Vec::new())), "{nothing}");
        }
        for wrong in ["[]", "hooks: {a: b}", "hook: []", "hooks: ["] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_that_changes_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hooks.conf");
        let mut known = Known::default();
        assert!(known.present(&file).is_empty());
        std::fs::write(&file, FILE).unwrap();
        assert_eq!(known.present(&file).len(), 2);
        std::fs::write(&file, "hooks: [").unwrap();
        assert!(known.present(&file).is_empty());
        std::fs::write(&file, FILE).unwrap();
        assert_eq!(known.present(&file).len(), 2);
        std::fs::remove_file(&file).unwrap();
        assert!(known.present(&file).is_empty());
    }
}
