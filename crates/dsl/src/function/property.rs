//! Paths into values: properties, attributes, inputs, capabilities, secrets.

use std::fmt::Write;

use nephele_model::json::{Text, Value};

use super::{Lookup, failure, recognise};
use crate::diagnostic::{Diagnostic, Fault, suggestion};
use nephele_model::python_text::{str, type_name};

/// The item of a list at an index that may count from the end.
fn item<'a>(items: &'a [Value], index: &Value) -> Option<&'a Value> {
    items.get(position(items.len(), index)?)
}

fn position(length: usize, index: &Value) -> Option<usize> {
    let index = index.as_i64().or_else(|| index.as_bool().map(i64::from))?;
    let length = i64::try_from(length).ok()?;
    usize::try_from(if index < 0 { index + length } else { index }).ok()
}

/// What a path leads to, to be changed.
pub(crate) fn place<'v>(mut value: &'v mut Value, path: &[Value]) -> Option<&'v mut Value> {
    for step in path {
        value = match value {
            Value::Object(map) => map.get_mut(&key(step))?,
            Value::Array(items) => {
                let index = position(items.len(), step)?;
                items.make_mut().get_mut(index)?
            }
            _ => return None,
        };
    }
    Some(value)
}

fn is_index(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.is_boolean()
}

/// A key as mappings from JSON have them.
fn key(value: &Value) -> String {
    match value {
        Value::String(text) => text.as_str().to_owned(),
        other => other.to_string(),
    }
}

/// Who goes along a path, for messages.
pub(crate) struct Way<'a> {
    pub(crate) function: &'a str,
    pub(crate) node: &'a str,
    pub(crate) path: &'a [Value],
    /// Where the function stands.
    pub(crate) place: &'a str,
    /// Whether what is missing is a failure or nothing.
    pub(crate) strict: bool,
}

/// Goes along a path through the properties of a node. `on_the_way` evaluates what is passed; it is told
/// whether the value is a function that the path leads into.
pub(crate) fn descend(
    way: &Way<'_>,
    root: &Value,
    mut on_the_way: impl FnMut(&Value, bool) -> Lookup<Value>,
) -> Lookup<Value> {
    let described = || {
        let path: Vec<String> = way.path.iter().map(str).collect();
        format!("Node template property '{}.properties.{}' referenced from '{}'", way.node, path.join("."), way.place)
    };
    let missing = |rest: String, hint: Option<String>| {
        if !way.strict {
            return Ok(Value::Null);
        }
        Err(failure(way.function, format!("{} {rest}", described())).with_hint(hint).into())
    };
    let mut value = root.clone();
    for step in way.path {
        if recognise(&value).is_some() {
            value = on_the_way(&value, true)?;
        }
        if recognise(&value).is_some() {
            value = Value::from(vec![value, step.clone()]);
            continue;
        }
        let next = match &value {
            Value::Object(map) => {
                let Some(next) = map.get(&key(step)) else {
                    let hint = suggestion(&key(step), map.keys().map(Text::as_str));
                    return missing("doesn't exist.".to_owned(), hint);
                };
                on_the_way(next, false)?
            }
            Value::Array(_) if !is_index(step) => {
                let message =
                    format!("{} is expected {} to be an int but it is a {}.", described(), str(step), type_name(step));
                return Err(failure(way.function, message).into());
            }
            Value::Array(items) => {
                let Some(next) = item(items, step) else {
                    let length = items.len();
                    let text = format!("index is out of range. Got {} but list size is {length}.", str(step));
                    return missing(text, None);
                };
                on_the_way(next, false)?
            }
            _ => return missing("doesn't exist.".to_owned(), None),
        };
        value = next;
    }
    Ok(value)
}

/// `obj1.attr1[7].attr2`.
fn dotted(path: &[Value]) -> String {
    let mut text = path.first().map(str).unwrap_or_default();
    for step in path.iter().skip(1) {
        let step_text = str(step);
        let _ = if is_index(step) { write!(text, "[{step_text}]") } else { write!(text, ".{step_text}") };
    }
    text
}

