//! Interfaces: operations by name, of types and of templates, and one over the other (spec dsl.md 5).

use indexmap::IndexMap;
use nephele_model::json::{Map, Value};
use nephele_model::python_text;

use super::Scope;
use super::inputs::{self, Flavour};
use super::operations::{self, Operation, Owner};
use super::plugins::EXECUTORS;
use crate::diagnostic::{Diagnostic, Fault, suggestion};
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
            operations.insert(element.name().into_owned(), operation);
        }
        interfaces.insert(interface.name().into_owned(), operations);
    }
    interfaces
}

fn operation(element: &Element<'_, '_>, interface: &str, level: Level, scope: &mut Scope<'_>) -> Operation {
    if let Some(text) = element.text() {
        return Operation { implementation: text.to_owned(), is_text: true, ..Operation::default() };
    }
    let executor = element.get("executor");
    if let Some(name) = executor.text().filter(|name| !EXECUTORS.contains(name)) {
        let message = format!(
            "Operation '{interface}.{}' has an illegal executor value '{name}'. valid values are [{}]",
            element.name(),
            EXECUTORS.join(",")
        );
        let hint = suggestion(name, EXECUTORS);
        scope.problems.push(executor.problem(Fault::OperationExecutor, message).with_hint(hint));
    }
    let mut number = |key, is_legal: fn(f64) -> bool, rule: &str| {
        let field = element.get(key);
        let value = field.json();
        if !value.as_f64().is_none_or(is_legal) {
            let message = format!("'{key}' value must be {rule} but got {}.", python_text::str(&value));
            scope.problems.push(field.quoted(Diagnostic::new(Fault::NegativeRetries, message)));
        }
        value
    };
    let or_endless = "either -1 to specify unlimited retries or a non negative number";
    let max_retries = number("max_retries", |number| number >= -1.0, or_endless);
    let retry_interval = number("retry_interval", |number| number >= 0.0, "a non-negative number");
    let timeout = number("timeout", |number| number >= 0.0, "a non-negative number");
    Operation {
        implementation: element.get("implementation").text().unwrap_or_default().to_owned(),
        inputs: match level {
            Level::Type => inputs::parse(&element.get("inputs"), Flavour::Input, scope),
            Level::Template => element.get("inputs").json_map(),
        },
        executor: executor.json(),
        max_retries,
        retry_interval,
        timeout,
        timeout_recoverable: element.get("timeout_recoverable").json(),
        is_text: false,
    }
}

/// A type's interfaces over those it derives from.
pub(crate) fn over_type(own: &Interfaces, inherited: &Interfaces) -> Interfaces {
    merge(own, inherited, |_, _, own, inherited| Some(Operation::over_type(own, inherited)))
}

/// A problem with one operation.
pub(crate) struct Misplanned {
    interface: String,
    operation: String,
    pub(crate) problem: Diagnostic,
}

impl Misplanned {
    pub(crate) fn new(interface: &str, operation: &str, problem: Diagnostic) -> Self {
        Self { interface: interface.to_owned(), operation: operation.to_owned(), problem }
    }

    /// Where the operation, or the part of it that is wrong, stands in a plan.
    pub(crate) fn path(&self) -> String {
        let part = if self.problem.fault == Fault::MissingOperationInput { "inputs" } else { "implementation" };
        format!(".{}.{}.{part}", self.interface, self.operation)
    }
}

/// A template's interfaces over its type's, without the operations that go into `found`.
pub(crate) fn over_template(template: &Interfaces, of_type: &Interfaces, found: &mut Vec<Misplanned>) -> Interfaces {
    merge(template, of_type, |interface, operation, own, inherited| match Operation::over_template(own, inherited) {
        Ok(merged) => Some(merged),
        Err(problem) => {
            found.push(Misplanned::new(interface, operation, problem));
            None
        }
    })
}

/// The inherited order first, then what is new.
fn merge(
    own: &Interfaces,
    inherited: &Interfaces,
    mut join: impl FnMut(&str, &str, Option<&Operation>, Option<&Operation>) -> Option<Operation>,
) -> Interfaces {
    let nothing = IndexMap::new();
    let mut merged = Interfaces::with_capacity(inherited.len().max(own.len()));
    let new = own.keys().filter(|name| !inherited.contains_key(*name));
    for name in inherited.keys().chain(new) {
        let (own, inherited) = (own.get(name).unwrap_or(&nothing), inherited.get(name).unwrap_or(&nothing));
        let mut operations = IndexMap::with_capacity(inherited.len().max(own.len()));
        let new = own.keys().filter(|name| !inherited.contains_key(*name));
        for operation in inherited.keys().chain(new) {
            let joined = join(name, operation, own.get(operation), inherited.get(operation));
            operations.extend(joined.map(|joined| (operation.clone(), joined)));
        }
        merged.insert(name.clone(), operations);
    }
    merged
}

/// As plans show them, each operation by `show`.
pub(crate) fn to_json(interfaces: &Interfaces, show: fn(&Operation) -> Value) -> Map {
    let operations = |operations: &IndexMap<String, Operation>| {
        Value::Object(operations.iter().map(|(name, operation)| (name.clone(), show(operation))).collect())
    };
    interfaces.iter().map(|(name, interface)| (name.clone(), operations(interface))).collect()
}

/// The operations of plans: each under its own name and as `interface.operation`. A name that two
/// interfaces share is only known in full. Operations that go into `found` are left out.
pub(crate) fn plan(
    interfaces: &Interfaces,
    fault: Fault,
    context: &str,
    scope: &Scope<'_>,
    found: &mut Vec<Misplanned>,
) -> Map {
    let mut planned: IndexMap<String, Option<Map>> = IndexMap::new();
    for (interface, operations) in interfaces {
        let context = format!("In interface '{interface}' {context}");
        for (name, operation) in operations {
            let owner = Owner { kind: "operation", name, fault, context: &context };
            let operation = match operations::plan(operation, owner, scope) {
                Ok(operation) => operation,
                Err(problem) => {
                    found.push(Misplanned::new(interface, name, problem));
                    continue;
                }
            };
            planned
                .entry(name.clone())
                .and_modify(|ambiguous| *ambiguous = None)
                .or_insert_with(|| Some(operation.clone()));
            planned.insert(format!("{interface}.{name}"), Some(operation));
        }
    }
    planned.into_iter().filter_map(|(name, operation)| Some((name, Value::Object(operation?)))).collect()
}
