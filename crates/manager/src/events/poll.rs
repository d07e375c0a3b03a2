//! Reading what changed, once for all streams of this process, as long as there are any.
//!
//! Deployments, executions, node instances and the manager itself: the audit log names every change of them, and its
//! chain gives changes an order in which none comes late, whichever process makes them. Runs at work: their counts and
//! versions are no changes for the log, so they are compared. Events: by their numbers; on PostgreSQL a lower one may
//! become visible after a higher one, so numbers that are missing are asked for again for a while.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nephele_model::{Result, Visibility};
use nephele_store::audit_log::Entry;
use nephele_store::{Json, audit_log, news};
use serde_json::{Value, json};

use super::feed::{Notice, Owner, Topic};
use crate::Manager;
use crate::rows::failed;

const PAUSE: Duration = Duration::from_millis(500);
/// Entries of the audit log, and events, that are read at once.
const BATCH: i64 = 1000;
/// Batches of one turn; beyond that everyone is to load anew.
const BATCHES: usize = 4;
/// How long a missing event is waited for: far longer than a transaction lasts.
const LATE: Duration = Duration::from_secs(20);
/// Missing events that are waited for.
const MISSING: usize = 1000;
/// Characters of a message; logs may be of any length.
const MESSAGE: usize = 16_000;
/// Tables of the manager itself, by what they are called.
const SYSTEM: &[(&str, &str)] = &[
    ("maintenance_mode", "maintenance"),
    ("licenses", "license"),
    ("managers", "managers"),
    ("rabbitmq_brokers", "brokers"),
    ("db_nodes", "db-nodes"),
];

/// How far reading has come.
pub(super) struct Reading {
    position: i64,
    last_event: i64,
    missing: BTreeMap<i64, Instant>,
    /// The versions of runs at work.
    at_work: HashMap<i64, i64>,
}

/// Rows of a table that changed, and those that are gone.
#[derive(Default)]
struct Changed {
    rows: HashSet<i64>,
    gone: Vec<Notice>,
}

impl Changed {
    fn rows(&self) -> Vec<i64> {
        self.rows.iter().copied().collect()
    }
}

impl Manager {
    /// Reads and tells until nobody has listened for a while, or the manager ends.
    pub(super) async fn read_changes(self: Arc<Self>, mut reading: Reading) {
        let closing = self.feed.closing().clone();
        while closing.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_some() && !self.feed.may_rest() {
            if let Err(error) = self.read_once(&mut reading).await {
                tracing::warn!(?error, "changes cannot be read; trying again");
            }
        }
    }

    async fn read_once(&self, reading: &mut Reading) -> Result<()> {
        self.seal_pending().await?;
        let mut notices = Vec::new();
        self.read_audit_log(reading, &mut notices).await?;
        self.read_runs(reading, &mut notices).await?;
        self.read_events(reading, &mut notices).await?;
        self.feed.tell(notices);
        Ok(())
    }

    /// Where reading begins.
    pub(super) async fn begin_reading(&self) -> Result<Reading> {
        self.seal_pending().await?;
        let store = &*self.store;
        let position = audit_log::head(store).await.map_err(failed)?.map_or(0, |(position, _)| position);
        let last_event = news::last_event(store).await.map_err(failed)?;
        let runs = news::at_work(store).await.map_err(failed)?;
        let at_work = runs.iter().map(|run| (run.storage_id, run.tasks_version)).collect();
        Ok(Reading { position, last_event, missing: BTreeMap::new(), at_work })
    }

    async fn read_audit_log(&self, reading: &mut Reading, notices: &mut Vec<Notice>) -> Result<()> {
        let mut changed: HashMap<&'static str, Changed> = HashMap::new();
        for batch in 0.. {
            let entries = audit_log::after(&*self.store, reading.position, BATCH).await.map_err(failed)?;
            let is_last = entries.len() < usize::try_from(BATCH).unwrap_or_default();
            for entry in entries {
                reading.position = entry.position.unwrap_or(reading.position);
                sort(&entry, &mut changed, notices);
            }
            if is_last {
                break;
            }
            if batch == BATCHES {
                *reading = self.begin_reading().await?;
                notices.clear();
                self.feed.begin_anew();
                return Ok(());
            }
        }
        let store = &*self.store;
        let of = |table: &str| changed.get(table).map(Changed::rows).unwrap_or_default();
        let deployments = news::deployments(store, &of("deployments")).await.map_err(failed)?;
        notices.extend(deployments.into_iter().map(of_deployment));
        let executions = news::executions(store, &of("executions")).await.map_err(failed)?;
        notices.extend(executions.into_iter().map(of_execution));
        let instances = news::node_instances(store, &of("node_instances")).await.map_err(failed)?;
        notices.extend(instances.into_iter().map(of_instance));
        notices.extend(changed.into_values().flat_map(|changed| changed.gone));
        Ok(())
    }

    /// Runs whose tasks changed since the last look.
    async fn read_runs(&self, reading: &mut Reading, notices: &mut Vec<Notice>) -> Result<()> {
        let runs = news::at_work(&*self.store).await.map_err(failed)?;
        let versions = runs.iter().map(|run| (run.storage_id, run.tasks_version)).collect();
        let before = std::mem::replace(&mut reading.at_work, versions);
        let moved =
            |run: &news::Execution| before.get(&run.storage_id).is_some_and(|known| *known != run.tasks_version);
        notices.extend(runs.into_iter().filter(moved).map(of_execution));
        Ok(())
    }

