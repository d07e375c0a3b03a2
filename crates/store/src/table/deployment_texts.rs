//! Parts of plans that deployments of a blueprint have in common: workflows, policy types, policy triggers.
//!
//! Invariant: equal texts that the manager wrote are one row, and one that no deployment has any more goes with the last
//! of them. They are ten times as long as the rest of a deployment, and lists would read them again for each.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::backend::{Dialect, Sql};
use crate::column::values;
use crate::db::Db;
use crate::error::Result;
use crate::json::Json;

/// The rows of a deployment's texts; none for a deployment that is not there.
pub(crate) async fn of_deployment(db: &dyn Db, deployment_fk: i64) -> Result<Vec<i64>> {
    let text = "SELECT v.key FROM (SELECT policy_triggers_fk AS key FROM deployments WHERE storage_id = $1 \
                UNION SELECT policy_types_fk FROM deployments WHERE storage_id = $1 \
                UNION SELECT workflows_fk FROM deployments WHERE storage_id = $1) v WHERE v.key IS NOT NULL";
    db.column(text, values![deployment_fk]).await
}

/// The texts of these rows; those that are gone are left out.
pub(crate) async fn by_keys(db: &dyn Db, keys: BTreeSet<i64>) -> Result<HashMap<i64, Json>> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let text = "SELECT storage_id, text FROM deployment_texts \
                WHERE storage_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
    let found: Vec<(i64, Json)> = db.all(text.to_owned(), values![Json::of(&keys)]).await?;
    Ok(found.into_iter().collect())
}

/// The row of a text, made if there is none yet. It does not go before the transaction ends.
pub(crate) async fn keep(db: &dyn Db, text: Json) -> Result<Option<i64>> {
    let digest = Sha256::digest(text.as_str()).iter().fold(String::new(), |mut digest, byte| {
        let _ = write!(digest, "{byte:02x}");
        digest
    });
    let hold = if db.dialect() == Dialect::Pg { " FOR KEY SHARE" } else { "" };
    let find = format!("SELECT storage_id FROM deployment_texts WHERE digest = $1{hold}");
    if let Some((key,)) = db.first(find.clone(), values![&*digest]).await? {
        return Ok(Some(key));
    }
    let insert = "INSERT INTO deployment_texts (digest, text) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING";
    db.run(insert, values![&*digest, text]).await?;
    Ok(db.first(find, values![&*digest]).await?.map(|(key,)| key))
}

/// Forgets those of these texts that no deployment has, or is about to have.
pub(crate) async fn forget_unused(db: &dyn Db, keys: Vec<i64>) -> Result<()> {
    let unless_held = if db.dialect() == Dialect::Pg { " FOR UPDATE SKIP LOCKED" } else { "" };
    for key in keys {
        let text = format!(
            "DELETE FROM deployment_texts WHERE storage_id IN (SELECT t.storage_id FROM deployment_texts t \
             WHERE t.storage_id = $1 AND NOT EXISTS (SELECT 1 FROM deployments WHERE policy_triggers_fk = $1) \
             AND NOT EXISTS (SELECT 1 FROM deployments WHERE policy_types_fk = $1) \
             AND NOT EXISTS (SELECT 1 FROM deployments WHERE workflows_fk = $1){unless_held})"
        );
        db.execute(Sql::new(text, values![key])).await?;
    }
    Ok(())
}
