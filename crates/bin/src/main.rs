//! The one binary: picks a role or a command and hands over.
//!
//! Invariant: no logic lives here beyond composition. `up` starts the manager, `config show` shows the
//! settings, `audit` checks the audit log, `db` moves the database, `snapshots verify` an archive, `migrate` (and `shadow.rs`)
//! brings a Cloudify manager over, every other command is one of the `cli` crate. When the program is
//! called by the name `ctx` it is the command that operation scripts use; called `cfy`, it is as close to the
//! original's command line as it can be.

mod audit;
mod config;
mod database;
mod local;
mod migrate;
mod shadow;
mod snapshots;
mod telemetry;
mod up;

use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use nephele_cli::{Local, Words};

/// Plans are millions of small values: this allocator makes and frees them faster than the system's,
/// and gives the memory back afterwards (docs/benchmarks.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Nephele, a Cloudify-compatible orchestration manager.
#[derive(Parser)]
#[command(name = "nephele", version, about, propagate_version = true, infer_subcommands = true)]
#[command(disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// The first words of the commands below.
const OWN: &[&str] = &["up", "audit", "db", "migrate"];

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
    /// Look at the archive of a snapshot.
    #[command(subcommand)]
    Snapshots(SnapshotsCommand),
    /// Look after the database of a manager that is not running.
    #[command(subcommand)]
    Db(DbCommand),
    /// Come over from a Cloudify manager.
    #[command(subcommand)]
    Migrate(MigrateCommand),
}

