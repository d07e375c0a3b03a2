//! Bodies and queries made of what was given, in a short notation.
//!
//! Words, separated by blanks. `site_name` is the option `--site-name` under that key, left out when it was
//! not given; `username:USERNAME` the argument or option of another name; `force:!no-force` a flag turned
//! round; `inputs:@inputs` inputs read as an object; `labels:#labels` labels; `action="cancel"` a fixed value
//! in JSON; `?count` the same as `count` but null when it was not given.

use serde_json::{Map, Value};

use crate::call::Call;
use crate::labels;
use crate::notation::Kind;

/// The object that the notation describes.
pub(crate) fn object(call: &Call, notation: &'static str) -> anyhow::Result<Value> {
    let mut made = Map::new();
    for word in notation.split_ascii_whitespace() {
        if let Some((key, fixed)) = word.split_once('=') {
            made.insert(key.to_owned(), serde_json::from_str(fixed)?);
            continue;
        }
        let (word, keep_null) = word.strip_prefix('?').map_or((word, false), |word| (word, true));
        let (key, source) = word.split_once(':').map_or((word, None), |(key, source)| (key, Some(source)));
        let found = match source {
            Some(source) => from(call, source)?,
            None => plain(call, &key.trim_start_matches('_').replace('_', "-")),
        };
        match found {
            Value::Null if !keep_null => {}
            found => {
                made.insert(key.to_owned(), found);
            }
        }
    }
    Ok(Value::Object(made))
}

fn from(call: &Call, source: &str) -> anyhow::Result<Value> {
    match source.split_at(1) {
        ("!", flag) => Ok(Value::Bool(!call.flag(flag))),
        ("@", id) if call.many(id).is_empty() => Ok(Value::Null),
        ("@", id) => call.inputs(id),
        ("#", id) => match call.text(id) {
            Some(text) => Ok(labels::to_list(&labels::read(text)?)),
            None => Ok(Value::Null),
        },
        _ => Ok(plain(call, source)),
    }
}

/// The value of an option or argument, in the type it is declared with.
fn plain(call: &Call, id: &str) -> Value {
    let Some(parameter) = call.parameter(id) else { return Value::Null };
    match parameter.kind {
        Kind::Flag => Value::Bool(call.flag(id)),
        _ if parameter.is_repeated && call.many(id).is_empty() => Value::Null,
        _ if parameter.is_repeated => call.many(id).into(),
        Kind::Integer => call.integer(id).map_or(Value::Null, Value::from),
        Kind::Number => call.text(id).and_then(|text| text.parse::<f64>().ok()).map_or(Value::Null, Value::from),
        Kind::Text => call.text(id).map_or(Value::Null, Value::from),
    }
}

/// The same as a query: texts, lists as several pairs.
pub(crate) fn query(call: &Call, notation: &'static str) -> anyhow::Result<Vec<(String, String)>> {
    let object = object(call, notation)?;
    let mut pairs = Vec::new();
    for (key, value) in object.as_object().into_iter().flatten() {
        match value {
            Value::Array(values) => pairs.extend(values.iter().map(|value| (key.clone(), text(value)))),
            value => pairs.push((key.clone(), text(value))),
        }
    }
    Ok(pairs)
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The segments of a path in which `{name}` stands for what was given.
pub(crate) fn path(call: &Call, template: &'static str) -> Vec<String> {
    let filled = |segment: &'static str| match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(id) => call.text(id).unwrap_or_default().to_owned(),
        None => segment.to_owned(),
    };
    template.split('/').map(filled).collect()
}

/// A sentence in which `{name}` stands for what was given.
pub(crate) fn sentence(call: &Call, template: &str) -> String {
    let mut made = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (id, after) = after.split_once('}').unwrap_or((after, ""));
        made.push_str(before);
        made.push_str(call.text(id).unwrap_or_default());
        rest = after;
    }
    made.push_str(rest);
    made
}
