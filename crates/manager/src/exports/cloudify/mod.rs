//! Snapshots of Cloudify managers, 5 to 7, made into ones of this manager.
//!
//! Invariant: a conversion reads the archive and writes another; it neither knows nor touches a running manager. The
//! result is restored like any snapshot, so everything that holds for that holds for an import: nothing half done,
//! checksums, one transaction. Layouts and their traps: spec snapshots.md. `dump.rs` reads layout L with a database
//! dump, `entities.rs` the later ones with a file an entity.

mod agent_keys;
mod blobs;
mod copy;
mod dump;
mod entities;
mod files;
mod keys;
mod pickle;
mod records;
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::Path;

use nephele_model::{Error, Result, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use zip::ZipArchive;

use super::snapshot::{KEY, METADATA, Metadata, Sealed, WHOLE, damaged, fingerprint, small, unusable};
use crate::crypto::hex;
use keys::Keys;

pub(super) type Archive = ZipArchive<BufReader<File>>;

/// How an archive is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// With a dump of the database.
    Dump,
    /// With a folder for each type, as 7.0.0 could.
    Folders,
    /// With numbered files, from 7.0.1 on.
    Numbered,
}

/// What a conversion brought.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// How the archive is laid out.
    pub layout: Layout,
    /// The version of the manager that made it.
    pub version: String,
    /// Rows by table.
    pub rows: BTreeMap<String, u64>,
    /// Files.
    pub files: u64,
    /// What does not come along as it was, and what to do about it.
    pub notes: Vec<String>,
    /// What there is to say of each deployment, by `TENANT/ID`.
    pub deployments: BTreeMap<String, String>,
    /// What there is to say of each plugin, by name and version.
    pub plugins: BTreeMap<String, String>,
    /// Tenants by their keys.
    #[serde(skip)]
    tenants: BTreeMap<i64, String>,
    /// Deployments by their keys.
    #[serde(skip)]
    keys: BTreeMap<i64, String>,
}

/// What must be known beside the archive.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    /// The salt that passwords were mixed with, where the archive does not say.
    pub hash_salt: Option<String>,
    /// A folder for what is in between.
    pub temporary: std::path::PathBuf,
    /// The present instant.
    pub now: Timestamp,
}

/// The old manager's file with the salt of passwords, in the data folder.
pub(crate) const SECURITY: &str = "rest-security.conf";

/// The salt of passwords in such a file.
pub fn salt(security: &[u8]) -> Result<Option<String>> {
    Ok(keys::security(security)?.get("hash_salt").and_then(Value::as_str).map(str::to_owned))
}

/// The layout of an archive; nothing if it is no Cloudify snapshot.
pub(crate) fn layout(archive: &Path) -> Result<Option<Layout>> {
    let file = File::open(archive).map_err(Error::internal)?;
    let Ok(zip) = ZipArchive::new(BufReader::new(file)) else { return Ok(None) };
    let mut found = None;
    let mut has_metadata = false;
    for name in zip.file_names() {
        match name.map_err(damaged)?.as_ref() {
            "metadata.json" => has_metadata = true,
            super::snapshot::CHECKSUMS => return Ok(None),
            "pg_data" => found = Some(Layout::Dump),
            "mgmt/00000001.json" => found = Some(Layout::Numbered),
            name if found.is_none() && name.starts_with("mgmt/") && name.ends_with("/0.json") => {
                found = Some(Layout::Folders);
            }
            _ => {}
        }
    }
    Ok(found.filter(|_| has_metadata))
}

/// What a migration would bring, without bringing it.
///
/// Error: `snapshot_action_error` with what is wrong.
pub fn inspect(archive: &Path, hash_salt: Option<String>, now: Timestamp) -> Result<Report> {
    let temporary = tempfile::tempdir().map_err(Error::internal)?;
    let file = tempfile::tempfile_in(temporary.path()).map_err(Error::internal)?;
    convert(archive, file, &Surroundings { hash_salt, temporary: temporary.path().to_owned(), now })
}

