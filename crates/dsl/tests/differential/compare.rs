//! What differs between two answers: values, the order of keys, messages.
//!
//! Where the reference goes through a set, its order means nothing: members of groups, the instances that
//! one relationship leads to, and lists within a few messages.

use serde_json::Value;

/// Every difference as a sentence with its place.
pub(crate) fn differences(theirs: &Value, ours: &Value) -> Vec<String> {
    let mut found = Vec::new();
    values("", theirs, ours, &mut found);
    found
}

/// Whether the reference ends in an exception of its own making where there is a blueprint to speak of: a section
/// or an entry that is nothing, a workflow without a mapping, two relationships to one node of which it forgets one.
pub(crate) fn stumbles(theirs: &Value) -> bool {
    let error = &theirs["parse"]["error"];
    let class = error["class"].as_str().unwrap_or_default();
    let is_illegal = error["message"].as_str().is_some_and(|message| message.starts_with("Illegal state"));
    let rounds = theirs["rounds"].as_array().into_iter().flatten();
    let forgets = |round: &Value| round["error"]["class"] == "KeyError" && round["error"]["message"] == "'node'";
    is_illegal || matches!(class, "AttributeError" | "KeyError" | "TypeError") || rounds.clone().any(forgets)
}

fn values(path: &str, theirs: &Value, ours: &Value, found: &mut Vec<String>) {
    match (theirs, ours) {
        (Value::Object(left), Value::Object(right)) => {
            let names = |map: &serde_json::Map<String, Value>| map.keys().cloned().collect::<Vec<_>>();
            if names(left) != names(right) {
                found.push(format!("{path}: keys {:?}, ours {:?}", names(left), names(right)));
                // Of an error the text says more than that there is one.
                let errors = [left.get("error"), right.get("error")];
                found.extend(errors.into_iter().flatten().map(|error| format!("{path}: {error}")));
            }
            for (key, value) in left {
                if let Some(other) = right.get(key) {
                    values(&format!("{path}/{key}"), value, other, found);
                }
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            let (left, right) = (settled(path, left), settled(path, right));
            for (index, (value, other)) in left.iter().zip(&right).enumerate() {
                values(&format!("{path}/{index}"), value, other, found);
            }
        }
        (Value::String(left), Value::String(right)) if path.ends_with("/message") => {
            if message(left) != message(right) {
                found.push(format!("{path}:\n    {left}\n  ours:\n    {right}"));
            }
        }
        _ if theirs == ours => {}
        _ => found.push(format!("{path}: {theirs}, ours {ours}")),
    }
}

/// A list in an order of its own where the reference has none.
fn settled(path: &str, list: &[Value]) -> Vec<Value> {
    let mut list = list.to_vec();
    if path.contains("groups/") && path.ends_with("/members") {
        list.sort_by_key(ToString::to_string);
    }
    if path.contains("/node_instances/") && path.ends_with("/relationships") {
        let same = |left: &Value, right: &Value| left["target_name"] == right["target_name"];
        list.chunk_by_mut(same).for_each(|chunk| chunk.sort_by_key(|related| related["target_id"].to_string()));
    }
    list
}

/// A message without memory addresses, with the lists sorted that come from sets.
fn message(text: &str) -> String {
    let mut settled = String::new();
    for (index, part) in text.split("0x").enumerate() {
        let rest = if index == 0 { part } else { part.trim_start_matches(|digit: char| digit.is_ascii_hexdigit()) };
        settled += if index == 0 { "" } else { "0x.." };
        settled += rest;
    }
    for (before, after) in [("Expected '[", "]'"), ("Required secrets: [", "]"), ("Inputs ", " are missing a value")] {
        let Some(start) = settled.find(before).map(|start| start + before.len()) else { continue };
        let Some(end) = settled[start..].find(after).map(|end| start + end) else { continue };
        let mut items: Vec<&str> = settled[start..end].split(", ").collect();
        items.sort_unstable();
        settled = format!("{}{}{}", &settled[..start], items.join(", "), &settled[end..]);
    }
    settled
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_order_and_messages_turn_it_red() {
        for (theirs, ours) in [
            (json!({"a": 1}), json!({"a": 2})),
            (json!({"a": 1, "b": 2}), json!({"b": 2, "a": 1})),
            (json!({"a": 1}), json!({"a": 1.0})),
            (json!({"a": [1, 2]}), json!({"a": [2, 1]})),
            (json!({"message": "no x"}), json!({"message": "no y"})),
        ] {
            assert!(!differences(&theirs, &ours).is_empty(), "{theirs} {ours}");
        }
    }

    #[test]
    fn sets_have_no_order() {
        let theirs = json!({"groups": {"g": {"members": ["a", "b"]}}, "message": "Required secrets: [b, a] at 0x7f1"});
        let ours = json!({"groups": {"g": {"members": ["b", "a"]}}, "message": "Required secrets: [a, b] at 0x0"});
        assert_eq!(differences(&theirs, &ours), Vec::<String>::new());
    }
}
