//! A manager in this process for as long as one command of the command line takes (`nephele install` without a
//! manager): the same parts as `nephele up`, on ports that the system chooses.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use nephele_cli::LocalManager;
use tokio::sync::oneshot;

use crate::config::{Config, Flags};
use crate::up;

/// How long the start may take.
const PATIENCE: Duration = Duration::from_mins(1);

struct Running {
    url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl LocalManager for Running {
    fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have stopped by itself.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Starts it; it stops when what is given back is dropped.
pub(crate) fn start(data_dir: &Path) -> anyhow::Result<Box<dyn LocalManager>> {
    let mut settings = Config::load(&Flags::default())?.settings;
    let any = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
    data_dir.clone_into(&mut settings.data_dir);
    (settings.listen, settings.listen_tls) = (any, any);
    settings.database_url.clear();
    let (stop, stopped) = oneshot::channel();
    let (tell, told) = std::sync::mpsc::channel();
    let ready = move |address: SocketAddr| tell.send(address).context("nobody waits for it");
    let wait = async move {
        // That nobody can stop it any more means the same.
        let _ = stopped.await;
        Ok(())
    };
    let thread = std::thread::spawn(move || up::run_quietly(settings, ready, wait));
    let Ok(address) = told.recv_timeout(PATIENCE) else {
        drop(stop);
        let ended = thread.join().map_err(|_| anyhow::anyhow!("it broke down"))?;
        return Err(ended.err().unwrap_or_else(|| anyhow::anyhow!("it did not start within {} s", PATIENCE.as_secs())));
    };
    Ok(Box::new(Running { url: format!("http://{address}"), stop: Some(stop), thread: Some(thread) }))
}
