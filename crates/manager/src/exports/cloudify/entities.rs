//! Layouts N: JSON files with entities of one type each. They are read here, whatever the files are called.
//!
//! Invariant: an entity that stands twice is taken once, as it stands last; entities in progress are written again
//! at the end of a snapshot. Global ones are listed in every tenant, and are given to one. Source: spec snapshots.md
//! sections 4 and 7.

use std::collections::HashMap;
use std::io::Read as _;

use nephele_model::Result;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Archive, Layout, damaged, has_ending, unusable};

/// The largest file of entities.
const MOST: u64 = 1 << 30;

/// Where the entities are.
pub(super) struct Entities {
    files: Vec<Place>,
    tenants: Vec<String>,
}

/// A file of entities.
#[derive(Clone)]
struct Place {
    name: String,
    /// None of the manager's own.
    tenant: Option<String>,
    kind: String,
    source: Option<String>,
    source_id: Option<String>,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    source_id: Option<String>,
    #[serde(default)]
    items: Vec<Map<String, Value>>,
}

/// An entity with what is known of it from its file.
#[derive(Clone, Debug)]
pub(super) struct Entity {
    pub(super) tenant: String,
    pub(super) source: Option<String>,
    pub(super) source_id: Option<String>,
    pub(super) item: Map<String, Value>,
}

impl Entity {
    pub(super) fn text(&self, name: &str) -> &str {
        self.item.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn is_global(&self) -> bool {
        self.text("visibility") == "global"
    }
}

impl Entities {
    /// Finds the files and what is in them.
    pub(super) fn find(zip: &mut Archive, layout: Layout) -> Result<Self> {
        let names = zip.file_names().map(|name| name.map(std::borrow::Cow::into_owned)).collect::<Result<Vec<_>, _>>();
        let mut names = names.map_err(damaged)?;
        names.sort();
        let mut found = Self { files: Vec::new(), tenants: Vec::new() };
        for name in names {
            let parts: Vec<&str> = name.split('/').collect();
            let (tenant, below) = match parts.as_slice() {
                ["mgmt", below @ ..] => (None, below),
                ["tenants", tenant, below @ ..] if !tenant.is_empty() => {
                    if !found.tenants.iter().any(|known| known == tenant) {
                        found.tenants.push((*tenant).to_owned());
                    }
                    (Some((*tenant).to_owned()), below)
                }
                _ => continue,
            };
            if !has_ending(&name, "json") {
                continue;
            }
            let place = match (layout, below) {
                (Layout::Numbered, [_]) => {
                    let Envelope { kind, source, source_id, .. } = envelope(zip, &name)?;
                    Place { name, tenant, kind, source, source_id }
                }
                (Layout::Folders, [kind, file]) => {
                    let stem = file.trim_end_matches(".json").to_owned();
                    let (kind, source) = match *kind {
                        "executions_events" => ("events", Some("executions".to_owned())),
                        "execution_groups_events" => ("events", Some("execution_groups".to_owned())),
                        kind => (kind, None),
                    };
                    Place { name: name.clone(), tenant, kind: kind.to_owned(), source, source_id: Some(stem) }
                }
                _ => continue,
            };
            found.files.push(place);
        }
        Ok(found)
    }

    pub(super) fn tenants(&self) -> &[String] {
        &self.tenants
    }

    /// Does something with each entity of a type, in the order of the files, as often as it stands there.
    pub(super) fn each(
        &self,
        zip: &mut Archive,
        kind: &str,
        mut act: impl FnMut(usize, Entity) -> Result<()>,
    ) -> Result<()> {
        for (number, place) in self.files.iter().enumerate().filter(|(_, place)| place.kind == kind) {
            for item in envelope(zip, &place.name)?.items {
                let entity = Entity {
                    tenant: place.tenant.clone().unwrap_or_default(),
                    source: place.source.clone(),
                    source_id: place.source_id.clone(),
                    item,
                };
                act(number, entity)?;
            }
        }
        Ok(())
    }

    /// The entities of a type, each once; `key` tells those of a tenant apart.
    pub(super) fn merged(&self, zip: &mut Archive, kind: &str, key: impl Fn(&Entity) -> String) -> Result<Vec<Entity>> {
        let mut found: Vec<Entity> = Vec::new();
        let mut places: HashMap<(String, String), usize> = HashMap::new();
        self.each(zip, kind, |_, entity| {
            let key = (entity.tenant.clone(), key(&entity));
            if let Some(place) = places.get(&key) {
                found[*place] = entity;
            } else {
                places.insert(key, found.len());
                found.push(entity);
            }
            Ok(())
        })?;
        Ok(found)
    }
}

fn envelope(zip: &mut Archive, name: &str) -> Result<Envelope> {
    let entry = zip.by_name(name).map_err(damaged)?;
    let mut text = Vec::new();
    entry.take(MOST).read_to_end(&mut text).map_err(|error| unusable(format!("`{name}` is damaged: {error}")))?;
    serde_json::from_slice(&text).map_err(|error| unusable(format!("`{name}` is damaged: {error}")))
}
