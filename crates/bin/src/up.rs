//! `nephele up`: the manager, its worker and its listeners in one process.
//!
//! Order matters at both ends. At the start sockets come first, so that a port in use is noticed
//! before anything else; then the database; readiness is told when requests are served. At the end
//! the worker stops first, while runs can still take its last answers, then runs, then requests;
//! what could not end is journaled and goes on at the next start.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use futures::future::BoxFuture;
use nephele_amqp::{Guard, Login};
use nephele_api::Listener;
use nephele_bus::{Bus, Local};
use nephele_client::{Endpoint, Trust};
use nephele_manager::Manager;
use nephele_model::clock::SystemClock;
use nephele_model::id::ExecutionId;
use nephele_model::{Clock, Secret};
use nephele_worker::Worker;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::Settings;

/// Runs the manager until SIGTERM or SIGINT.
pub(crate) fn run(settings: Settings, ready_fd: Option<i32>) -> anyhow::Result<()> {
    let data = &settings.data_dir;
    make_private(data).with_context(|| format!("the data directory {} cannot be made", data.display()))?;
    let _lock = lock(data)?;
    let ready = move |http: SocketAddr, https: SocketAddr| {
        tracing::info!("ready: http://{http} and https://{https}, console at https://{https}/console");
        ready_fd.map_or(Ok(()), |descriptor| tell_ready(descriptor, http, https))
    };
    crate::runtime()?.block_on(up(settings, tell_password, ready, wait_for_signal()))
}

/// Runs the manager on a data directory of its own until `stop` is over; `ready` is told where it listens.
pub(crate) fn run_quietly(
    settings: Settings,
    ready: impl FnOnce(SocketAddr) -> anyhow::Result<()>,
    stop: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let data = &settings.data_dir;
    make_private(data).with_context(|| format!("the data directory {} cannot be made", data.display()))?;
    let _lock = lock(data)?;
    let keep = |data: &Path, password: &Secret| keep_password(data, password).map(|_| ());
    crate::runtime()?.block_on(up(settings, keep, |http, _| ready(http), stop))
}

