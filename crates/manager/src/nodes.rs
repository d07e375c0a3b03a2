//! Nodes: what a deployment's blueprint describes.

use std::sync::Arc;

use nephele_model::id::DeploymentId;
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Result, id};
use nephele_store::{Record, nodes};
use serde_json::Value;

use crate::rows::failed;
use crate::workflows::environment::new_node;
use crate::{Context, Ctx, Manager};

/// The keys of a node whose functions are evaluated on demand.
const EVALUATED: [&str; 3] = ["properties", "operations", "relationships"];

impl Manager {
    /// One page of nodes.
    pub async fn list_nodes(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Record>> {
        self.list(ctx, &nodes::RESOURCE, query).await
    }

    /// One page of nodes with the functions in them evaluated. `instance` is what `SELF` means.
    pub async fn list_evaluated_nodes(
        self: &Arc<Self>,
        ctx: &Ctx,
        query: &ListQuery,
        instance: Option<&str>,
    ) -> Result<Page<Value>> {
        let page = self.list_nodes(ctx, query).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for record in &page.items {
            let mut node = record.value().map_err(failed)?;
            let Some(deployment) = node["deployment_id"].as_str().map(DeploymentId::from) else {
                items.push(node);
                continue;
            };
            for key in EVALUATED {
                if let Some(value) = node.get_mut(key) {
                    let context = Context { self_id: instance.map(str::to_owned), ..Context::default() };
                    *value = self.evaluate(ctx, &deployment, context, value.take()).await?;
                }
            }
            items.push(node);
        }
        let mut items = items.into_iter();
        Ok(page.map(|_| items.next().unwrap_or_default()))
    }

    /// Adds nodes of a plan to a deployment. Gives how many.
    pub async fn create_nodes(&self, ctx: &Ctx, deployment: &str, plan: &[Value]) -> Result<usize> {
        let deployment = self.find_deployment(ctx, deployment).await?;
        for node in plan {
            id::check("id", node["id"].as_str().unwrap_or_default(), false)?;
        }
        let rows = plan.iter().map(|node| new_node(&deployment, &node.clone().into())).collect();
        nodes::insert(&*self.store, rows).await.map_err(failed)?;
        Ok(plan.len())
    }
}
