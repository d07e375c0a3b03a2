//! What happened in a run, in a form in which two runs can be compared.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The function behind every operation.
const OPERATION: &str = "recorder.operation";

/// What happened to each instance: its own operations with its events, and with its states, in order;
/// and the operations of relationships, in none.
pub(super) fn sorted_out(happened: &[(String, String, String)]) -> BTreeMap<String, Vec<String>> {
    let mut sorted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (instance, kind, what) in happened {
        let mut add = |of: &str| sorted.entry(format!("{instance}'s {of}")).or_default().push(what.clone());
        match kind.as_str() {
            "operation" if what.contains(" with ") => add("relationships"),
            "operation" => add("operations"),
            "event" => add("events"),
            _ => add("states"),
        }
    }
    sorted.iter_mut().filter(|(key, _)| key.ends_with("relationships")).for_each(|(_, list)| list.sort());
    sorted
}

/// The failures in an error. In its local environment the reference says of an operation only that it failed, and it
/// names instances in any order.
pub(super) fn causes(error: &str) -> Vec<String> {
    let text = error.split("\nTraceback of ").next().unwrap_or_default();
    let cause = |line: &str| match line.split_once("instances: ") {
        Some((text, named)) => format!("{text}{} instances", named.split(", ").count()),
        None if line.contains(OPERATION) => OPERATION.to_owned(),
        None => line.to_owned(),
    };
    let mut lines: Vec<String> = text.lines().map(cause).collect();
    lines.sort();
    lines
}

/// Notes without the times of findings.
pub(super) fn timeless(notes: &Value) -> Value {
    match notes {
        Value::Object(map) => {
            let kept = map.iter().filter(|(key, _)| *key != "timestamp");
            let sorted: BTreeMap<String, Value> = kept.map(|(key, value)| (key.clone(), timeless(value))).collect();
            Value::Object(Map::from_iter(sorted))
        }
        other => other.clone(),
    }
}
