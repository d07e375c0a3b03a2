//! `nephele executions ...`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use nephele_model::execution::CancelAction;
use nephele_model::task::TaskAction;
use serde_json::{Value, json};

use super::show;
use crate::connection::Connection;
use crate::follow::{self, Look};
use crate::{inputs, output, plan};

/// Executions: runs of workflows.
#[derive(Debug, Args)]
pub struct Executions {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run a workflow and show its events until it has ended
    Start {
        /// The workflow, such as `install`
        workflow_id: String,
        /// The deployment
        #[arg(short, long)]
        deployment_id: String,
        /// A parameter as `key=value`, or several as a JSON object
        #[arg(short, long, value_name = "PARAMETER")]
        parameters: Vec<String>,
        /// Do not wait for the end
        #[arg(long)]
        no_wait: bool,
        /// Take parameters that the workflow does not declare
        #[arg(long)]
        allow_custom_parameters: bool,
        /// Also beside another execution of the deployment
        #[arg(short, long)]
        force: bool,
        /// Wait in the queue while another execution of the deployment runs
        #[arg(long)]
        queue: bool,
    },
    /// Show what a workflow would do now, and do nothing
    Plan {
        /// The workflow, such as `install`, or `update`
        workflow_id: String,
        /// The deployment
        #[arg(short, long)]
        deployment_id: String,
        /// A parameter as `key=value`, or several as a JSON object
        #[arg(short, long, value_name = "PARAMETER")]
        parameters: Vec<String>,
        /// Take parameters that the workflow does not declare
        #[arg(long)]
        allow_custom_parameters: bool,
    },
    /// List executions, the newest first
    List {
        /// Only those of this deployment
        #[arg(short, long)]
        deployment_id: Option<String>,
    },
    /// Show an execution
    Get {
        /// The execution
        execution_id: String,
    },
    /// Tell what an execution waits for, or how it ended and why
    Why {
        /// The execution
        execution_id: String,
    },
    /// Stop an execution
    Cancel {
        /// The execution
        execution_id: String,
        /// Do not wait for running operations
        #[arg(short, long)]
        force: bool,
        /// Kill running operations
        #[arg(short, long, conflicts_with = "force")]
        kill: bool,
    },
    /// Go on with an execution that failed or was cancelled
    Resume {
        /// The execution
        execution_id: String,
        /// Run operations again that had been started and not ended
        #[arg(short, long)]
        force: bool,
        /// A parameter to change, as `key=value`, or several as a JSON object
        #[arg(short, long, value_name = "PARAMETER")]
        parameters: Vec<String>,
        /// Do not wait for the end
        #[arg(long)]
        no_wait: bool,
    },
    /// Run a task again: one that failed, or one that waits to be tried again
    RetryTask {
        /// The execution
        execution_id: String,
        /// The task
        task_id: String,
        /// Why; it stays with the task and in the audit log
        #[arg(short, long)]
        reason: String,
        /// Do not wait for the end
        #[arg(long)]
        no_wait: bool,
    },
    /// Leave a task out; `resume` then goes on without it
    SkipTask {
        /// The execution
        execution_id: String,
        /// The task
        task_id: String,
        /// Why; it stays with the task and in the audit log
        #[arg(short, long)]
        reason: String,
    },
    /// Start the workflow of an execution that has ended anew, with the same parameters
    Rerun {
        /// The execution
        execution_id: String,
        /// Do not wait for the end
        #[arg(long)]
        no_wait: bool,
    },
}

const FIELDS: &str = "id,workflow_id,deployment_id,status,status_display,created_at,started_at,ended_at,error";

