//! Values as the original writes them into texts: the way Python shows dictionaries and lists.

use serde_json::Value;

/// A value as Python shows it.
pub(crate) fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.contains('\'') && !text.contains('"') => format!("\"{text}\""),
        Value::String(text) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        Value::Array(items) => format!("[{}]", items.iter().map(repr).collect::<Vec<_>>().join(", ")),
        Value::Object(_) => format!("{{{}}}", repr_bare(value)),
    }
}

/// A dictionary as Python shows it, without its braces.
pub(crate) fn repr_bare(value: &Value) -> String {
    let pair = |(key, value): (&String, &Value)| format!("{}: {}", repr(&Value::String(key.clone())), repr(value));
    value.as_object().into_iter().flatten().map(pair).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dictionaries_look_like_pythons() {
        let value = json!({"a": ["b", true, null], "c'": {}});
        assert_eq!(repr(&value), r#"{'a': ['b', True, None], "c'": {}}"#);
    }
}
