//! One operation: its normal form, how a template's lies over a type's, and which plugin runs it (spec
//! dsl.md section 5).

use nephele_model::json::{Map, Value, name, object};

use super::Scope;
use super::refused::Section;
use crate::diagnostic::{Diagnostic, Fault, suggestion};
use crate::value::Schema;

/// An operation in normal form. In a type `inputs` is a schema, in a template it is values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Operation {
    pub(crate) implementation: String,
    pub(crate) inputs: Map,
    pub(crate) executor: Value,
    pub(crate) max_retries: Value,
    pub(crate) retry_interval: Value,
    pub(crate) timeout: Value,
    pub(crate) timeout_recoverable: Value,
    /// Whether it was written as nothing but its implementation.
    pub(crate) is_text: bool,
}

impl Operation {
    /// Whether it does nothing; in a template that cancels what the type does.
    pub(crate) fn is_no_op(&self) -> bool {
        *self == Self { is_text: self.is_text, ..Self::default() }
    }

    /// As plans show it in a type that derives from none: text becomes an operation in an order of its own.
    pub(crate) fn to_json_as_written(&self) -> Value {
        if !self.is_text {
            return self.to_json();
        }
        object! {
            "implementation": &self.implementation,
            "executor": Value::Null,
            "inputs": Map::new(),
            "max_retries": Value::Null,
            "retry_interval": Value::Null,
            "timeout": Value::Null,
            "timeout_recoverable": Value::Null,
        }
    }

    /// As plans show it under `interfaces`.
    pub(crate) fn to_json(&self) -> Value {
        object! {
            "implementation": self.implementation.as_str(),
            "inputs": &self.inputs,
            "executor": &self.executor,
            "max_retries": &self.max_retries,
            "retry_interval": &self.retry_interval,
            "timeout": &self.timeout,
            "timeout_recoverable": &self.timeout_recoverable,
        }
    }

    /// A type's operation over the one of the type it derives from: it replaces it whole.
    pub(crate) fn over_type(own: Option<&Self>, inherited: Option<&Self>) -> Self {
        Self { is_text: false, ..own.or(inherited).cloned().unwrap_or_default() }
    }

    /// A template's operation over its type's. Errors: 107 for inputs without a value.
    pub(crate) fn over_template(template: Option<&Self>, of_type: Option<&Self>) -> Result<Self, Diagnostic> {
        match (template, of_type) {
            (None, None) => Ok(Self::default()),
            (Some(template), None) => Ok(template.clone()),
            (None, Some(of_type)) => {
                Ok(Self { inputs: complete_inputs(&of_type.inputs, &Map::new())?, ..of_type.clone() })
            }
            (Some(template), Some(_)) if template.is_no_op() => Ok(template.clone()),
            (Some(template), Some(of_type)) if of_type.is_no_op() => Ok(template.clone()),
            (Some(template), Some(of_type)) => {
                let inherits = template.implementation.is_empty() || template.implementation == of_type.implementation;
                if !inherits {
                    return Ok(template.clone());
                }
                let either =
                    |own: &Value, inherited: &Value| if own.is_null() { inherited.clone() } else { own.clone() };
                Ok(Self {
                    implementation: of_type.implementation.clone(),
                    inputs: complete_inputs(&of_type.inputs, &template.inputs)?,
                    executor: either(&template.executor, &of_type.executor),
                    max_retries: either(&template.max_retries, &of_type.max_retries),
                    retry_interval: either(&template.retry_interval, &of_type.retry_interval),
                    timeout: either(&template.timeout, &of_type.timeout),
                    timeout_recoverable: either(&template.timeout_recoverable, &of_type.timeout_recoverable),
                    is_text: false,
                })
            }
        }
    }
}

/// Values over the defaults of a schema. A value that is a mapping also takes the declared `type` as a
/// key: that is how types of inputs are known later.
fn complete_inputs(schema: &Schema, given: &Map) -> Result<Map, Diagnostic> {
    let mut inputs = Map::with_capacity(schema.len().max(given.len()));
    for (name, input) in schema {
        if let Some(default) = input.get("default") {
            inputs.insert(name.clone(), default.clone());
        }
    }
    for (name, value) in given {
        inputs.insert(name.clone(), value.clone());
    }
    let mut missing = Vec::new();
    for (name, input) in schema {
        match (inputs.get_mut(name), input.get("type")) {
            (Some(Value::Object(value)), Some(type_name)) => {
                value.insert("type".to_owned(), type_name.clone());
            }
            (None, _) => missing.push(format!("'{name}'")),
            _ => {}
        }
    }
    match missing.as_slice() {
        [] => Ok(inputs),
        [one] => Err(Diagnostic::new(Fault::MissingOperationInput, format!("Input {one} is missing a value"))),
        several => {
            let message = format!("Inputs {} are missing a value", several.join(", "));
            Err(Diagnostic::new(Fault::MissingOperationInput, message))
        }
    }
}

