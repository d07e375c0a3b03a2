//! Moving many node instances to states at once, with what some states bring along
//! (spec workflows.md section 5.1).

use std::collections::{HashMap, HashSet};

use nephele_model::id::NodeInstanceId;
use nephele_model::instance::InstanceState;
use serde_json::{Value, json};

use crate::backend::Sql;
use crate::column::values;
use crate::db::{Db, FromRow as _, Tx};
use crate::error::Result;
use crate::journal::waves;
use crate::json::Json;

/// Moves node instances of a tenant, in order. `configured` also notes that there is no drift,
/// `started` that the instance is well. Ids that are not there are passed over.
pub async fn set_states(tx: &Tx, tenant_id: i64, states: &[(NodeInstanceId, InstanceState)]) -> Result<()> {
    for wave in waves(states, |(id, _)| id) {
        let mut done = HashSet::new();
        for (_, state) in &wave {
            if done.insert(state) {
                let ids: Vec<_> = wave.iter().filter(|(_, other)| other == state).map(|(id, _)| id).collect();
                set_state(tx, tenant_id, state, &ids).await?;
            }
        }
    }
    Ok(())
}

async fn set_state(db: &dyn Db, tenant_id: i64, state: &InstanceState, ids: &[&NodeInstanceId]) -> Result<()> {
    let flag = match state {
        state if *state == InstanceState::CONFIGURED => ", has_configuration_drift = FALSE",
        state if *state == InstanceState::STARTED => ", is_status_check_ok = TRUE",
        _ => "",
    };
    let text = format!(
        "UPDATE node_instances SET state = $1, version = version + 1{flag} \
         WHERE tenant_id = $2 AND id IN (SELECT value FROM json_each($3)) RETURNING storage_id, system_properties"
    );
    let rows = db.write(Sql::new(text, values![state, tenant_id, Json::texts(ids)])).await?;
    if flag.is_empty() {
        return Ok(());
    }
    // Instances that move together mostly have the same notes, so that few statements do.
    let mut alike: HashMap<Option<String>, Vec<i64>> = HashMap::new();
    for row in &rows {
        let (storage_id, notes) = <(i64, Option<String>)>::from_row(row)?;
        alike.entry(notes).or_default().push(storage_id);
    }
    for (notes, rows) in alike {
        let text = "UPDATE node_instances SET system_properties = $1 \
                    WHERE storage_id IN (SELECT CAST(value AS BIGINT) FROM json_each($2))";
        let notes = noted(notes, state, &db.now().zoneless());
        db.run(text, values![Json::from(notes), Json::of(&rows)]).await?;
    }
    Ok(())
}

/// System properties after a move to `configured` or `started` at `instant`.
fn noted(notes: Option<String>, state: &InstanceState, instant: &str) -> Value {
    let well = json!({"ok": true, "result": null, "task": null, "timestamp": instant});
    let mut notes = notes.and_then(|notes| serde_json::from_str(&notes).ok()).unwrap_or_else(|| json!({}));
    if *state == InstanceState::CONFIGURED {
        notes["configuration_drift"] = well;
    } else {
        notes["previous_status"] = Value::Null;
        notes["status"] = well;
    }
    notes
}
