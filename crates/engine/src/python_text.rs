//! Values as Python prints them: event texts show results and parameters that way, and clients of
//! the reference compare them.

use std::fmt::Write;

use serde_json::Value;

/// The text of a value itself: a string stays as it is.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => literal(other),
    }
}

/// The value as source text.
pub(crate) fn literal(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

/// Whether Python takes the value for true.
pub(crate) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("None"),
        Value::Bool(true) => text.push_str("True"),
        Value::Bool(false) => text.push_str("False"),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::String(string) => quote(string, text),
        Value::Array(items) => list(text, ('[', ']'), items, write),
        Value::Object(fields) => list(text, ('{', '}'), fields, |(key, value), text| {
            quote(key, text);
            text.push_str(": ");
            write(value, text);
        }),
    }
}

fn list<T>(text: &mut String, ends: (char, char), items: impl IntoIterator<Item = T>, each: impl Fn(T, &mut String)) {
    text.push(ends.0);
    for (position, item) in items.into_iter().enumerate() {
        if position > 0 {
            text.push_str(", ");
        }
        each(item, text);
    }
    text.push(ends.1);
}

/// Single quotes, unless only those occur inside.
fn quote(string: &str, text: &mut String) {
    let mark = if string.contains('\'') && !string.contains('"') { '"' } else { '\'' };
    text.push(mark);
    for character in string.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            other if other == mark => text.extend(['\\', mark]),
            other if other.is_control() && u32::from(other) < 0x100 => {
                // Writing to a String cannot fail.
                let _ = write!(text, "\\x{:02x}", u32::from(other));
            }
            other => text.push(other),
        }
    }
    text.push(mark);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_look_as_python_prints_them() {
        let value = json!({"a": [1, 2.5, null, true], "b": "it's", "c": "say \"it's\"\n"});
        assert_eq!(literal(&value), r#"{'a': [1, 2.5, None, True], 'b': "it's", 'c': 'say "it\'s"\n'}"#);
        assert_eq!(plain(&json!("as it is")), "as it is");
    }

    #[test]
    fn truth_is_pythons() {
        for value in [json!(null), json!(false), json!(0), json!(0.0), json!(""), json!([]), json!({})] {
            assert!(!is_true(&value), "{value}");
        }
        for value in [json!(true), json!(1), json!("false"), json!([0]), json!({"a": 0})] {
            assert!(is_true(&value), "{value}");
        }
    }
}
