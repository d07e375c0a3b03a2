//! Moving many node instances to states at once, with what some states bring along
//! (spec workflows.md section 5.1).

use std::collections::HashSet;

use chrono::DateTime;
use nephele_model::Timestamp;
use nephele_model::id::NodeInstanceId;
use nephele_model::instance::InstanceState;
use serde_json::json;

use crate::backend::{Dialect, Sql};
use crate::column::{Bind as _, values};
use crate::db::{Db, Tx};
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
    let mut values = values![state, tenant_id, Json::of(ids)];
    let notes = match (state, db.dialect()) {
        (state, Dialect::Lite) if *state == InstanceState::CONFIGURED => {
            ", has_configuration_drift = FALSE, system_properties = \
             json_set(coalesce(system_properties, '{}'), '$.configuration_drift', json($4))"
        }
        (state, Dialect::Pg) if *state == InstanceState::CONFIGURED => {
            ", has_configuration_drift = FALSE, system_properties = (coalesce(system_properties, '{}')::jsonb || \
             jsonb_build_object('configuration_drift', $4::jsonb))::text"
        }
        (state, Dialect::Lite) if *state == InstanceState::STARTED => {
            ", is_status_check_ok = TRUE, system_properties = \
             json_set(coalesce(system_properties, '{}'), '$.previous_status', NULL, '$.status', json($4))"
        }
        (state, Dialect::Pg) if *state == InstanceState::STARTED => {
            ", is_status_check_ok = TRUE, system_properties = (coalesce(system_properties, '{}')::jsonb || \
             jsonb_build_object('previous_status', NULL, 'status', $4::jsonb))::text"
        }
        _ => "",
    };
    if !notes.is_empty() {
        let well = json!({"ok": true, "result": null, "task": null, "timestamp": zoneless(db.now())});
        values.push(Json::from(well).bind());
    }
    let text = format!(
        "UPDATE node_instances SET state = $1, version = version + 1{notes} \
         WHERE tenant_id = $2 AND id IN (SELECT value FROM json_each($3))"
    );
    db.execute(Sql::new(text, values)).await?;
    Ok(())
}

/// The form of instants inside system properties: UTC without saying so, six decimals.
fn zoneless(instant: Timestamp) -> String {
    let instant = DateTime::from_timestamp_micros(instant.micros()).unwrap_or_default();
    instant.format("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}
