//! `nephele migrate shadow` and what goes with it: the way over from a manager that still runs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use nephele_cli::shadow::{self, HandOver, Source};
use nephele_client::Trust;
use nephele_model::Secret;

/// Who asks a manager, and whom to believe that it is the manager.
#[derive(clap::Args)]
pub(crate) struct Login {
    /// Who asks: an administrator, or not everything is seen.
    #[arg(long, default_value = "admin")]
    user: String,
    /// A file with the password.
    #[arg(long, value_name = "FILE")]
    password_file: PathBuf,
    /// Certificate of the authority that vouches for the manager.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Believe any certificate.
    #[arg(long, conflicts_with = "ca")]
    insecure: bool,
}

impl Login {
    fn at(&self, url: &str) -> anyhow::Result<Source> {
        let file = &self.password_file;
        let password = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let trust = match (&self.ca, self.insecure) {
            (Some(ca), _) => Trust::CaFile(ca.clone()),
            (None, true) => Trust::Anybody,
            (None, false) => Trust::System,
        };
        let password = Secret::new(password.trim_end_matches(['\r', '\n']).to_owned());
        Ok(Source { url: url.trim_end_matches('/').to_owned(), user: self.user.clone(), password, trust })
    }
}

/// What a command has to say.
#[expect(clippy::print_stdout, reason = "this command's output")]
fn say(text: &str) {
    println!("{text}");
}

/// Makes a mirror or brings one up to date, once or again and again.
pub(crate) fn mirror(
    url: &str,
    login: &Login,
    folder: &Path,
    every: Option<u64>,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let source = login.at(url)?;
    crate::runtime()?.block_on(async {
        loop {
            let report = shadow::mirror(&source, folder).await?;
            say(&if as_json { report.json().to_string() } else { report.to_string() });
            let Some(every) = every else { return Ok(ExitCode::SUCCESS) };
            tokio::time::sleep(Duration::from_secs(every)).await;
        }
    })
}

/// Compares a mirror with a manager; fails while they are not the same.
pub(crate) fn compare(folder: &Path, url: &str, login: &Login, as_json: bool) -> anyhow::Result<ExitCode> {
    let found = crate::runtime()?.block_on(shadow::compare(folder, &login.at(url)?))?;
    say(&if as_json { found.json().to_string() } else { found.to_string() });
    Ok(if found.is_same() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Shows the way over, tenant by tenant.
pub(crate) fn plan(folder: &Path, as_json: bool) -> anyhow::Result<ExitCode> {
    let plan = shadow::plan(folder)?;
    say(&if as_json { plan.json().to_string() } else { plan.to_string() });
    Ok(ExitCode::SUCCESS)
}

/// Hands over one agent.
pub(crate) fn hand_over(
    folder: &Path,
    url: &str,
    login: &Login,
    agent: (&str, Option<String>),
    manager_ip: &str,
    certificate: &Path,
) -> anyhow::Result<ExitCode> {
    let (tenant, agent) = agent;
    let certificate =
        std::fs::read_to_string(certificate).with_context(|| format!("{} cannot be read", certificate.display()))?;
    let wish = HandOver { tenant: tenant.to_owned(), agent, manager_ip: manager_ip.to_owned(), certificate };
    match crate::runtime()?.block_on(shadow::hand_over(&login.at(url)?, folder, &wish))? {
        Some(name) => say(&format!("The agent {name} is handed over")),
        None => say(&format!("All agents of tenant {tenant} are handed over")),
    }
    Ok(ExitCode::SUCCESS)
}
