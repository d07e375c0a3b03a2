//! `nephele migrate`: the way over from a Cloudify manager, by one of its snapshots.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use nephele_bus::Local;
use nephele_manager::{CloudifyLayout, Manager, MigrationReport};
use nephele_model::Clock;
use nephele_model::clock::SystemClock;

use crate::config::Settings;
use crate::up;

/// Says what a migration would bring; changes nothing.
pub(crate) fn inspect(archive: &Path, security: Option<&Path>, as_json: bool) -> anyhow::Result<ExitCode> {
    let salt = match security {
        Some(file) => {
            let text = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
            nephele_manager::cloudify_salt(&text)?
        }
        None => None,
    };
    let report = nephele_manager::inspect_cloudify_snapshot(archive, salt, SystemClock.now())?;
    if as_json {
        print_json(&report)?;
    } else {
        print(&report);
    }
    Ok(ExitCode::SUCCESS)
}

/// Brings everything of a snapshot, or one tenant of it, into a manager that is not running.
pub(crate) fn run(
    settings: &Settings,
    archive: &Path,
    tenant: Option<String>,
    force: bool,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    up::make_private(&settings.data_dir)
        .with_context(|| format!("the data directory {} cannot be made", settings.data_dir.display()))?;
    let _lock = up::lock(&settings.data_dir)?;
    let report = crate::runtime()?.block_on(async {
        let wanted = up::manager_settings(settings, settings.hostname(), settings.listen_tls);
        let opened = Manager::open(wanted, Arc::new(Local::new()), Arc::new(SystemClock)).await?;
        if let Some(password) = opened.new_password {
            up::tell_password(&settings.data_dir, &password)?;
        }
        let report = Box::pin(opened.manager.migrate(archive.to_owned(), tenant, force)).await;
        opened.manager.store.close().await;
        anyhow::Ok(report?)
    })?;
    if as_json {
        print_json(&report)?;
    } else {
        print(&report);
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "this command's output")]
fn print_json(report: &MigrationReport) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(report)?);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this command's output")]
fn print(report: &MigrationReport) {
    let layout = match report.layout {
        CloudifyLayout::Dump => "a database dump",
        CloudifyLayout::Folders | CloudifyLayout::Numbered => "a file an entity",
    };
    println!("A snapshot of Cloudify {}, with {layout}\n", report.version);
    println!("What comes along:");
    for (table, rows) in report.rows.iter().filter(|(_, rows)| **rows > 0) {
        println!("  {rows:>9} {}", table.replace('_', " "));
    }
    println!("  {:>9} files", report.files);
    for (title, lines) in [("Deployments", &report.deployments), ("Plugins", &report.plugins)] {
        if !lines.is_empty() {
            println!("\n{title}:");
        }
        for (name, said) in lines {
            println!("  {name} {said}");
        }
    }
    if !report.notes.is_empty() {
        println!("\nTo be known:");
    }
    for note in &report.notes {
        println!("  - {note}");
    }
}
