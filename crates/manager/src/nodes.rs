//! Nodes: what a deployment's blueprint describes.

use nephele_model::page::{ListQuery, Page};
use nephele_model::{Error, Result, id, python_text};
use nephele_store::nodes::{self, Node, NodeChanges};
use nephele_store::{Json, Record};
use serde_json::Value;

use crate::rows::failed;
use crate::workflows::environment::new_node;
use crate::{Ctx, Manager};

/// What of a node is to change; what is `None` or empty stays.
#[derive(Debug, Default)]
pub struct NodeUpdate {
    /// Its plugins.
    pub plugins: Option<Value>,
    /// Its operations.
    pub operations: Option<Value>,
    /// Its relationships.
    pub relationships: Option<Value>,
    /// Its properties.
    pub properties: Option<Value>,
    /// Capabilities, of which the numbers of instances are taken.
    pub capabilities: Option<Value>,
}

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
        if plan.is_empty() {
            return Ok(0);
        }
        let deployment = self.writable_deployment(ctx, deployment).await?;
        for node in plan {
            id::check("id", node["id"].as_str().unwrap_or_default(), false)?;
        }
        let rows = plan.iter().map(|node| new_node(&deployment, &node.clone().into())).collect();
        nodes::insert(&*self.store, rows).await.map_err(failed)?;
        Ok(plan.len())
    }

    /// Changes a node; for deployment updates at work only.
    pub async fn update_node(&self, ctx: &Ctx, deployment: &str, node: &str, update: NodeUpdate) -> Result<()> {
        ctx.only_deployment_update()?;
        let node = self.writable_node(ctx, deployment, node).await?;
        let section = |value: Option<Value>| value.filter(python_text::is_truthy).map(|value| Some(Json::from(value)));
        let counts = update.capabilities.unwrap_or_default();
        let count = |name: &str| counts["scalable"]["properties"][name].as_i64();
        let changes = NodeChanges {
            number_of_instances: count("current_instances"),
            planned_number_of_instances: count("planned_instances"),
            deploy_number_of_instances: count("default_instances"),
            min_number_of_instances: count("min_instances"),
            max_number_of_instances: count("max_instances"),
            plugins: section(update.plugins),
            properties: section(update.properties),
            relationships: section(update.relationships),
            operations: section(update.operations),
        };
        nodes::update(&*self.store, node.storage_id, changes).await.map_err(failed)
    }

    /// Deletes a node with its instances; for deployment updates at work only.
    pub async fn delete_node(&self, ctx: &Ctx, deployment: &str, node: &str) -> Result<()> {
        ctx.only_deployment_update()?;
        let node = self.writable_node(ctx, deployment, node).await?;
        nodes::delete(&*self.store, node.storage_id).await.map(drop).map_err(failed)
    }

    async fn writable_node(&self, ctx: &Ctx, deployment: &str, node: &str) -> Result<Node> {
        let deployment = self.writable_deployment(ctx, deployment).await?;
        let found = nodes::find(&*self.store, deployment.storage_id, &node.into()).await.map_err(failed)?;
        found.ok_or_else(|| Error::not_found("Node", node))
    }
}
