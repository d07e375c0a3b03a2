//! Stored operations that may still be run, after a deployment update changed what they are to run with.

use nephele_model::id::NodeId;
use nephele_model::{Error, Result};
use nephele_store::{Db, Json, nodes, operations};
use serde_json::{Map, Value};

use crate::rows::failed;
use crate::{Ctx, Manager};

/// The operation that has new inputs.
#[derive(Debug, Default)]
pub struct Renewed {
    /// The deployment.
    pub deployment_id: String,
    /// The node.
    pub node_id: String,
    /// Its name, such as `cloudify.interfaces.lifecycle.create`.
    pub operation: String,
    /// For one of a relationship: the number of that.
    pub rel_index: Option<usize>,
    /// For one of a relationship: `source_operations` or `target_operations`.
    pub key: Option<String>,
}

impl Manager {
    /// Gives stored operations the inputs that their node has for them now.
    pub async fn renew_operations(&self, ctx: &Ctx, renewed: Renewed) -> Result<()> {
        let deployment = self.writable_deployment(ctx, &renewed.deployment_id).await?;
        let tx = self.begin_write().await?;
        let (node, inputs) = details(&tx, deployment.storage_id, &renewed).await?;
        for task in operations::resumable(&tx, deployment.storage_id, &renewed.operation).await.map_err(failed)? {
            let mut parameters = task.parameters.clone();
            let Some(arguments) = parameters.pointer_mut("/task_kwargs/kwargs").and_then(Value::as_object_mut) else {
                continue;
            };
            let context = arguments.get("__cloudify_context").unwrap_or(&Value::Null);
            if context["node_name"] != node.as_str() || context["operation"]["name"] != renewed.operation.as_str() {
                continue;
            }
            arguments.extend(inputs.clone());
            arguments["__cloudify_context"]["has_intrinsic_functions"] = true.into();
            operations::set_parameters(&tx, &task.id, &parameters).await.map_err(failed)?;
        }
        tx.commit().await.map_err(failed)
    }
}

/// The node that runs the operation, which may be the other end of a relationship, and its inputs.
async fn details(db: &dyn Db, deployment_fk: i64, renewed: &Renewed) -> Result<(String, Map<String, Value>)> {
    let missing = || Error::not_found("Node", &renewed.node_id);
    let found = nodes::find(db, deployment_fk, &NodeId::new(&renewed.node_id)).await.map_err(failed)?;
    let node = found.ok_or_else(missing)?;
    let section = |stored: Option<&Json>| stored.map(Json::value).transpose().map_err(failed);
    let (name, operations) = match renewed.rel_index {
        None => (renewed.node_id.clone(), section(node.operations.as_ref())?.unwrap_or_default()),
        Some(index) => {
            let relationships = section(node.relationships.as_ref())?.unwrap_or_default();
            let relationship = relationships.get(index).ok_or_else(|| {
                Error::bad_parameters(format!("Node {} has no relationship {index}", renewed.node_id))
            })?;
            let key = renewed.key.as_deref().unwrap_or("source_operations");
            let name = match (key, relationship["target_id"].as_str()) {
                ("target_operations", Some(target)) => target.to_owned(),
                _ => renewed.node_id.clone(),
            };
            (name, relationship[key].clone())
        }
    };
    Ok((name, operations[&renewed.operation]["inputs"].as_object().cloned().unwrap_or_default()))
}
