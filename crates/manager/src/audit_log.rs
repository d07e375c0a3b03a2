//! The audit log: who changed what, when, by which execution; listed, followed, brought along,
//! truncated, and sealed so that a later change of it shows.
//!
//! Invariant: each entry's hash covers its content and the hash before it, under a key that is in the
//! data folder and not in the database. The newest hash is written to a file beside the key, so that an
//! end that was cut off shows too. Truncation is the one allowed change: it is itself an entry, entries
//! in the middle leave their digest behind, those at the beginning an anchor. The rows are written by
//! the database's triggers (`store`'s `audit`); [`Manager::keep_house`] takes them up twice a second.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nephele_model::id::TenantName;
use nephele_model::{Error, Result, Timestamp};
use nephele_store::audit_log::{self, Entry, NewEntry};
use nephele_store::{Db, Json, Store, settings, tenants};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use nephele_store::audit_log::Selection;

use crate::rows::failed;
use crate::{Ctx, Manager, Settings, crypto};

/// Entries that are sealed or read at once.
const BATCH: i64 = 1000;
const PAUSE: Duration = Duration::from_millis(500);
/// Where the chain begins after a truncation: `{"position", "hash"}`.
const ANCHOR: &str = "audit_anchor";
const BEGINNING: &str = "beginning";

/// Tells those who follow the log how far it is sealed.
pub(crate) struct Feed(watch::Sender<i64>);

impl Default for Feed {
    fn default() -> Self {
        Self(watch::channel(0).0)
    }
}

/// How a list is ordered and cut.
#[derive(Clone, Debug)]
pub struct Cut {
    /// Columns, the weightiest first.
    pub order_by: Vec<String>,
    /// The last first.
    pub descending: bool,
    /// Entries to skip.
    pub offset: u64,
    /// Entries to show; 0 means all.
    pub size: u64,
}

/// What [`verify`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Entries whose place in the chain is right.
    pub sealed: u64,
    /// Entries that wait for their place.
    pub waiting: u64,
    /// What is wrong, if something is.
    pub problem: Option<String>,
}

/// The key and the files of a chain.
struct Seal {
    key: [u8; 32],
    head: PathBuf,
}

impl Seal {
    fn open(data_dir: &Path) -> Result<Self> {
        let cipher = crypto::Cipher::open(&data_dir.join("secrets.key"))?;
        Ok(Self { key: cipher.derive("audit log"), head: data_dir.join("audit-head") })
    }

    fn hash(&self, before: &str, position: i64, digest: &str) -> String {
        crypto::keyed_hash(&self.key, &format!("{before} {position} {digest}"))
    }

    /// The newest position and hash that this manager has seen.
    fn seen(&self) -> Option<(i64, String)> {
        let text = std::fs::read_to_string(&self.head).ok()?;
        let (position, hash) = text.trim().split_once(' ')?;
        Some((position.parse().ok()?, hash.to_owned()))
    }

    fn note(&self, position: i64, hash: &str) -> Result<()> {
        let next = self.head.with_extension("next");
        std::fs::write(&next, format!("{position} {hash}\n")).map_err(Error::internal)?;
        std::fs::rename(next, &self.head).map_err(Error::internal)
    }
}

/// What stands for the content of an entry.
fn digest(entry: &Entry) -> String {
    entry.digest.clone().unwrap_or_else(|| {
        let content = json!([
            entry.id,
            entry.ref_table,
            entry.ref_id,
            entry.ref_identifier.as_ref().map(Json::as_str),
            entry.tenant_id,
            entry.operation,
            entry.creator_name,
            entry.execution_id,
            entry.created_at.map(Timestamp::micros),
        ]);
        crypto::hex(&Sha256::digest(content.to_string().as_bytes()))
    })
}

