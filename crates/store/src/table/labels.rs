//! Labels of blueprints, deployments and groups of deployments: one shape, three tables.

use nephele_model::Timestamp;
use nephele_model::id::Username;

use crate::backend::Sql;
use crate::column::{Bind as _, row, values};
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::json::Json;

/// What is labelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labeled {
    /// A blueprint.
    Blueprint,
    /// A deployment.
    Deployment,
    /// A group of deployments.
    DeploymentGroup,
}

impl Labeled {
    const fn table(self) -> &'static str {
        match self {
            Self::Blueprint => "blueprints_labels",
            Self::Deployment => "deployments_labels",
            Self::DeploymentGroup => "deployment_groups_labels",
        }
    }

    const fn owner(self) -> &'static str {
        match self {
            Self::Blueprint => "blueprints",
            Self::Deployment => "deployments",
            Self::DeploymentGroup => "deployment_groups",
        }
    }
}

row! {
    /// A label with who gave it and when.
    pub struct Label {
        /// Its key.
        key: String,
        /// Its value.
        value: String,
        /// When it was given.
        created_at: Timestamp,
        /// Who gave it.
        created_by: Username = "u.username",
    }
}

/// The labels of a row, in the order in which they were given.
pub async fn of(db: &dyn Db, labeled: Labeled, storage_id: i64) -> Result<Vec<Label>> {
    let text = format!(
        "SELECT {} FROM {} r JOIN users u ON u.id = r.creator_id WHERE r.labeled_fk = $1 ORDER BY r.id",
        Label::COLUMNS,
        labeled.table()
    );
    db.all(text, values![storage_id]).await
}

/// Row, key and value of all labels of these rows, the oldest first.
pub async fn of_all(db: &dyn Db, labeled: Labeled, storage_ids: &[i64]) -> Result<Vec<(i64, String, String)>> {
    let text = format!(
        "SELECT r.labeled_fk, r.key, r.value FROM {} r \
         WHERE r.labeled_fk IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) \
         ORDER BY r.created_at, r.value, r.id",
        labeled.table()
    );
    db.all(text, values![Json::of(storage_ids)]).await
}

/// Adds labels; those that are there already stay as they are.
pub async fn add(
    db: &dyn Db,
    labeled: Labeled,
    storage_id: i64,
    creator_id: i64,
    labels: &[(String, String)],
) -> Result<()> {
    add_at(db, labeled, storage_id, (creator_id, db.now()), labels).await
}

async fn add_at(
    db: &dyn Db,
    labeled: Labeled,
    storage_id: i64,
    (creator_id, created_at): (i64, Timestamp),
    labels: &[(String, String)],
) -> Result<()> {
    for (key, value) in labels {
        let text = format!(
            "INSERT INTO {} (key, value, created_at, creator_id, labeled_fk) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT DO NOTHING",
            labeled.table()
        );
        db.execute(Sql::new(text, values![key, value, created_at, creator_id, storage_id])).await?;
    }
    Ok(())
}

/// Makes `labels` the labels of a row; those that stay keep their age and giver.
pub async fn replace(
    tx: &Tx,
    labeled: Labeled,
    storage_id: i64,
    creator_id: i64,
    labels: &[(String, String)],
) -> Result<()> {
    replace_given(tx, labeled, storage_id, (creator_id, tx.now()), labels).await
}

/// The same; new ones are said to have been given by this user at this time.
pub async fn replace_given(
    tx: &Tx,
    labeled: Labeled,
    storage_id: i64,
    given: (i64, Timestamp),
    labels: &[(String, String)],
) -> Result<()> {
    let db: &dyn Db = tx;
    for old in of(db, labeled, storage_id).await? {
        if !labels.iter().any(|(key, value)| *key == old.key && *value == old.value) {
            let text = format!("DELETE FROM {} WHERE labeled_fk = $1 AND key = $2 AND value = $3", labeled.table());
            db.execute(Sql::new(text, vec![storage_id.bind(), old.key.bind(), old.value.bind()])).await?;
        }
    }
    add_at(db, labeled, storage_id, given, labels).await
}

/// Gives labels to many deployments at once; those that are there already stay as they are.
pub async fn add_to_deployments(
    db: &dyn Db,
    deployments: &[i64],
    creator_id: i64,
    labels: &[(String, String)],
) -> Result<()> {
    let text = "INSERT INTO deployments_labels (key, value, created_at, creator_id, labeled_fk) \
                SELECT $1, $2, $3, $4, CAST(value AS BIGINT) FROM json_each($5) WHERE TRUE ON CONFLICT DO NOTHING";
    for (key, value) in labels {
        db.run(text, values![key, value, db.now(), creator_id, Json::of(deployments)]).await?;
    }
    Ok(())
}

/// Takes labels from many deployments at once.
pub async fn remove_from_deployments(db: &dyn Db, deployments: &[i64], labels: &[(String, String)]) -> Result<()> {
    let text = "DELETE FROM deployments_labels WHERE key = $1 AND value = $2 \
                AND labeled_fk IN (SELECT CAST(value AS BIGINT) FROM json_each($3))";
    for (key, value) in labels {
        db.run(text, values![key, value, Json::of(deployments)]).await?;
    }
    Ok(())
}

/// The keys in use in a tenant, in order of the alphabet, that contain `search`.
pub async fn keys(db: &dyn Db, labeled: Labeled, tenant_id: i64, search: &str) -> Result<Vec<String>> {
    let condition = "lower(l.key) LIKE $2 ESCAPE '\\'";
    distinct(db, labeled, "key", condition, values![tenant_id, crate::filter::pattern(search)]).await
}

/// The values in use for a key in a tenant, in order of the alphabet.
pub async fn values_of(db: &dyn Db, labeled: Labeled, tenant_id: i64, key: &str) -> Result<Vec<String>> {
    distinct(db, labeled, "value", "l.key = $2", values![tenant_id, key]).await
}

/// The ids of the rows of a tenant that carry a label, the oldest label first.
pub async fn holders(db: &dyn Db, labeled: Labeled, tenant_id: i64, key: &str, value: &str) -> Result<Vec<String>> {
    let owner = labeled.owner();
    let text = format!(
        "SELECT r.id FROM {} l JOIN {owner} r ON r.storage_id = l.labeled_fk \
         WHERE r.tenant_id = $1 AND l.key = $2 AND l.value = $3 ORDER BY l.id",
        labeled.table()
    );
    let found: Vec<(String,)> = db.all(text, values![tenant_id, key, value]).await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

async fn distinct(
    db: &dyn Db,
    labeled: Labeled,
    column: &str,
    condition: &str,
    values: Vec<sea_query::Value>,
) -> Result<Vec<String>> {
    let owner = labeled.owner();
    let text = format!(
        "SELECT DISTINCT l.{column} FROM {} l JOIN {owner} r ON r.storage_id = l.labeled_fk \
         WHERE r.tenant_id = $1 AND {condition} ORDER BY l.{column}",
        labeled.table()
    );
    let found: Vec<(String,)> = db.all(text, values).await?;
    Ok(found.into_iter().map(|(text,)| text).collect())
}
