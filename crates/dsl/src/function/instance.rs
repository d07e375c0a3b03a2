//! Which node instance `get_attribute` means (spec dsl.md section 6.5).
//!
//! A name means the only instance of that node. Of several it means the one that the asking instance
//! has a relationship to, else the one in the same instance of the smallest scaling group that both
//! are in. Everything is looked up by id where that suffices: asking for all instances of a node in
//! each of its neighbours' operations would make a workflow quadratic.

use std::collections::HashSet;
use std::sync::Arc;

use nephele_model::json::Value;
use nephele_model::python_text;

use super::storage::{ScalingGroup, all};
use super::world::View;
use super::{Instance, Lookup, Stop, Storage, failure};

const CONTAINED_IN: &str = "cloudify.relationships.contained_in";

/// The instance whose attribute is asked for. `rest` is the path of the attribute, for messages.
pub(super) fn resolve(
    storage: &dyn Storage,
    name: &str,
    view: &View<'_>,
    path: &str,
    rest: &[Value],
) -> Lookup<Arc<Instance>> {
    let instances = &view.instances;
    if let Some(hint) = &instances.hint {
        let hinted = storage.node_instance(hint)?;
        // A node that names itself by `SELF` means the same instance as one that uses its name.
        let meant = if name == "SELF" { view.node.as_deref().unwrap_or(name) } else { name };
        if hinted.node_id == meant {
            return Ok(hinted);
        }
    }
    let id = match name {
        "SELF" => &instances.self_id,
        "SOURCE" => &instances.source_id,
        "TARGET" => &instances.target_id,
        name => return by_name(storage, name, name, view),
    };
    match id {
        Some(id) => storage.node_instance(id),
        None if name == "SELF" => by_name(storage, view.node.as_deref().unwrap_or(name), name, view),
        None => Err(missing("get_attribute", name, path, rest)),
    }
}

/// The refusal of `SELF`, `SOURCE` or `TARGET` where there is none.
pub(super) fn missing(function: &str, name: &str, path: &str, rest: &[Value]) -> Stop {
    let rest = python_text::repr(&Value::from(rest.to_vec()));
    failure(function, format!("{name} is missing in request context in {path} for attribute {rest}")).into()
}

/// An instance of `node`, which the function calls `name`.
fn by_name(storage: &dyn Storage, node: &str, name: &str, view: &View<'_>) -> Lookup<Arc<Instance>> {
    if let Some(related) = by_relationship(storage, node, view)? {
        return Ok(related);
    }
    let candidates = storage.node_instances(node)?;
    match &*candidates {
        [] => Err(failure("get_attribute", format!("Node {name} has no instances.")).into()),
        [only] => Ok(Arc::clone(only)),
        several => by_scaling_group(storage, several, view)?.ok_or_else(|| {
            let message = format!(
                "More than one node instance found for node \"{name}\". Cannot resolve a node instance unambiguously."
            );
            failure("get_attribute", message).into()
        }),
    }
}

/// The only instance of the node that the asking instance is related to.
fn by_relationship(storage: &dyn Storage, node: &str, view: &View<'_>) -> Lookup<Option<Arc<Instance>>> {
    let Some(id) = &view.instances.self_id else { return Ok(None) };
    let asking = storage.node_instance(id)?;
    let mut targets = asking.relationships.iter().filter(|related| related.target_name == node);
    let Some(first) = targets.next() else { return Ok(None) };
    if targets.any(|related| related.target_id != first.target_id) {
        return Ok(None);
    }
    storage.find_node_instance(&first.target_id)
}

/// The only candidate in the same instance of the smallest scaling group that the asking instance shares
/// with the candidates.
fn by_scaling_group(
    storage: &dyn Storage,
    candidates: &[Arc<Instance>],
    view: &View<'_>,
) -> Lookup<Option<Arc<Instance>>> {
    let instances = &view.instances;
    let asking = match (&instances.self_id, &instances.source_id, &instances.target_id) {
        (Some(own), _, _) => vec![own],
        (None, Some(source), target) => [Some(source), target.as_ref()].into_iter().flatten().collect(),
        (None, None, _) => return Ok(None),
    };
    let asking = asking.into_iter().map(|id| groups(storage, storage.node_instance(id)?));
    let near = candidates.iter().map(|candidate| groups(storage, Arc::clone(candidate)));
    let mut asking = all(asking.chain(near))?;
    let near = asking.split_off(asking.len() - candidates.len());
    Ok(asking.iter().find_map(|groups| {
        let shared = groups.iter().find(|group| near[0].iter().any(|other| other.name == group.name))?;
        let mut matching = candidates.iter().zip(&near).filter(|(_, groups)| groups.contains(shared));
        let (candidate, _) = matching.next()?;
        matching.next().is_none().then(|| Arc::clone(candidate))
    }))
}

/// Every scaling group instance around an instance, innermost first.
fn groups(storage: &dyn Storage, instance: Arc<Instance>) -> Lookup<Vec<ScalingGroup>> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut at = Some(instance);
    while let Some(instance) = at {
        if !seen.insert(instance.id.clone()) {
            break;
        }
        found.extend(instance.scaling_groups.iter().cloned());
        at = container(storage, &instance)?;
    }
    Ok(found)
}

/// The instance that an instance is contained in.
fn container(storage: &dyn Storage, instance: &Instance) -> Lookup<Option<Arc<Instance>>> {
    if instance.relationships.is_empty() {
        return Ok(None);
    }
    let node = storage.node(&instance.node_id)?;
    let is_container = |name: &String| name == CONTAINED_IN;
    let declared = node.relationships.iter().find(|declared| declared.type_hierarchy.iter().any(is_container));
    let Some(declared) = declared else { return Ok(None) };
    let related = instance.relationships.iter().find(|related| related.target_name == declared.target_id);
    related.map(|related| storage.node_instance(&related.target_id)).transpose()
}