impl Manager {
    /// One page of entries, as clients show them, and how many there are.
    ///
    /// Errors: `bad_parameters_error` for an order that there is not.
    pub async fn list_audit_log(&self, selection: &Selection, cut: &Cut) -> Result<(Vec<Value>, u64)> {
        let column = |name: &String| {
            let found = audit_log::ORDER.iter().find(|column| **column == name.trim()).copied();
            found.ok_or_else(|| Error::bad_parameters(format!("The audit log cannot be ordered by `{name}`")))
        };
        let order = cut.order_by.iter().map(column).collect::<Result<Vec<_>>>()?;
        let page = (cut.offset, cut.size);
        let entries = audit_log::list(&*self.store, selection, &order, cut.descending, page).await.map_err(failed)?;
        let total = audit_log::count(&*self.store, selection).await.map_err(failed)?;
        Ok((entries.iter().map(shape).collect(), total))
    }

    /// Takes over entries of another manager.
    pub async fn inject_audit_log(&self, logs: Vec<Value>) -> Result<()> {
        let mut entries = Vec::with_capacity(logs.len());
        let mut known: Vec<(String, Option<i64>)> = Vec::new();
        for log in logs {
            let entry = read(&log)?;
            let tenant = log["ref_identifier"]["tenant_name"].as_str().unwrap_or_default().to_owned();
            let found = if let Some((_, id)) = known.iter().find(|(name, _)| *name == tenant) {
                *id
            } else {
                let row = tenants::by_name(&*self.store, &TenantName::new(tenant.as_str())).await.map_err(failed)?;
                let id = row.map(|row| row.id);
                known.push((tenant, id));
                id
            };
            entries.push(NewEntry { tenant_id: found, ..entry });
        }
        audit_log::insert(&*self.store, entries).await.map_err(failed)
    }

    /// Deletes entries and gives how many; the truncation itself stays on record.
    pub async fn truncate_audit_log(&self, ctx: &Ctx, selection: &Selection) -> Result<u64> {
        self.seal_pending().await?;
        let tx = self.begin_write().await?;
        tx.lock("audit log").await.map_err(failed)?;
        let deleted = audit_log::count(&tx, selection).await.map_err(failed)?;
        let said = json!({
            "id": format!(
                "{deleted} entries until {}",
                selection.before.map_or_else(|| "now".to_owned(), |before| before.to_string())
            ),
        });
        let record = NewEntry {
            ref_table: "audit_log".to_owned(),
            ref_id: 0,
            ref_identifier: Some(Json::of(&said)),
            tenant_id: None,
            operation: "delete".to_owned(),
            creator_name: Some(ctx.username.to_string()),
            execution_id: ctx.execution.as_ref().map(|execution| execution.id.to_string()),
            created_at: self.clock.now(),
        };
        let (end, _) = audit_log::head(&tx).await.map_err(failed)?.unwrap_or_default();
        let first_kept = audit_log::first_kept(&tx, selection).await.map_err(failed)?;
        let until = first_kept.map_or(end, |position| position - 1);
        cut_beginning(&tx, until).await?;
        let mut position = until;
        loop {
            let chosen = audit_log::selected_after(&tx, selection, position, BATCH).await.map_err(failed)?;
            let Some(last) = chosen.last().and_then(|entry| entry.position) else { break };
            position = last;
            let digests = chosen.iter().map(|entry| (entry.id, 0, digest(entry))).collect();
            audit_log::empty(&tx, digests).await.map_err(failed)?;
        }
        if deleted > 0 {
            audit_log::insert(&tx, vec![record]).await.map_err(failed)?;
        }
        tx.commit().await.map_err(failed)?;
        Ok(deleted)
    }

    /// Follows the log: entries after `since`, if given, then what comes.
    pub async fn follow_audit_log(self: &Arc<Self>, selection: Selection) -> Result<Following> {
        let sealed = self.audit.0.subscribe();
        let head = audit_log::head(&*self.store).await.map_err(failed)?.map_or(0, |(position, _)| position);
        let position = if selection.since.is_some() { 0 } else { head };
        Ok(Following { manager: self.clone(), selection, position, sealed })
    }

