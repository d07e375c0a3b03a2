//! What workflows note about node instances in their `system_properties`: what checks found, how
//! healing and updating went (spec workflows.md section 6.4).

use serde_json::{Map, Value, json};

use crate::clock::Timestamp;

/// What a check came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Whether the check itself succeeded.
    pub ok: bool,
    /// The plugin's function that looked.
    pub task: String,
    /// What it returned, or why it failed.
    pub result: Value,
    /// When it had looked.
    pub timestamp: Timestamp,
}

impl Finding {
    fn to_json(&self) -> Value {
        json!({
            "ok": self.ok, "timestamp": self.timestamp.zoneless(), "task": self.task, "result": self.result,
        })
    }
}

/// A note about a node instance.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// How it is.
    Status(Finding),
    /// How it differs from what it should be.
    Drift(Finding),
    /// How its relationship to the instance with this id differs.
    SourceDrift(String, Finding),
    /// How the relationship of the instance with this id to it differs.
    TargetDrift(String, Finding),
    /// It was healed.
    Healed,
    /// It could not be healed by the execution with this id.
    HealFailed(String),
    /// It is of no interest any more that it could not be healed.
    HealForgotten,
    /// It was updated.
    Updated,
    /// It could not be updated by the execution with this id.
    UpdateFailed(String),
    /// It is of no interest any more that it could not be updated.
    UpdateForgotten,
    /// It is presumed to differ from what it should be, though nobody has looked.
    PresumedDrift,
    /// How it differs is of no interest any more: it is new.
    DriftForgotten,
}

impl Note {
    /// Adds the note to an instance's system properties.
    pub fn add_to(&self, notes: &mut Map<String, Value>) {
        match self {
            Self::Status(finding) => {
                let previous = notes.get("status").cloned().unwrap_or_default();
                notes.insert("previous_status".to_owned(), previous);
                notes.insert("status".to_owned(), finding.to_json());
            }
            Self::Drift(finding) => drop(notes.insert(DRIFT.to_owned(), finding.to_json())),
            Self::SourceDrift(target, finding) => put(notes, SOURCE_DRIFTS, [(target, finding.to_json())]),
            Self::TargetDrift(source, finding) => put(notes, TARGET_DRIFTS, [(source, finding.to_json())]),
            Self::Healed => {
                put(notes, "status", [("ok", json!(true)), ("task", Value::Null), ("healed", json!(true))]);
            }
            Self::HealFailed(execution) => drop(notes.insert("heal_failed".to_owned(), json!(execution))),
            Self::HealForgotten => drop(notes.shift_remove("heal_failed")),
            Self::Updated => drop(notes.insert(DRIFT.to_owned(), Value::Null)),
            Self::UpdateFailed(execution) => drop(notes.insert("update_failed".to_owned(), json!(execution))),
            Self::UpdateForgotten => drop(notes.shift_remove("update_failed")),
            Self::PresumedDrift => {
                notes.insert(DRIFT.to_owned(), json!({"ok": true, "result": true, "task": null}));
            }
            Self::DriftForgotten => {
                notes.retain(|key, _| ![DRIFT, SOURCE_DRIFTS, TARGET_DRIFTS].contains(&key.as_str()));
            }
        }
    }
}

const DRIFT: &str = "configuration_drift";
const SOURCE_DRIFTS: &str = "source_relationships_configuration_drift";
const TARGET_DRIFTS: &str = "target_relationships_configuration_drift";

/// Puts values into the mapping below `section`, which is made if there is none.
fn put<const N: usize>(notes: &mut Map<String, Value>, section: &str, values: [(&str, Value); N]) {
    let mut map = notes.get(section).and_then(Value::as_object).cloned().unwrap_or_default();
    map.extend(values.map(|(key, value)| (key.to_owned(), value)));
    notes.insert(section.to_owned(), map.into());
}

/// Whether the noted comparison with the blueprint failed or found a difference, in the instance or
/// on one of its relationships.
pub fn has_drift(notes: &Map<String, Value>) -> bool {
    let found = |drift: &Value| drift.is_object() && (drift["ok"] == false || !drift["result"].is_null());
    let relationships = [SOURCE_DRIFTS, TARGET_DRIFTS];
    let of_relationships = relationships.iter().filter_map(|key| notes.get(*key).and_then(Value::as_object));
    notes.get(DRIFT).is_some_and(found) || of_relationships.flat_map(Map::values).any(found)
}

/// Whether the latest check found the instance well; never checked counts as not well.
pub fn is_well(notes: &Map<String, Value>) -> bool {
    notes.get("status").is_some_and(|status| status["ok"] == true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(ok: bool, result: Value) -> Finding {
        Finding { ok, task: "p.check".to_owned(), result, timestamp: Timestamp::from_micros(0) }
    }

    fn noted(notes: &[Note]) -> Map<String, Value> {
        let mut properties = Map::new();
        for note in notes {
            note.add_to(&mut properties);
        }
        properties
    }

    #[test]
    fn a_check_keeps_what_the_one_before_found() {
        let notes = noted(&[Note::Status(finding(true, json!(1))), Note::Status(finding(false, json!("no")))]);
        assert_eq!(notes["previous_status"]["result"], 1);
        let status = json!({"ok": false, "timestamp": "1970-01-01T00:00:00.000000", "task": "p.check", "result": "no"});
        assert_eq!(notes["status"], status);
        assert!(!is_well(&notes));
        assert!(is_well(&noted(&[Note::Status(finding(false, Value::Null)), Note::Healed])));
    }

    #[test]
    fn a_difference_anywhere_is_a_drift() {
        assert!(!has_drift(&noted(&[Note::Drift(finding(true, Value::Null))])));
        assert!(has_drift(&noted(&[Note::Drift(finding(true, json!({"a": 1})))])));
        assert!(has_drift(&noted(&[Note::Drift(finding(false, Value::Null))])));
        assert!(has_drift(&noted(&[Note::SourceDrift("b_1".into(), finding(true, json!(true)))])));
        assert!(has_drift(&noted(&[Note::TargetDrift("a_1".into(), finding(true, json!(true)))])));
        assert!(!has_drift(&noted(&[Note::Drift(finding(true, json!(1))), Note::Updated])));
    }

    #[test]
    fn what_failed_to_heal_is_noted_until_it_is_forgotten() {
        assert_eq!(noted(&[Note::HealFailed("e".into())])["heal_failed"], "e");
        assert!(noted(&[Note::HealFailed("e".into()), Note::HealForgotten]).is_empty());
    }
}
