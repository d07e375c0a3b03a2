//! The last part of an update: what went is forgotten, and the update has succeeded.
//!
//! Invariant: rows go in the transaction that says so, after everything that their operations needed them for; an
//! update that has succeeded is finished.

use std::collections::{HashMap, HashSet};

use nephele_dsl::DeploymentPlan;
use nephele_model::json::{List, Value};
use nephele_model::update::UpdateState;
use nephele_model::{Result, python_text};
use nephele_store::deployment_updates::{self as rows, Undertaking, UpdateChanges};
use nephele_store::deployments::{self, Deployment, DeploymentChanges};
use nephele_store::executions::Execution;
use nephele_store::node_instances;
use nephele_store::nodes::{self, NodeChanges as NodeRowChanges};
use nephele_store::{Json, Tx};

use super::apply::Prepared;
use super::changes::{InstanceChanges, NodeChanges};
use crate::instances::{by_id, set_relationships};
use crate::operations::Renewed;
use crate::rows::failed;
use crate::workflows::environment::relationships;
use crate::{Ctx, Manager};

impl Manager {
    /// Ends an update whose instances are as they are to be.
    pub(crate) async fn finish_update(&self, execution: &Execution, update: &Undertaking) -> Result<()> {
        let deployment = self.deployment_of(execution).await?;
        let Prepared { plan, nodes, instances } = Prepared::read(update)?;
        let ctx = Ctx::internal(deployment.tenant_name.clone(), deployment.tenant_id);
        self.renew_schedules(&ctx, &deployment, plan.deployment_settings()).await?;
        for renewed in self.renewed(&deployment, update).await? {
            self.renew_operations(&ctx, renewed).await?;
        }
        let tx = self.begin_write().await?;
        forget_instances(&tx, &deployment, &plan, &instances).await?;
        forget_nodes(&tx, &deployment, &plan, &nodes).await?;
        end(&tx, update).await?;
        let changes = DeploymentChanges { updated_at: Some(self.clock.now()), ..DeploymentChanges::default() };
        deployments::update(&tx, deployment.storage_id, changes).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    /// Ends an update that was only to be looked at.
    pub(crate) async fn finish_preview(&self, update: &Undertaking) -> Result<()> {
        let tx = self.begin_write().await?;
        end(&tx, update).await?;
        tx.commit().await.map_err(failed)
    }

    /// The operations that have other inputs than before.
    async fn renewed(&self, deployment: &Deployment, update: &Undertaking) -> Result<Vec<Renewed>> {
        let steps = rows::steps(&*self.store, update.storage_id).await.map_err(failed)?;
        let mut renewed = Vec::new();
        for step in steps.iter().filter(|step| step.entity_type == "operation") {
            let path: Vec<String> = step.entity_id.parse().map_err(failed)?;
            let of = |operation: &String, node: &String| Renewed {
                deployment_id: deployment.id.to_string(),
                node_id: node.clone(),
                operation: operation.clone(),
                ..Renewed::default()
            };
            match path.as_slice() {
                [_, node, _, operation] => renewed.push(of(operation, node)),
                [_, node, _, index, side, operation] => {
                    let (key, rel_index) = (Some(side.clone()), index.parse().ok());
                    renewed.push(Renewed { rel_index, key, ..of(operation, node) });
                }
                _ => {}
            }
        }
        Ok(renewed)
    }
}

async fn end(tx: &Tx, update: &Undertaking) -> Result<()> {
    let changes = UpdateChanges { state: Some(UpdateState::Successful), ..UpdateChanges::default() };
    rows::update(tx, update.storage_id, changes).await.map_err(failed)
}

/// Deletes instances that go and relationships to them; those that stay follow the order of the plan.
async fn forget_instances(
    tx: &Tx,
    deployment: &Deployment,
    plan: &DeploymentPlan,
    changes: &InstanceChanges,
) -> Result<()> {
    let present = by_id(tx, deployment).await?;
    let gone: HashSet<&str> = changes
        .removed_and_related
        .iter()
        .filter(|noted| noted["modification"] == "removed")
        .filter_map(|noted| noted["id"].as_str())
        .collect();
    let planned: HashMap<&str, &Value> = plan
        .nodes()
        .iter()
        .filter_map(|node| Some((node["id"].as_str()?, &node["relationships"])))
        .filter(|(name, _)| changes.relationships_changed.iter().any(|changed| changed == name))
        .collect();
    for (id, instance) in &present {
        if gone.contains(id.as_str()) {
            node_instances::delete(tx, instance.storage_id).await.map_err(failed)?;
            continue;
        }
        let before: Option<List> = instance.relationships.as_ref().map(Json::parse).transpose().map_err(failed)?;
        let before = before.unwrap_or_default();
        let lasting =
            before.iter().filter(|one| !one["target_id"].as_str().is_some_and(|target| gone.contains(target)));
        let lasting: List = lasting.cloned().collect();
        let after = match planned.get(instance.node_id.as_str()) {
            Some(planned) => in_order(planned, &lasting),
            None => lasting,
        };
        if after != before {
            set_relationships(tx, instance, &after).await?;
        }
    }
    Ok(())
}

/// The relationships of an instance that its node's plan has, in the plan's order. Where the plan has several of one
/// type to one node, there may be as many to each instance of that.
fn in_order(planned: &Value, present: &List) -> List {
    let key = |one: &Value, target: &str| (python_text::str(&one["type"]), python_text::str(&one[target]));
    let planned = || planned.as_array().into_iter().flatten().map(|one| key(one, "target_id"));
    let mut ordered = List::new();
    let mut done = HashSet::new();
    for wanted in planned() {
        if !done.insert(wanted.clone()) {
            continue;
        }
        let allowed = planned().filter(|one| *one == wanted).count();
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for one in present.iter().filter(|one| key(one, "target_name") == wanted) {
            let count = seen.entry(one["target_id"].as_str().unwrap_or_default()).or_default();
            *count += 1;
            if *count <= allowed {
                ordered.push(one.clone());
            }
        }
    }
    ordered
}

/// Deletes nodes that go; those that stay lose the relationships that the plan no longer has.
async fn forget_nodes(tx: &Tx, deployment: &Deployment, plan: &DeploymentPlan, changes: &NodeChanges) -> Result<()> {
    for node in nodes::of_deployment(tx, deployment.storage_id).await.map_err(failed)? {
        let name = node.id.as_str();
        if changes.removed().any(|removed| removed == name) {
            nodes::delete(tx, node.storage_id).await.map_err(failed)?;
            continue;
        }
        let Some(planned) = plan.nodes().iter().find(|planned| planned["id"] == name) else { continue };
        let mut after = NodeRowChanges::default();
        if changes.changes(name, "relationships") {
            after.relationships = Some(planned.get("relationships").map(relationships));
        }
        // Where the blueprint itself names the number of instances, that many are there now.
        if planned["instances"].get("deploy").is_some_and(|deploy| !deploy.is_null()) {
            after.number_of_instances = Some(node.planned_number_of_instances);
        }
        nodes::update(tx, node.storage_id, after).await.map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use nephele_model::json::json;

    use super::*;

    #[test]
    fn relationships_follow_the_plan_to_every_instance() {
        let planned = json!([{"type": "c", "target_id": "db"}, {"type": "d", "target_id": "web"}]);
        let one = |kind: &str, node: &str, id: &str| json!({"type": kind, "target_name": node, "target_id": id});
        let present =
            json!([one("d", "web", "web_1"), one("c", "db", "db_1"), one("x", "db", "db_1"), one("c", "db", "db_2")]);
        let ordered = in_order(&planned, present.as_array().unwrap());
        let expected = json!([one("c", "db", "db_1"), one("c", "db", "db_2"), one("d", "web", "web_1")]);
        assert_eq!(Value::Array(ordered), expected);
    }
}
