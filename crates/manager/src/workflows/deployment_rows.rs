//! What a run must know of its deployment, read from rows.

use nephele_engine::lifecycle::Parameters;
use nephele_engine::{RunInfo, Topology};
use nephele_model::{Error, Result};
use nephele_store::executions::Execution;
use nephele_store::{Json, config, node_instances, nodes};
use serde_json::{Map, Value, json};

use crate::workflows::upload::parameters;
use crate::{Manager, rows};

impl Manager {
    /// The operation that the execution's deployment declares for its workflow, such as
    /// `cloudify.plugins.workflows.install`.
    pub(super) async fn declared_operation(&self, execution: &Execution) -> Result<Option<String>> {
        if execution.deployment_fk.is_none() {
            return Ok(None);
        }
        let deployment = self.deployment_of(execution).await?;
        let Some(workflows) = deployment.workflows else { return Ok(None) };
        let workflows: Map<String, Value> = workflows.parse().map_err(rows::failed)?;
        let operation = workflows.get(&execution.workflow_id).and_then(|workflow| workflow["operation"].as_str());
        Ok(operation.map(str::to_owned))
    }

    /// The parameters of the run, with the manager's own settings for retries.
    pub(super) async fn run_parameters(&self, execution: &Execution) -> Result<Parameters> {
        let defaults = Parameters::default();
        let retries = self.workflow_setting("task_retries").await?;
        let interval = self.workflow_setting("task_retry_interval").await?;
        Ok(Parameters {
            values: parameters(execution)?,
            task_retries: retries.and_then(|value| value.as_i64()).unwrap_or(defaults.task_retries),
            task_retry_interval: interval.and_then(|value| value.as_f64()).unwrap_or(defaults.task_retry_interval),
            dry_run: execution.is_dry_run,
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
    pub(super) async fn topology(&self, execution: &Execution) -> Result<Topology> {
        let deployment = execution.deployment_fk.unwrap_or_default();
        let nodes = nodes::of_deployment(&*self.store, deployment).await.map_err(rows::failed)?;
        let instances = node_instances::of_deployment(&*self.store, deployment).await.map_err(rows::failed)?;
        let section = |json: &Option<Json>, absent: Value| match json {
            Some(json) => json.value().map_err(rows::failed),
            None => Ok(absent),
        };
        let mut topology = json!({"nodes": [], "instances": []});
        let list = |rows: Vec<Result<Value>>| rows.into_iter().collect::<Result<Vec<Value>>>().map(Value::from);
        topology["nodes"] = list(
            nodes
                .iter()
                .map(|node| {
                    Ok(json!({
                        "id": node.id,
                        "type_hierarchy": section(&node.type_hierarchy, json!([]))?,
                        "operations": section(&node.operations, json!({}))?,
                        "relationships": section(&node.relationships, json!([]))?,
                        "plugins": section(&node.plugins, json!([]))?,
                        "properties": section(&node.properties, json!({}))?,
                        "host_id": node.host_id,
                    }))
                })
                .collect(),
        )?;
        topology["instances"] = list(
            instances
                .iter()
                .map(|instance| {
                    Ok(json!({
                        "id": instance.id,
                        "node_id": instance.node_id,
                        "host_id": instance.host_id,
                        "state": instance.state,
                        "relationships": section(&instance.relationships, json!([]))?,
                    }))
                })
                .collect(),
        )?;
        serde_json::from_value(topology).map_err(Error::internal)
    }
}
