//! What a run must know of its deployment, read from rows.

use std::collections::HashMap;

use nephele_engine::lifecycle::Parameters;
use nephele_engine::topology::{Instance, Node};
use nephele_engine::{RunInfo, Topology};
use nephele_model::{Error, Result};
use nephele_store::deployments::{self, Deployment};
use nephele_store::executions::Execution;
use nephele_store::node_instances::{self, NodeInstance};
use nephele_store::{Json, config, nodes};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::workflows::upload::parameters;
use crate::{Manager, rows};

impl Manager {
    /// The operation that the execution's deployment declares for its workflow, such as
    /// `cloudify.plugins.workflows.install`.
    pub(super) async fn declared_operation(&self, execution: &Execution) -> Result<Option<String>> {
        let workflow = self.declared_workflow(execution).await?;
        Ok(workflow.and_then(|workflow| workflow["operation"].as_str().map(str::to_owned)))
    }

    /// What the execution's deployment declares of its workflow.
    pub(super) async fn declared_workflow(&self, execution: &Execution) -> Result<Option<Value>> {
        if execution.deployment_fk.is_none() {
            return Ok(None);
        }
        let deployment = self.deployment_of(execution).await?;
        let Some(workflows) = deployment.workflows else { return Ok(None) };
        let mut workflows: Map<String, Value> = workflows.parse().map_err(rows::failed)?;
        Ok(workflows.swap_remove(&execution.workflow_id))
    }

    /// The parameters of the run, with the manager's own settings for retries.
    pub(crate) async fn run_parameters(&self, execution: &Execution) -> Result<Parameters> {
        Ok(Parameters {
            execution: execution.id.to_string(),
            deployment: execution.deployment_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            values: parameters(execution)?,
            dry_run: execution.is_dry_run,
            ..self.retries().await?
        })
    }

    /// Parameters of no run in particular: the manager's settings for retries.
    pub(crate) async fn retries(&self) -> Result<Parameters> {
        let defaults = Parameters::default();
        let retries = self.workflow_setting("task_retries").await?;
        let interval = self.workflow_setting("task_retry_interval").await?;
        let subgraphs = self.workflow_setting("subgraph_retries").await?;
        Ok(Parameters {
            task_retries: retries.and_then(|value| value.as_i64()).unwrap_or(defaults.task_retries),
            task_retry_interval: interval.and_then(|value| value.as_f64()).unwrap_or(defaults.task_retry_interval),
            subgraph_retries: subgraphs.and_then(|value| value.as_i64()).unwrap_or(defaults.subgraph_retries),
            ..defaults
        })
    }

    async fn workflow_setting(&self, name: &str) -> Result<Option<Value>> {
        let found = config::find(&*self.store, Some("workflow"), name).await.map_err(rows::failed)?;
        found.first().map(|setting| setting.value.value()).transpose().map_err(rows::failed)
    }

    /// What every operation of the run is told.
    pub(super) async fn run_info(&self, execution: &Execution, parameters: &Parameters) -> Result<RunInfo> {
        let deployment = self.deployment_of(execution).await?;
        Ok(RunInfo {
            execution_id: execution.id.to_string(),
            workflow_id: execution.workflow_id.clone(),
            tenant: execution.tenant_name.to_string(),
            workflow_parameters: parameters.values.clone(),
            execution_creator_username: Some(execution.created_by.to_string()),
            blueprint_id: Some(deployment.blueprint_id.to_string()),
            deployment_id: Some(deployment.id.to_string()),
            deployment_display_name: Some(deployment.display_name),
            deployment_creator: Some(deployment.created_by.to_string()),
            deployment_resource_tags: deployment
                .resource_tags
                .map(|tags| tags.value())
                .transpose()
                .map_err(rows::failed)?,
            bypass_maintenance: None,
            dry_run: execution.is_dry_run,
            wait_after_fail: execution.wait_after_fail,
        })
    }

    /// The nodes and node instances as they are now.
    pub(crate) async fn topology(&self, deployment: i64) -> Result<Topology> {
        let nodes = nodes::of_deployment(&*self.store, deployment).await.map_err(rows::failed)?;
        let instances = node_instances::of_deployment(&*self.store, deployment).await.map_err(rows::failed)?;
        let nodes = nodes.iter().map(|row| node(row).map_err(Error::internal)).collect::<Result<_>>()?;
        let instances =
            instances.into_iter().map(|row| instance(row).map_err(Error::internal)).collect::<Result<_>>()?;
        let groups = deployments::by_storage_id(&*self.store, deployment).await.map_err(rows::failed)?;
        let groups = groups.map(|deployment| group_sizes(&deployment)).transpose()?.unwrap_or_default();
        Ok(Topology::new(nodes, instances).map_err(Error::internal)?.with_groups(groups))
    }
}

/// How many instances each scaling group has.
fn group_sizes(deployment: &Deployment) -> Result<HashMap<String, i64>> {
    let groups: Map<String, Value> =
        deployment.scaling_groups.as_ref().map(Json::parse).transpose().map_err(rows::failed)?.unwrap_or_default();
    let size = |group: &Value| group["properties"]["current_instances"].as_i64();
    Ok(groups.into_iter().filter_map(|(name, group)| Some((name, size(&group)?))).collect())
}

/// A node as the engine knows it. Its sections go from their stored text into it in one pass: large
/// deployments have megabytes of them.
fn node(row: &nodes::Node) -> serde_json::Result<Node> {
    Ok(Node {
        id: row.id.to_string(),
        type_hierarchy: section(row.type_hierarchy.as_ref())?,
        operations: section(row.operations.as_ref())?,
        relationships: section(row.relationships.as_ref())?,
        plugins: section(row.plugins.as_ref())?,
        properties: section(row.properties.as_ref())?,
        host_id: row.host_id.as_ref().map(ToString::to_string),
        number_of_instances: row.number_of_instances,
    })
}

fn instance(row: NodeInstance) -> serde_json::Result<Instance> {
    Ok(Instance {
        relationships: section(row.relationships.as_ref())?,
        system_properties: section(row.system_properties.as_ref())?,
        scaling_groups: section(row.scaling_groups.as_ref())?,
        id: row.id.to_string(),
        node_id: row.node_id.to_string(),
        host_id: row.host_id.map(|id| id.to_string()),
        state: row.state,
    })
}

fn section<T: DeserializeOwned + Default>(stored: Option<&Json>) -> serde_json::Result<T> {
    let parsed: Option<Option<T>> = stored.map(|json| serde_json::from_str(json.as_str())).transpose()?;
    Ok(parsed.flatten().unwrap_or_default())
}
