//! `nephele events ...`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::connection::Connection;
use crate::follow::{self, Look};

/// Events and logs of executions.
#[derive(Debug, Args)]
pub struct Events {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List events and logs, the oldest first
    List {
        /// Only those of this execution
        #[arg(required_unless_present = "deployment_id")]
        execution_id: Option<String>,
        /// Only those of this deployment
        #[arg(short, long)]
        deployment_id: Option<String>,
        /// Go on until the execution has ended
        #[arg(short, long, requires = "execution_id")]
        follow: bool,
    },
}

impl Events {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let client = self.connection.client()?;
        let look = if self.connection.json { Look::Json } else { Look::Lines };
        let Action::List { execution_id, deployment_id, follow } = self.action;
        if let (Some(id), true) = (&execution_id, follow) {
            return follow::execution(&client, id, look).await;
        }
        let mut filter = Vec::new();
        filter.extend(execution_id.as_deref().map(|id| ("execution_id", id)));
        filter.extend(deployment_id.as_deref().map(|id| ("deployment_id", id)));
        follow::all(&client, filter, look).await?;
        Ok(ExitCode::SUCCESS)
    }
}