impl Executions {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let connection = &self.connection;
        let client = connection.client()?;
        let executions = client.executions();
        let look = if connection.json { Look::Json } else { Look::Lines };
        match self.action {
            Action::Start {
                workflow_id,
                deployment_id,
                parameters,
                no_wait,
                allow_custom_parameters,
                force,
                queue,
            } => {
                let parameters = inputs::merge(&parameters)?;
                let options =
                    json!({"allow_custom_parameters": allow_custom_parameters, "force": force, "queue": queue});
                let started = executions.start(&deployment_id, &workflow_id, &parameters, &options).await?;
                let id = output::text(&started["id"]);
                if no_wait {
                    return accepted(connection, &started);
                }
                return follow::execution(&client, &id, look).await;
            }
            Action::Plan { workflow_id, deployment_id, parameters, allow_custom_parameters } => {
                let parameters = inputs::merge(&parameters)?;
                let options = json!({"allow_custom_parameters": allow_custom_parameters});
                let plan = executions.plan(&deployment_id, &workflow_id, &parameters, &options).await?;
                if connection.json {
                    output::json(&plan)?;
                } else {
                    plan::lines(&plan).into_iter().try_for_each(output::line)?;
                }
            }
            Action::List { deployment_id } => {
                let mut query = vec![("_include", FIELDS), ("_sort", "-created_at")];
                query.extend(deployment_id.as_deref().map(|id| ("deployment_id", id)));
                let columns = [
                    ("id", "id"),
                    ("workflow", "workflow_id"),
                    ("deployment", "deployment_id"),
                    ("status", "status_display"),
                    ("created", "created_at"),
                    ("ended", "ended_at"),
                ];
                show(connection, &executions.list(&query).await?, &columns)?;
            }
            Action::Get { execution_id } => {
                let found = executions.get(&execution_id, &[("_include", FIELDS)]).await?;
                if connection.json {
                    output::json(&found)?;
                } else {
                    for (name, value) in found.as_object().into_iter().flatten() {
                        output::line(format!("{name:<15} {}", output::text(value)))?;
                    }
                }
            }
            Action::Why { execution_id } => explain(connection, &executions.why(&execution_id).await?)?,
            Action::Cancel { execution_id, force, kill } => {
                let action = match (force, kill) {
                    (_, true) => CancelAction::Kill,
                    (true, _) => CancelAction::Force,
                    _ => CancelAction::Cancel,
                };
                return accepted(connection, &executions.cancel(&execution_id, action).await?);
            }
            Action::Resume { execution_id, force, parameters, no_wait } => {
                let resumed = if parameters.is_empty() {
                    executions.resume(&execution_id, force).await?
                } else {
                    executions.resume_with(&execution_id, force, &inputs::merge(&parameters)?).await?
                };
                if no_wait {
                    return accepted(connection, &resumed);
                }
                return follow::execution(&client, &execution_id, look).await;
            }
            Action::RetryTask { execution_id, task_id, reason, no_wait } => {
                let task = executions.decide(&execution_id, &task_id, TaskAction::Retry, &reason).await?;
                if no_wait {
                    return decided(connection, &task);
                }
                return follow::execution(&client, &execution_id, look).await;
            }
            Action::SkipTask { execution_id, task_id, reason } => {
                let task = executions.decide(&execution_id, &task_id, TaskAction::Skip, &reason).await?;
                return decided(connection, &task);
            }
            Action::Rerun { execution_id, no_wait } => {
                let started = executions.rerun(&execution_id).await?;
                if no_wait {
                    return accepted(connection, &started);
                }
                return follow::execution(&client, &output::text(&started["id"]), look).await;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Says in lines what an execution waits for.
fn explain(connection: &Connection, why: &Value) -> anyhow::Result<()> {
    if connection.json {
        return output::json(why);
    }
    output::line(output::text(&why["summary"]))?;
    let waits = why["waits"].as_array().map(Vec::as_slice).unwrap_or_default();
    for wait in waits {
        let time = |name: &str, key: &str| match &wait[key] {
            Value::Null => String::new(),
            time => format!(", {name} {}", output::text(time)),
        };
        let (kind, reason) = (output::text(&wait["kind"]), output::text(&wait["reason"]));
        output::line(format!("  {kind}: {reason}{}{}", time("since", "since"), time("until", "deadline")))?;
    }
    match why["more"].as_u64() {
        None | Some(0) => Ok(()),
        Some(more) => output::line(format!("  and {more} more")),
    }
}

/// Says where a task stands about which something was decided.
fn decided(connection: &Connection, task: &Value) -> anyhow::Result<ExitCode> {
    if connection.json {
        output::json(task)?;
    } else {
        output::line(format!("Task {} is {}", output::text(&task["id"]), output::text(&task["state"])))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Says where an execution stands that nobody waits for.
fn accepted(connection: &Connection, execution: &Value) -> anyhow::Result<ExitCode> {
    if connection.json {
        output::json(execution)?;
    } else {
        output::line(format!(
            "Execution {} is {}",
            output::text(&execution["id"]),
            output::text(&execution["status"])
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
