//! Layouts N: rows of entities that name each other by ids.
//!
//! Invariant: every entity gets a key before any row is written, in the order of the files, so that rows can point to
//! each other in any order. A row that would point to nothing is left out and noted. Source: spec snapshots.md section 4.

mod events;
mod numbers;
mod others;
mod people;
mod resources;
mod runs;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use nephele_model::{Result, Timestamp};
use serde_json::{Map, Value, json};

use super::copy::time;
use super::entities::{Entities, Entity};
use super::keys::Keys;
use super::{Archive, Layout, Rows, blobs};

/// Types whose entities are known by their ids, and the field that holds it.
const KEYED: [(&str, &str); 12] = [
    ("sites", "name"),
    ("secrets_providers", "name"),
    ("secrets", "key"),
    ("blueprints", "id"),
    ("deployments", "id"),
    ("deployment_groups", "id"),
    ("executions", "id"),
    ("execution_groups", "id"),
    ("plugins", "id"),
    ("deployments_filters", "id"),
    ("blueprints_filters", "id"),
    ("node_instances", "id"),
];

/// Keys of everything.
#[derive(Default)]
struct Ids {
    tenants: HashMap<String, i64>,
    users: HashMap<String, i64>,
    /// By type, tenant and id.
    of: HashMap<&'static str, HashMap<(String, String), i64>>,
    /// Global ones: type and id to their tenant.
    owners: HashMap<(&'static str, String), String>,
    /// By deployment and name.
    nodes: HashMap<(i64, String), i64>,
    /// The node of each instance, by tenant and id.
    nodes_of_instances: HashMap<(String, String), String>,
    /// The latest and the creating execution of each deployment, with when they began.
    latest: HashMap<i64, (i64, i64)>,
    create: HashMap<i64, (i64, i64)>,
    uploads: HashMap<(String, String), (i64, i64)>,
    /// Blueprint and visibility of each deployment.
    facts: HashMap<i64, (String, String)>,
    /// Operations of each execution, and how many of them have ended.
    operations: HashMap<i64, (i64, i64)>,
    /// Tenants in which users are.
    members: HashSet<(String, String)>,
}

impl Ids {
    fn get(&self, kind: &'static str, tenant: &str, id: &str) -> Option<i64> {
        let of = self.of.get(kind)?;
        of.get(&(tenant.to_owned(), id.to_owned())).copied().or_else(|| {
            let owner = self.owners.get(&(kind, id.to_owned()))?;
            of.get(&(owner.clone(), id.to_owned())).copied()
        })
    }

    fn user(&self, name: &str) -> i64 {
        self.users.get(name).copied().unwrap_or_default()
    }

    fn tenant(&self, name: &str) -> i64 {
        self.tenants.get(name).copied().unwrap_or_default()
    }
}

/// A conversion on its way.
struct Work<'a, 'r> {
    zip: &'a mut Archive,
    entities: Entities,
    rows: &'a mut Rows<'r>,
    keys: &'a Keys,
    ids: Ids,
    now: i64,
}

/// Converts an archive of entities.
pub(super) fn convert(
    zip: &mut Archive,
    layout: Layout,
    rows: &mut Rows<'_>,
    keys: &Keys,
    folder: &Path,
    now: Timestamp,
) -> Result<()> {
    let entities = Entities::find(zip, layout)?;
    let mut work = Work { zip, entities, rows, keys, ids: Ids::default(), now: now.micros() };
    work.number()?;
    work.people()?;
    let plugins = blobs::unpack(work.zip, layout, folder, &|kind, tenant, id| {
        work.ids.owners.get(&(kind, id.to_owned())).is_none_or(|owner| owner == tenant)
    })?;
    work.resources(&plugins)?;
    work.runs(layout)?;
    work.events()?;
    let files = work.rows.sealed.add_folder(&folder.join("resources"), "resources").map_err(super::unwritten);
    work.rows.note(
        "Not in the archive, and so lost: tokens, sites of deployments, schemas of secrets, modifications, files below \
         global-resources/ and tenant-resources/"
            .to_owned(),
    );
    files
}

impl Work<'_, '_> {
    fn merged(&mut self, kind: &str, key: impl Fn(&Entity) -> String) -> Result<Vec<Entity>> {
        self.entities.merged(self.zip, kind, key)
    }

    /// Whether this is the one tenant that a global entity is taken from.
    fn is_owners(&self, kind: &'static str, field: &str, entity: &Entity) -> bool {
        let owner = self.ids.owners.get(&(kind, entity.text(field).to_owned()));
        !entity.is_global() || owner.is_none_or(|owner| *owner == entity.tenant)
    }

    fn put(&mut self, row: Value) -> Result<()> {
        match row {
            Value::Object(row) => self.rows.put(row),
            _ => Ok(()),
        }
    }

    /// What every resource of a tenant has.
    fn base(&self, kind: &'static str, field: &str, entity: &Entity) -> Map<String, Value> {
        let id = entity.text(field);
        self.base_as(self.ids.get(kind, &entity.tenant, id).unwrap_or_default(), id, entity)
    }

    fn base_as(&self, key: i64, id: &str, entity: &Entity) -> Map<String, Value> {
        let creator =
            if entity.text("created_by").is_empty() { entity.text("creator") } else { entity.text("created_by") };
        let visibility = if entity.text("visibility").is_empty() { "tenant" } else { entity.text("visibility") };
        let row = json!({
            "storage_id": key, "id": id, "visibility": visibility, "tenant_id": self.ids.tenant(&entity.tenant),
            "creator_id": self.ids.user(creator), "created_at": at(&entity.item, "created_at").unwrap_or(self.now),
        });
        if let Value::Object(row) = row { row } else { Map::new() }
    }

    /// Entities of a type, of global ones those of their owner.
    fn owned(&mut self, kind: &'static str, field: &'static str) -> Result<Vec<Entity>> {
        let mut found = self.merged(kind, |entity| entity.text(field).to_owned())?;
        found.retain(|entity| self.is_owners(kind, field, entity));
        Ok(found)
    }

    fn labels(&mut self, table: &str, labeled: &[(Value, Entity)]) -> Result<()> {
        self.rows.begin(table)?;
        let mut number = 0_i64;
        for (key, entity) in labeled {
            for label in entity.item.get("labels").and_then(Value::as_array).into_iter().flatten() {
                number += 1;
                let created = label["created_at"].as_str().and_then(time).unwrap_or(self.now);
                let creator = self.ids.user(entity.text("created_by"));
                self.put(json!({
                    "id": number, "key": label["key"], "value": label["value"], "created_at": created,
                    "creator_id": creator, "labeled_fk": key,
                }))?;
            }
        }
        Ok(())
    }
}

fn at(item: &Map<String, Value>, name: &str) -> Option<i64> {
    item.get(name).and_then(Value::as_str).and_then(time)
}

/// Takes over plain values.
fn copied(row: &mut Map<String, Value>, item: &Map<String, Value>, names: &[&str]) {
    for name in names {
        row.insert((*name).to_owned(), item.get(*name).cloned().unwrap_or_default());
    }
}

/// Takes over values that columns hold as the text of their JSON.
fn as_json(row: &mut Map<String, Value>, item: &Map<String, Value>, names: &[&str]) {
    for name in names {
        let text = item.get(*name).filter(|value| !value.is_null()).map(ToString::to_string);
        row.insert((*name).to_owned(), text.into());
    }
}