/// Converts an archive into one of ours.
///
/// Error: `snapshot_action_error` with what is wrong.
pub(crate) fn convert(archive: &Path, into: File, about: &Surroundings) -> Result<Report> {
    let layout = layout(archive)?.ok_or_else(|| unusable("it is no snapshot of a Cloudify manager"))?;
    let file = File::open(archive).map_err(Error::internal)?;
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(damaged)?;
    files::demand_bounds(&mut zip)?;
    let metadata: Map<String, Value> = serde_json::from_slice(&small(&mut zip, "metadata.json")?.unwrap_or_default())
        .map_err(|error| unusable(format!("metadata.json cannot be read: {error}")))?;
    let version = metadata.get("snapshot_version").and_then(Value::as_str).unwrap_or_default().to_owned();
    demand_version(&version)?;
    let security = match small(&mut zip, "rest-security.conf")? {
        Some(text) => keys::security(&text)?,
        None => Map::new(),
    };
    let mut keys = Keys::new(&security, about.hash_salt.clone(), about.now)?;
    let mut sealed = Sealed::new(into);
    let mut report = Report {
        layout,
        version: version.clone(),
        rows: BTreeMap::new(),
        files: 0,
        notes: Vec::new(),
        deployments: BTreeMap::new(),
        plugins: BTreeMap::new(),
        tenants: BTreeMap::new(),
        keys: BTreeMap::new(),
    };
    let own = Metadata {
        format: "nephele".to_owned(),
        format_version: WHOLE,
        schema: nephele_store::schema(),
        version: format!("Cloudify {version}"),
        created_at: about.now,
        execution_id: metadata.get("execution_id").and_then(Value::as_str).map(str::to_owned),
        key: fingerprint(keys.cipher()),
        base: None,
    };
    let written = |error: std::io::Error| unusable(format!("it cannot be converted: {error}"));
    sealed.add(METADATA, &serde_json::to_vec_pretty(&own).map_err(Error::internal)?).map_err(written)?;
    sealed.add(KEY, keys.written.as_bytes()).map_err(written)?;
    if !keys.knows_salt() {
        report.notes.push(
            "No restored password works: the archive does not hold the salt of passwords. Put the old manager's \
             /opt/manager/rest-security.conf into the data directory and restore again, or set new passwords"
                .to_owned(),
        );
    }
    let folder = tempfile::tempdir_in(&about.temporary).map_err(Error::internal)?;
    let mut rows = Rows { sealed: &mut sealed, report: &mut report, table: String::new(), texts: BTreeMap::new() };
    match layout {
        Layout::Dump => from_dump(&mut zip, &mut rows, &mut keys, folder.path(), about.now)?,
        Layout::Folders | Layout::Numbered => {
            records::convert(&mut zip, layout, &mut rows, &keys, folder.path(), about.now)?;
        }
    }
    rows.texts()?;
    if keys.unreadable > 0 {
        let note =
            format!("{} encrypted values cannot be read with the key of the archive; set them anew", keys.unreadable);
        report.notes.push(note);
    }
    sealed.finish().map_err(written)?;
    Ok(report)
}

fn from_dump(zip: &mut Archive, rows: &mut Rows<'_>, keys: &mut Keys, folder: &Path, now: Timestamp) -> Result<()> {
    let dump = zip.by_name("pg_data").map_err(damaged)?;
    let split = copy::Split::read(BufReader::new(dump), folder)?;
    let (yaml_files, agent_keys) = files::look(zip)?;
    let mut tenants = std::collections::HashMap::new();
    split.each("tenants", |row| {
        tenants.insert(row.text("name").unwrap_or_default().to_owned(), row.int("id").unwrap_or_default());
        Ok(())
    })?;
    let agent_keys = agent_keys::AgentKeys::new(agent_keys, tenants);
    dump::Dump::survey(&split, keys, agent_keys, yaml_files, now.micros())?.convert(rows)?;
    files::copy(zip, rows)
}

/// Where converted rows go.
pub(super) struct Rows<'a> {
    sealed: &'a mut Sealed,
    report: &'a mut Report,
    table: String,
    /// Long parts of deployments' plans with their keys: kept once for all that have the same.
    texts: BTreeMap<String, i64>,
}

/// The parts of a deployment's plan that are kept so, and the columns that lead to them.
const SHARED: [(&str, &str); 3] =
    [("policy_triggers", "policy_triggers_fk"), ("policy_types", "policy_types_fk"), ("workflows", "workflows_fk")];

impl Rows<'_> {
    pub(super) fn begin(&mut self, table: &str) -> Result<()> {
        self.report.rows.insert(table.to_owned(), 0);
        table.clone_into(&mut self.table);
        self.sealed.begin(&format!("tables/{table}.jsonl")).map_err(unwritten)
    }

    /// A row of the table that was begun last.
    pub(super) fn put(&mut self, mut row: Map<String, Value>) -> Result<()> {
        if self.table == "deployments" {
            self.share(&mut row);
        }
        if let Some(count) = self.report.rows.get_mut(&self.table) {
            *count += 1;
        }
        self.report.look_at(&self.table, &row);
        writeln!(self.sealed, "{}", Value::Object(row)).map_err(unwritten)
    }

    /// Puts what a deployment shares with others where it is kept.
    fn share(&mut self, row: &mut Map<String, Value>) {
        for (part, column) in SHARED {
            let key = match row.shift_remove(part).unwrap_or_default() {
                Value::Null => None,
                Value::String(text) => Some(self.key_of(text)),
                other => Some(self.key_of(other.to_string())),
            };
            row.insert(column.to_owned(), key.into());
        }
    }

    fn key_of(&mut self, text: String) -> i64 {
        let next = i64::try_from(self.texts.len()).unwrap_or_default() + 1;
        *self.texts.entry(text).or_insert(next)
    }

    /// Writes what deployments share, when all have been written.
    fn texts(&mut self) -> Result<()> {
        self.begin("deployment_texts")?;
        for (text, key) in std::mem::take(&mut self.texts) {
            let digest = hex(&Sha256::digest(text.as_bytes()));
            let row = json!({"storage_id": key, "digest": digest, "text": text});
            self.put(row.as_object().cloned().unwrap_or_default())?;
        }
        Ok(())
    }

    /// The roles of a fresh installation.
    pub(super) fn roles(&mut self) -> Result<()> {
        self.begin("roles")?;
        for (number, name) in (1..).zip(dump::ROLES) {
            let role = nephele_model::Role::parse(name);
            let row = json!({
                "id": number, "name": name, "type": role.map(nephele_model::Role::kind),
                "description": role.map(nephele_model::Role::description), "updated_at": null,
            });
            if let Value::Object(row) = row {
                self.put(row)?;
            }
        }
        Ok(())
    }

    pub(super) fn note(&mut self, note: String) {
        self.report.notes.push(note);
    }
}

