//! Interfaces: operations by name, of types and of templates, and one over the other (spec dsl.md 5).

use indexmap::IndexMap;
use nephele_model::json::{Map, Value};
use nephele_model::python_text;

use super::Scope;
use super::inputs::{self, Flavour};
use super::operations::{self, Operation, Owner};
use super::plugins::EXECUTORS;
use crate::diagnostic::{Diagnostic, Kind};
use crate::element::Element;

/// Interface name to operation name to operation.
pub(crate) type Interfaces = IndexMap<String, IndexMap<String, Operation>>;

/// Whose interfaces are being read: decides what `inputs` is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// `inputs` is a schema.
    Type,
    /// `inputs` is values.
    Template,
}

/// The interfaces in a section.
pub(crate) fn parse(section: &Element<'_, '_>, level: Level, scope: &mut Scope<'_>) -> Interfaces {
    let mut interfaces = Interfaces::new();
    for interface in section.entries() {
        let mut operations = IndexMap::with_capacity(interface.len());
        for element in interface.entries() {
            let operation = operation(&element, &interface.name(), level, scope);
            if let Some(operation) = scope.keep(operation) {
                operations.insert(element.name().into_owned(), operation);
            }
        }
        interfaces.insert(interface.name().into_owned(), operations);
    }
    interfaces
}

fn operation(
    element: &Element<'_, '_>,
    interface: &str,
    level: Level,
    scope: &mut Scope<'_>,
) -> Result<Operation, Diagnostic> {
    if let Some(text) = element.text() {
        return Ok(Operation { implementation: text.to_owned(), ..Operation::default() });
    }
    let executor = element.get("executor");
    if let Some(name) = executor.text().filter(|name| !EXECUTORS.contains(name)) {
        let message = format!(
            "Operation '{interface}.{}' has an illegal executor value '{name}'. valid values are [{}]",
            element.name(),
            EXECUTORS.join(",")
        );
        return Err(executor.logic(28, message));
    }
    let max_retries = element.get("max_retries").json();
    if max_retries.as_i64().is_some_and(|number| number < -1) {
        let message = format!(
            "'max_retries' value must be either -1 to specify unlimited retries or a non negative number but got \
             {max_retries}."
        );
        return Err(Diagnostic::new(Kind::Value, None, message));
    }
    let not_negative = |key| {
        let value = element.get(key).json();
        if value.as_f64().is_some_and(|number| number < 0.0) {
            let shown = python_text::str(&value);
            let message = format!("'{key}' value must be a non-negative number but got {shown}.");
            return Err(Diagnostic::new(Kind::Value, None, message));
        }
        Ok(value)
    };
    Ok(Operation {
        implementation: element.get("implementation").text().unwrap_or_default().to_owned(),
        retry_interval: not_negative("retry_interval")?,
        timeout: not_negative("timeout")?,
        inputs: match level {
            Level::Type => inputs::parse(&element.get("inputs"), Flavour::Input, scope),
            Level::Template => element.get("inputs").json_map(),
        },
        executor: executor.json(),
        max_retries,
        timeout_recoverable: element.get("timeout_recoverable").json(),
    })
}

/// A type's interfaces over those it derives from.
pub(crate) fn over_type(own: &Interfaces, inherited: &Interfaces) -> Interfaces {
    let merged = merge(own, inherited, |own, inherited| Ok(Operation::over_type(own, inherited)));
    merged.unwrap_or_default()
}

/// A template's interfaces over its type's.
pub(crate) fn over_template(template: &Interfaces, of_type: &Interfaces) -> Result<Interfaces, Diagnostic> {
    merge(template, of_type, Operation::over_template)
}

/// The inherited order first, then what is new.
fn merge(
    own: &Interfaces,
    inherited: &Interfaces,
    join: impl Fn(Option<&Operation>, Option<&Operation>) -> Result<Operation, Diagnostic>,
) -> Result<Interfaces, Diagnostic> {
    let nothing = IndexMap::new();
    let mut merged = Interfaces::with_capacity(inherited.len().max(own.len()));
    let new = own.keys().filter(|name| !inherited.contains_key(*name));
    for name in inherited.keys().chain(new) {
        let (own, inherited) = (own.get(name).unwrap_or(&nothing), inherited.get(name).unwrap_or(&nothing));
        let mut operations = IndexMap::with_capacity(inherited.len().max(own.len()));
        let new = own.keys().filter(|name| !inherited.contains_key(*name));
        for operation in inherited.keys().chain(new) {
            operations.insert(operation.clone(), join(own.get(operation), inherited.get(operation))?);
        }
        merged.insert(name.clone(), operations);
    }
    Ok(merged)
}

/// As plans show them.
pub(crate) fn to_json(interfaces: &Interfaces) -> Map {
    let operations = |operations: &IndexMap<String, Operation>| {
        Value::Object(operations.iter().map(|(name, operation)| (name.clone(), operation.to_json())).collect())
    };
    interfaces.iter().map(|(name, interface)| (name.clone(), operations(interface))).collect()
}

/// The operations of plans: each under its own name and as `interface.operation`. A name that two
/// interfaces share is only known in full.
pub(crate) fn plan(interfaces: &Interfaces, code: i32, context: &str, scope: &Scope<'_>) -> Result<Map, Diagnostic> {
    let mut planned: IndexMap<String, Option<Map>> = IndexMap::new();
    for (interface, operations) in interfaces {
        let context = format!("In interface '{interface}' {context}");
        for (name, operation) in operations {
            let owner = Owner { kind: "operation", name, code, context: &context };
            let operation = operations::plan(operation, owner, scope)?;
            planned
                .entry(name.clone())
                .and_modify(|ambiguous| *ambiguous = None)
                .or_insert_with(|| Some(operation.clone()));
            planned.insert(format!("{interface}.{name}"), Some(operation));
        }
    }
    Ok(planned.into_iter().filter_map(|(name, operation)| Some((name, Value::Object(operation?)))).collect())
}
