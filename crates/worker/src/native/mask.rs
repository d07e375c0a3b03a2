//! Which texts of an operation's settings are secrets: what `get_secret` gave, and what is called so.

use serde_json::Value;

/// Parts of names of which the values are secrets.
const NAMES: [&str; 9] =
    ["passw", "secret", "token", "passphrase", "private_key", "credential", "api_key", "apikey", "access_key"];

/// The secrets among `evaluated`, which was `written` with functions in it.
pub(crate) fn secrets(written: &Value, evaluated: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(written, evaluated, &mut found);
    found
}

fn compare(written: &Value, evaluated: &Value, found: &mut Vec<String>) {
    let is_function = written.as_object().is_some_and(|fields| fields.len() == 1) && !same_shape(written, evaluated);
    match evaluated {
        _ if is_function && asks_for_secret(written) => texts(evaluated, found),
        Value::Object(fields) => {
            for (name, value) in fields {
                if is_secret(name) {
                    texts(value, found);
                } else {
                    compare(&written[name.as_str()], value, found);
                }
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| compare(&written[index], item, found));
        }
        _ => {}
    }
}

/// Whether a name says that its value is a secret, and not what a secret is called.
fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    let names_one = ["get_secret", "store_output_secrets"].contains(&name.as_str()) || name.ends_with("secret_name");
    !names_one && NAMES.iter().any(|part| name.contains(part))
}

/// Whether a function was not one, but a mapping that is still there.
fn same_shape(written: &Value, evaluated: &Value) -> bool {
    match (written, evaluated) {
        (Value::Object(one), Value::Object(other)) => one.keys().eq(other.keys()),
        _ => false,
    }
}

fn asks_for_secret(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(name, value)| name == "get_secret" || asks_for_secret(value)),
        Value::Array(items) => items.iter().any(asks_for_secret),
        _ => false,
    }
}

/// Every text within a value.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_known_by_where_they_come_from_and_by_their_names() {
        let written = json!({
            "a": {"get_secret": "k"}, "b": {"concat": ["x", {"get_secret": "k"}]}, "c": "open",
            "list": [{"d": {"get_secret": "k"}}], "db_password": "p1", "nested": {"credentials": {"user": "u"}},
            "map": {"only": {"e": {"get_secret": "k"}}}, "store_output_secrets": {"a": "name"},
        });
        let evaluated = json!({
            "a": "s1", "b": "xs1", "c": "open", "list": [{"d": "s2"}], "db_password": "p1",
            "nested": {"credentials": {"user": "u"}}, "map": {"only": {"e": "s3"}}, "store_output_secrets": {"a": "name"},
        });
        assert_eq!(secrets(&written, &evaluated), ["s1", "xs1", "s2", "p1", "u", "s3"]);
        assert_eq!(secrets(&json!(null), &json!({"token": "t", "x": [{"api_key": 1, "y": "z"}]})), ["t"]);
    }
}
