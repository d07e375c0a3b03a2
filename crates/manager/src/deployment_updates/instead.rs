//! A workflow of the user's own in the place of what an update does with instances (`workflow_id`).

use nephele_model::id::ExecutionId;
use nephele_model::json::Value as Shared;
use nephele_model::{Error, Result};
use nephele_store::deployment_updates::{self as rows, Undertaking};
use nephele_store::executions::{self, Execution};
use serde_json::{Map, Value, json};

use super::apply::Prepared;
use crate::executions::place::Wish;
use crate::rows::failed;
use crate::workflows::upload::parameters;
use crate::{Ctx, Manager};

/// What parts of an update are called in the parameters: of which list, marked how, and those it is related to.
const LISTS: [(&str, &str, &str); 4] = [
    ("added", "added_instance_ids", "added_target_instances_ids"),
    ("removed", "removed_instance_ids", "remove_target_instance_ids"),
    ("extended", "extended_instance_ids", "extend_target_instance_ids"),
    ("reduced", "reduced_instance_ids", "reduce_target_instance_ids"),
];

impl Manager {
    /// Starts the workflow, unless an earlier start of the execution did. Gives its execution.
    pub(crate) async fn start_instead(
        &self,
        ctx: &Ctx,
        execution: &Execution,
        update: &Undertaking,
        workflow: &str,
    ) -> Result<ExecutionId> {
        let deployment = self.deployment_of(execution).await?;
        for earlier in executions::of_deployment(&*self.store, deployment.storage_id).await.map_err(failed)? {
            let of_update =
                || parameters(&earlier).is_ok_and(|given| given.get("update_id") == Some(&json!(update.id)));
            if earlier.workflow_id == workflow && earlier.id != execution.id && of_update() {
                return Ok(earlier.id);
            }
        }
        let wish = Wish {
            allow_custom_parameters: true,
            force: true,
            ..Wish::new(workflow.to_owned(), self.description(execution, update).await?)
        };
        self.place_and_wake(ctx, &deployment, &wish).await
    }

    /// What the workflow is told of the update.
    async fn description(&self, execution: &Execution, update: &Undertaking) -> Result<Map<String, Value>> {
        let given = parameters(execution)?;
        let switch = |name: &str| given.get(name).cloned().unwrap_or(Value::Bool(false));
        let steps = rows::steps(&*self.store, update.storage_id).await.map_err(failed)?;
        let mut told = json!({
            "update_id": update.id, "modified_entity_ids": modified_entity_ids(&steps)?,
            "skip_install": switch("skip_install"), "skip_uninstall": switch("skip_uninstall"),
            "ignore_failure": switch("ignore_failure"), "install_first": false, "node_instances_to_reinstall": null,
            "central_plugins_to_install": null, "central_plugins_to_uninstall": null, "update_plugins": true,
        });
        let Prepared { instances, .. } = Prepared::read(update)?;
        let lists = [
            &instances.added_and_related,
            &instances.removed_and_related,
            &instances.extended_and_related,
            &instances.reduced_and_related,
        ];
        for (list, (mark, changed, related)) in lists.into_iter().zip(LISTS) {
            let (marked, others): (Vec<&Shared>, Vec<_>) = list.iter().partition(|one| one["modification"] == mark);
            let ids = |list: Vec<&Shared>| list.into_iter().map(|one| Value::from(&one["id"])).collect::<Value>();
            told[changed] = ids(marked);
            told[related] = ids(others);
        }
        match told {
            Value::Object(told) => Ok(told),
            _ => Err(Error::internal("parameters are no object")),
        }
    }
}

/// What changes, by kind: names of nodes and other things, and for relationships their numbers by node.
fn modified_entity_ids(steps: &[rows::Step]) -> Result<Value> {
    let mut modified = json!({
        "node": [], "relationship": {}, "property": [], "operation": [], "workflow": [], "output": [], "description": [],
        "group": [], "policy_type": [], "policy_trigger": [], "plugin": [], "rel_mappings": {},
    });
    for step in steps {
        let path: Vec<Value> = step.entity_id.parse().map_err(failed)?;
        let Some(entity) = path.get(1) else { continue };
        match (&mut modified[&step.entity_type], entity.as_str(), path.get(3)) {
            (Value::Object(by_node), Some(node), Some(number)) => {
                let numbers = by_node.entry(node).or_insert_with(|| json!([]));
                numbers.as_array_mut().into_iter().for_each(|numbers| numbers.push(number.clone()));
            }
            (Value::Array(names), _, _) => names.push(entity.clone()),
            _ => {}
        }
    }
    Ok(modified)
}