/// What runs a mapping.
pub(crate) struct Target {
    /// The plugin's name.
    pub(crate) plugin: String,
    /// The function within it.
    pub(crate) operation: String,
    /// The argument that takes the script, if a script is what runs: its name.
    pub(crate) script_argument: Option<&'static str>,
}

/// Whose mapping is being resolved: decides the number and the wording of failures.
#[derive(Clone, Copy)]
pub(crate) struct Owner<'a> {
    /// `operation` or `workflow`.
    pub(crate) kind: &'static str,
    /// The operation's or workflow's name.
    pub(crate) name: &'a str,
    /// What a mapping that leads nowhere is known by.
    pub(crate) fault: Fault,
    /// What is added to the message.
    pub(crate) context: &'a str,
}

/// Finds what runs `mapping`. Errors: 60, 61, 91, and the owner's code.
pub(crate) fn target(mapping: &str, inputs: &Map, owner: Owner<'_>, scope: &Scope<'_>) -> Result<Target, Diagnostic> {
    let refuse = |fault, message: String| Err(Diagnostic::new(fault, message));
    let is_file = has_scheme(mapping) || is_local_script(mapping, scope);
    let is_inline = !is_file && mapping.trim().contains('\n');
    let candidates: Vec<&str> = if is_file || is_inline {
        Vec::new()
    } else {
        let named = |name: &&String| mapping.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'));
        scope.plugins.keys().filter(named).map(String::as_str).collect()
    };
    if is_file || is_inline || (candidates.is_empty() && is_script_of_imported_blueprint(mapping, scope)) {
        if inputs.contains_key("script_path") || inputs.contains_key("script_source") {
            let message =
                format!("Cannot define 'script_path' property in '{mapping}' for {} '{}'", owner.kind, owner.name);
            return refuse(Fault::ScriptInput, message);
        }
        let function = if owner.kind == "workflow" { "execute_workflow" } else { "run" };
        let operation = format!("script_runner.tasks.{function}");
        let script = scope.plugins.keys().find(|name| name.ends_with("script")).map(String::as_str);
        let excused = || scope.refused.excuses(Section::Plugins, "script", []).then_some("script");
        let Some(plugin) = script.or_else(excused) else {
            let message = format!(
                "Script plugin is not defined but it is required for mapping '{operation}' of {} '{}'",
                owner.kind, owner.name
            );
            return refuse(Fault::MissingScriptPlugin, message);
        };
        let script_argument = Some(if is_inline { "script_source" } else { "script_path" });
        return Ok(Target { plugin: plugin.to_owned(), operation, script_argument });
    }
    match candidates.as_slice() {
        [plugin] => Ok(Target {
            plugin: (*plugin).to_owned(),
            operation: mapping[plugin.len() + 1..].to_owned(),
            script_argument: None,
        }),
        [] => {
            let (plugin, operation) = mapping.split_once('.').unwrap_or((mapping, ""));
            let known = scope.plugins.keys().map(String::as_str);
            if !mapping.contains('/') && scope.refused.excuses(Section::Plugins, plugin, known.clone()) {
                return Ok(Target {
                    plugin: plugin.to_owned(),
                    operation: operation.to_owned(),
                    script_argument: None,
                });
            }
            let kind = owner.kind;
            let message = format!(
                "Could not extract plugin or a script resource is not found from {kind} mapping/script-path \
                 '{mapping}', which is declared for {kind} '{}'.{}",
                owner.name, owner.context
            );
            let hint = if mapping.contains('/') {
                Some(format!("there is no file '{mapping}' beside the blueprint"))
            } else {
                suggestion(plugin, known).map(|hint| format!("plugin '{plugin}': {hint}"))
            };
            let brief = format!("'{mapping}' of {kind} '{}' leads to no plugin and no script", owner.name);
            Err(Diagnostic::new(owner.fault, message).with_brief(brief).with_hint(hint))
        }
        several => {
            let plugins = nephele_model::python_text::names(several.iter().copied());
            refuse(
                Fault::AmbiguousPlugin,
                format!("Ambiguous operation mapping. [operation={}, plugins={plugins}]", owner.name),
            )
        }
    }
}

