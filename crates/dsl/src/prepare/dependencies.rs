//! What a deployment needs from outside: secrets, and capabilities of other deployments (spec dsl.md
//! section 7.3).

use std::collections::{BTreeSet, HashMap};

use nephele_model::json::{Map, Value, object};

use crate::diagnostic::Diagnostic;
use crate::function::arguments;
use crate::function::recognise;
use crate::function::scan::{self, Order};
use crate::function::world::Part;

/// Everything found in a plan.
#[derive(Default)]
pub(crate) struct Found {
    /// Secrets by name.
    pub(crate) secrets: BTreeSet<String>,
    capabilities: Vec<Capability>,
}

/// A call of `get_capability`, and from where.
struct Capability {
    identifier: String,
    deployment: Value,
    part: Part,
    node: Option<String>,
    target: Option<String>,
    relationship_type: Option<String>,
}

/// Looks through a plan. Errors: a function that is written wrongly.
pub(crate) fn find(plan: &mut Map) -> Result<Found, Diagnostic> {
    let mut found = Found::default();
    scan::each(plan, &mut |mut site| {
        let (view, relationship_type) = (site.view, site.relationship_type);
        scan::functions(site.value, Order::Inside, &mut site.path, &mut |name, argument, path| {
            arguments::check(name, argument)?;
            let first = argument.as_array().and_then(|items| items.first());
            match name {
                "get_secret" => {
                    found.secrets.extend(first.unwrap_or(argument).as_str().map(str::to_owned));
                }
                "get_capability" => {
                    let first = first.cloned().unwrap_or_default();
                    let literal = if recognise(&first).is_some() { Value::Null } else { first.clone() };
                    found.capabilities.push(Capability {
                        identifier: format!("{path}.get_capability"),
                        deployment: Value::from([literal, first]),
                        part: view.part,
                        node: view.node.clone(),
                        target: view.target.clone(),
                        relationship_type: relationship_type.map(str::to_owned),
                    });
                }
                _ => {}
            }
            Ok(())
        })
        .map(|()| None)
    })?;
    Ok(found)
}

/// `inter_deployment_functions`: one entry for every node instance that a call is seen from.
pub(crate) fn between_deployments(found: &Found, instances: &[Value]) -> Vec<Value> {
    let mut of_node: HashMap<&str, Vec<&Value>> = HashMap::new();
    for instance in instances {
        if let Some(node) = instance.get("node_id").and_then(Value::as_str) {
            of_node.entry(node).or_default().push(instance);
        }
    }
    let mut functions = Vec::new();
    for capability in &found.capabilities {
        let mut add = |context: Value| {
            functions.push(object! {
                "function_identifier": &capability.identifier,
                "target_deployment": &capability.deployment,
                "context": context,
            });
        };
        let instances = capability.node.as_deref().and_then(|node| of_node.get(node)).into_iter().flatten();
        match capability.part {
            Part::Node => instances.for_each(|instance| add(object! {"self": &instance["id"]})),
            Part::Relationship => {
                for instance in instances {
                    let relationships = instance.get("relationships").and_then(Value::as_array).into_iter().flatten();
                    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
                    let target = relationships.into_iter().find(|relationship| {
                        text(relationship, "target_name") == capability.target
                            && text(relationship, "type") == capability.relationship_type
                    });
                    if let Some(target) = target {
                        let id = &instance["id"];
                        add(object! {"self": id, "source": id, "target": &target["target_id"]});
                    }
                }
            }
            _ => add(Value::Object(Map::new())),
        }
    }
    functions
}