    /// Seals what the triggers write, and notes that this manager is well, until `shutdown`.
    pub async fn keep_house(self: Arc<Self>, shutdown: CancellationToken) {
        let mut pulse = Duration::ZERO;
        while shutdown.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_some() {
            if let Err(error) = self.seal_pending().await {
                tracing::error!(?error, "the audit log cannot be sealed; trying again");
            }
            pulse += PAUSE;
            if pulse >= Duration::from_secs(crate::managers::PULSE.unsigned_abs()) {
                pulse = Duration::ZERO;
                if let Err(error) = self.note_pulse().await {
                    tracing::warn!(?error, "this manager cannot say that it is well");
                }
            }
        }
        if let Err(error) = self.seal_pending().await {
            tracing::error!(?error, "the end of the audit log is not sealed");
        }
    }

    /// Gives every entry that has none its place in the chain.
    pub async fn seal_pending(&self) -> Result<()> {
        while self.seal_batch().await? {}
        Ok(())
    }

    /// Whether there may be more.
    async fn seal_batch(&self) -> Result<bool> {
        if audit_log::unsealed(&*self.store, 1).await.map_err(failed)?.is_empty() {
            return Ok(false);
        }
        let seal = Seal::open(&self.settings.data_dir)?;
        let tx = self.begin_write().await?;
        tx.lock("audit log").await.map_err(failed)?;
        let (mut position, mut hash) = end(&tx).await?;
        let mut places = Vec::new();
        for entry in audit_log::unsealed(&tx, BATCH).await.map_err(failed)? {
            position += 1;
            hash = seal.hash(&hash, position, &digest(&entry));
            places.push((entry.id, position, hash.clone()));
        }
        let more = i64::try_from(places.len()).unwrap_or_default() == BATCH;
        audit_log::seal(&tx, places).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        seal.note(position, &hash)?;
        self.audit.0.send_replace(position);
        Ok(more)
    }
}

/// Someone who follows the log.
pub struct Following {
    manager: Arc<Manager>,
    selection: Selection,
    position: i64,
    sealed: watch::Receiver<i64>,
}

impl Following {
    /// The next entries; waits until there are some. `None` when the manager ends.
    pub async fn next(&mut self) -> Option<Result<Vec<Value>>> {
        loop {
            self.sealed.borrow_and_update();
            match self.read().await {
                Ok(entries) if entries.is_empty() => {}
                read => return Some(read),
            }
            self.sealed.changed().await.ok()?;
        }
    }

    async fn read(&mut self) -> Result<Vec<Value>> {
        let store = &*self.manager.store;
        let mut found =
            audit_log::selected_after(store, &self.selection, self.position, BATCH).await.map_err(failed)?;
        match found.last().and_then(|entry| entry.position) {
            Some(last) => self.position = last,
            None => found.clear(),
        }
        Ok(found.iter().map(shape).collect())
    }
}

/// The last position and hash, or where the chain begins.
async fn end(db: &dyn Db) -> Result<(i64, String)> {
    match audit_log::head(db).await.map_err(failed)? {
        Some(head) => Ok(head),
        None => anchor(db).await,
    }
}

async fn anchor(db: &dyn Db) -> Result<(i64, String)> {
    let stored = settings::get(db, ANCHOR).await.map_err(failed)?;
    let read = stored.and_then(|text| {
        let anchor: Value = serde_json::from_str(&text).ok()?;
        Some((anchor["position"].as_i64()?, anchor["hash"].as_str()?.to_owned()))
    });
    Ok(read.unwrap_or_else(|| (0, BEGINNING.to_owned())))
}

/// Deletes the chain's beginning and moves the anchor to its end.
async fn cut_beginning(db: &dyn Db, until: i64) -> Result<()> {
    let Some(hash) = audit_log::hash_at(db, until).await.map_err(failed)? else { return Ok(()) };
    let anchor = json!({"position": until, "hash": hash}).to_string();
    settings::put(db, ANCHOR, &anchor).await.map_err(failed)?;
    audit_log::delete_until(db, until).await.map_err(failed)
}

/// Checks the whole chain of a manager that need not be running.
pub async fn verify(settings: &Settings, clock: Arc<dyn nephele_model::Clock>) -> Result<Report> {
    let store = Store::open(&settings.database_url, clock).await.map_err(failed)?;
    let seal = Seal::open(&settings.data_dir)?;
    let report = check(&store, &seal).await;
    store.close().await;
    report
}

