//! Inputs and parameters as people give them: `key=value`, several with `;`, JSON, or YAML in files.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Map, Value};

use crate::yaml;

/// How a value after `=` is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// As JSON if it is JSON (`port=8080` is a number), and as a text otherwise.
    Typed,
    /// As the original does: always as a text, and what follows a second `=` is lost.
    Texts,
}

impl Reading {
    fn value(self, text: &str) -> Value {
        match self {
            Self::Typed => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.trim().to_owned())),
            Self::Texts => Value::String(text.split('=').next().unwrap_or_default().trim().to_owned()),
        }
    }
}

/// Merges what was given, later ones winning.
pub(crate) fn merge(given: &[&str], reading: Reading) -> anyhow::Result<Value> {
    let mut merged = Map::new();
    for argument in given {
        merged.extend(one(argument, reading)?);
    }
    Ok(Value::Object(merged))
}

fn one(argument: &str, reading: Reading) -> anyhow::Result<Map<String, Value>> {
    if let Ok(Value::Object(object)) = serde_json::from_str(argument) {
        return Ok(object);
    }
    let pairs: Option<Vec<_>> = pieces(argument).map(|piece| piece.split_once('=')).collect();
    if let Some(pairs) = pairs.filter(|pairs| !pairs.is_empty()) {
        let pair = |(key, text): (&str, &str)| (key.trim().to_owned(), reading.value(text));
        return Ok(pairs.into_iter().map(pair).collect());
    }
    from_files(argument)
}

fn pieces(argument: &str) -> impl Iterator<Item = &str> {
    argument.split(';').map(str::trim).filter(|piece| !piece.is_empty())
}

/// A YAML file, a folder of them, a pattern of names such as `inputs/*.yaml`, or YAML itself.
fn from_files(argument: &str) -> anyhow::Result<Map<String, Value>> {
    let path = Path::new(argument);
    let mut files = Vec::new();
    if path.is_dir() {
        files.extend(fs::read_dir(path)?.flatten().map(|entry| entry.path()));
    } else if path.is_file() {
        files.push(path.to_owned());
    } else if argument.contains(['*', '?']) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let pattern = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        files.extend(
            entries.filter(|entry| fits(&pattern, &entry.file_name().to_string_lossy())).map(|entry| entry.path()),
        );
    }
    files.sort();
    if files.is_empty() {
        return object(argument, argument);
    }
    let mut merged = Map::new();
    for file in files {
        let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        merged.extend(object(&text, &file.display().to_string())?);
    }
    Ok(merged)
}

fn object(text: &str, shown: &str) -> anyhow::Result<Map<String, Value>> {
    match yaml::parse(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(Value::Null) => Ok(Map::new()),
        _ => bail!("`{shown}` is neither key=value nor a JSON object nor a file with a YAML mapping"),
    }
}

/// Whether a name fits a pattern with `*` and `?`.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.chars().next() {
        None => name.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            name.char_indices().map(|(at, _)| at).chain([name.len()]).any(|at| fits(rest, &name[at..]))
        }
        Some(first) => {
            let mut characters = name.chars();
            let next = characters.next();
            next.is_some_and(|next| first == '?' || first == next)
                && fits(&pattern[first.len_utf8()..], characters.as_str())
        }
    }
}

/// The same for runtime properties: `a.b=1` is a property inside another.
pub(crate) fn nested(given: &[&str], reading: Reading) -> anyhow::Result<Value> {
    let mut merged = Value::Object(Map::new());
    for argument in given {
        for (path, value) in one(argument, reading)? {
            let path: Vec<&str> = path.split('.').collect();
            deepen(&mut merged, &path, value);
        }
    }
    Ok(merged)
}

fn deepen(target: &mut Value, path: &[&str], value: Value) {
    let Some((key, rest)) = path.split_first() else {
        overlay(target, value);
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(fields) = target {
        deepen(fields.entry((*key).to_owned()).or_insert(Value::Null), rest, value);
    }
}

/// Puts a value over another; objects are merged key by key.
pub(crate) fn overlay(target: &mut Value, value: Value) {
    match (target, value) {
        (Value::Object(fields), Value::Object(new)) => {
            for (key, value) in new {
                overlay(fields.entry(key).or_insert(Value::Null), value);
            }
        }
        (target, value) => *target = value,
    }
}

/// Takes the properties out that `a.b` and the like name.
pub(crate) fn remove(target: &mut Value, given: &[&str]) -> anyhow::Result<()> {
    for path in given.iter().flat_map(|argument| pieces(argument)) {
        let (parents, last) = path.rsplit_once('.').map_or((None, path), |(parents, last)| (Some(parents), last));
        let mut place = &mut *target;
        for key in parents.into_iter().flat_map(|parents| parents.split('.')) {
            place = place.get_mut(key).with_context(|| format!("there is no property {path}"))?;
        }
        let removed = place.as_object_mut().and_then(|fields| fields.shift_remove(last));
        removed.with_context(|| format!("there is no property {path}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pairs_objects_and_yaml_are_merged() {
        let given = ["port=8080;name=a=b", r#"{"name": "shop", "list": [1]}"#, "{more: yes}"];
        let made = merge(&given, Reading::Texts).unwrap();
        assert_eq!(made, json!({"port": "8080", "name": "shop", "list": [1], "more": true}));
        assert_eq!(merge(&["port=8080;name=a=b"], Reading::Typed).unwrap(), json!({"port": 8080, "name": "a=b"}));
        assert_eq!(merge(&["name=a=b"], Reading::Texts).unwrap(), json!({"name": "a"}));
        assert!(merge(&["port"], Reading::Typed).is_err());
    }

    #[test]
    fn files_are_found_by_pattern() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("a.yaml"), "one: 1").unwrap();
        fs::write(home.path().join("b.yaml"), "two: [2]").unwrap();
        let all = home.path().join("*.yaml").display().to_string();
        assert_eq!(merge(&[&all], Reading::Texts).unwrap(), json!({"one": 1, "two": [2]}));
        assert_eq!(
            merge(&[&home.path().display().to_string()], Reading::Texts).unwrap(),
            json!({"one": 1, "two": [2]})
        );
    }

    #[test]
    fn dots_go_into_properties() {
        let mut found = json!({"a": {"c": 2}});
        overlay(&mut found, nested(&["a.b=1"], Reading::Texts).unwrap());
        assert_eq!(found, json!({"a": {"c": 2, "b": "1"}}));
        remove(&mut found, &["a.b"]).unwrap();
        assert_eq!(found, json!({"a": {"c": 2}}));
        assert!(remove(&mut found, &["a.x"]).is_err());
    }
}
