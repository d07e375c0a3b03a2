//! `string_find`, `string_replace`, `string_split`, `string_lower`, `string_upper`.

use nephele_model::json::{List, Value};
use nephele_model::python_text;

use super::arguments::class;
use super::{failure, invalid, recognise};
use crate::diagnostic::{Diagnostic, Fault};

/// The arguments of a function by name, with whether each must be a whole number rather than text.
fn named<'a>(function: &str, arguments: &'a Value) -> Vec<(&'static str, bool, &'a Value)> {
    let names: &[(&str, bool)] = match function {
        "string_find" => &[("haystack", false), ("needle", false)],
        "string_replace" => &[("haystack", false), ("needle", false), ("replacement", false), ("count", true)],
        "string_split" => &[("input", false), ("separator", false), ("index", true)],
        _ => return vec![("input", false, arguments)],
    };
    let items = arguments.as_array().map_or(&[][..], List::as_slice);
    names.iter().zip(items).map(|((name, number), value)| (*name, *number, value)).collect()
}

fn mistyped(number: bool, value: &Value) -> bool {
    if number { !value.is_i64() && !value.is_boolean() && !value.is_null() } else { !value.is_string() }
}

fn wording(name: &str, number: bool, value: &Value) -> String {
    let wanted = if number { "int" } else { "str" };
    format!(
        "argument `{name}` should be of type <class '{wanted}'> but is {} ({})",
        class(value),
        python_text::str(value)
    )
}

/// Checks the types of arguments that are no functions.
pub(crate) fn validate(function: &str, arguments: &Value) -> Result<(), Diagnostic> {
    let wrong = named(function, arguments)
        .into_iter()
        .find(|(_, number, value)| recognise(value).is_none() && mistyped(*number, value));
    wrong.map_or(Ok(()), |(name, number, value)| Err(invalid(function, wording(name, number, value))))
}

/// The value. Errors: an argument that is a function still, or of the wrong type.
pub(crate) fn evaluate(function: &str, arguments: &Value) -> Result<Value, Diagnostic> {
    let named = named(function, arguments);
    for (name, number, value) in &named {
        if recognise(value).is_some() {
            let shown = python_text::str(*value);
            return Err(failure(function, format!("argument `{name}` should not be a function ({shown})")));
        }
        if mistyped(*number, value) {
            return Err(failure(function, wording(name, *number, value)));
        }
    }
    let text = |index: usize| named.get(index).and_then(|(_, _, value)| value.as_str()).unwrap_or_default();
    let number = |index: usize| {
        let value = named.get(index).map(|(_, _, value)| *value)?;
        value.as_i64().or_else(|| value.as_bool().map(i64::from))
    };
    Ok(match function {
        "string_find" => match text(0).find(text(1)) {
            Some(at) => Value::from(text(0)[..at].chars().count()),
            None => Value::from(-1),
        },
        "string_replace" => Value::from(match number(3).map(usize::try_from) {
            Some(Ok(count)) => text(0).replacen(text(1), text(2), count),
            _ => text(0).replace(text(1), text(2)),
        }),
        "string_split" => split(text(0), text(1), number(2))?,
        "string_lower" => Value::from(text(0).to_lowercase()),
        _ => Value::from(text(0).to_uppercase()),
    })
}

fn split(text: &str, separator: &str, index: Option<i64>) -> Result<Value, Diagnostic> {
    if separator.is_empty() {
        return Err(Diagnostic::new(Fault::FunctionArgument, "empty separator"));
    }
    let parts: Vec<&str> = text.split(separator).collect();
    let Some(index) = index else { return Ok(Value::from(parts)) };
    let length = i64::try_from(parts.len()).unwrap_or(i64::MAX);
    let place = if index < 0 { index + length } else { index };
    usize::try_from(place)
        .ok()
        .and_then(|place| parts.get(place))
        .map(|part| Value::from(*part))
        .ok_or_else(|| Diagnostic::new(Fault::IndexOutOfRange, "list index out of range"))
}

#[cfg(test)]
mod tests {
    use nephele_model::json::json;

    use super::*;

    #[test]
    fn text_functions_work_as_in_python() {
        for (function, arguments, expected) in [
            ("string_find", json!(["abc", "c"]), json!(2)),
            ("string_find", json!(["abc", "x"]), json!(-1)),
            ("string_replace", json!(["aaa", "a", "b", 2]), json!("bba")),
            ("string_split", json!(["a,b", ","]), json!(["a", "b"])),
            ("string_split", json!(["a,b", ",", -1]), json!("b")),
            ("string_lower", json!("ABC"), json!("abc")),
        ] {
            assert_eq!(evaluate(function, &arguments).unwrap(), expected, "{function}");
        }
        assert_eq!(evaluate("string_split", &json!(["a", ",", 3])).unwrap_err().fault, Fault::IndexOutOfRange);
        assert!(evaluate("string_upper", &json!({"get_secret": "x"})).is_err());
    }
}
