//! Operations and interfaces over one another, for callers that have them as JSON (spec dsl.md section
//! 5.2).

use indexmap::IndexMap;
use nephele_model::json::{Map, Value};

use super::interfaces::{self, Interfaces};
use super::operations::Operation;
use crate::diagnostic::Diagnostic;

/// What lies over what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// A node or relationship type over the one that it derives from.
    TypeOverType,
    /// A node template or a relationship of one over its type.
    TemplateOverType,
}

/// One operation over another, each a text, a mapping or null for none. The answer is in normal form, or
/// null if there is neither.
///
/// Errors: 107 for inputs that have no value.
pub fn merge_operation(merge: Merge, own: &Value, inherited: &Value) -> Result<Value, Diagnostic> {
    let (own, inherited) = (read(own), read(inherited));
    if own.is_none() && inherited.is_none() {
        return Ok(Value::Null);
    }
    let merged = match merge {
        Merge::TypeOverType => Operation::over_type(own.as_ref(), inherited.as_ref()),
        Merge::TemplateOverType => Operation::over_template(own.as_ref(), inherited.as_ref())?,
    };
    Ok(merged.to_json())
}

/// Interfaces (name to operation name to operation) over others. Errors: as of [`merge_operation`].
pub fn merge_interfaces(merge: Merge, own: &Map, inherited: &Map) -> Result<Map, Diagnostic> {
    let (own, inherited) = (read_all(own), read_all(inherited));
    let mut found = Vec::new();
    let merged = match merge {
        Merge::TypeOverType => interfaces::over_type(&own, &inherited),
        Merge::TemplateOverType => interfaces::over_template(&own, &inherited, &mut found),
    };
    match found.into_iter().next() {
        Some(misplanned) => Err(misplanned.problem),
        None => Ok(interfaces::to_json(&merged, Operation::to_json)),
    }
}

fn read(operation: &Value) -> Option<Operation> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    match operation {
        Value::String(implementation) => {
            Some(Operation { implementation: implementation.as_str().to_owned(), ..Operation::default() })
        }
        Value::Object(map) => {
            let field = |key: &str| map.get(key).cloned().unwrap_or_default();
            Some(Operation {
                implementation: text(map.get("implementation")),
                inputs: map.get("inputs").and_then(Value::as_object).cloned().unwrap_or_default(),
                executor: field("executor"),
                max_retries: field("max_retries"),
                retry_interval: field("retry_interval"),
                timeout: field("timeout"),
                timeout_recoverable: field("timeout_recoverable"),
                is_text: false,
            })
        }
        _ => None,
    }
}

fn read_all(interfaces: &Map) -> Interfaces {
    let operations = |interface: &Value| -> IndexMap<String, Operation> {
        let operations = interface.as_object().into_iter().flatten();
        operations.filter_map(|(name, operation)| Some((name.as_str().to_owned(), read(operation)?))).collect()
    };
    interfaces.iter().map(|(name, interface)| (name.as_str().to_owned(), operations(interface))).collect()
}

#[cfg(test)]
mod tests {
    use nephele_model::json::json;

    use super::*;

    #[test]
    fn a_template_that_says_nothing_takes_the_defaults() {
        let of_type = json!({"implementation": "p.run", "inputs": {"key": {"default": 1}}});
        let merged = merge_operation(Merge::TemplateOverType, &Value::Null, &of_type).unwrap();
        assert_eq!((&merged["implementation"], &merged["inputs"]), (&json!("p.run"), &json!({"key": 1})));
        assert_eq!(merge_operation(Merge::TypeOverType, &Value::Null, &of_type).unwrap()["inputs"], of_type["inputs"]);
        assert_eq!(merge_operation(Merge::TemplateOverType, &Value::Null, &Value::Null).unwrap(), Value::Null);
    }

    #[test]
    fn inherited_operations_come_first() {
        let map = |value: Value| value.as_object().cloned().unwrap();
        let own = map(json!({"new": {"a": "p.a"}, "old": {"c": "p.c"}}));
        let inherited = map(json!({"old": {"b": "p.b"}}));
        let merged = merge_interfaces(Merge::TypeOverType, &own, &inherited).unwrap();
        assert_eq!(merged.keys().collect::<Vec<_>>(), ["old", "new"]);
        assert_eq!(merged["old"].as_object().unwrap().keys().collect::<Vec<_>>(), ["b", "c"]);
    }
}