async fn check(store: &Store, seal: &Seal) -> Result<Report> {
    let (mut position, mut hash) = anchor(store).await?;
    let seen = seal.seen();
    // Taken first: what is sealed from now on only makes the chain longer.
    let mut report = Report { sealed: 0, waiting: 0, problem: None };
    let mut met = seen.as_ref().is_none_or(|(at, expected)| *at < position || (*at == position && *expected == hash));
    loop {
        let entries = audit_log::after(store, position, BATCH).await.map_err(failed)?;
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            let expected = seal.hash(&hash, position + 1, &digest(&entry));
            if entry.position != Some(position + 1) {
                report.problem = Some(format!("entries are missing after position {position}"));
                return Ok(report);
            }
            if entry.hash.as_deref() != Some(expected.as_str()) {
                report.problem = Some(format!("the entry {} at position {} was changed", entry.id, position + 1));
                return Ok(report);
            }
            (position, hash) = (position + 1, expected);
            met |= seen.as_ref().is_some_and(|(at, expected)| *at == position && *expected == hash);
            report.sealed += 1;
        }
    }
    if let Some((at, _)) = seen.filter(|_| !met) {
        report.problem = Some(format!("the chain ends at position {position}, and had reached {at}"));
    }
    report.waiting = audit_log::unsealed(store, i64::MAX).await.map_err(failed)?.len() as u64;
    Ok(report)
}

/// An entry as clients read it: keys without a value are left out.
fn shape(entry: &Entry) -> Value {
    let mut identifier = Map::new();
    if let Some(tenant) = entry.tenant_id {
        identifier.insert("tenant_id".to_owned(), tenant.into());
    }
    let known_by = entry.ref_identifier.as_ref().and_then(|json| json.parse::<Map<String, Value>>().ok());
    identifier.extend(known_by.unwrap_or_default());
    if let Some(tenant) = &entry.tenant_name {
        identifier.insert("tenant_name".to_owned(), json!(tenant));
    }
    let mut shown = Map::new();
    let mut show = |key: &str, value: Option<Value>| {
        shown.extend(value.map(|value| (key.to_owned(), value)));
    };
    show("id", Some(entry.id.into()));
    show("ref_table", entry.ref_table.as_deref().map(Value::from));
    show("ref_id", entry.ref_id.map(Value::from));
    show("ref_identifier", (!identifier.is_empty()).then_some(Value::Object(identifier)));
    show("operation", entry.operation.as_deref().map(Value::from));
    show("creator_name", entry.creator_name.as_deref().map(Value::from));
    show("execution_id", entry.execution_id.as_deref().map(Value::from));
    // Without the zone, as ever.
    show("created_at", entry.created_at.map(|at| at.to_string().trim_end_matches('Z').into()));
    Value::Object(shown)
}

fn read(log: &Value) -> Result<NewEntry> {
    let refuse =
        |key: &str| Error::bad_parameters(format!("The log entry's `{key}` is missing or is not what it must be"));
    let text = |key: &str| log[key].as_str().map(str::to_owned);
    let operation = text("operation").filter(|operation| ["create", "update", "delete"].contains(&operation.as_str()));
    let identifier = match &log["ref_identifier"] {
        Value::Null => None,
        Value::Object(identifier) => {
            let mut identifier = identifier.clone();
            // These are told by the tenant's row.
            identifier.retain(|key, value| {
                !value.is_null() && !matches!(key.as_str(), "tenant_id" | "_tenant_id" | "tenant_name")
            });
            Some(Json::of(&identifier))
        }
        _ => return Err(refuse("ref_identifier")),
    };
    Ok(NewEntry {
        ref_table: text("ref_table").filter(|table| !table.is_empty()).ok_or_else(|| refuse("ref_table"))?,
        ref_id: log["ref_id"].as_i64().ok_or_else(|| refuse("ref_id"))?,
        ref_identifier: identifier,
        tenant_id: None,
        operation: operation.ok_or_else(|| refuse("operation"))?,
        creator_name: text("creator_name"),
        execution_id: text("execution_id"),
        created_at: text("created_at").and_then(|at| Timestamp::parse(&at)).ok_or_else(|| refuse("created_at"))?,
    })
}
