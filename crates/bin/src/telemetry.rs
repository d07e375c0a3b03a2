//! Logging of the process: to standard error, as text for people or JSON for programs.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{LogFormat, Settings};

/// Starts logging. A filter that cannot be read falls back to `info` and says so.
pub(crate) fn start(settings: &Settings) {
    let (filter, problem) = match EnvFilter::try_new(&settings.log) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(true);
    match settings.log_format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    if let Some(error) = problem {
        tracing::warn!(%error, filter = settings.log, "the log filter cannot be read; using info");
    }
}
