//! `nephele status`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::connection::Connection;
use crate::output;

/// Tells how the manager is doing; fails unless it is well.
#[derive(Debug, Args)]
pub struct Status {
    #[command(flatten)]
    connection: Connection,
}

impl Status {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let client = self.connection.client()?;
        let version = client.manager().version().await?;
        let status = client.manager().status().await?;
        if self.connection.json {
            output::json(&json!({"version": version, "status": status}))?;
        } else {
            output::line(format!(
                "Manager {} is {}",
                output::text(&version["version"]),
                output::text(&status["status"])
            ))?;
            for (name, service) in status["services"].as_object().into_iter().flatten() {
                output::line(format!("  {name:<30} {}", output::text(&service["status"])))?;
            }
        }
        let well = matches!(&status["status"], Value::String(text) if text == "OK");
        Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
