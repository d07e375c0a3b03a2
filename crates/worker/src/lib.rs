//! Runs operations, and workflows written in Python: takes them from the bus, runs their scripts, answers on
//! the bus.
//!
//! Invariants:
//! - a delivery is acknowledged after its answer was sent, so a crash makes it come again;
//! - two attempts of one task never run beside each other: repetitions are recognised by task id,
//!   and what a dead worker left running is killed before the next one begins (`leftovers`);
//! - everything an operation learns or changes goes through REST with its execution's token.
//!
//! The way of an operation: `intake` (may it run?) → [`executor`] (who runs it) → `script` with `ctx` at
//! its side (what scripts ask and change), or `python` (the dispatcher of `cloudify-common`) in an
//! environment that `plugins` keeps, or `native` (what needs no Python) → `process` (what runs, and its end).
//! Workflows come in by `workflows`, hooks by `hooks`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nephele_bus::{Bus, topology};
use nephele_client::{Client, Credentials, Endpoint};
use nephele_model::Clock;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub mod ctx;
pub mod executor;
mod forks;
mod hooks;
mod intake;
mod leftovers;
mod lines;
mod locks;
mod logged;
mod logs;
mod memory;
mod native;
mod operation;
mod outcomes;
mod pauses;
mod plugins;
mod process;
mod process_table;
mod python;
pub mod resources;
mod running;
mod script;
mod service;
mod standing;
mod task_dir;
mod tool;
mod workflows;

use ctx::proxy::Proxy;
use executor::Executors;
use forks::Forks;
use intake::Intake;
use native::Native;
use outcomes::Outcomes;
use pauses::Pauses;
use plugins::Plugins;
use python::Python;
use python::base::Base;
use python::surroundings::Surroundings;
use script::Script;
use service::Service;
use tool::Tools;

pub use executor::Executor;
pub use operation::Operation;
pub use running::Handle;

/// Why a worker cannot work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its folder, its socket or something else of the machine is not usable.
    #[error("{what}: {source}")]
    Machine {
        /// What was tried, with the path or address.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The manager's address cannot be used.
    #[error(transparent)]
    Client(#[from] nephele_client::Error),
    /// The bus does not take or give messages.
    #[error(transparent)]
    Bus(#[from] nephele_bus::Error),
}

impl Error {
    fn machine(what: impl std::fmt::Display) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.to_string();
        move |source| Self::Machine { what, source }
    }
}

/// A worker's settings.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder for scripts and records of what runs; belongs to this worker alone.
    pub work_dir: PathBuf,
    /// Operations that run at the same time.
    pub concurrency: usize,
    /// The manager.
    pub rest: Endpoint,
    /// How long a request is repeated while the manager cannot be reached.
    pub patience: Duration,
    /// The name that events and stored tasks carry.
    pub manager_name: String,
    /// A program that acts as `ctx` when called by that name ([`ctx::command::main`]).
    pub ctx_program: PathBuf,
    /// The environment that scripts start from.
    pub environment: Vec<(OsString, OsString)>,
    /// The Python that runs plugins. A bare name is looked for in `PATH`. One that has
    /// `cloudify-common` is used as it is; with any other a virtual environment is made at first need.
    pub python: PathBuf,
    /// A folder of wheels to install from, instead of the index of packages.
    pub wheels: Option<PathBuf>,
    /// The manager's tree of files, if it is on this machine.
    pub files: Option<PathBuf>,
    /// Where workflows written in Python send and take messages (AMQP).
    pub broker: Option<SocketAddr>,
    /// Bytes of memory that the processes of one operation may hold together; any, when absent.
    pub memory: Option<u64>,
    /// How long running operations may take to end when the worker is asked to stop; then they
    /// are killed, and run again when a worker comes back.
    pub grace: Duration,
}

impl Options {
    /// The defaults: 64 operations, this program as `ctx`, this process's environment without the
    /// manager's own settings.
    pub fn new(work_dir: impl Into<PathBuf>, rest: Endpoint) -> Result<Self, Error> {
        let own_setting = |name: &OsString| name.as_encoded_bytes().starts_with(b"NEPHELE_");
        Ok(Self {
            work_dir: work_dir.into(),
            concurrency: 64,
            rest,
            patience: Duration::from_mins(1),
            manager_name: "nephele".to_owned(),
            ctx_program: std::env::current_exe().map_err(Error::machine("the program's own path"))?,
            environment: std::env::vars_os().filter(|(name, _)| !own_setting(name)).collect(),
            python: "python3".into(),
            wheels: None,
            files: None,
            broker: None,
            memory: None,
            grace: Duration::from_secs(5),
        })
    }
}

/// A worker that has not begun yet.
pub struct Worker {
    options: Options,
    bus: Arc<dyn Bus>,
    clock: Arc<dyn Clock>,
    client: Client,
    handle: Handle,
}

