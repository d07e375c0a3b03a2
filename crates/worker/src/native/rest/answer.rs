//! What becomes of an answer: is it what was expected, and what of it is saved under which names.
//!
//! Three notations say what is saved (`translation_format`): `v1` mirrors the answer and has a path of names
//! in place of each value; `v2` is a list of pairs, where in the answer and under which path, a list within a
//! path standing for each item; `v3` is names with the place of each.

use nephele_model::operation::Failure;
use nephele_model::python_text;
use serde_json::{Map, Value};

use super::call::Answer;

/// Checks an answer and saves what the call asks for.
pub(super) fn save(answer: &Answer, call: &Map<String, Value>, saved: &mut Map<String, Value>) -> Result<(), Failure> {
    let null = Value::Null;
    let rule = |name: &str| call.get(name).unwrap_or(&null);
    let notation = call.get("translation_format").and_then(Value::as_str).unwrap_or("auto");
    translate(&Value::Object(answer.headers.clone()), rule("header_translation"), notation, saved)?;
    translate(&Value::Object(answer.cookies.clone()), rule("cookies_translation"), notation, saved)?;
    match format(answer, call).as_str() {
        "raw" => Ok(()),
        "text" => {
            saved.insert("text".to_owned(), Value::from(answer.body.as_str()));
            Ok(())
        }
        "json" | "xml" if answer.body.trim().is_empty() => Ok(()),
        format @ ("json" | "xml") => {
            let read = match format {
                "json" => serde_json::from_str(&answer.body).map_err(|error| error.to_string()),
                _ => super::xml::read(&answer.body),
            };
            let body: Value = read.map_err(|error| {
                let format = format.to_uppercase();
                Failure::fatal(format!("The answer is no {format} ({error}); set `response_format` to `text` or `raw`"))
            })?;
            check(&body, rule("nonrecoverable_response"), false)?;
            check(&body, rule("response_expectation"), true)?;
            translate(&body, rule("response_translation"), notation, saved)
        }
        other => Err(Failure::fatal(format!(
            "`response_format` {other} is not known here; use `json`, `xml`, `text` or `raw`"
        ))),
    }
}

/// How the body is read: as the call says, or as the answer does.
fn format(answer: &Answer, call: &Map<String, Value>) -> String {
    let wanted = call.get("response_format").and_then(Value::as_str).unwrap_or("auto").to_lowercase();
    if wanted != "auto" {
        return wanted;
    }
    let kind = answer.headers.get("content-type").and_then(Value::as_str).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if matches!(kind, "text/xml" | "application/xml") { "xml".to_owned() } else { "json".to_owned() }
}

/// Holds an answer against rules: a path with a pattern at its end, or a list of those.
fn check(body: &Value, rules: &Value, expected: bool) -> Result<(), Failure> {
    let name = if expected { "response_expectation" } else { "nonrecoverable_response" };
    let rules = match rules {
        rules if !python_text::is_truthy(rules) => return Ok(()),
        Value::Array(rules) => rules,
        _ => return Err(Failure::fatal(format!("`{name}` must be a list"))),
    };
    if matches!(rules.first(), Some(Value::Array(_))) {
        return rules.iter().try_for_each(|rule| check(body, rule, expected));
    }
    let Some((pattern, path)) = rules.split_last() else { return Ok(()) };
    let pattern = python_text::str(pattern);
    let regex = fancy_regex::Regex::new(&format!(r"\A(?:{pattern})"));
    let regex = regex.map_err(|error| Failure::fatal(format!("`{name}`: {pattern} is no pattern: {error}")))?;
    let Some(found) = path.iter().try_fold(body, step) else {
        let message = format!("The answer has nothing at {}", python_text::repr(&Value::Array(path.to_vec())));
        return if expected { Err(Failure::recoverable(message)) } else { Ok(()) };
    };
    let found = python_text::str(found);
    let matches = regex.is_match(&found).unwrap_or(false);
    match (expected, matches) {
        (true, false) => {
            Err(Failure::recoverable(format!("The answer has {found}, which is not the expected {pattern}")))
        }
        (false, true) => Err(Failure::fatal(format!("The answer has {found}, which `{name}` names: {pattern}"))),
        _ => Ok(()),
    }
}

/// What is at a path, if anything is.
pub(super) fn at<'a>(value: &'a Value, path: &Value) -> Option<&'a Value> {
    match path {
        Value::Array(path) => path.iter().try_fold(value, step),
        key => step(value, key),
    }
}

fn step<'a>(value: &'a Value, key: &Value) -> Option<&'a Value> {
    match (value, key) {
        (Value::Object(fields), key) => fields.get(&python_text::str(key)),
        (Value::Array(items), Value::Number(index)) => items.get(usize::try_from(index.as_u64()?).ok()?),
        _ => None,
    }
}

fn translate(body: &Value, rules: &Value, notation: &str, saved: &mut Map<String, Value>) -> Result<(), Failure> {
    if !python_text::is_truthy(rules) {
        return Ok(());
    }
    let mut target = Value::Object(std::mem::take(saved));
    let done = match notation {
        "v3" => by_name(body, rules, &mut target),
        "v2" => by_pairs(body, rules, &mut target),
        _ if is_pairs(rules) => by_pairs(body, rules, &mut target),
        _ => by_mirror(body, rules, &mut target),
    };
    if let Value::Object(filled) = target {
        *saved = filled;
    }
    done.ok_or_else(|| {
        Failure::fatal(format!("The answer has not all that is to be saved of it: {}", python_text::repr(rules)))
    })
}

