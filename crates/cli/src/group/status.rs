//! `status`.

use std::process::ExitCode;

use serde_json::json;

use crate::call::Call;
use crate::output;
use crate::table::{Columns, Outcome};

/// Tells how the manager is doing; fails unless it is well.
pub(super) async fn status(call: &Call) -> Outcome {
    let asked = async { anyhow::Ok((call.get(&["status"], &[]).await?, call.get(&["maintenance"], &[]).await?)) };
    let (status, maintenance) = match asked.await {
        // The original says so and is content.
        Err(error) if call.settings.is_strict => {
            call.print.say(format!("The manager does not answer: {error:#}"))?;
            return Ok(ExitCode::SUCCESS);
        }
        other => other?,
    };
    if call.print.is_data() {
        call.print.value(&status)?;
    } else {
        if !call.settings.is_cfy {
            let version = call.client()?.manager().version().await?;
            output::line(format!(
                "Manager {} is {}",
                output::text(&version["version"]),
                output::text(&status["status"])
            ))?;
        }
        let services = status["services"].as_object().into_iter().flatten();
        let rows = services.map(|(name, service)| json!({"service": name, "status": service["status"]}));
        call.print.rows(&Columns::of(&["service", "status"]), rows.collect())?;
    }
    if maintenance["status"] != "deactivated" {
        call.print.say(format!("Maintenance mode is {}", output::text(&maintenance["status"])))?;
    }
    let is_well = call.settings.is_strict || status["status"] == "OK";
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
