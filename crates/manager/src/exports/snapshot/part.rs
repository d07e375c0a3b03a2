//! A part of a snapshot: one tenant or one deployment, and which rows and files belong to it.
//!
//! Invariant: what belongs to what is the schema's own answer: a row belongs to another if it goes when that one goes.
//! A tenant has all rows with its key; a deployment what hangs on its row. Users, and what is of the manager as a whole,
//! are of no part.

use std::collections::{HashMap, HashSet};

use nephele_model::Result;
use nephele_store::Reference;
use serde_json::{Map, Value};

use super::opened::Opened;
use super::{row, unusable};

/// What of a snapshot is restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// This tenant.
    pub tenant: String,
    /// Only this deployment of it.
    pub deployment: Option<String>,
}

/// Tables that no part brings along: archives of this disk, logins, what is on its way.
const LEFT_OUT: [&str; 7] = ["audit_log", "hooks", "log_bundles", "outbox", "processes", "snapshots", "tokens"];
/// Tables whose rows have names that are the same elsewhere, with the column that has it.
const NAMED: [(&str, &str); 10] = [
    ("blueprints", "id"),
    ("deployment_groups", "id"),
    ("deployment_texts", "digest"),
    ("deployments", "id"),
    ("groups", "name"),
    ("plugins", "id"),
    ("secrets_providers", "id"),
    ("sites", "id"),
    ("tenants", "name"),
    ("users", "username"),
];
/// Parts of the file tree with a folder for each tenant.
const AREAS: [&str; 4] = ["blueprints", "deployments", "tenant-resources", "uploaded-blueprints"];

/// The tables and what points where.
pub(super) struct Schema {
    references: HashMap<String, Vec<Reference>>,
    parents: HashSet<String>,
    /// Tables, each after those that its rows belong to.
    order: Vec<String>,
}

impl Schema {
    pub(super) fn new(all: Vec<Reference>, tables: &[String]) -> Self {
        let parents = all.iter().map(|reference| reference.parent.clone()).collect();
        let mut references: HashMap<String, Vec<Reference>> = HashMap::new();
        for reference in all {
            references.entry(reference.table.clone()).or_default().push(reference);
        }
        let mut schema = Self { references, parents, order: Vec::new() };
        for table in tables {
            schema.visit(table);
        }
        schema.order.retain(|table| tables.contains(table));
        schema
    }

    fn visit(&mut self, table: &str) {
        if self.order.iter().any(|known| known == table) {
            return;
        }
        let above: Vec<String> = self
            .of(table)
            .iter()
            .filter(|reference| reference.belongs && reference.parent != table)
            .map(|reference| reference.parent.clone())
            .collect();
        for parent in above {
            self.visit(&parent);
        }
        self.order.push(table.to_owned());
    }

    /// The columns of a table that point somewhere.
    pub(super) fn of(&self, table: &str) -> &[Reference] {
        self.references.get(table).map_or(&[], Vec::as_slice)
    }

    pub(super) fn is_parent(&self, table: &str) -> bool {
        self.parents.contains(table)
    }
}

/// What was found in an archive.
#[derive(Default)]
pub(super) struct Survey {
    part: Option<Part>,
    /// The tenant's key.
    pub(super) tenant: Option<i64>,
    /// Keys of rows that belong to the part, by table; of tables that others point to.
    pub(super) keys: HashMap<String, HashSet<i64>>,
    /// Names by table and key, and keys by table and name. Those of tenants' rows begin with the tenant's.
    pub(super) names: HashMap<String, HashMap<i64, String>>,
    pub(super) by_name: HashMap<String, HashMap<String, i64>>,
    /// The greatest key of each table.
    pub(super) most: HashMap<String, i64>,
    plugins: HashSet<String>,
}

impl Survey {
    /// Looks through an archive.
    pub(super) fn of(opened: &mut Opened, schema: &Schema, part: &Part) -> Result<Self> {
        let mut survey = Self { part: Some(part.clone()), ..Self::default() };
        let present = opened.tables();
        for table in schema.order.iter().filter(|table| present.contains(table)) {
            for line in opened.rows(table)? {
                let line = line.map_err(|error| unusable(format!("`{table}` is damaged: {error}")))?;
                survey.meet(schema, table, &row(&line, table)?);
            }
        }
        Ok(survey)
    }

