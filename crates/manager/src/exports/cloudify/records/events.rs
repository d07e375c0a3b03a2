//! Events and logs: many, so they are not held.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use nephele_model::Result;
use serde_json::{Map, Value};

use super::{Work, as_json, at, copied};

impl Work<'_, '_> {
    /// Two equal lines of one millisecond are two; an object that stands in a later file again is one.
    pub(super) fn events(&mut self) -> Result<()> {
        let mut seen: HashMap<u64, usize> = HashMap::new();
        let mut number = 0_i64;
        let mut begun = false;
        let Self { zip, entities, rows, ids, .. } = self;
        entities.each(zip, "events", |file, entity| {
            let of = entity.source_id.clone().unwrap_or_default();
            let mut hasher = DefaultHasher::new();
            (&entity.source, &of, Value::Object(entity.item.clone()).to_string()).hash(&mut hasher);
            if *seen.entry(hasher.finish()).or_insert(file) != file {
                return Ok(());
            }
            let is_group = entity.source.as_deref() == Some("execution_groups");
            let execution = if is_group { None } else { ids.get("executions", &entity.tenant, &of) };
            let group = if is_group { ids.get("execution_groups", &entity.tenant, &of) } else { None };
            if execution.is_none() && group.is_none() {
                return Ok(());
            }
            if !std::mem::replace(&mut begun, true) {
                rows.begin("events")?;
            }
            number += 1;
            let stamp = at(&entity.item, "timestamp").unwrap_or_default();
            let instance = entity.text("node_instance_id").to_owned();
            let node = ids.nodes_of_instances.get(&(entity.tenant.clone(), instance));
            let mut row = Map::new();
            row.insert("storage_id".to_owned(), number.into());
            copied(
                &mut row,
                &entity.item,
                &[
                    "type",
                    "message",
                    "event_type",
                    "logger",
                    "level",
                    "operation",
                    "source_id",
                    "target_id",
                    "manager_name",
                    "agent_name",
                ],
            );
            as_json(&mut row, &entity.item, &["error_causes"]);
            for (name, value) in [
                ("timestamp", stamp.into()),
                ("reported_timestamp", at(&entity.item, "reported_timestamp").unwrap_or(stamp).into()),
                ("node_id", entity.item.get("node_instance_id").cloned().unwrap_or_default()),
                ("node_name", node.cloned().into()),
                ("execution_fk", execution.into()),
                ("execution_group_fk", group.into()),
            ] {
                row.insert(name.to_owned(), value);
            }
            rows.put(row)
        })
    }
}
