//! Evaluation in a running deployment: operations, outputs, capabilities, node properties (spec dsl.md
//! section 6.5).

use std::sync::Arc;

use nephele_model::json::{Map, Value};

use super::evaluate::{All, Evaluator};
use super::world::{Part, View, World};
use super::{Lookup, Node, Storage, is_anywhere_in};

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
    node: Option<Arc<Node>>,
}

impl World for StorageWorld<'_> {
    fn evaluates(&self, _function: &str) -> bool {
        true
    }

    fn evaluates_on_the_way(&self) -> bool {
        true
    }

    fn input(&self, name: &str) -> Lookup<Value> {
        self.storage.input(name)?.ok_or_else(|| super::plan_world::unknown_input(name, []).into())
    }

    fn node(&self, name: &str) -> Lookup<Arc<Node>> {
        match &self.node {
            Some(own) if own.id == name => Ok(Arc::clone(own)),
            _ => self.storage.node(name),
        }
    }

    fn storage(&self) -> Lookup<&dyn Storage> {
        Ok(self.storage)
    }
}

/// Evaluates every function in `payload` as a running operation sees it.
///
/// Errors: [`Stop::Failed`](super::Stop::Failed) when a function cannot be evaluated, is written wrongly or has
/// no end; what the storage says.
pub fn evaluate(payload: &Value, context: &Context, storage: &dyn Storage) -> Lookup<Value> {
    let part = if context.source_id.is_some() && context.target_id.is_some() {
        Part::Relationship
    } else if context.self_id.is_some() {
        Part::Node
    } else {
        Part::Nowhere
    };
    let view = View { instances: context.clone(), ..View::of(part) };
    within(payload, &view, "payload", &StorageWorld { storage, node: None })
}

/// The values of a deployment's outputs (`{name: {description, value}}`) by name. An attribute whose
/// instance cannot be told becomes a text that says so; an output that is a missing secret is left out.
pub fn evaluate_outputs(outputs: &Map, storage: &dyn Storage) -> Lookup<Map> {
    values(outputs, "outputs", storage)
}

/// The values of a deployment's capabilities by name; one that is a missing secret is left out.
pub fn evaluate_capabilities(capabilities: &Map, storage: &dyn Storage) -> Lookup<Map> {
    values(capabilities, "capabilities", storage)
}

/// The value of one capability (`{description, value}`), as other deployments see it. `depth` is how deep
/// the function is nested that asks for it, so that deployments cannot nest without end either.
pub fn evaluate_capability(capability: &Value, storage: &dyn Storage, depth: usize) -> Lookup<Value> {
    let world = StorageWorld { storage, node: None };
    let value = capability.get("value").unwrap_or(&Value::Null);
    // Only the value is seen, so only the value is evaluated.
    let only = Value::Object(Map::from_iter([("value".to_owned(), value.clone())]));
    let view = View::of(Part::Nowhere);
    let evaluated = Evaluator::new(&world).children(&only, &view, &mut "capabilities".to_owned(), depth + 1)?;
    Ok(evaluated["value"].clone())
}

/// A node of the plan with its properties and capabilities evaluated; `instance` is the instance that
/// is meant when the node names itself.
pub fn evaluate_node(node: &Value, instance: Option<&str>, storage: &dyn Storage) -> Lookup<Value> {
    let name = node.get("id").or_else(|| node.get("name")).and_then(Value::as_str).unwrap_or_default().to_owned();
    let properties = node.get("properties").cloned().unwrap_or_default();
    let seen = Node { id: name.clone(), properties, relationships: Vec::new() };
    let context = Context { hint: instance.map(str::to_owned), ..Context::default() };
    let view = View { node: Some(name.clone()), instances: context, ..View::of(Part::Node) };
    let world = StorageWorld { storage, node: Some(Arc::new(seen)) };
    let (mut node, mut all) = (node.clone(), All::default());
    if let Some(properties) = node.get_mut("properties") {
        *properties = all.take(within(properties, &view, &format!("nodes.{name}.properties"), &world))?;
    }
    for (capability, value) in node.get_mut("capabilities").and_then(Value::as_object_mut).into_iter().flatten() {
        if let Some(properties) = value.get_mut("properties") {
            let path = format!("nodes.{name}.capabilities.{capability}");
            *properties = all.take(within(properties, &view, &path, &world))?;
        }
    }
    all.or_later(node)
}

/// The runtime properties of the node instance `id`, evaluated; `SELF` is the instance.
pub fn evaluate_instance(id: &str, runtime_properties: &Value, storage: &dyn Storage) -> Lookup<Value> {
    let context = Context { self_id: Some(id.to_owned()), ..Context::default() };
    let view = View { instances: context, ..View::of(Part::Node) };
    let path = format!("node_instances.{id}.runtime_properties");
    within(runtime_properties, &view, &path, &StorageWorld { storage, node: None })
}

fn values(definitions: &Map, section: &str, storage: &dyn Storage) -> Lookup<Map> {
    let mut wanted = Map::with_capacity(definitions.len());
    let mut all = All::default();
    for (name, definition) in definitions {
        let value = definition.get("value").unwrap_or(&Value::Null);
        let secret = value.get("get_secret").map(|secret| secret.item(0).unwrap_or(secret)).and_then(Value::as_str);
        if secret.map_or(Ok(true), |secret| all.take(storage.has_secret(secret)))? {
            wanted.insert(name.clone(), value.clone());
        }
    }
    let view = View { lenient: section == "outputs", ..View::of(Part::Nowhere) };
    let world = StorageWorld { storage, node: None };
    let evaluated = all.take(within(&Value::Object(wanted), &view, section, &world))?;
    all.or_later(match evaluated {
        Value::Object(map) => map,
        _ => Map::new(),
    })
}

/// Evaluates what a container holds; the container itself is never a function.
fn within(container: &Value, view: &View<'_>, path: &str, world: &StorageWorld<'_>) -> Lookup<Value> {
    if !is_anywhere_in(container) {
        return Ok(container.clone());
    }
    Evaluator::new(world).children(container, view, &mut path.to_owned(), 0)
}
