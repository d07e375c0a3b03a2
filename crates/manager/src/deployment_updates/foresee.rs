//! What an update would change, without changing it: for the plan of an execution.

use std::collections::HashSet;

use nephele_dsl::diff::{Entity, Step};
use nephele_engine::Topology;
use nephele_engine::phases::Touched;
use nephele_engine::topology::{InstanceRelationship, Node};
use nephele_model::json::Value as Shared;
use nephele_model::{Error, Result};
use nephele_store::deployments::Deployment;
use serde_json::{Map, Value, json};

use super::act::touched;
use super::apply::Prepared;
use super::changes::node_of;
use super::prepare::Target;
use super::{UpdateRequest, arguments, merged_inputs};
use crate::deployment_modifications::coming;
use crate::{Ctx, Manager};

/// An update that has not begun.
pub(crate) struct ForeseenUpdate {
    prepared: Prepared,
    steps: Vec<Step>,
    /// The inputs before and afterwards.
    inputs: [Map<String, Value>; 2],
    /// The blueprint before and afterwards.
    blueprints: [String; 2],
    /// The parameters that its execution would have.
    pub(crate) arguments: Map<String, Value>,
}

impl Manager {
    /// Finds out what an update would change. Reads only.
    ///
    /// Errors: those of the plan for the new inputs; `unsupported_change_in_deployment_update`.
    pub(crate) async fn foresee_update(
        &self,
        ctx: &Ctx,
        deployment: &Deployment,
        request: UpdateRequest,
    ) -> Result<ForeseenUpdate> {
        let blueprint = match &request.blueprint_id {
            Some(id) => Some(self.find_blueprint(ctx, id).await?),
            None => None,
        };
        let (old_inputs, inputs) = merged_inputs(deployment, &request)?;
        let after = blueprint.as_ref().map_or_else(|| deployment.blueprint_id.to_string(), |row| row.id.to_string());
        let runtime_only = request.runtime_only_evaluation.unwrap_or(deployment.runtime_only_evaluation);
        let target = Target {
            blueprint_fk: blueprint.map_or(deployment.blueprint_fk, |row| row.storage_id),
            old_blueprint_fk: Some(deployment.blueprint_fk),
            inputs: inputs.clone().into(),
            runtime_only_evaluation: runtime_only,
            auto_correct_types: request.switches.get("auto_correct_types") == Some(&Value::Bool(true)),
        };
        let (steps, prepared) = self.compare(deployment.clone(), target).await?;
        let request = UpdateRequest { preview: false, ..request };
        Ok(ForeseenUpdate {
            arguments: arguments(request, "", &after, runtime_only),
            blueprints: [deployment.blueprint_id.to_string(), after],
            inputs: [old_inputs, inputs],
            prepared,
            steps,
        })
    }
}

impl ForeseenUpdate {
    /// What the update is about, and the deployment once it follows its new plan.
    pub(crate) fn applied(&self, present: &Topology) -> Result<(Touched, Topology)> {
        let Prepared { plan, nodes, instances } = &self.prepared;
        let mut changed = Vec::new();
        for planned in plan.nodes() {
            let new: Node = serde_json::from_value(planned.into()).map_err(Error::internal)?;
            match (present.node_named(&new.id), nodes.modify_attributes.get(&*new.id)) {
                (None, _) => changed.push(new),
                (Some(node), Some(parts)) => changed.push(with_parts(node.clone(), new, parts)),
                (Some(_), None) => {}
            }
        }
        let marked = |list: &[Shared], mark: &str| -> Vec<Value> {
            list.iter().filter(|one| one["modification"] == mark).map(Value::from).collect()
        };
        let added = marked(&instances.added_and_related, "added").into_iter().map(coming).collect::<Result<_>>()?;
        let mut extended: Vec<(String, Vec<InstanceRelationship>)> = Vec::new();
        for noted in marked(&instances.extended_and_related, "extended") {
            let instance = coming(noted)?;
            extended.push((instance.id, instance.relationships));
        }
        let grown = present.clone().with_nodes(changed).grown(added, extended).map_err(Error::internal)?;
        Ok((touched(instances, self.changed_nodes()), grown))
    }

    /// As people see it.
    pub(crate) fn shown(&self) -> Value {
        let [before, after] = &self.inputs;
        let names: Vec<&String> = after.keys().chain(before.keys().filter(|name| !after.contains_key(*name))).collect();
        let differ = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
        let inputs: Map<String, Value> =
            differ.map(|name| (name.clone(), json!({"before": before.get(name), "after": after.get(name)}))).collect();
        json!({
            "blueprint_id": {"before": self.blueprints[0], "after": self.blueprints[1]},
            "inputs": inputs,
            "steps": self.steps,
            "deployment_update_nodes": self.prepared.nodes,
        })
    }

    /// Nodes with other properties or operations than before.
    fn changed_nodes(&self) -> Vec<String> {
        let concerned = self.steps.iter().filter(|step| matches!(step.entity, Entity::Property | Entity::Operation));
        let mut changed: Vec<String> = concerned.filter_map(node_of).map(str::to_owned).collect();
        let mut seen = HashSet::new();
        changed.retain(|node| seen.insert(node.clone()));
        changed
    }
}

/// The node with these parts of another one. Relationships that go stay until they are unlinked.
fn with_parts(mut node: Node, mut new: Node, parts: &[String]) -> Node {
    for part in parts {
        match part.as_str() {
            "plugins" => node.plugins.clone_from(&new.plugins),
            "properties" => node.properties.clone_from(&new.properties),
            "operations" => node.operations.clone_from(&new.operations),
            "relationships" => {
                let kept: HashSet<_> =
                    new.relationships.iter().map(|one| (one.kind.clone(), one.target_id.clone())).collect();
                let mut gone = std::mem::take(&mut node.relationships);
                gone.retain(|one| !kept.contains(&(one.kind.clone(), one.target_id.clone())));
                node.relationships.append(&mut new.relationships);
                node.relationships.append(&mut gone);
                // A part may be named more than once.
                new.relationships.clone_from(&node.relationships);
            }
            _ => {}
        }
    }
    node
}
