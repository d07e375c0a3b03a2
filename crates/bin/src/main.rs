//! The one binary: picks a role or a command and hands over.
//!
//! Invariant: no logic lives here beyond composition. `up` starts the manager, `config` shows the
//! settings, `audit` checks the audit log, every other subcommand is the command line of the `cli` crate. When the program is
//! called by the name `ctx` it is the command that operation scripts use.

mod audit;
mod config;
mod telemetry;
mod up;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Plans are millions of small values: this allocator makes and frees them faster than the system's,
/// and gives the memory back afterwards (docs/benchmarks.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Nephele, a Cloudify-compatible orchestration manager.
#[derive(Parser)]
#[command(name = "nephele", version, about, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a manager with everything it needs in this process.
    Up {
        #[command(flatten)]
        flags: config::Flags,
        /// Write one line with the addresses to this open file descriptor once requests are served.
        #[arg(long, value_name = "N")]
        ready_fd: Option<i32>,
    },
    /// Look at the settings.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look at the audit log from outside.
    #[command(subcommand)]
    Audit(AuditCommand),
    #[command(flatten)]
    Manager(nephele_cli::Command),
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Check that nothing in the audit log was changed; the manager may be running or not.
    Verify {
        #[command(flatten)]
        flags: config::Flags,
    },
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Print each setting with its value and where the value comes from.
    Show {
        #[command(flatten)]
        flags: config::Flags,
    },
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let called_as = arguments.next().unwrap_or_default();
    if Path::new(&called_as).file_name().is_some_and(|name| name == "ctx") {
        return nephele_worker::ctx::command::main(arguments.map(|argument| argument.to_string_lossy().into_owned()));
    }
    // Both TLS sides of the process use the same provider; a second installation is harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Up { flags, ready_fd } => {
            let config = config::Config::load(&flags)?;
            telemetry::start(&config.settings);
            up::run(config.settings, ready_fd)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Config(ConfigCommand::Show { flags }) => {
            show(&config::Config::load(&flags)?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Audit(AuditCommand::Verify { flags }) => {
            let config = config::Config::load(&flags)?;
            runtime()?.block_on(audit::verify(&config.settings))
        }
        Command::Manager(command) => runtime()?.block_on(nephele_cli::run(command)),
    }
}

/// The runtime of every role: as many threads as the machine has cores.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

#[expect(clippy::print_stdout, reason = "this command's output")]
fn show(config: &config::Config) {
    for (name, value, source) in config.describe() {
        println!("{name:<20} {value:<48} # {source}");
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a program that failed")]
fn report(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