#[derive(Subcommand)]
enum DbCommand {
    /// Copy everything into an empty database, of the other kind or of the same, and compare both.
    Move {
        /// The database that is there: `sqlite:///path/to/file` or `postgres://user:password@host/name`.
        from: String,
        /// The database to fill.
        to: String,
        #[command(flatten)]
        flags: config::Flags,
        /// Copy the other files of the data directory into this folder, which becomes a data directory.
        #[arg(long, value_name = "DIR")]
        files_to: Option<std::path::PathBuf>,
    },
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
enum MigrateCommand {
    /// Say what comes along and what does not; nothing is changed, and no manager is needed.
    Inspect {
        /// A snapshot of Cloudify 5 to 7.
        snapshot: std::path::PathBuf,
        /// The old manager's `/opt/manager/rest-security.conf`, for snapshots without the salt of passwords.
        #[arg(long, value_name = "FILE")]
        rest_security: Option<std::path::PathBuf>,
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Bring everything into a manager, which must not be running.
    Run {
        #[command(flatten)]
        flags: config::Flags,
        /// A snapshot of Cloudify 5 to 7.
        snapshot: std::path::PathBuf,
        /// Only this tenant; what others have stays.
        #[arg(long)]
        tenant: Option<String>,
        /// Also if there are blueprints already: everything is replaced.
        #[arg(long)]
        force: bool,
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Mirror a manager that runs, by reading its REST API alone; the next time only what is new.
    Shadow {
        /// The old manager, such as `https://10.0.0.1`.
        #[arg(long, value_name = "URL")]
        from: String,
        #[command(flatten)]
        login: shadow::Login,
        /// The folder of the mirror; secrets are in it as they are.
        #[arg(long, value_name = "DIR")]
        into: std::path::PathBuf,
        /// Look again and again, after so many seconds.
        #[arg(long, value_name = "SECONDS")]
        every: Option<u64>,
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Compare a mirror with a manager, record by record; fail while they are not the same.
    Compare {
        /// The folder of the mirror.
        folder: std::path::PathBuf,
        /// The manager, such as `https://10.0.0.2`.
        #[arg(long, value_name = "URL")]
        with: String,
        #[command(flatten)]
        login: shadow::Login,
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Show the way over from a mirrored manager, tenant by tenant.
    Plan {
        /// The folder of the mirror.
        folder: std::path::PathBuf,
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Have the old manager hand over one agent to the new one; the next one if none is named.
    HandOver {
        /// The folder of the mirror.
        folder: std::path::PathBuf,
        /// The old manager.
        #[arg(long, value_name = "URL")]
        from: String,
        #[command(flatten)]
        login: shadow::Login,
        /// The agent's tenant.
        #[arg(long, default_value = "default_tenant")]
        tenant: String,
        /// The agent's name.
        #[arg(long)]
        agent: Option<String>,
        /// The new manager's address, as the agent's host sees it.
        #[arg(long, value_name = "ADDRESS")]
        manager_ip: String,
        /// The certificate of the new manager's authority (`tls/ca.pem` in its data directory).
        #[arg(long, value_name = "FILE")]
        manager_certificate: std::path::PathBuf,
    },
}

#[derive(Subcommand)]
enum SnapshotsCommand {
    /// Check that an archive is whole and as it was written; no manager is needed.
    Verify {
        /// The archive, as `snapshots download` gives it.
        archive: std::path::PathBuf,
        /// An archive that it builds on; may be given several times.
        #[arg(long, value_name = "ARCHIVE")]
        base: Vec<std::path::PathBuf>,
    },
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Print each setting of a manager on this machine with its value and where the value comes from.
    Show {
        #[command(flatten)]
        flags: config::Flags,
    },
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let called_as = arguments.next().unwrap_or_default();
    let name = Path::new(&called_as).file_name().unwrap_or_default();
    let words: Vec<String> = arguments.map(|argument| argument.to_string_lossy().into_owned()).collect();
    if name == "ctx" {
        return nephele_worker::ctx::command::main(words);
    }
    // Both TLS sides of the process use the same provider; a second installation is harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let is_cfy = name == "cfy";
    let outcome = match nephele_cli::find(&words, is_cfy, OWN) {
        Words::Command(command) => {
            let run = nephele_cli::run(*command, Local::new(local::start), Arguments::command);
            small_runtime().and_then(|runtime| runtime.block_on(run))
        }
        Words::Wrong(error) => error.exit(),
        Words::Other => run(&words, is_cfy),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

/// Commands of this crate, help, and mistakes.
fn run(words: &[String], is_cfy: bool) -> anyhow::Result<ExitCode> {
    let name = if is_cfy { "cfy" } else { "nephele" };
    let program = nephele_cli::outline(Arguments::command().name(name).bin_name(name));
    let matches = program.get_matches_from(std::iter::once(name.to_owned()).chain(words.iter().cloned()));
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match arguments.command {
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
        Command::Db(DbCommand::Move { from, to, flags, files_to }) => {
            let config = config::Config::load(&flags)?;
            database::relocate(&config.settings, &from, &to, files_to.as_deref())
        }
        Command::Snapshots(SnapshotsCommand::Verify { archive, base }) => snapshots::verify(&archive, &base),
        Command::Migrate(MigrateCommand::Inspect { snapshot, rest_security, json }) => {
            migrate::inspect(&snapshot, rest_security.as_deref(), json)
        }
        Command::Migrate(MigrateCommand::Run { flags, snapshot, tenant, force, json }) => {
            migrate::run(&config::Config::load(&flags)?.settings, &snapshot, tenant, force, json)
        }
        Command::Migrate(MigrateCommand::Shadow { from, login, into, every, json }) => {
            shadow::mirror(&from, &login, &into, every, json)
        }
        Command::Migrate(MigrateCommand::Compare { folder, with, login, json }) => {
            shadow::compare(&folder, &with, &login, json)
        }
        Command::Migrate(MigrateCommand::Plan { folder, json }) => shadow::plan(&folder, json),
        Command::Migrate(MigrateCommand::HandOver {
            folder,
            from,
            login,
            tenant,
            agent,
            manager_ip,
            manager_certificate,
        }) => shadow::hand_over(&folder, &from, &login, (&tenant, agent), &manager_ip, &manager_certificate),
    }
}

/// The runtime of every role: as many threads as the machine has cores.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// The runtime of a command: it waits for answers, and starting threads would take longer than most of them do.
fn small_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
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
