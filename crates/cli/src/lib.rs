//! The commands that talk to a manager: `nephele status`, `nephele blueprints upload`, and so on; and
//! `validation`, which needs none.
//!
//! Invariant: data goes to standard output, everything else to standard error; the exit code tells
//! what happened (0 done, 1 failed, 2 wrong usage, 3 the execution was cancelled). A group of
//! commands is one file of [`command`]; where the manager is and who asks is [`connection`].

pub mod command;
pub mod connection;
mod follow;
mod inputs;
mod output;
mod pack;
mod plan;
mod validation;

use std::process::ExitCode;

use clap::Subcommand;

/// The groups of commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell how the manager is doing
    Status(command::status::Status),
    /// Blueprints: what can be deployed
    Blueprints(command::blueprints::Blueprints),
    /// Deployments: blueprints with inputs
    Deployments(command::deployments::Deployments),
    /// Executions: runs of workflows
    Executions(command::executions::Executions),
    /// Events and logs of executions
    Events(command::events::Events),
}

/// Runs a command to its end. Errors are for the person at the terminal.
pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let outcome = match command {
        Command::Status(command) => command.run().await,
        Command::Blueprints(command) => command.run().await,
        Command::Deployments(command) => command.run().await,
        Command::Executions(command) => command.run().await,
        Command::Events(command) => command.run().await,
    };
    match outcome {
        // Whoever reads has had enough, as `head` does.
        Err(error) if output::is_closed(&error) => Ok(ExitCode::SUCCESS),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(subcommand)]
        command: Command,
    }

    #[test]
    fn the_definitions_do_not_contradict_each_other() {
        Program::command().debug_assert();
    }

    #[test]
    fn options_of_the_connection_may_stand_anywhere() {
        for line in ["x blueprints --json list", "x blueprints list --json", "x status --json"] {
            let program = Program::try_parse_from(line.split(' ')).map_err(|error| error.to_string());
            assert!(matches!(program, Ok(Program { command: Command::Blueprints(_) | Command::Status(_) })), "{line}");
        }
    }
}
