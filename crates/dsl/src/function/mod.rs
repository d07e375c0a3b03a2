//! Intrinsic functions: what they are, where they stand, how they are checked and evaluated (spec
//! dsl.md section 6).
//!
//! [`evaluate::Evaluator`] walks a value and calls functions; it asks a [`world::World`] for everything
//! outside the value. There are two worlds: the plan ([`plan_world`]), where run-time functions stay as
//! they are, and the running deployment ([`runtime`]).

pub(crate) mod arguments;
pub(crate) mod attribute;
pub(crate) mod evaluate;
pub(crate) mod extension;
mod group_capability;
mod instance;
mod json_text;
pub(crate) mod plan_world;
pub(crate) mod property;
pub(crate) mod runtime;
pub(crate) mod scan;
mod storage;
mod text;
pub(crate) mod validate;
pub(crate) mod world;

pub use extension::{Extension, with_extensions};
pub use group_capability::GroupCapability;
pub use runtime::{
    Context, evaluate, evaluate_capabilities, evaluate_capability, evaluate_instance, evaluate_node, evaluate_outputs,
};
pub use storage::{Instance, Lookup, Node, Related, Relationship, ScalingGroup, Stop, Storage, all, capability_part};

use nephele_model::json::Value;

use crate::diagnostic::{Diagnostic, Fault};

/// Every function.
const NAMES: &[&str] = &[
    "get_input",
    "get_property",
    "get_attribute",
    "get_attributes_list",
    "get_attributes_dict",
    "get_secret",
    "get_capability",
    "get_group_capability",
    "get_environment_capability",
    "get_label",
    "get_sys",
    "get_consumers",
    "concat",
    "merge",
    "string_find",
    "string_replace",
    "string_split",
    "string_lower",
    "string_upper",
];

/// Functions that can be evaluated before anything runs.
const BEFORE_RUN: &[&str] = &[
    "get_input",
    "get_property",
    "concat",
    "merge",
    "string_find",
    "string_replace",
    "string_split",
    "string_lower",
    "string_upper",
];

/// The function that a value calls, with its argument: a mapping of one function name, perhaps beside
/// the key `type`. With two function names the last one counts.
pub(crate) fn recognise(value: &Value) -> Option<(&'static str, &Value)> {
    let map = value.as_object().filter(|map| (1..=2).contains(&map.len()))?;
    let mut found = None;
    for (key, argument) in map {
        if key == "type" {
            continue;
        }
        let name = NAMES.iter().copied().find(|name| name == key);
        found = Some((name.or_else(|| Some(extension::find(key)?.name))?, argument));
    }
    found
}

/// Whether a function can be evaluated before anything runs.
pub(crate) fn is_for_plans(name: &str) -> bool {
    BEFORE_RUN.contains(&name) || extension::find(name).is_some()
}

/// Whether any function stands anywhere in a value.
pub fn is_anywhere_in(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(is_anywhere_in),
        Value::Object(map) => recognise(value).is_some() || map.values().any(is_anywhere_in),
        _ => false,
    }
}

/// A function that cannot be evaluated.
pub(crate) fn failure(function: &str, message: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::new(Fault::FunctionEvaluation, format!("Unable to evaluate {function} function: {message}"))
}

/// A function that is written wrongly.
fn invalid(function: &str, message: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::new(Fault::InvalidFunction, format!("Unable to validate {function} function: {message}"))
}

#[cfg(test)]
mod tests {
    use nephele_model::json::json;

    use super::*;

    #[test]
    fn functions_are_told_from_data() {
        let name = |value: Value| recognise(&value).map(|(name, _)| name);
        assert_eq!(name(json!({"get_input": "x"})), Some("get_input"));
        assert_eq!(name(json!({"get_input": "x", "type": "integer"})), Some("get_input"));
        assert_eq!(name(json!({"get_secret": "x", "concat": []})), Some("concat"));
        for data in [json!({"type": "x"}), json!({"get_input": "x", "other": 1}), json!({}), json!("get_input")] {
            assert_eq!(name(data.clone()), None, "{data}");
        }
    }
}
