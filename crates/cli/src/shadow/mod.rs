//! Shadow mode: a mirror of another manager, made through its REST API by reading alone, and the way over from it.
//!
//! Invariant: the other manager is asked with GET and nothing else, but for the one request by which an agent is handed
//! over (`agents.rs`). A mirror is a folder; each of its files is replaced as a whole or added to behind a note of its
//! length, so that a mirror that was interrupted goes on where it was. `kinds.rs` says what is read, `sync.rs` how,
//! `pack.rs` makes of it an archive as the original's snapshots are, which `nephele migrate run` brings in.

mod agents;
mod compare;
mod details;
mod events;
mod folder;
mod kinds;
mod pack;
mod plan;
mod sync;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use nephele_client::{Client, Credentials, Endpoint, Trust};
use nephele_model::Secret;
use serde_json::{Value, json};

pub use agents::{HandOver, hand_over};
pub use compare::{Comparison, compare};
pub use plan::{Plan, plan};

use folder::Mirror;

/// A manager and who asks it.
#[derive(Clone, Debug)]
pub struct Source {
    /// Scheme, host and port.
    pub url: String,
    /// Who asks: an administrator, or not everything is seen.
    pub user: String,
    /// The password.
    pub password: Secret,
    /// Whom to believe that it is this manager.
    pub trust: Trust,
}

impl Source {
    fn client(&self) -> anyhow::Result<Client> {
        let endpoint = Endpoint { url: self.url.clone(), trust: self.trust.clone() };
        let credentials = Credentials::Basic { username: self.user.clone(), password: self.password.clone() };
        Ok(Client::new(&endpoint, credentials, None)?)
    }
}

/// How many of a kind came, changed or went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// There now.
    pub total: u64,
    /// New.
    pub added: u64,
    /// Other than they were.
    pub changed: u64,
    /// No more there.
    pub removed: u64,
}

/// What a look at the other manager brought.
#[derive(Debug, Default)]
pub struct Report {
    /// The other manager's version.
    pub version: String,
    /// By kind, over all tenants.
    pub changes: BTreeMap<String, Changes>,
    /// Archives that were loaded.
    pub downloads: u64,
    /// What could not be read, and what follows from that.
    pub notes: Vec<String>,
    /// The archive that `nephele migrate run` takes.
    pub archive: PathBuf,
}

impl Report {
    fn count(&mut self, kind: &str, changes: Changes) {
        let sum = self.changes.entry(kind.to_owned()).or_default();
        sum.total += changes.total;
        sum.added += changes.added;
        sum.changed += changes.changed;
        sum.removed += changes.removed;
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let change = |changes: &Changes| {
            let Changes { total, added, changed, removed } = changes;
            json!({"total": total, "added": added, "changed": changed, "removed": removed})
        };
        let changes: serde_json::Map<String, Value> =
            self.changes.iter().map(|(kind, changes)| (kind.clone(), change(changes))).collect();
        json!({
            "version": self.version, "changes": changes, "downloads": self.downloads, "notes": self.notes,
            "archive": self.archive.display().to_string(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "A mirror of a manager of version {}", self.version)?;
        writeln!(formatter, "      there   new  changed  gone")?;
        for (kind, changes) in self.changes.iter().filter(|(_, changes)| **changes != Changes::default()) {
            let Changes { total, added, changed, removed } = changes;
            writeln!(formatter, "  {total:>9} {added:>5} {changed:>8} {removed:>5}  {}", kind.replace('_', " "))?;
        }
        writeln!(formatter, "Archives loaded: {}", self.downloads)?;
        for note in &self.notes {
            writeln!(formatter, "To be known: {note}")?;
        }
        let archive = self.archive.display();
        write!(
            formatter,
            "Look at it with `nephele migrate inspect {archive}`, bring it in with `nephele migrate run {archive}`"
        )
    }
}

/// Makes a mirror, or brings one up to date.
///
/// Errors: the other manager cannot be reached or refuses; the folder is a mirror of another one or cannot be written.
pub async fn mirror(source: &Source, folder: &Path) -> anyhow::Result<Report> {
    let client = source.client()?;
    let mirror = Mirror::open(folder, &source.url)?;
    let version = client.manager().version().await.with_context(|| format!("{} does not answer", source.url))?;
    let mut report =
        Report { version: version["version"].as_str().unwrap_or_default().to_owned(), ..Report::default() };
    let mut sync = sync::Sync { mirror: &mirror, report: &mut report };
    let tenants = sync.system(&client).await?;
    for tenant in &tenants {
        let client = client.with_tenant(Some(nephele_model::id::TenantName::new(tenant.as_str())));
        sync.tenant(&client, tenant).await.with_context(|| format!("in tenant {tenant}"))?;
    }
    mirror.forget_other_tenants(&tenants)?;
    report.archive = pack::pack(&mirror, &report.version, &tenants)?;
    Ok(report)
}
