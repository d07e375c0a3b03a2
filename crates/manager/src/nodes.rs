//! Nodes: what a deployment's blueprint describes.

use nephele_model::page::{ListQuery, Page};
use nephele_model::{Result, id};
use nephele_store::{Record, nodes};
use serde_json::Value;

use crate::rows::failed;
use crate::workflows::environment::new_node;
use crate::{Ctx, Manager};

impl Manager {
    /// One page of nodes.
    pub async fn list_nodes(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Record>> {
        self.list(ctx, &nodes::RESOURCE, query).await
    }

    /// One page of nodes with the functions in their properties evaluated. `instance` is what a node
    /// means by itself.
    pub async fn list_evaluated_nodes(
        &self,
        ctx: &Ctx,
        query: &ListQuery,
        instance: Option<&str>,
    ) -> Result<Page<Value>> {
        let page = self.list_nodes(ctx, query).await?;
        let nodes = page.items.iter().map(|record| record.value().map_err(failed)).collect::<Result<_>>()?;
        let mut nodes = self.evaluate_nodes(ctx, nodes, instance.map(str::to_owned)).await?.into_iter();
        Ok(page.map(|_| nodes.next().unwrap_or_default()))
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