/// `scheme:...` with letters first, as URL parsers see it; so `p:x` counts as well.
fn has_scheme(mapping: &str) -> bool {
    mapping.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|character| character.is_ascii_alphanumeric() || "+-.".contains(character))
    })
}

fn is_local_script(mapping: &str, scope: &Scope<'_>) -> bool {
    let path = mapping.rfind("--").map_or(mapping, |at| &mapping[at + 2..]);
    !path.contains('\n') && scope.resource_bases.iter().any(|base| scope.imports.exists(&format!("{base}/{path}")))
}

fn is_script_of_imported_blueprint(mapping: &str, scope: &Scope<'_>) -> bool {
    mapping.split_once("--").is_some_and(|(namespace, _)| scope.blueprint_namespaces.contains(namespace))
}

/// The plan form of an operation that does nothing.
pub(crate) fn no_op() -> Map {
    planned("", "", Value::Null, Map::new(), &Operation::default())
}

/// The plan form of an operation.
pub(crate) fn plan(operation: &Operation, owner: Owner<'_>, scope: &Scope<'_>) -> Result<Map, Diagnostic> {
    if operation.implementation.is_empty() {
        return Ok(no_op());
    }
    let target = target(&operation.implementation, &operation.inputs, owner, scope)?;
    let types: Map = operation
        .inputs
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.as_object()?.get("type")?.clone())))
        .collect();
    let mut inputs = operation.inputs.clone();
    let mut executor = operation.executor.clone();
    if let Some(argument) = target.script_argument {
        inputs.insert(argument, Value::from(operation.implementation.as_str()));
        if !nephele_model::python_text::is_truthy(&executor) {
            executor = Value::from("auto");
        }
    } else if !nephele_model::python_text::is_truthy(&executor) {
        executor =
            scope.plugins.get(&target.plugin).and_then(|plugin| plugin.get("executor")).cloned().unwrap_or_default();
    }
    let mut planned = planned(&target.plugin, &target.operation, executor, inputs, operation);
    if !types.is_empty() {
        planned.insert("inputs_types", Value::Object(types));
    }
    Ok(planned)
}

fn planned(plugin: &str, operation: &str, executor: Value, inputs: Map, from: &Operation) -> Map {
    Map::from([
        (name!("plugin"), Value::from(plugin)),
        (name!("operation"), Value::from(operation)),
        (name!("executor"), executor),
        (name!("inputs"), Value::Object(inputs)),
        (name!("has_intrinsic_functions"), Value::Bool(false)),
        (name!("max_retries"), from.max_retries.clone()),
        (name!("retry_interval"), from.retry_interval.clone()),
        (name!("timeout"), from.timeout.clone()),
        (name!("timeout_recoverable"), from.timeout_recoverable.clone()),
    ])
}

#[cfg(test)]
mod tests {
    use nephele_model::json::json;

    use super::*;

    fn operation(implementation: &str, inputs: Value) -> Operation {
        Operation {
            implementation: implementation.to_owned(),
            inputs: serde_json::from_value(inputs.into()).unwrap(),
            ..Operation::default()
        }
    }

    #[test]
    fn a_template_lies_over_its_type() {
        let of_type = operation("p.run", json!({"a": {"default": 1}, "b": {"type": "integer", "default": {"x": 1}}}));
        let own = operation("", json!({"a": 2}));
        let merged = Operation::over_template(Some(&own), Some(&of_type)).unwrap();
        assert_eq!(merged.implementation, "p.run");
        assert_eq!(Value::Object(merged.inputs), json!({"a": 2, "b": {"x": 1, "type": "integer"}}));
        let other = operation("p.other", json!({}));
        assert!(Operation::over_template(Some(&other), Some(&of_type)).unwrap().inputs.is_empty());
        let cancelled = Operation::over_template(Some(&Operation::default()), Some(&of_type)).unwrap();
        assert!(cancelled.is_no_op());
    }

    #[test]
    fn inputs_without_a_value_are_named() {
        let of_type = operation("p.run", json!({"a": {}, "b": {}}));
        let missing = Operation::over_template(None, Some(&of_type)).unwrap_err();
        assert_eq!(missing.message, "Inputs 'a', 'b' are missing a value");
    }

    #[test]
    fn schemes_are_recognised() {
        assert!(has_scheme("http://x/y.sh") && has_scheme("p:x.y"));
        assert!(!has_scheme("scripts/a.sh") && !has_scheme("p.tasks.run"));
    }
}