fn is_pairs(rules: &Value) -> bool {
    matches!(rules[0].as_array().map(Vec::as_slice), Some([Value::Array(_), Value::Array(_)]))
}

fn by_name(body: &Value, rules: &Value, saved: &mut Value) -> Option<()> {
    for (name, path) in rules.as_object()? {
        saved[name.as_str()] = at(body, path).cloned().unwrap_or_default();
    }
    Some(())
}

fn by_mirror(body: &Value, rules: &Value, saved: &mut Value) -> Option<()> {
    match rules {
        Value::Object(fields) => fields.iter().try_for_each(|(key, rule)| by_mirror(body.get(key)?, rule, saved)),
        Value::Array(items) if items.iter().any(|item| item.is_array() || item.is_object()) => {
            items.iter().enumerate().try_for_each(|(index, rule)| match body.get(index) {
                Some(item) => by_mirror(item, rule, saved),
                None => Some(()),
            })
        }
        Value::Array(path) => put(saved, path, body.clone()),
        _ => None,
    }
}

fn by_pairs(body: &Value, rules: &Value, saved: &mut Value) -> Option<()> {
    for pair in rules.as_array()? {
        pick(body, pair[0].as_array()?, pair[1].as_array()?, saved)?;
    }
    Some(())
}

/// Saves what is at `from` below `to`; a list in both stands for each item of a list.
fn pick(value: &Value, from: &[Value], to: &[Value], saved: &mut Value) -> Option<()> {
    match from.split_first() {
        None => put(saved, to, value.clone()),
        Some((Value::Array(inner), rest)) => {
            let position = to.iter().position(Value::is_array)?;
            let (before, after) =
                (&to[..position], [to[position].as_array()?.as_slice(), &to[position + 1..]].concat());
            let from = [inner.as_slice(), rest].concat();
            let mut items =
                at(saved, &Value::Array(before.to_vec())).and_then(Value::as_array).cloned().unwrap_or_default();
            for (index, item) in value.as_array()?.iter().enumerate() {
                if items.len() == index {
                    items.push(Value::Object(Map::new()));
                }
                pick(item, &from, &after, &mut items[index])?;
            }
            put(saved, before, Value::Array(items))
        }
        Some((key, rest)) => pick(step(value, key)?, rest, to, saved),
    }
}

/// Puts a value at a path of names.
fn put(saved: &mut Value, path: &[Value], value: Value) -> Option<()> {
    let (last, before) = path.split_last()?;
    let mut place = saved;
    for key in before {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = place.as_object_mut()?.entry(python_text::str(key)).or_insert_with(|| Value::Object(Map::new()));
    }
    if !place.is_object() {
        *place = Value::Object(Map::new());
    }
    place.as_object_mut()?.insert(python_text::str(last), value);
    Some(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn saved(body: &Value, rules: &Value, notation: &str) -> Value {
        let mut saved = Map::new();
        translate(body, rules, notation, &mut saved).unwrap();
        Value::Object(saved)
    }

    #[test]
    fn each_notation_saves_what_it_names() {
        let body = json!({
            "id": 7, "name": "Ada", "address": {"city": "London", "geo": {"lat": "1", "lng": "2"}},
            "pages": [{"title": "a", "tags": {"color": "blue"}}, {"title": "b", "tags": {"color": "red"}}],
        });
        let mirror = json!({"name": ["user"], "address": {"city": ["city"], "geo": {"lat": ["at", "lat"], "lng": ["at", "lng"]}}});
        let expected = json!({"user": "Ada", "city": "London", "at": {"lat": "1", "lng": "2"}});
        assert_eq!(saved(&body, &mirror, "auto"), expected);
        assert_eq!(saved(&body, &json!(["whole"]), "auto"), json!({"whole": body}));
        let pairs = json!([
            [["address", "city"], ["city"]],
            [["pages", ["title"]], ["pages", ["name"]]],
            [["pages", ["tags"], "color"], ["pages", ["color"]]]
        ]);
        let expected =
            json!({"city": "London", "pages": [{"name": "a", "color": "blue"}, {"name": "b", "color": "red"}]});
        assert_eq!(saved(&body, &pairs, "auto"), expected);
        let named = json!({"first": ["pages", 0, "title"], "none": ["missing"]});
        assert_eq!(saved(&body, &named, "v3"), json!({"first": "a", "none": null}));
        assert!(translate(&body, &json!({"missing": ["x"]}), "auto", &mut Map::new()).is_err());
    }

    #[test]
    fn expectations_are_patterns_at_places() {
        use nephele_model::operation::Severity;

        let body = json!({"status": "building", "code": 12});
        let severity = |rules: Value, expected| check(&body, &rules, expected).err().map(|failure| failure.severity);
        let again = Some(Severity::Recoverable { retry_after: None });
        assert_eq!(severity(json!([["status", "active"]]), true), again);
        assert_eq!(severity(json!([["status", "build.*"], ["code", "1"]]), true), None);
        assert_eq!(severity(json!(["nothing", "x"]), true), again);
        assert_eq!(severity(json!([["status", "active"], ["status", "build"]]), false), Some(Severity::Fatal));
        assert_eq!(severity(json!(["nothing", "x"]), false), None);
    }
}
