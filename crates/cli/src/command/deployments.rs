//! `nephele deployments ...`.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use nephele_client::Client;
use serde_json::{Value, json};

use super::show;
use crate::connection::Connection;
use crate::{inputs, output};

/// Deployments: blueprints with inputs.
#[derive(Debug, Args)]
pub struct Deployments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a deployment; nothing is installed yet
    Create {
        /// Name of the new deployment
        deployment_id: String,
        /// The blueprint it is made from
        #[arg(short, long)]
        blueprint_id: String,
        /// An input as `key=value`, or several as a JSON object
        #[arg(short, long, value_name = "INPUT")]
        inputs: Vec<String>,
    },
    /// List deployments
    List,
    /// Print a deployment's outputs
    Outputs {
        /// The deployment
        deployment_id: String,
    },
    /// Print a deployment's capabilities
    Capabilities {
        /// The deployment
        deployment_id: String,
    },
    /// Delete a deployment that is not installed
    Delete {
        /// The deployment
        deployment_id: String,
        /// Also when something of it still runs or depends on it
        #[arg(short, long)]
        force: bool,
    },
}

impl Deployments {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let connection = &self.connection;
        let client = connection.client()?;
        let deployments = client.deployments();
        match self.action {
            Action::Create { deployment_id, blueprint_id, inputs } => {
                let inputs = inputs::merge(&inputs)?;
                let created = deployments.create(&deployment_id, &blueprint_id, &inputs, &json!({})).await?;
                if connection.json {
                    output::json(&created)?;
                } else {
                    output::line(format!("Deployment {deployment_id} is created"))?;
                }
            }
            Action::List => {
                let fields = "id,blueprint_id,deployment_status,installation_status,created_at,labels,description";
                let list = deployments.list(&[("_include", fields)]).await?;
                let columns = [
                    ("id", "id"),
                    ("blueprint", "blueprint_id"),
                    ("status", "deployment_status"),
                    ("installation", "installation_status"),
                    ("created", "created_at"),
                ];
                show(connection, &list, &columns)?;
            }
            Action::Outputs { deployment_id } => {
                values(connection, &deployments.outputs(&deployment_id).await?["outputs"])?;
            }
            Action::Capabilities { deployment_id } => {
                values(connection, &deployments.capabilities(&deployment_id).await?["capabilities"])?;
            }
            Action::Delete { deployment_id, force } => {
                deployments.delete(&deployment_id, force).await?;
                gone(&client, &deployment_id).await?;
                output::note(format!("Deployment {deployment_id} is deleted"))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn values(connection: &Connection, values: &Value) -> anyhow::Result<()> {
    if connection.json {
        return output::json(values);
    }
    for (name, value) in values.as_object().into_iter().flatten() {
        output::line(format!("{name}: {}", output::text(value)))?;
    }
    Ok(())
}

/// Waits until the deployment is no longer there. Its deletion is an execution that may fail.
async fn gone(client: &Client, id: &str) -> anyhow::Result<()> {
    let latest = [
        ("deployment_id", id),
        ("workflow_id", "delete_deployment_environment"),
        ("_sort", "-created_at"),
        ("_size", "1"),
        ("_include", "status,error"),
    ];
    loop {
        match client.deployments().get(id, &[("_include", "id")]).await {
            Err(error) if error.is_not_found() => return Ok(()),
            other => other?,
        };
        let deletions = client.executions().list(&latest).await?.items;
        if let Some(failed) = deletions.iter().find(|execution| execution["status"] == "failed") {
            anyhow::bail!("deleting deployment {id} failed: {}", output::text(&failed["error"]));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
