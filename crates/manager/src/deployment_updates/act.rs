//! The acts of the workflow `update`, on the update that its execution carries out.

use nephele_engine::phases::{Act, Touched};
use nephele_model::json::Value as Shared;
use nephele_model::update::UpdateState;
use nephele_model::{Error, Result};
use nephele_store::deployment_updates::{self as rows, Undertaking};
use nephele_store::executions::Execution;
use serde_json::{Value, json};

use super::apply::Prepared;
use super::changes::InstanceChanges;
use crate::rows::failed;
use crate::{Ctx, Manager};

impl Manager {
    /// Does what the workflow asks for. Gives what it wants to know of it.
    pub(crate) async fn act_on_update(&self, ctx: &Ctx, execution: &Execution, act: &Act) -> Result<Value> {
        let update = self.undertaking(execution).await?;
        match act {
            Act::PrepareUpdate => self.prepare_update(execution, &update).await?,
            Act::EndPreview => self.finish_preview(&update).await?,
            Act::ApplyUpdate => {
                self.apply_update(execution, &update).await?;
                return Ok(json!(self.touched(&self.undertaking(execution).await?).await?));
            }
            Act::StartWorkflow(workflow) => {
                return Ok(json!(self.start_instead(ctx, execution, &update, workflow).await?));
            }
            // It is in the transaction that ends an update.
            Act::FinishUpdate if update.state == Some(UpdateState::Successful) => {}
            _ => self.finish_update(execution, &update).await?,
        }
        Ok(Value::Null)
    }

    async fn undertaking(&self, execution: &Execution) -> Result<Undertaking> {
        let found = rows::of_execution(&*self.store, execution.storage_id).await.map_err(failed)?;
        found.ok_or_else(|| Error::not_found(rows::RESOURCE.model, format_args!("of execution {}", execution.id)))
    }

    /// What an update that was applied is about.
    async fn touched(&self, update: &Undertaking) -> Result<Touched> {
        let steps = rows::steps(&*self.store, update.storage_id).await.map_err(failed)?;
        let mut changed_nodes: Vec<String> = Vec::new();
        for step in steps.iter().filter(|step| matches!(step.entity_type.as_str(), "property" | "operation")) {
            let path: Vec<String> = step.entity_id.parse().map_err(failed)?;
            let node = path.get(1).filter(|node| path[0] == "nodes" && !changed_nodes.contains(node));
            changed_nodes.extend(node.cloned());
        }
        Ok(touched(&Prepared::read(update)?.instances, changed_nodes))
    }
}

/// What an update with these changes is about.
pub(super) fn touched(instances: &InstanceChanges, changed_nodes: Vec<String>) -> Touched {
    let (added, added_related) = apart(&instances.added_and_related, "added");
    let (removed, removed_related) = apart(&instances.removed_and_related, "removed");
    Touched {
        extended: pairs(&instances.extended_and_related, "extended", &added),
        reduced: pairs(&instances.reduced_and_related, "reduced", &removed),
        added,
        added_related,
        removed,
        removed_related,
        changed_nodes,
    }
}

/// The ids of the instances that a list is about, and of those that they are related to.
fn apart(list: &[Shared], mark: &str) -> (Vec<String>, Vec<String>) {
    let (marked, others): (Vec<&Shared>, Vec<_>) = list.iter().partition(|one| one["modification"] == mark);
    let ids = |list: Vec<&Shared>| list.into_iter().filter_map(|one| Some(one["id"].as_str()?.to_owned())).collect();
    (ids(marked), ids(others))
}

/// The relationships of the instances that a list is about: source and target. Those to instances that come or go
/// themselves are seen to when these do.
fn pairs(list: &[Shared], mark: &str, apart: &[String]) -> Vec<(String, String)> {
    let marked = list.iter().filter(|one| one["modification"] == mark);
    let of = |one: &Shared| {
        let source = one["id"].as_str().unwrap_or_default().to_owned();
        let targets = one["relationships"].as_array().cloned().unwrap_or_default();
        let pair = move |related: Shared| Some((source.clone(), related["target_id"].as_str()?.to_owned()));
        targets.into_iter().filter_map(pair).collect::<Vec<_>>()
    };
    marked.flat_map(of).filter(|(_, target)| !apart.contains(target)).collect()
}
