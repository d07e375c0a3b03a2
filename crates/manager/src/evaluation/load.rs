//! Reads what an evaluation wants: one query a kind, however much is wanted.

use std::collections::HashMap;
use std::sync::Arc;

use nephele_dsl::{Instance, Node};
use nephele_model::Result;
use nephele_store::labels::{self, Labeled};
use nephele_store::node_instances::{self, NodeInstance};
use nephele_store::{Json, Scope, deployment_groups, deployments, nodes, secrets};
use serde::de::DeserializeOwned;

use super::known::{Deployment, Known, NodeKey, Wanted};
use crate::rows::failed;
use crate::{Ctx, Manager};

impl Manager {
    /// Reads everything that is wanted, as far as the caller may see it.
    pub(super) async fn load(&self, ctx: &Ctx, scope: &Scope, known: &mut Known, mut wanted: Wanted) -> Result<()> {
        // Whoever asks for a group asks for its members next.
        wanted.deployments.extend(self.load_groups(scope, known, wanted.groups.into_iter().collect()).await?);
        self.load_deployments(scope, known, wanted.deployments.into_iter().collect()).await?;
        self.load_labels(known, wanted.labels.into_iter().collect()).await?;
        self.load_secrets(ctx, scope, known, wanted.secrets.into_iter().collect()).await?;
        let nodes = self.load_instances(scope, known, wanted.instances.into_iter().collect()).await?;
        // Whoever asks for an instance asks for its node next.
        wanted.nodes.extend(nodes.into_iter().filter(|key| !known.nodes.contains_key(key)));
        self.load_nodes(known, wanted.nodes.into_iter().collect(), wanted.instances_of.into_iter().collect()).await
    }

    /// Gives the members that are not known yet.
    async fn load_groups(&self, scope: &Scope, known: &mut Known, ids: Vec<String>) -> Result<Vec<String>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = deployment_groups::members_of_all(&*self.store, scope, &ids).await.map_err(failed)?;
        known.groups.extend(ids.into_iter().map(|id| (id, None)));
        let mut members = Vec::with_capacity(rows.len());
        for (group, member) in rows {
            let of_group = known.groups.entry(group).or_default().get_or_insert_default();
            of_group.extend(member.clone());
            members.extend(member.filter(|id| !known.deployments.contains_key(id)));
        }
        Ok(members)
    }

    async fn load_deployments(&self, scope: &Scope, known: &mut Known, ids: Vec<String>) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let rows = deployments::described(&*self.store, scope, &ids).await.map_err(failed)?;
        known.deployments.extend(ids.into_iter().map(|id| (id, None)));
        for row in rows {
            let (inputs, capabilities) = (section(row.inputs.as_ref())?, section(row.capabilities.as_ref())?);
            known.deployments.insert(row.id.to_string(), Some(Arc::new(Deployment { row, inputs, capabilities })));
        }
        Ok(())
    }

    async fn load_labels(&self, known: &mut Known, deployments: Vec<i64>) -> Result<()> {
        if deployments.is_empty() {
            return Ok(());
        }
        let rows = labels::of_all(&*self.store, Labeled::Deployment, &deployments).await.map_err(failed)?;
        known.labels.extend(deployments.into_iter().map(|id| (id, Vec::new())));
        for (deployment, key, value) in rows {
            known.labels.entry(deployment).or_default().push((key, value));
        }
        Ok(())
    }

    async fn load_secrets(&self, ctx: &Ctx, scope: &Scope, known: &mut Known, keys: Vec<String>) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let rows = secrets::visible(&*self.store, scope, &keys).await.map_err(failed)?;
        known.secrets.extend(keys.into_iter().map(|key| (key, None)));
        for row in rows {
            let text = self.secret_for_functions(ctx, &row).await?;
            known.secrets.insert(row.key, Some(text));
        }
        Ok(())
    }

    /// Gives the nodes of the instances.
    async fn load_instances(&self, scope: &Scope, known: &mut Known, ids: Vec<String>) -> Result<Vec<NodeKey>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = node_instances::visible(&*self.store, scope, &ids).await.map_err(failed)?;
        known.instances.extend(ids.into_iter().map(|id| (id, None)));
        let nodes = rows.iter().map(|row| (row.deployment_fk, row.node_id.to_string())).collect();
        for row in rows {
            let instance = instance(&row)?;
            known.instances.insert(instance.id.clone(), Some(Arc::new(instance)));
        }
        Ok(nodes)
    }

    /// Reads nodes, and all instances of others.
    async fn load_nodes(&self, known: &mut Known, wanted: Vec<NodeKey>, whole: Vec<NodeKey>) -> Result<()> {
        if wanted.is_empty() && whole.is_empty() {
            return Ok(());
        }
        let (mut deployments, ids): (Vec<i64>, Vec<String>) = wanted.iter().chain(&whole).cloned().unzip();
        deployments.sort_unstable();
        deployments.dedup();
        let rows = nodes::described(&*self.store, &deployments, &ids).await.map_err(failed)?;
        known.nodes.extend(wanted.into_iter().chain(whole.iter().cloned()).map(|key| (key, None)));
        let mut keys = HashMap::new();
        for row in rows {
            let key = (row.deployment_fk, row.id.to_string());
            let node = Node {
                id: row.id.to_string(),
                properties: section(row.properties.as_ref())?,
                relationships: section(row.relationships.as_ref())?,
            };
            known.nodes.insert(key.clone(), Some(Arc::new(node)));
            keys.insert(key, row.storage_id);
        }
        let rows: Vec<i64> = whole.iter().filter_map(|key| keys.get(key).copied()).collect();
        let mut of_node: HashMap<NodeKey, Vec<Arc<Instance>>> =
            whole.into_iter().map(|key| (key, Vec::new())).collect();
        if !rows.is_empty() {
            for row in node_instances::of_nodes(&*self.store, &rows).await.map_err(failed)? {
                let found = Arc::new(instance(&row)?);
                known.instances.insert(found.id.clone(), Some(Arc::clone(&found)));
                of_node.entry((row.deployment_fk, found.node_id.clone())).or_default().push(found);
            }
        }
        for (key, mut instances) in of_node {
            instances.sort_by(|left, right| left.id.cmp(&right.id));
            known.instances_of.insert(key, instances.into());
        }
        Ok(())
    }
}

/// The shape that functions know.
fn instance(row: &NodeInstance) -> Result<Instance> {
    Ok(Instance {
        id: row.id.to_string(),
        node_id: row.node_id.to_string(),
        index: row.index,
        runtime_properties: section(row.runtime_properties.as_ref())?,
        relationships: section(row.relationships.as_ref())?,
        scaling_groups: section(row.scaling_groups.as_ref())?,
    })
}

/// A part of a row, as what it is read as; nothing for null.
pub(super) fn section<T: DeserializeOwned + Default>(stored: Option<&Json>) -> Result<T> {
    let parsed = stored.map(|json| json.parse::<Option<T>>().map_err(failed)).transpose()?;
    Ok(parsed.flatten().unwrap_or_default())
}