/// Makes a folder that only its owner sees, unless it is there.
pub(crate) fn make_private(folder: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

async fn up(
    settings: Settings,
    tell_password: impl FnOnce(&Path, &Secret) -> anyhow::Result<()>,
    ready: impl FnOnce(SocketAddr, SocketAddr) -> anyhow::Result<()>,
    stop: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let http = bind(settings.listen, "listen").await?;
    let https = bind(settings.listen_tls, "listen_tls").await?;
    let (http_address, https_address) = (local(http.local_addr()?), local(https.local_addr()?));
    // Workflows alone use it, and are told where it is.
    let messages = bind(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0), "listen").await?;
    let hostname = settings.hostname();
    let tls = nephele_api::tls::server_config(&settings.data_dir.join("tls"), &hostname)?;

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let bus: Arc<dyn Bus> = Arc::new(Local::new());
    let opened = Manager::open(manager_settings(&settings, hostname, https_address), bus.clone(), clock.clone())
        .await
        .context("the manager cannot start")?;
    if let Some(password) = opened.new_password {
        tell_password(&settings.data_dir, &password)?;
    }
    let manager = opened.manager;

    let (stop_worker, stop_runs, stop_requests) =
        (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
    let listeners = vec![Listener { socket: http, tls: None }, Listener { socket: https, tls: Some(tls) }];
    let requests = tokio::spawn(nephele_api::serve(manager.clone(), listeners, stop_requests.clone()));
    let (name, root) = (manager.settings.hostname.clone(), manager.files.root().to_path_buf());
    let mut options = worker_options(&settings, name, http_address, root)?;
    options.broker = Some(messages.local_addr()?);
    let door = Arc::new(Door(manager.clone()));
    let messages = tokio::spawn(nephele_amqp::serve(messages, bus.clone(), door, stop_requests.clone()));
    let worker = tokio::spawn(Worker::new(options, bus, clock)?.run(stop_worker.clone()));
    let schedules = tokio::spawn(manager.clone().run_schedules(stop_runs.clone()));
    let hooks = tokio::spawn(manager.clone().run_hooks(stop_runs.clone()));
    let house = tokio::spawn(manager.clone().keep_house(stop_requests.clone()));
    let runs = tokio::spawn(manager.run_workflows(stop_runs.clone()));

    ready(http_address, https_address)?;
    stop.await?;
    tracing::info!("stopping; runs under way go on at the next start");
    stop_worker.cancel();
    worker.await??;
    stop_runs.cancel();
    runs.await??;
    schedules.await?;
    hooks.await?;
    stop_requests.cancel();
    requests.await?;
    messages.await?;
    house.await?;
    Ok(())
}

/// Lets those connect for messages whom the manager knows.
struct Door(Arc<Manager>);

impl Guard for Door {
    fn admit<'a>(&'a self, login: &'a Login) -> BoxFuture<'a, Option<ExecutionId>> {
        Box::pin(async move {
            let admitted = self.0.admit_messages(&login.username, &login.password, &login.vhost).await;
            admitted.unwrap_or_else(|error| {
                tracing::error!(?error, "a login for messages cannot be checked");
                None
            })
        })
    }
}

pub(crate) fn manager_settings(settings: &Settings, hostname: String, https: SocketAddr) -> nephele_manager::Settings {
    let password = settings.admin_password.expose();
    nephele_manager::Settings {
        data_dir: settings.data_dir.clone(),
        database_url: settings.database(),
        admin_password: (!password.is_empty()).then(|| Secret::new(password.clone())),
        archive_limit: settings.archive_limit << 20,
        types: given(&settings.types),
        hooks: given(&settings.hooks).unwrap_or_else(|| settings.data_dir.join("hooks.conf")),
        hostname,
        host: https.ip().to_string(),
        port: https.port(),
        lease: Duration::from_secs(settings.lease).max(nephele_manager::SHORTEST_LEASE),
    }
}

/// The worker's settings. It asks over plain HTTP; plugins may come by HTTPS as well.
fn worker_options(
    settings: &Settings,
    hostname: String,
    http: SocketAddr,
    files: PathBuf,
) -> anyhow::Result<nephele_worker::Options> {
    let trust = Trust::CaFile(settings.data_dir.join("tls/ca.pem").canonicalize()?);
    let rest = Endpoint { url: format!("http://{http}"), trust };
    let mut options = nephele_worker::Options::new(settings.data_dir.join("worker"), rest)?;
    options.concurrency = settings.operations;
    options.memory = Some(settings.operation_memory << 20).filter(|bytes| *bytes > 0);
    options.manager_name = hostname;
    options.python.clone_from(&settings.python);
    options.wheels = given(&settings.wheels);
    options.files = Some(files);
    Ok(options)
}

/// Two managers in one folder would each believe that the other's runs were interrupted.
pub(crate) fn lock(data: &Path) -> anyhow::Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(data.join("lock"))?;
    if file.try_lock().is_err() {
        bail!("another manager already works in {}; stop it, or choose another --data-dir", data.display());
    }
    Ok(file)
}

async fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; choose another address with the setting `{setting}`"))
}

/// The address by which this machine reaches one of its own sockets.
fn local(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        return SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port());
    }
    address
}

/// The path of a setting that is empty by default.
fn given(path: &Path) -> Option<PathBuf> {
    (!path.as_os_str().is_empty()).then(|| path.to_owned())
}

/// Shows the first password once and leaves it where only the owner can read it.
#[expect(clippy::print_stdout, reason = "the one time that this password is shown")]
pub(crate) fn tell_password(data: &Path, password: &Secret) -> anyhow::Result<()> {
    let file = keep_password(data, password)?;
    println!("The first user is `admin` with the password {} (kept in {})", password.expose(), file.display());
    Ok(())
}

/// Leaves the first password where only the owner can read it.
fn keep_password(data: &Path, password: &Secret) -> anyhow::Result<PathBuf> {
    let file = data.join("admin-password");
    OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&file)?
        .write_all(format!("{}\n", password.expose()).as_bytes())?;
    Ok(file)
}

fn tell_ready(descriptor: i32, http: SocketAddr, https: SocketAddr) -> anyhow::Result<()> {
    let path = format!("/proc/self/fd/{descriptor}");
    let mut file = OpenOptions::new()
        .write(true)
        .open(&path)
        .with_context(|| format!("descriptor {descriptor} is not open for writing"))?;
    writeln!(file, "ready http=http://{http} https=https://{https}")?;
    // Kept open, it would be inherited by every script, and whoever waits for its end would wait on.
    nix::unistd::close(descriptor).with_context(|| format!("descriptor {descriptor} cannot be closed"))?;
    Ok(())
}

async fn wait_for_signal() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
