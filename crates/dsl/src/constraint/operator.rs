//! The operators that look at the value alone. They compare as Python does.

use nephele_model::json::Value;
use nephele_model::python_text::type_name;

use super::{pattern, violation};
use crate::diagnostic::{Diagnostic, Fault};
use crate::equality::{compare, equal};

/// Whether a value satisfies one operator.
///
/// Errors: the two cannot be compared at all; an operator that is unknown or that only the manager can
/// answer.
pub fn holds(name: &str, argument: &Value, value: &Value) -> Result<bool, Diagnostic> {
    let refuse = || incomparable(name, argument, type_name(value));
    let ordered = |left: &Value, right: &Value| compare(left, right).ok_or_else(refuse);
    Ok(match name {
        "equal" => equal(value, argument),
        "greater_than" => ordered(value, argument)?.is_gt(),
        "greater_or_equal" => ordered(value, argument)?.is_ge(),
        "less_than" => ordered(value, argument)?.is_lt(),
        "less_or_equal" => ordered(value, argument)?.is_le(),
        "in_range" => {
            let bounds = argument.as_array().ok_or_else(refuse)?;
            let bound = |index: usize| bounds.get(index).ok_or_else(past_the_end);
            ordered(bound(0)?, value)?.is_le() && ordered(value, bound(1)?)?.is_le()
        }
        "valid_values" => is_among(value, argument).ok_or_else(refuse)?,
        "length" => equal(&length(value).ok_or_else(refuse)?, argument),
        "min_length" => ordered(&length(value).ok_or_else(refuse)?, argument)?.is_ge(),
        "max_length" => ordered(&length(value).ok_or_else(refuse)?, argument)?.is_le(),
        "pattern" => {
            let text = value.as_str().ok_or_else(refuse)?;
            pattern::matches(argument.as_str().ok_or_else(|| no_pattern(argument))?, text)?
        }
        "filter_id" | "labels" | "tenants" | "name_pattern" | "deployment_id" => {
            return Err(Diagnostic::new(Fault::ConstraintOfManager, ""));
        }
        unknown => return Err(Diagnostic::new(Fault::UnknownOperator, format!("'{unknown}'"))),
    })
}

/// The failure of an operator on a value of a class that it cannot work with.
pub fn incomparable(name: &str, argument: &Value, class: &str) -> Diagnostic {
    let kind = type_name(argument);
    violation(match name {
        "length" | "min_length" | "max_length" => {
            format!("Value's length could not be computed. Value type is '{class}'.")
        }
        "pattern" => format!("Value must be of type string, got type '{class}'"),
        "valid_values" => format!(
            "Value cannot be searched in the given valid values. Constraint argument type is '{kind}' but value type \
             is '{class}'."
        ),
        _ => format!("Value is not comparable, the Constraint argument type  is '{kind}' but value type is '{class}'."),
    })
}

/// The failure of something as a pattern that is no text.
fn no_pattern(argument: &Value) -> Diagnostic {
    let message = match argument {
        Value::Array(_) | Value::Object(_) => format!("unhashable type: '{}'", type_name(argument)),
        _ => "first argument must be string or compiled pattern".to_owned(),
    };
    Diagnostic::new(Fault::PatternNotText, message)
}

fn past_the_end() -> Diagnostic {
    Diagnostic::new(Fault::IndexOutOfRange, "list index out of range")
}

fn length(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(items) => Some(items.len()),
        Value::Object(map) => Some(map.len()),
        _ => None,
    }
    .map(Value::from)
}

/// `value in container`; nothing where that is no question.
fn is_among(value: &Value, container: &Value) -> Option<bool> {
    match (container, value) {
        (Value::Array(items), _) => Some(items.iter().any(|item| equal(item, value))),
        (Value::String(text), Value::String(part)) => Some(text.contains(part.as_str())),
        (Value::Object(_), Value::Array(_) | Value::Object(_)) => None,
        (Value::Object(map), key) => Some(key.as_str().is_some_and(|key| map.contains_key(key))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use nephele_model::json::json;

    use super::*;

    /// What the reference answers.
    #[test]
    fn operators_compare_as_python_does() {
        for (name, argument, value, expected) in [
            ("equal", json!(3), json!(3.0), true),
            ("equal", json!(1), json!(true), true),
            ("equal", json!(3), json!("3"), false),
            ("greater_than", json!("a"), json!("b"), true),
            ("less_than", json!([1, 2]), json!([1, 1.5]), true),
            ("in_range", json!([0, 5]), json!(5), true),
            ("in_range", json!([9, "x"]), json!(5), false),
            ("length", json!(2), json!("ab"), true),
            ("length", json!("2"), json!("ab"), false),
            ("min_length", json!(2.5), json!({"a": 1, "b": 2, "c": 3}), true),
            ("pattern", json!("a+"), json!("aab"), true),
            ("pattern", json!("a+"), json!("ba"), false),
            ("pattern", json!("a|b"), json!("xb"), false),
            ("valid_values", json!([1, "x"]), json!("x"), true),
            ("valid_values", json!([[1.0], "x"]), json!([true]), true),
            ("valid_values", json!("xyz"), json!("y"), true),
        ] {
            assert_eq!(holds(name, &argument, &value).unwrap(), expected, "{name} {argument} {value}");
        }
        for (name, argument, value, kind) in [
            ("greater_than", json!(1), json!("x"), Fault::ConstraintViolated),
            ("length", json!(1), json!(1), Fault::ConstraintViolated),
            ("in_range", json!([0]), json!(1), Fault::IndexOutOfRange),
            ("valid_values", json!(3), json!(1), Fault::ConstraintViolated),
            ("labels", json!([]), json!("x"), Fault::ConstraintOfManager),
            ("equals", json!(1), json!(1), Fault::UnknownOperator),
        ] {
            assert_eq!(holds(name, &argument, &value).unwrap_err().fault, kind, "{name} {argument} {value}");
        }
    }
}
