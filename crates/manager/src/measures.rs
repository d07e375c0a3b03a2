//! Whether this manager can serve, and the numbers that say how it and the installation fare.
//!
//! Invariant: what is told here are numbers of all tenants together. No name of a tenant, a user, a deployment or a machine
//! leaves this file, so that whoever watches learns nothing of what is run.

use std::collections::BTreeMap;
use std::time::Duration;

use nephele_model::execution::ExecutionStatus;
use nephele_model::task::TaskState;
use nephele_model::{Error, Result};
use nephele_store::measures::{self, Pool};
use nephele_store::processes::{self, Heartbeat};

use crate::Manager;
use crate::rows::failed;

/// How long the database may take to answer whether it is there.
const PATIENCE: Duration = Duration::from_secs(3);

/// The numbers of one moment.
#[derive(Debug)]
pub struct Measures {
    /// Executions by status; every status is there.
    pub executions: Vec<(ExecutionStatus, i64)>,
    /// Operations of executions under way that have not ended, by state; every such state is there.
    pub operations: Vec<(TaskState, i64)>,
    /// Messages in this manager's queues that nobody has in hand, by kind of queue.
    pub queues: BTreeMap<&'static str, usize>,
    /// Messages that are written down and not yet on a bus.
    pub outbox: i64,
    /// Events that were ever written.
    pub events: i64,
    /// The connections to the database.
    pub pools: Vec<Pool>,
    /// Statements that this process has sent to the database.
    pub statements: u64,
    /// How long this process has not said that it lives, and for how long others believe that it does, in seconds; not
    /// there when it was dismissed.
    pub lease: Option<(f64, f64)>,
    /// Managers that said within their lease that they live, and managers that did not.
    pub managers: (usize, usize),
    /// Bytes of memory that this process holds, where the system tells.
    pub memory: Option<u64>,
}

impl Manager {
    /// The numbers of this moment.
    pub async fn measures(&self) -> Result<Measures> {
        let db = &*self.store;
        let executions = measures::executions(db).await.map_err(failed)?;
        let operations = measures::operations(db).await.map_err(failed)?;
        let open = TaskState::ALL.iter().copied().filter(|state| !state.is_final());
        let heartbeats = self.heartbeats().await?;
        let own = heartbeats.iter().find(|heartbeat| heartbeat.node == self.node);
        let live = heartbeats.iter().filter(|heartbeat| is_live(heartbeat)).count();
        let mut queues = BTreeMap::new();
        for (address, depth) in self.bus.depths().await.map_err(Error::internal)? {
            *queues.entry(address.kind()).or_default() += depth;
        }
        Ok(Measures {
            executions: ExecutionStatus::ALL.iter().map(|status| (*status, count(&executions, *status))).collect(),
            operations: open.map(|state| (state, count(&operations, state))).collect(),
            queues,
            outbox: measures::outbox(db).await.map_err(failed)?,
            events: measures::events(db).await.map_err(failed)?,
            pools: self.store.pools(),
            statements: self.store.statements(),
            lease: own.map(|heartbeat| (seconds(heartbeat.silent), seconds(heartbeat.lease))),
            managers: (live, heartbeats.len() - live),
            memory: memory(),
        })
    }

    /// Why requests should go to another manager; nothing if they need not.
    pub async fn hindrances(&self) -> Vec<String> {
        let mut hindrances = Vec::new();
        let known = nephele_store::schema();
        match tokio::time::timeout(PATIENCE, nephele_store::applied(&*self.store)).await {
            Ok(Ok(applied)) if applied == known => {}
            Ok(Ok(applied)) => hindrances
                .push(format!("the database has schema {applied}, and this manager works with schema {known}")),
            Ok(Err(error)) => {
                tracing::warn!(%error, "not ready: the database");
                hindrances.push("the database does not answer".to_owned());
            }
            Err(_) => hindrances.push(format!("the database does not answer within {} seconds", PATIENCE.as_secs())),
        }
        if let Err(error) = self.bus.depths().await {
            tracing::warn!(%error, "not ready: the bus");
            hindrances.push("the message bus does not answer".to_owned());
        }
        hindrances
    }

    /// When each process last said that it lives.
    pub(crate) async fn heartbeats(&self) -> Result<Vec<Heartbeat>> {
        let mut heartbeats = processes::heartbeats(&*self.store).await.map_err(failed)?;
        // With SQLite there is this process, and nobody has to be told.
        if !processes::are_several(&self.store) {
            for heartbeat in &mut heartbeats {
                heartbeat.silent = 0;
            }
        }
        Ok(heartbeats)
    }
}

/// Whether a process is believed to live.
pub(crate) const fn is_live(heartbeat: &Heartbeat) -> bool {
    heartbeat.silent <= heartbeat.lease
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of years are exact")]
pub(crate) fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

fn count<T: Copy + PartialEq>(counted: &[(T, i64)], wanted: T) -> i64 {
    counted.iter().find(|(one, _)| *one == wanted).map_or(0, |(_, count)| *count)
}

/// Of `/proc/self/status`, by proc(5).
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kilobytes << 10)
}