impl Report {
    /// Notes what people will want to know of a row.
    fn look_at(&mut self, table: &str, row: &Map<String, Value>) {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let key = |name: &str| row.get(name).and_then(Value::as_i64).unwrap_or_default();
        match table {
            "tenants" => drop(self.tenants.insert(key("id"), text("name").to_owned())),
            "deployments" => {
                let tenant = self.tenants.get(&key("tenant_id")).map_or("?", String::as_str);
                let name = format!("{tenant}/{}", text("id"));
                self.keys.insert(key("storage_id"), name.clone());
                let said = match text("installation_status") {
                    "active" => "comes along as it is, installed",
                    _ => "comes along as it is, not installed",
                };
                self.deployments.insert(name, said.to_owned());
            }
            "executions" => {
                let status = nephele_model::execution::ExecutionStatus::parse(text("status"));
                if let Some(name) = self.keys.get(&key("deployment_fk"))
                    && status.is_some_and(nephele_model::execution::ExecutionStatus::is_active)
                {
                    let said = format!(
                        "`{}` is under way in it: it will be cancelled, and can be resumed (`cfy executions resume {}`)",
                        text("workflow_id"),
                        text("id")
                    );
                    self.deployments.insert(name.clone(), said);
                }
            }
            "plugins" => {
                let name = format!("{} {}", text("package_name"), text("package_version"));
                let pythons = text("supported_py_versions");
                let fits = pythons.is_empty() || pythons == "null" || pythons.contains("py3");
                let said = if fits {
                    "comes along, and is installed when it is first needed".to_owned()
                } else {
                    format!("is for {pythons} only: upload a wagon for the Python that this manager runs plugins with")
                };
                self.plugins.insert(name, said);
            }
            "agents" => {
                let said = "Agents come along as records; those on hosts still look for their old manager. Until they can be handed \
                            over, run `cfy agents install` for their deployments";
                if !self.notes.iter().any(|note| note == said) {
                    self.notes.push(said.to_owned());
                }
            }
            _ => {}
        }
    }
}

/// The rules of a filter, by what they look at.
fn filter_parts(rules: &Value) -> (String, String) {
    let of = |kind: &str| {
        let rules: Vec<&Value> =
            rules.as_array().into_iter().flatten().filter(|rule| rule["type"].as_str() == Some(kind)).collect();
        json!(rules).to_string()
    };
    (of("label"), of("attribute"))
}

/// What a blueprint needs of others, as older managers did not note it.
fn requirements(plan: &Value) -> Value {
    let (mut secrets, mut capabilities) = (BTreeSet::new(), BTreeSet::new());
    let mut pending = vec![plan];
    while let Some(value) = pending.pop() {
        match value {
            Value::Array(items) => pending.extend(items),
            Value::Object(map) => {
                if map.len() == 1 {
                    if let Some(Value::String(name)) = map.get("get_secret") {
                        secrets.insert(name.clone());
                    }
                    if let Some(name) = map.get("get_environment_capability") {
                        let path = if name.is_array() { name.clone() } else { json!([name]) };
                        capabilities.insert(path.to_string());
                    }
                }
                pending.extend(map.values());
            }
            _ => {}
        }
    }
    let capabilities: Vec<Value> = capabilities.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
    json!({"parent_capabilities": capabilities, "secrets": secrets})
}

/// Older ones are in forms that nobody has any more.
fn demand_version(version: &str) -> Result<()> {
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(5..=7) => Ok(()),
        Some(major) if major > 7 => Err(unusable(format!("it was made by a newer manager [{version} > 7]"))),
        _ => Err(unusable(format!(
            "Restoring snapshot from version {version} is not supported; restore it on a Cloudify manager 5 first, and \
             bring a snapshot of that"
        ))),
    }
}

/// Whether a file's name ends like this.
fn has_ending(name: &str, ending: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == ending)
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` gives")]
fn unwritten(error: std::io::Error) -> Error {
    unusable(format!("it cannot be converted: {error}"))
}
