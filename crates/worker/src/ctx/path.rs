//! Dotted paths into mappings: `a.b[1].c` (spec workflows.md section 4).
//!
//! A segment may end in one `[index]`. Reading something that is not there is an error; writing
//! makes the mappings on the way, never lists.

use serde_json::{Map, Value};

use super::raised::Raised;

/// Reads the value at `path`.
pub(super) fn get(root: &Map<String, Value>, path: &str) -> Result<Value, Raised> {
    let mut segments = path.split('.');
    let first = segments.next().unwrap_or_default();
    let mut current = step(root, first, path)?;
    for segment in segments {
        current = step(current.as_object().ok_or_else(|| illegal(path))?, segment, path)?;
    }
    Ok(current.clone())
}

/// Writes `value` at `path`. The last segment is a plain name, even if it ends in `[index]`.
pub(super) fn set(root: &mut Map<String, Value>, path: &str, value: Value) -> Result<(), Raised> {
    let Some((parents, name)) = path.rsplit_once('.') else {
        root.insert(path.to_owned(), value);
        return Ok(());
    };
    let mut current = root;
    for segment in parents.split('.') {
        let next = match indexed(segment) {
            Some((name, index)) => match current.get_mut(name) {
                Some(Value::Array(items)) => items.get_mut(index).ok_or_else(out_of_range)?,
                _ => return Err(illegal(parents)),
            },
            None => current.entry(segment).or_insert_with(|| Value::Object(Map::new())),
        };
        let kind = kind(next);
        current = next
            .as_object_mut()
            .ok_or_else(|| Raised::new("TypeError", format!("'{kind}' object does not support item assignment")))?;
    }
    current.insert(name.to_owned(), value);
    Ok(())
}

fn step<'a>(current: &'a Map<String, Value>, segment: &str, path: &str) -> Result<&'a Value, Raised> {
    match indexed(segment) {
        Some((name, index)) => match current.get(name) {
            Some(Value::Array(items)) => items.get(index).ok_or_else(out_of_range),
            _ => Err(illegal(path)),
        },
        None => current.get(segment).ok_or_else(|| illegal(path)),
    }
}

/// Splits `name[3]` into its parts; the name must not be empty.
fn indexed(segment: &str) -> Option<(&str, usize)> {
    let (name, index) = segment.strip_suffix(']')?.rsplit_once('[')?;
    if name.is_empty() { None } else { Some((name, index.parse().ok()?)) }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

fn illegal(path: &str) -> Raised {
    Raised::runtime(format!("illegal path: {path}"))
}

fn out_of_range() -> Raised {
    Raised::new("IndexError", "list index out of range")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_and_writes_like_the_reference() -> Result<(), Raised> {
        let mut root = json!({"a": {"b": {"x": [1, 2, {"y": 3}]}}}).as_object().cloned().unwrap_or_default();
        assert_eq!(get(&root, "a.b.x[1]")?, json!(2));
        assert_eq!(get(&root, "a.b.x[2].y")?, json!(3));
        for (missing, message) in
            [("a.c", "illegal path: a.c"), ("a.b.x[9]", "list index out of range"), ("a.b[0]", "illegal path: a.b[0]")]
        {
            assert_eq!(get(&root, missing).err().map(|raised| raised.message), Some(message.to_owned()));
        }
        set(&mut root, "n.m", json!("v"))?;
        set(&mut root, "a.b.x[2].y", json!(4))?;
        set(&mut root, "top[0]", json!(1))?;
        assert_eq!(
            Value::Object(root.clone()),
            json!({"a": {"b": {"x": [1, 2, {"y": 4}]}}, "n": {"m": "v"}, "top[0]": 1})
        );
        assert!(set(&mut root, "n.m.deeper", json!(1)).is_err());
        Ok(())
    }
}
