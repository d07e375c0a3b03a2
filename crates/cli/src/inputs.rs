//! Inputs and parameters as people give them: `key=value`, or a JSON object.

use anyhow::{Context, bail};
use serde_json::{Map, Value};

/// Merges what was given, later ones winning. The value after `=` is read as JSON if it is JSON
/// (`port=8080` is a number, `port='"8080"'` a text) and is a text otherwise.
pub(crate) fn merge(given: &[String]) -> anyhow::Result<Value> {
    let mut merged = Map::new();
    for argument in given {
        if argument.trim_start().starts_with('{') {
            let object: Map<String, Value> =
                serde_json::from_str(argument).with_context(|| format!("`{argument}` is not a JSON object"))?;
            merged.extend(object);
        } else if let Some((key, value)) = argument.split_once('=') {
            let read = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
            merged.insert(key.trim().to_owned(), read);
        } else {
            bail!("`{argument}` is neither `key=value` nor a JSON object");
        }
    }
    Ok(Value::Object(merged))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pairs_and_objects_are_merged() {
        let given = ["port=8080", "name=a=b", r#"{"name": "shop", "list": [1]}"#].map(str::to_owned);
        assert_eq!(merge(&given).unwrap(), json!({"port": 8080, "name": "shop", "list": [1]}));
        assert!(merge(&["port".to_owned()]).is_err());
        assert!(merge(&["{port".to_owned()]).is_err());
    }
}
