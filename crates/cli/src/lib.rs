//! The commands that talk to a manager: `nephele status`, `nephele blueprints upload`, and so on, as the original's
//! `cfy` has them; and those that need none.
//!
//! Invariant: data goes to standard output, everything else to standard error; the exit code tells
//! what happened (0 done, 1 failed, 2 wrong usage, 3 the execution was cancelled). Called by the original's name, or
//! with `NEPHELE_CFY_STRICT_COMPAT=1`, some of that is as it is there (docs/compatibility.md).
//!
//! Commands are rows of tables: `table` says what a row is, `group` holds them, one file a group, `tree` finds
//! the one that was called, `act` carries out those that are mere data. Where the manager is and who asks is
//! `connection`; what is printed, `output`.

mod act;
mod archive_of_plugin;
mod call;
mod completions;
mod connection;
mod doctor;
mod fields;
mod follow;
mod glossary;
mod graph;
mod group;
mod hints;
mod inputs;
mod labels;
pub mod local;
mod locally;
mod lsp;
mod mcp;
mod notation;
mod output;
mod pack;
mod paging;
mod plan;
mod profile;
mod progress;
mod pythonic;
mod rules;
mod settings;
pub mod shadow;
mod source;
mod table;
mod tidy;
mod times;
mod tree;
mod validation;
mod yaml;

use std::process::ExitCode;

use call::Call;
pub use local::{Local, LocalManager};
use settings::Settings;
use tree::{Found, Search};

/// A command that was found among the words of a call.
pub struct Command {
    found: Found,
    is_cfy: bool,
}

/// What the words of a call come to.
pub enum Words {
    /// They call this command.
    Command(Box<Command>),
    /// They are a mistake, or a question such as `--help`.
    Wrong(clap::Error),
    /// They call something that is not of this crate, or nothing.
    Other,
}

/// Finds the command that the words call. `others` are the first words of commands elsewhere.
pub fn find(words: &[String], is_cfy: bool, others: &[&str]) -> Words {
    match tree::find(if is_cfy { "cfy" } else { "nephele" }, words, others) {
        Ok(Search::Found(found)) => Words::Command(Box::new(Command { found, is_cfy })),
        Ok(Search::Other) => Words::Other,
        Err(error) => Words::Wrong(error),
    }
}

/// Adds the names of all commands to a program, for its help and for messages about mistakes.
#[must_use]
pub fn outline(program: clap::Command) -> clap::Command {
    tree::outline(program)
}

/// Runs a command to its end. Errors are for the person at the terminal. `program` makes the program that it is one of,
/// with the commands that are not of this crate.
pub async fn run(command: Command, local: Local, program: fn() -> clap::Command) -> anyhow::Result<ExitCode> {
    let Found { act, parameters, matches } = command.found;
    let settings = Settings::read(&matches, command.is_cfy);
    let call = Call::new(matches, parameters, settings, local, program);
    match act::perform(act, &call).await {
        // Whoever reads has had enough, as `head` does.
        Err(error) if output::is_closed(&error) => Ok(ExitCode::SUCCESS),
        Err(error) => tell(&call, error),
        Ok(code) => Ok(code),
    }
}

/// Wrong usage is told as clap does; of a manager's refusals the original's words are kept for scripts.
fn tell(call: &Call, error: anyhow::Error) -> anyhow::Result<ExitCode> {
    let error = match error.downcast::<clap::Error>() {
        Ok(usage) => {
            output::note(usage.to_string().trim_end())?;
            return Ok(ExitCode::from(2));
        }
        Err(other) => other,
    };
    if !call.settings.is_cfy {
        output::note(format!("error: {error:#}"))?;
        if let Some(hint) = hints::after(call, &error) {
            output::note(format!("hint: {hint}"))?;
        }
        return Ok(ExitCode::FAILURE);
    }
    let refused = error.downcast_ref::<nephele_client::Error>().is_some_and(|error| error.status().is_some());
    let prefix = if refused { "An error occurred on the server: " } else { "" };
    follow::complain(call, &format!("{prefix}{error:#}"))?;
    Ok(ExitCode::FAILURE)
}
