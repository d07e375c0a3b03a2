//! Evaluation in a running deployment: operations, outputs, capabilities, node properties (spec dsl.md
//! section 6.5).

use std::sync::Arc;

use nephele_model::json::{Map, Value};

use super::evaluate::Evaluator;
use super::world::{Part, View, World};
use super::{Missing, Storage, is_anywhere_in};
use crate::diagnostic::Diagnostic;

/// From where a function is evaluated: the ids of node instances that `SELF`, `SOURCE` and `TARGET`
/// mean.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// `SELF`.
    pub self_id: Option<String>,
    /// `SOURCE`.
    pub source_id: Option<String>,
    /// `TARGET`.
    pub target_id: Option<String>,
    /// The instance that is meant when its node is named.
    pub hint: Option<String>,
}

struct StorageWorld<'a> {
    storage: &'a dyn Storage,
    /// The node that is being evaluated, which the storage need not have.
    node: Option<Arc<Value>>,
}

impl World for StorageWorld<'_> {
    fn evaluates(&self, _function: &str) -> bool {
        true
    }

    fn evaluates_on_the_way(&self) -> bool {
        true
    }

    fn input(&self, name: &str) -> Result<Value, Diagnostic> {
        self.storage.input(name).ok_or_else(|| self.storage.missing(Missing::Input(name)))
    }

    fn node(&self, name: &str) -> Result<Arc<Value>, Diagnostic> {
        let own = self.node.as_ref().filter(|node| node.get("id").and_then(Value::as_str) == Some(name));
        own.cloned().or_else(|| self.storage.node(name)).ok_or_else(|| self.storage.missing(Missing::Node(name)))
    }

    fn storage(&self) -> Result<&dyn Storage, Diagnostic> {
        Ok(self.storage)
    }
}

/// Evaluates every function in `payload` as a running operation sees it.
///
/// Errors: [`Kind::FunctionEvaluation`], [`Kind::EvaluationRecursionLimitReached`], [`Kind::Key`],
/// [`Kind::UnknownInput`].
pub fn evaluate(payload: Value, context: &Context, storage: &dyn Storage) -> Result<Value, Diagnostic> {
    let part = if context.source_id.is_some() && context.target_id.is_some() {
        Part::Relationship
    } else if context.self_id.is_some() {
        Part::Node
    } else {
        Part::Nowhere
    };
    within(
        payload,
        &View { instances: context.clone(), ..View::of(part) },
        "payload",
        &StorageWorld { storage, node: None },
    )
}

/// The values of a deployment's outputs (`{name: {description, value}}`) by name. An attribute that
/// cannot be had becomes a text; an output that is a missing secret is left out.
pub fn evaluate_outputs(outputs: &Map, storage: &dyn Storage) -> Result<Map, Diagnostic> {
    values(outputs, "outputs", storage)
}

/// The values of a deployment's capabilities by name; one that is a missing secret is left out.
pub fn evaluate_capabilities(capabilities: &Map, storage: &dyn Storage) -> Result<Map, Diagnostic> {
    values(capabilities, "capabilities", storage)
}

/// A node of the plan with its properties and capabilities evaluated; `instance` is the instance that
/// is meant when the node names itself.
pub fn evaluate_node(mut node: Value, instance: Option<&str>, storage: &dyn Storage) -> Result<Value, Diagnostic> {
    let name = node.get("name").or_else(|| node.get("id")).and_then(Value::as_str).unwrap_or_default().to_owned();
    let world = StorageWorld { storage, node: Some(Arc::new(node.clone())) };
    let hint = instance.map(str::to_owned);
    let context = Context { hint, ..Context::default() };
    let view = View { node: Some(name.clone()), instances: context, ..View::of(Part::Node) };
    if let Some(properties) = node.get_mut("properties") {
        *properties = within(properties.take(), &view, &format!("nodes.{name}.properties"), &world)?;
    }
    for (capability, value) in node.get_mut("capabilities").and_then(Value::as_object_mut).into_iter().flatten() {
        if let Some(properties) = value.get_mut("properties") {
            let path = format!("nodes.{name}.capabilities.{capability}");
            *properties = within(properties.take(), &view, &path, &world)?;
        }
    }
    Ok(node)
}

fn values(definitions: &Map, section: &str, storage: &dyn Storage) -> Result<Map, Diagnostic> {
    let mut wanted = Map::with_capacity(definitions.len());
    for (name, definition) in definitions {
        let value = definition.get("value").unwrap_or(&Value::Null);
        let secret =
            value.get("get_secret").and_then(|secret| secret.as_array().map_or(Some(secret), |items| items.first()));
        if secret.and_then(Value::as_str).is_none_or(|secret| storage.secret(secret).is_some()) {
            wanted.insert(name.clone(), value.clone());
        }
    }
    let view = View { lenient: section == "outputs", ..View::of(Part::Nowhere) };
    match within(Value::Object(wanted), &view, section, &StorageWorld { storage, node: None })? {
        Value::Object(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

/// Evaluates what a container holds; the container itself is never a function.
fn within(container: Value, view: &View<'_>, path: &str, world: &StorageWorld<'_>) -> Result<Value, Diagnostic> {
    if !is_anywhere_in(&container) {
        return Ok(container);
    }
    let evaluator = Evaluator::new(world);
    let mut path = path.to_owned();
    let length = path.len();
    let mut one = |suffix: String, value: &Value| {
        path.push_str(&suffix);
        let value = evaluator.evaluate(value, view, &mut path, 0);
        path.truncate(length);
        value
    };
    match container {
        Value::Object(map) => {
            let fields = map.into_iter().map(|(key, value)| Ok((key.clone(), one(format!(".{key}"), &value)?)));
            fields.collect::<Result<Map, _>>().map(Value::Object)
        }
        Value::Array(items) => items.iter().enumerate().map(|(index, item)| one(format!("[{index}]"), item)).collect(),
        plain => Ok(plain),
    }
}
