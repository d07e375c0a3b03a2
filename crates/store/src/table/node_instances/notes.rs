//! Noting what workflows found out about node instances, many at once.

use std::collections::HashMap;

use nephele_model::finding::{Note, has_drift, is_well};
use nephele_model::id::NodeInstanceId;
use serde_json::{Map, Value};

use crate::column::values;
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::json::Json;

/// Adds notes to node instances of a tenant, in order; each instance gets one new version. Ids that
/// are not there are passed over.
pub async fn note(tx: &Tx, tenant_id: i64, notes: &[(NodeInstanceId, Note)]) -> Result<()> {
    if notes.is_empty() {
        return Ok(());
    }
    let db: &dyn Db = tx;
    let mut of: HashMap<&NodeInstanceId, Vec<&Note>> = HashMap::new();
    for (id, note) in notes {
        of.entry(id).or_default().push(note);
    }
    let ids = Json::texts(of.keys().copied());
    // Adding nothing takes the rows' locks where rows are locked one by one.
    let lock = "UPDATE node_instances SET version = version \
                WHERE tenant_id = $1 AND id IN (SELECT value FROM json_each($2))";
    db.run(lock, values![tenant_id, &ids]).await?;
    let text = "SELECT storage_id, id, system_properties FROM node_instances \
                WHERE tenant_id = $1 AND id IN (SELECT value FROM json_each($2))";
    let rows: Vec<(i64, NodeInstanceId, Option<Json>)> = db.all(text.to_owned(), values![tenant_id, &ids]).await?;
    let mut alike: HashMap<(String, bool, bool), Vec<i64>> = HashMap::new();
    for (storage_id, id, stored) in rows {
        let mut properties: Map<String, Value> =
            stored.map(|json| json.parse::<Option<_>>()).transpose()?.flatten().unwrap_or_default();
        for note in &of[&id] {
            note.add_to(&mut properties);
        }
        let (drift, well) = (has_drift(&properties), is_well(&properties));
        alike.entry((Json::of(&properties).into_text(), drift, well)).or_default().push(storage_id);
    }
    // Instances that are found alike mostly have the same notes, so that few statements do.
    for ((properties, drift, well), rows) in alike {
        let text = "UPDATE node_instances SET system_properties = $1, has_configuration_drift = $2, \
                    is_status_check_ok = $3, version = version + 1 \
                    WHERE storage_id IN (SELECT CAST(value AS BIGINT) FROM json_each($4))";
        db.run(text, values![properties, drift, well, Json::of(&rows)]).await?;
    }
    Ok(())
}
