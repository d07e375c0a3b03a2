//! JSON values as Python would print them: `str`, `repr` and `json.dumps`.
//!
//! Scripts written for Python workers parse what `ctx` prints and what their environment holds, and
//! clients compare event texts and messages that quote values, so all of them must look the same to
//! the letter (spec workflows.md section 4). Values are `serde_json`'s or [`mod@crate::json`]'s.

use std::fmt::Write;

use serde_json::Number;

use crate::json;

/// What a JSON value is, whichever type holds it.
pub enum View<'a, V> {
    /// `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number.
    Number(&'a Number),
    /// A text.
    Text(&'a str),
    /// A list.
    List(&'a [V]),
    /// An object.
    Fields(Box<dyn Iterator<Item = (&'a str, &'a V)> + 'a>),
}

/// A type that holds JSON values.
pub trait Viewed: Sized {
    /// What it is.
    fn view(&self) -> View<'_, Self>;
}

impl Viewed for serde_json::Value {
    fn view(&self) -> View<'_, Self> {
        match self {
            Self::Null => View::Null,
            Self::Bool(truth) => View::Bool(*truth),
            Self::Number(number) => View::Number(number),
            Self::String(text) => View::Text(text),
            Self::Array(items) => View::List(items),
            Self::Object(fields) => View::Fields(Box::new(fields.iter().map(|(name, value)| (name.as_str(), value)))),
        }
    }
}

impl Viewed for json::Value {
    fn view(&self) -> View<'_, Self> {
        match self {
            Self::Null => View::Null,
            Self::Bool(truth) => View::Bool(*truth),
            Self::Number(number) => View::Number(number),
            Self::String(text) => View::Text(text),
            Self::Array(items) => View::List(items),
            Self::Object(fields) => View::Fields(Box::new(fields.iter().map(|(name, value)| (name.as_str(), value)))),
        }
    }
}

/// `str(value)`: text as it is, everything else as `repr`.
pub fn str(value: &impl Viewed) -> String {
    match value.view() {
        View::Text(text) => text.to_owned(),
        _ => repr(value),
    }
}

/// `repr(value)`.
pub fn repr(value: &impl Viewed) -> String {
    let mut out = String::new();
    write_repr(&mut out, value);
    out
}

/// `json.dumps(value)`: spaces after separators, ASCII only.
pub fn dumps(value: &impl Viewed) -> String {
    let mut out = String::new();
    write_json(&mut out, value);
    out
}

/// Whether Python's `bool(value)` is true.
pub fn is_truthy(value: &impl Viewed) -> bool {
    match value.view() {
        View::Null => false,
        View::Bool(truth) => truth,
        View::Number(number) => number.as_f64() != Some(0.0),
        View::Text(text) => !text.is_empty(),
        View::List(items) => !items.is_empty(),
        View::Fields(mut fields) => fields.next().is_some(),
    }
}

/// A list of names as Python prints it.
pub fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::new();
    write_sequence(&mut out, ('[', ']'), names, write_quoted);
    out
}

/// `type(value).__name__`.
pub fn type_name(value: &impl Viewed) -> &'static str {
    match value.view() {
        View::Null => "NoneType",
        View::Bool(_) => "bool",
        View::Number(number) if number.is_f64() => "float",
        View::Number(_) => "int",
        View::Text(_) => "str",
        View::List(_) => "list",
        View::Fields(_) => "dict",
    }
}

fn write_repr<V: Viewed>(out: &mut String, value: &V) {
    match value.view() {
        View::Null => out.push_str("None"),
        View::Bool(true) => out.push_str("True"),
        View::Bool(false) => out.push_str("False"),
        View::Number(number) => out.push_str(&write_number(number)),
        View::Text(text) => write_quoted(out, text),
        View::List(items) => write_sequence(out, ('[', ']'), items, write_repr),
        View::Fields(fields) => write_sequence(out, ('{', '}'), fields, |out, (key, value)| {
            write_quoted(out, key);
            out.push_str(": ");
            write_repr(out, value);
        }),
    }
}

fn write_json<V: Viewed>(out: &mut String, value: &V) {
    match value.view() {
        View::Null => out.push_str("null"),
        View::Bool(truth) => out.push_str(if truth { "true" } else { "false" }),
        View::Number(number) => out.push_str(&write_number(number)),
        View::Text(text) => write_json_text(out, text),
        View::List(items) => write_sequence(out, ('[', ']'), items, write_json),
        View::Fields(fields) => write_sequence(out, ('{', '}'), fields, |out, (key, value)| {
            write_json_text(out, key);
            out.push_str(": ");
            write_json(out, value);
        }),
    }
}

fn write_sequence<T>(
    out: &mut String,
    (open, close): (char, char),
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    out.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write(out, item);
    }
    out.push(close);
}

/// Rust and Python agree on the digits and on when an exponent is used, not on how it looks.
fn write_number(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else { return number.to_string() };
    let text = format!("{float:?}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    format!("{digits}e{sign}{exponent:0>2}")
}

fn write_quoted(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if character == quote => out.extend(['\\', quote]),
            _ if is_printable(character) => out.push(character),
            _ => {
                let code = u32::from(character);
                // Writing to a string cannot fail.
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
}

/// Python's `str.isprintable` for one character, but for unassigned code points.
fn is_printable(character: char) -> bool {
    character == ' '
        || !(character.is_control()
            || character.is_whitespace()
            || matches!(u32::from(character),
                0xad | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xe000..=0xf8ff | 0xf0000..))
}

fn write_json_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The right-hand sides were printed by `python3.11`.
    #[test]
    fn prints_what_python_prints() {
        let table = [
            (json!("it's"), r#""it's""#, r#""it's""#),
            (
                json!("a\"b'c\\\n\t\u{1}\u{a0}é\u{2028}😀"),
                r#"'a"b\'c\\\n\t\x01\xa0é\u2028😀'"#,
                r#""a\"b'c\\\n\t\u0001\u00a0\u00e9\u2028\ud83d\ude00""#,
            ),
            (
                json!([1, -2, 1.0, 1.5e300, 1e16, 1e-5, 0.0001, 123_456_789.125]),
                "[1, -2, 1.0, 1.5e+300, 1e+16, 1e-05, 0.0001, 123456789.125]",
                "[1, -2, 1.0, 1.5e+300, 1e+16, 1e-05, 0.0001, 123456789.125]",
            ),
            (
                json!({"b": true, "a": [null, {}], "c": false}),
                "{'b': True, 'a': [None, {}], 'c': False}",
                r#"{"b": true, "a": [null, {}], "c": false}"#,
            ),
        ];
        for (value, repr_text, json_text) in table {
            assert_eq!((repr(&value).as_str(), dumps(&value).as_str()), (repr_text, json_text));
            let shared = json::Value::from(value);
            assert_eq!((repr(&shared).as_str(), dumps(&shared).as_str()), (repr_text, json_text));
        }
        assert_eq!(
            (str(&json!("x")), str(&json!(null)), str(&json!(8080))),
            ("x".into(), "None".into(), "8080".into())
        );
    }

    #[test]
    fn truth_is_pythons() {
        for falsy in [json!(null), json!(false), json!(0), json!(0.0), json!(""), json!([]), json!({})] {
            assert!(!is_truthy(&falsy), "{falsy}");
        }
        assert!(is_truthy(&json!("0")) && is_truthy(&json!([0])) && is_truthy(&json!(-1)));
    }
}
