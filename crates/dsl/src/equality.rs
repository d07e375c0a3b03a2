//! `==` and `<` of Python on JSON values: truth values are numbers, texts and lists are ordered.

use std::cmp::Ordering;

use nephele_model::json::{Number, Value};

/// Whether Python finds two values equal.
pub(crate) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| equal(value, other)))
        }
        _ => match (number(left), number(right)) {
            (Some(left), Some(right)) => compare_numbers(&left, &right) == Some(Ordering::Equal),
            _ => left == right,
        },
    }
}

/// How Python orders two values; nothing where it cannot.
pub(crate) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Array(left), Value::Array(right)) => {
            match left.iter().zip(right).find(|(left, right)| !equal(left, right)) {
                Some((left, right)) => compare(left, right),
                None => Some(left.len().cmp(&right.len())),
            }
        }
        _ => compare_numbers(&number(left)?, &number(right)?),
    }
}

fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Bool(truth) => Some(Number::from(u8::from(*truth))),
        Value::Number(number) => Some(number.clone()),
        _ => None,
    }
}

fn compare_numbers(left: &Number, right: &Number) -> Option<Ordering> {
    let whole = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

#[cfg(test)]
mod tests {
    use nephele_model::json::json;

    use super::*;

    #[test]
    fn values_are_equal_across_types() {
        for (left, right) in [
            (json!(1), json!(true)),
            (json!(1.0), json!(1)),
            (json!([0, {"a": 1}]), json!([false, {"a": 1.0}])),
            (json!({"a": 1, "b": 2}), json!({"b": 2, "a": 1})),
        ] {
            assert!(equal(&left, &right), "{left} {right}");
        }
        for (left, right) in [(json!(1), json!("1")), (json!(null), json!(0)), (json!([1]), json!([1, 1]))] {
            assert!(!equal(&left, &right), "{left} {right}");
        }
    }

    #[test]
    fn only_like_values_are_ordered() {
        assert_eq!(compare(&json!([1, "b"]), &json!([1, "a", 2])), Some(Ordering::Greater));
        assert_eq!(compare(&json!([1]), &json!([1, 2])), Some(Ordering::Less));
        assert_eq!(compare(&json!(u64::MAX), &json!(u64::MAX - 1)), Some(Ordering::Greater));
        assert_eq!(compare(&json!("1"), &json!(1)), None);
        assert_eq!(compare(&json!({}), &json!({})), None);
    }
}
