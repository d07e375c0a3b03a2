//! One tenant or one deployment out of a snapshot: what is there now, with that part as it was then, as a snapshot.
//!
//! Invariant: two archives become a third, and nothing else is touched; the third is restored like any other, so that
//! all holds which holds for a restore. Rows that come keep the keys that rows of the same names have now, so that what
//! others point to stays; all else gets new keys. A row that others need and that would be gone is a refusal.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use nephele_model::Result;
use nephele_store::Reference;
use serde_json::{Map, Value};

use super::super::advice;
use super::opened::Opened;
use super::part::{Part, Schema, Survey, key};
use super::rekey::Rekey;
use super::{KEY, METADATA, Sealed, row, unusable};
use crate::crypto::Cipher;

/// What a graft is made of.
pub(super) struct Graft<'a> {
    /// A snapshot of what is there now.
    pub(super) now: &'a Path,
    /// The one that holds the part.
    pub(super) then: &'a Path,
    pub(super) part: &'a Part,
    /// What points where.
    pub(super) references: Vec<Reference>,
    /// Whether something may be replaced.
    pub(super) force: bool,
    /// The execution that does this: it is not of the state.
    pub(super) execution: Option<i64>,
}

/// Both archives, looked through.
struct Work<'a> {
    schema: &'a Schema,
    here: &'a Survey,
    there: &'a Survey,
    /// New keys by table and old key.
    keys: HashMap<String, HashMap<i64, i64>>,
    next: HashMap<String, i64>,
    execution: Option<i64>,
}

impl Graft<'_> {
    /// Writes the third archive.
    ///
    /// Error: `snapshot_action_error` with what does not fit.
    pub(super) fn write(self, into: File, cipher: Cipher) -> Result<()> {
        let (mut now, mut then) = (Opened::open(self.now)?, Opened::open(self.then)?);
        then.check(None)?;
        let schema = Schema::new(self.references, &now.tables());
        let here = Survey::of(&mut now, &schema, self.part)?;
        let there = Survey::of(&mut then, &schema, self.part)?;
        let Part { tenant, deployment } = self.part;
        if there.is_empty() {
            return Err(unusable(match deployment {
                Some(deployment) => format!("it has no deployment `{deployment}` in the tenant `{tenant}`"),
                None => format!("it has no tenant `{tenant}`"),
            }));
        }
        if here.tenant.is_none() && deployment.is_some() {
            return Err(unusable(format!("there is no tenant `{tenant}` here; create it first, or restore it")));
        }
        if here.holds_something() && !self.force {
            return Err(unusable("what it would replace is there. Pass the --force flag to replace it"));
        }
        let mut rekey = Rekey::new(then.key()?.as_deref(), &then.metadata.key, cipher)?;
        let mut work = Work {
            schema: &schema,
            here: &here,
            there: &there,
            keys: HashMap::new(),
            next: HashMap::new(),
            execution: self.execution,
        };
        work.number();

        let written = |error: io::Error| unusable(format!("it cannot be put together: {error}{}", advice(&error)));
        let mut sealed = Sealed::new(into);
        sealed.add(METADATA, &serde_json::to_vec_pretty(&now.metadata).unwrap_or_default()).map_err(written)?;
        if let Some(key) = now.key()? {
            sealed.add(KEY, key.as_bytes()).map_err(written)?;
        }
        let brought = then.tables();
        for table in now.tables() {
            sealed.begin(&format!("tables/{table}.jsonl")).map_err(written)?;
            for line in now.rows(&table)? {
                let line = line.map_err(|error| unusable(format!("`{table}` is damaged: {error}")))?;
                if let Some(kept) = work.keep(&table, row(&line, &table)?)? {
                    writeln!(sealed, "{}", Value::Object(kept)).map_err(written)?;
                }
            }
            if !brought.contains(&table) {
                continue;
            }
            for line in then.rows(&table)? {
                let line = line.map_err(|error| unusable(format!("`{table}` is damaged: {error}")))?;
                if let Some(mut come) = work.bring(&table, row(&line, &table)?)? {
                    if let Some(rekey) = &mut rekey {
                        rekey.row(&table, &mut come);
                    }
                    writeln!(sealed, "{}", Value::Object(come)).map_err(written)?;
                }
            }
        }
        now.copy_files(|name| !here.is_file(name), &mut sealed)?;
        then.copy_files(|name| there.is_file(name), &mut sealed)?;
        sealed.finish().map(drop).map_err(written)
    }
}