impl Worker {
    /// Checks the settings. Nothing is touched or sent until [`Worker::run`].
    pub fn new(options: Options, bus: Arc<dyn Bus>, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let client = Client::new(&options.rest, Credentials::None, None)?.with_patience(options.patience);
        Ok(Self { options, bus, clock, client, handle: Handle::default() })
    }

    /// A handle on what runs, for use in the same process.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Works until `shutdown`, then lets running operations end within the grace time.
    ///
    /// The manager's REST API and the bus must stay up until this returns.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        let killed = leftovers::clear(&self.options.work_dir).await?;
        if killed > 0 {
            tracing::warn!(operations = killed, "killed what an earlier worker left running");
        }
        let mut operations = self.bus.subscribe(topology::operations(), self.options.concurrency).await?;
        let mut hooks = self.bus.subscribe(topology::hooks(), self.options.concurrency).await?;
        let mut workflows = self.bus.subscribe(topology::workflows(), WORKFLOWS).await?;
        let mut services = self.bus.subscribe(topology::manager_service(), 16).await?;
        let pauses = Pauses::new();
        let mut ticks = tokio::time::interval(pauses::TICK);
        let (intake, service) = self.parts(&pauses).await?;
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = ticks.tick() => { pauses.count(); }
                Some(delivery) = operations.next() => { tasks.spawn(Arc::clone(&intake).handle(delivery)); }
                Some(delivery) = workflows.next() => { tasks.spawn(Arc::clone(&intake).handle_workflow(delivery)); }
                Some(delivery) = hooks.next() => { tasks.spawn(Arc::clone(&intake).handle_hook(delivery)); }
                Some(delivery) = services.next() => { tasks.spawn(Arc::clone(&service).handle(delivery)); }
                Some(ended) = tasks.join_next() => log_panic(ended),
            }
        }
        drop((operations, workflows, hooks, services));
        let ending = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.options.grace, ending).await.is_err() {
            self.handle.abandon_all();
            let killing = async { while tasks.join_next().await.is_some() {} };
            if tokio::time::timeout(LAST_WORDS, killing).await.is_err() {
                tracing::warn!("operations that wait for the manager are given up; they run again later");
            }
        }
        tasks.shutdown().await;
        Ok(())
    }

    /// What deals with operations, and with service tasks.
    async fn parts(&self, pauses: &Pauses) -> Result<(Arc<Intake>, Arc<Service>), Error> {
        let options = &self.options;
        let forks = Arc::new(Forks::default());
        let proxy = Arc::new(Proxy::start().await.map_err(Error::machine("a socket on 127.0.0.1 for ctx"))?);
        let script = Script::new(options, Arc::clone(&forks), Arc::clone(&proxy), pauses.clone())?;
        let surroundings = Arc::new(Surroundings::new(options)?);
        let native = Native::new(options, Arc::clone(&forks), pauses.clone(), Arc::clone(&surroundings), proxy);
        let root = options.work_dir.canonicalize().map_err(Error::machine(options.work_dir.display()))?;
        let tools = Tools { forks: Arc::clone(&forks), environment: options.environment.clone() };
        let base = Arc::new(Base::new(options.python.clone(), options.wheels.clone(), root.join("env"), tools.clone()));
        let plugins = Arc::new(Plugins::new(Arc::clone(&base), root, tools, options.manager_name.clone()));
        let python = Python::new(options, base, Arc::clone(&plugins), Arc::clone(&surroundings), forks);
        let intake = Intake {
            bus: Arc::clone(&self.bus),
            clock: Arc::clone(&self.clock),
            client: self.client.clone(),
            manager_name: options.manager_name.clone(),
            memory: options.memory,
            tasks: options.work_dir.join(task_dir::FOLDER),
            executors: Executors { native: Arc::new(native), script: Arc::new(script), python: Arc::new(python) },
            outcomes: Outcomes::open(&options.work_dir).map_err(Error::machine(options.work_dir.display()))?,
            running: self.handle.clone(),
            pauses: pauses.clone(),
        };
        let service = Service {
            running: self.handle.clone(),
            plugins,
            surroundings,
            client: self.client.clone(),
            manager_name: options.manager_name.clone(),
            bus: Arc::clone(&self.bus),
            clock: Arc::clone(&self.clock),
        };
        Ok((Arc::new(intake), Arc::new(service)))
    }
}

/// Workflows that run at the same time. Most of them wait most of the time, for operations.
const WORKFLOWS: usize = 64;
/// For the killing of scripts that outlast the grace time. Longer than it takes to kill one.
const LAST_WORDS: Duration = Duration::from_secs(8);

/// A panic while one operation is handled leaves its delivery unacknowledged, so it comes again.
fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "handling an operation ended abnormally");
    }
}