/// `get_input: [name, key, index, ...]` below the input's value.
pub(crate) fn of_input(root: &Value, path: &[Value]) -> Result<Value, Diagnostic> {
    let refuse = |message: String| Err(Diagnostic::new(Fault::InputEvaluation, message));
    let mut value = root;
    for (index, step) in path.iter().skip(1).enumerate() {
        let so_far = dotted(&path[..=index]);
        value = match value {
            Value::Object(map) => map.get(&key(step)).ok_or_else(|| {
                let message = format!("Input attribute '{}' of '{so_far}', doesn't exist.", str(step));
                let hint = suggestion(&key(step), map.keys().map(Text::as_str));
                Diagnostic::new(Fault::InputEvaluation, message).with_hint(hint)
            })?,
            Value::Array(_) if !is_index(step) => {
                let shown: Vec<String> = path.iter().map(str).collect();
                return refuse(format!(
                    "Item in index {index} in the get_input arguments list [{}] is expected to be an int but got {}.",
                    shown.join(", "),
                    type_name(step)
                ));
            }
            Value::Array(items) => match item(items, step) {
                Some(next) => next,
                None => {
                    return refuse(format!(
                        "List size of '{so_far}' is {} but index {} is retrieved.",
                        items.len(),
                        str(step)
                    ));
                }
            },
            _ => return Err(failure("get_input", format!("Object {so_far} has no attribute {}", str(step)))),
        };
    }
    Ok(value.clone())
}

/// `get_capability: [deployment, capability, key, index, ...]` below the capability's value.
pub(crate) fn of_capability(root: &Value, path: &[Value]) -> Result<Value, Diagnostic> {
    let refuse = |message: String| Err(failure("get_capability", message));
    let deployment = path.first().map(str).unwrap_or_default();
    let mut value = root;
    for (index, step) in path.iter().skip(2).enumerate() {
        let so_far = dotted(&path[1..index + 2]);
        value = match value {
            Value::Object(map) => match map.get(&key(step)) {
                Some(next) => next,
                None => {
                    return refuse(format!(
                        "Attribute '{}' doesn't exist in '{so_far}' in deployment '{deployment}'.",
                        str(step)
                    ));
                }
            },
            Value::Array(_) if !is_index(step) => {
                let shown: Vec<String> = path.iter().map(str).collect();
                return refuse(format!(
                    "Item in index {} in the get_capability arguments list [{}] is expected to be an int but got {}.",
                    index + 2,
                    shown.join(", "),
                    type_name(step)
                ));
            }
            Value::Array(items) => match item(items, step) {
                Some(next) => next,
                None => {
                    return refuse(format!(
                        "List size of '{so_far}' is {}, in deployment '{deployment}', but index {} is retrieved.",
                        items.len(),
                        str(step)
                    ));
                }
            },
            _ => {
                return refuse(format!(
                    "Object {}, in capability '{}' in deployment '{deployment}', has no attribute {}",
                    dotted(&path[2..index + 2]),
                    path.get(1).map(str).unwrap_or_default(),
                    str(step)
                ));
            }
        };
    }
    Ok(value.clone())
}

/// `get_secret: [name, key, index, ...]` below the secret's text, which is JSON.
pub(crate) fn of_secret(text: &str, path: &[Value]) -> Result<Value, Diagnostic> {
    let name = path.first().map(str).unwrap_or_default();
    let bare =
        |message: String| Diagnostic::new(Fault::FunctionEvaluation, format!("Unable to evaluate {message} function"));
    let root: Value = serde_json::from_str(text).map_err(|error| {
        let problem = super::json_text::problem(text).unwrap_or_else(|| error.to_string());
        bare(format!("Could not parse secret \"{name}\" as json. Error was: {problem}"))
    })?;
    let mut value = root;
    for step in path.iter().skip(1) {
        value = subscript(&value, step).map_err(|problem| {
            let step = str(step);
            bare(format!("Could not find \"{step}\" in nested lookup on secret \"{name}\". Error was: {problem}"))
        })?;
    }
    Ok(value)
}

/// `value[step]`, or what Python says instead.
fn subscript(value: &Value, step: &Value) -> Result<Value, String> {
    match value {
        Value::Object(map) => {
            step.as_str().and_then(|key| map.get(key)).cloned().ok_or_else(|| nephele_model::python_text::repr(step))
        }
        Value::Array(_) if !is_index(step) => {
            Err(format!("list indices must be integers or slices, not {}", type_name(step)))
        }
        Value::Array(items) => item(items, step).cloned().ok_or_else(|| "list index out of range".to_owned()),
        Value::String(_) if !is_index(step) => {
            Err(format!("string indices must be integers, not '{}'", type_name(step)))
        }
        Value::String(text) => {
            let characters: Vec<Value> = text.chars().map(|character| Value::from(character.to_string())).collect();
            item(&characters, step).cloned().ok_or_else(|| "string index out of range".to_owned())
        }
        other => Err(format!("'{}' object is not subscriptable", type_name(other))),
    }
}