impl Work<'_> {
    /// Gives keys to all rows that come and that others point to.
    fn number(&mut self) {
        let mut tables: Vec<(String, Vec<i64>)> =
            self.there.keys.iter().map(|(table, keys)| (table.clone(), keys.iter().copied().collect())).collect();
        if let Some(tenant) = self.there.tenant {
            tables.push(("tenants".to_owned(), vec![tenant]));
        }
        // Texts that are not here are brought as well, whoever has them.
        let texts = self.there.names.get("deployment_texts").into_iter().flat_map(HashMap::keys).copied();
        tables.push(("deployment_texts".to_owned(), texts.collect()));
        for (table, mut keys) in tables {
            keys.sort_unstable();
            for key in keys {
                let known = self.known(&table, key);
                let new = known.unwrap_or_else(|| self.fresh(&table));
                self.keys.entry(table.clone()).or_default().insert(key, new);
            }
        }
    }

    fn fresh(&mut self, table: &str) -> i64 {
        let next =
            self.next.entry(table.to_owned()).or_insert_with(|| self.here.most.get(table).copied().unwrap_or_default());
        *next += 1;
        *next
    }

    /// The key that what is called the same has here.
    fn known(&self, table: &str, key: i64) -> Option<i64> {
        let name = self.there.name(table, key)?;
        self.here.by_name.get(table)?.get(name).copied()
    }

    /// A row that is there now and stays; nothing of one that goes.
    fn keep(&self, table: &str, mut row: Map<String, Value>) -> Result<Option<Map<String, Value>>> {
        let is_own =
            |row: &Map<String, Value>| table == "executions" && self.execution.is_some_and(|own| key(row) == Some(own));
        if is_own(&row) || self.here.belongs(self.schema, table, &row) {
            return Ok(None);
        }
        for reference in self.schema.of(table) {
            let Some(to) = row.get(&reference.column).and_then(Value::as_i64) else { continue };
            let goes = match self.here.keys.get(&reference.parent) {
                Some(keys) if keys.contains(&to) => !self.comes_back(&reference.parent, to),
                _ => reference.parent == "executions" && self.execution == Some(to),
            };
            if !goes {
                continue;
            }
            if reference.belongs && !row.contains_key("tenant_id") {
                return Ok(None);
            }
            if !reference.belongs && !reference.is_needed {
                row.insert(reference.column.clone(), Value::Null);
            } else {
                let name = row.get("id").and_then(Value::as_str).unwrap_or_default();
                let parent = self.here.name(&reference.parent, to).unwrap_or_default();
                return Err(unusable(format!(
                    "`{name}` ({}) needs `{parent}` ({}), which would be gone",
                    table.replace('_', " "),
                    reference.parent.replace('_', " ")
                )));
            }
        }
        Ok(Some(row))
    }

    /// Whether a row of the part that is there now is also among those that come.
    fn comes_back(&self, table: &str, key: i64) -> bool {
        self.keys.get(table).is_some_and(|keys| keys.values().any(|new| *new == key))
    }

    /// A row of then as it is to be now; nothing of one that is not of the part, or that hangs on nothing here.
    fn bring(&mut self, table: &str, mut row: Map<String, Value>) -> Result<Option<Map<String, Value>>> {
        let own = key(&row);
        let is_new = |keys: &HashMap<String, HashMap<i64, i64>>, here: &Survey| {
            let new = own.and_then(|own| keys.get(table)?.get(&own).copied());
            new.filter(|new| !here.names.get(table).is_some_and(|names| names.contains_key(new)))
        };
        match table {
            // The tenant itself, and texts that deployments share: only what is not here.
            "tenants" | "deployment_texts" => {
                if table == "tenants" && own != self.there.tenant {
                    return Ok(None);
                }
                let Some(new) = is_new(&self.keys, self.here) else { return Ok(None) };
                let column = if table == "tenants" { "id" } else { "storage_id" };
                row.insert(column.to_owned(), new.into());
                return Ok(Some(row));
            }
            _ if !self.there.belongs(self.schema, table, &row) => return Ok(None),
            _ => {}
        }
        for reference in self.schema.of(table) {
            let Some(to) = row.get(&reference.column).and_then(Value::as_i64) else { continue };
            let mapped = self.keys.get(&reference.parent).and_then(|keys| keys.get(&to).copied());
            let new = match mapped.or_else(|| self.known(&reference.parent, to)) {
                Some(new) => new.into(),
                None if reference.column == "creator_id" => nephele_store::users::ADMIN_ID.into(),
                None if !reference.is_needed => Value::Null,
                None if table == "deployments" && reference.parent == "blueprints" => {
                    let name = self.there.name("blueprints", to).unwrap_or_default();
                    let id = row.get("id").and_then(Value::as_str).unwrap_or_default();
                    return Err(unusable(format!(
                        "the deployment `{id}` needs the blueprint `{name}`, which is not here; upload it first, or \
                         restore the whole tenant"
                    )));
                }
                None => return Ok(None),
            };
            row.insert(reference.column.clone(), new);
        }
        if let Some(own) = own {
            let new = match self.keys.get(table).and_then(|keys| keys.get(&own).copied()) {
                Some(new) => new,
                None => self.fresh(table),
            };
            let column = if row.contains_key("storage_id") { "storage_id" } else { "id" };
            row.insert(column.to_owned(), new.into());
        }
        Ok(Some(row))
    }
}