    fn meet(&mut self, schema: &Schema, table: &str, row: &Map<String, Value>) {
        let key = key(row);
        if let Some(key) = key {
            let most = self.most.entry(table.to_owned()).or_default();
            *most = (*most).max(key);
        }
        if let (Some((_, column)), Some(key)) = (NAMED.iter().find(|(named, _)| *named == table), key) {
            let name = row.get(*column).and_then(Value::as_str).unwrap_or_default();
            let name = match row.get("tenant_id").and_then(Value::as_i64) {
                Some(tenant) => format!("{}/{name}", self.name("tenants", tenant).unwrap_or_default()),
                None => name.to_owned(),
            };
            if table == "tenants" && self.part.as_ref().is_some_and(|part| part.tenant == name) {
                self.tenant = Some(key);
            }
            self.by_name.entry(table.to_owned()).or_default().insert(name.clone(), key);
            self.names.entry(table.to_owned()).or_default().insert(key, name);
        }
        if !self.belongs(schema, table, row) {
            return;
        }
        if table == "plugins" {
            self.plugins.extend(row.get("id").and_then(Value::as_str).map(str::to_owned));
        }
        if let Some(key) = key.filter(|_| schema.is_parent(table)) {
            self.keys.entry(table.to_owned()).or_default().insert(key);
        }
    }

    pub(super) fn name(&self, table: &str, key: i64) -> Option<&str> {
        self.names.get(table)?.get(&key).map(String::as_str)
    }

    /// Whether a row is one of the part's. Rows above it must have been met.
    pub(super) fn belongs(&self, schema: &Schema, table: &str, row: &Map<String, Value>) -> bool {
        let (Some(part), Some(tenant)) = (&self.part, self.tenant) else { return false };
        if LEFT_OUT.contains(&table) || table == "tenants" {
            return false;
        }
        let own = row.get("tenant_id").and_then(Value::as_i64);
        if own.is_some_and(|own| own != tenant) {
            return false;
        }
        match &part.deployment {
            None if own.is_some() => return true,
            Some(deployment) if table == "deployments" => {
                return row.get("id").and_then(Value::as_str) == Some(deployment.as_str());
            }
            _ => {}
        }
        schema.of(table).iter().any(|reference| {
            let key = row.get(&reference.column).and_then(Value::as_i64);
            let above = self.keys.get(&reference.parent);
            reference.belongs && key.is_some_and(|key| above.is_some_and(|above| above.contains(&key)))
        })
    }

    /// Whether there is anything of the part.
    pub(super) fn is_empty(&self) -> bool {
        match self.part.as_ref().and_then(|part| part.deployment.as_ref()) {
            Some(_) => self.keys.get("deployments").is_none_or(HashSet::is_empty),
            None => self.tenant.is_none(),
        }
    }

    /// Whether something would be replaced.
    pub(super) fn holds_something(&self) -> bool {
        ["blueprints", "deployments"].iter().any(|table| self.keys.get(*table).is_some_and(|keys| !keys.is_empty()))
    }

    /// Whether a file of the tree is one of the part's.
    pub(super) fn is_file(&self, name: &str) -> bool {
        let Some(part) = &self.part else { return false };
        match (name.split('/').collect::<Vec<_>>().as_slice(), &part.deployment) {
            (["resources", "plugins", id, ..], None) => self.plugins.contains(*id),
            (["resources", area, tenant, ..], None) => AREAS.contains(area) && *tenant == part.tenant,
            (["resources", "deployments", tenant, id, ..], Some(deployment)) => {
                *tenant == part.tenant && *id == deployment.as_str()
            }
            _ => false,
        }
    }
}

/// The key of a row, if it is a number.
pub(super) fn key(row: &Map<String, Value>) -> Option<i64> {
    row.get("storage_id").or_else(|| row.get("id")).and_then(Value::as_i64)
}
