//! Logging of the process: to standard error, as text for people or JSON for programs, and to files in
//! the data directory, one a day for a week, which log bundles are made of.

use std::io::IsTerminal as _;

use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::config::{LogFormat, Settings};

/// Files that are kept, the present one among them.
const FILES: usize = 7;

/// Starts logging. What cannot be had, such as a filter that cannot be read, is done without and told.
pub(crate) fn start(settings: &Settings) {
    let (filter, problem) = match EnvFilter::try_new(&settings.log) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(true);
    let lines = match settings.log_format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let (files, no_files) = match files(settings) {
        Ok(files) => (Some(fmt::layer().with_ansi(false).with_writer(files)), None),
        Err(error) => (None, Some(error)),
    };
    tracing_subscriber::registry().with(filter).with(lines).with(files).init();
    if let Some(error) = problem {
        tracing::warn!(%error, filter = settings.log, "the log filter cannot be read; using info");
    }
    if let Some(error) = no_files {
        tracing::warn!(%error, "no log files can be written");
    }
}

fn files(settings: &Settings) -> anyhow::Result<RollingFileAppender> {
    let folder = settings.data_dir.join("logs");
    crate::up::make_private(&settings.data_dir)?;
    Ok(RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("nephele")
        .filename_suffix("log")
        .max_log_files(FILES)
        .build(folder)?)
}