    async fn read_events(&self, reading: &mut Reading, notices: &mut Vec<Notice>) -> Result<()> {
        let store = &*self.store;
        reading.missing.retain(|_, since| since.elapsed() < LATE);
        let missing: Vec<i64> = reading.missing.keys().copied().collect();
        let events = news::events(store, reading.last_event, BATCH, &missing).await.map_err(failed)?;
        for event in events {
            reading.missing.remove(&event.storage_id);
            if event.storage_id > reading.last_event {
                let room = MISSING.saturating_sub(reading.missing.len());
                let now = Instant::now();
                reading.missing.extend((reading.last_event + 1..event.storage_id).take(room).map(|id| (id, now)));
                reading.last_event = event.storage_id;
            }
            notices.push(of_event(event));
        }
        Ok(())
    }
}

/// Notes what an entry of the audit log is about.
fn sort(entry: &Entry, changed: &mut HashMap<&'static str, Changed>, notices: &mut Vec<Notice>) {
    let (Some(table), Some(row)) = (entry.ref_table.as_deref(), entry.ref_id) else { return };
    if let Some((_, name)) = SYSTEM.iter().find(|(of, _)| *of == table) {
        let data = json!({"what": name, "operation": entry.operation}).to_string();
        notices.push(notice(Topic::System, None, data));
        return;
    }
    let (table, topic) = match table {
        "deployments" => ("deployments", Topic::Deployments),
        "executions" => ("executions", Topic::Executions),
        "node_instances" => ("node_instances", Topic::NodeInstances),
        _ => return,
    };
    let changed = changed.entry(table).or_default();
    if entry.operation.as_deref() != Some("delete") {
        changed.rows.insert(row);
        return;
    }
    changed.rows.remove(&row);
    // Who saw it is not known any more: those learn its id who saw everything.
    let owner = Owner { tenant_id: entry.tenant_id.unwrap_or(-1), creator_id: -1, visibility: Visibility::Tenant };
    let known = entry.ref_identifier.as_ref().and_then(|json| Json::value(json).ok()).unwrap_or_default();
    let data = |id: &Value| json!({"operation": "delete", "id": id}).to_string();
    let gone = notice(topic, Some(owner), data(&Value::Null));
    changed.gone.push(Notice { in_full: Some(data(&known["id"])), ..gone });
}

fn notice(topic: Topic, owner: Option<Owner>, data: String) -> Notice {
    Notice { topic, owner, execution: None, deployment: None, data, in_full: None }
}

fn of_deployment(row: news::Deployment) -> Notice {
    let data = json!({
        "operation": "change", "id": row.id, "deployment_status": row.deployment_status,
        "installation_status": row.installation_status,
    });
    let owner = Owner { tenant_id: row.tenant_id, creator_id: row.creator_id, visibility: row.visibility };
    Notice { deployment: Some(row.id), ..notice(Topic::Deployments, Some(owner), data.to_string()) }
}

fn of_execution(row: news::Execution) -> Notice {
    let data = json!({
        "operation": "change", "id": row.id, "workflow_id": row.workflow_id, "deployment_id": row.deployment_id,
        "status": row.status, "status_display": row.status.display(), "total_operations": row.total_operations,
        "finished_operations": row.finished_operations, "tasks_version": row.tasks_version,
    });
    let owner = Owner { tenant_id: row.tenant_id, creator_id: row.creator_id, visibility: row.visibility };
    let deployment = row.deployment_id;
    Notice { execution: Some(row.id), deployment, ..notice(Topic::Executions, Some(owner), data.to_string()) }
}

fn of_instance(row: news::Instance) -> Notice {
    let data = json!({
        "operation": "change", "id": row.id, "node_id": row.node_id, "deployment_id": row.deployment_id,
        "state": row.state, "version": row.version,
    });
    let owner = Owner { tenant_id: row.tenant_id, creator_id: row.creator_id, visibility: row.visibility };
    Notice { deployment: row.deployment_id, ..notice(Topic::NodeInstances, Some(owner), data.to_string()) }
}

/// An event with the keys that lists of events have, but for the traces of its causes.
fn of_event(row: news::Event) -> Notice {
    let message = row.message.map(|text| match text.char_indices().nth(MESSAGE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    });
    let data = json!({
        "_storage_id": row.storage_id, "type": row.kind, "timestamp": row.timestamp,
        "reported_timestamp": row.reported_timestamp, "execution_id": row.execution_id,
        "execution_group_id": row.execution_group_id, "deployment_id": row.deployment_id,
        "workflow_id": row.workflow_id, "message": message, "event_type": row.event_type, "logger": row.logger,
        "level": row.level, "operation": row.operation, "node_instance_id": row.node_instance_id,
        "node_name": row.node_name, "source_id": row.source_id, "target_id": row.target_id,
    });
    let owner = Owner { tenant_id: row.tenant_id, creator_id: row.creator_id, visibility: row.visibility };
    let (execution, deployment) = (row.execution_id, row.deployment_id);
    Notice { execution, deployment, ..notice(Topic::Events, Some(owner), data.to_string()) }
}
