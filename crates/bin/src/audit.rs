//! `nephele audit`: the audit log, checked by someone who does not trust the manager that wrote it.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use nephele_manager::audit_log;
use nephele_model::clock::SystemClock;

use crate::config::Settings;
use crate::up;

/// Checks the chain of the audit log; fails with what is wrong.
#[expect(clippy::print_stdout, reason = "this command's output")]
pub(crate) async fn verify(settings: &Settings) -> anyhow::Result<ExitCode> {
    if !settings.data_dir.join("secrets.key").is_file() {
        bail!("{} is not the data directory of a manager; choose another --data-dir", settings.data_dir.display());
    }
    let report =
        audit_log::verify(&up::manager_settings(settings, String::new(), settings.listen_tls), Arc::new(SystemClock))
            .await
            .context("the audit log cannot be read")?;
    if let Some(problem) = report.problem {
        bail!("the audit log is not as it was written: {problem} ({} entries before are in order)", report.sealed);
    }
    println!("The audit log is in order: {} entries sealed, {} waiting", report.sealed, report.waiting);
    Ok(ExitCode::SUCCESS)
}
