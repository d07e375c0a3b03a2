//! Nodes of deployments.

use serde_json::Value;

use crate::{Error, Result};

super::resource!(
    /// Nodes of deployments.
    Nodes,
    nodes
);
super::listed!(Nodes, "nodes");

impl Nodes<'_> {
    /// One node as its deployment has it.
    pub async fn get(&self, deployment: &str, node: &str) -> Result<Value> {
        self.one(node, &[("deployment_id", deployment), ("id", node)]).await
    }

    /// One node with its functions evaluated, for the instance `seen_from` where they ask for
    /// "self".
    pub async fn get_evaluated(&self, deployment: &str, node: &str, seen_from: Option<&str>) -> Result<Value> {
        let mut query = vec![("deployment_id", deployment), ("id", node), ("_evaluate_functions", "True")];
        query.extend(seen_from.map(|instance| ("_instance_context", instance)));
        self.one(node, &query).await
    }

    async fn one(&self, node: &str, query: &[(&str, &str)]) -> Result<Value> {
        let found = self.list(query).await?;
        found.items.into_iter().next().ok_or_else(|| Error::Refused {
            status: 404,
            error_code: "not_found_error".to_owned(),
            message: format!("Requested `Node` with ID `{node}` was not found"),
        })
    }
}
