//! The audit log: what the triggers of `audit` wrote, and the chain that the manager seals it with.
//!
//! An entry has a place in the chain (`position` and `hash`) once it is sealed. An entry that was
//! truncated out of the middle keeps its place and the `digest` of its content; entries at the
//! beginning of the chain are deleted. What the hashes are is the manager's business.

use nephele_model::Timestamp;
use nephele_model::id::TenantName;
use sea_query::Value;

use crate::backend::Sql;
use crate::column::{Bind, row, values};
use crate::db::Db;
use crate::error::Result;
use crate::json::Json;
use crate::write::{self, insertable};

row! {
    /// An entry.
    pub struct Entry {
        /// Its key.
        id: i64,
        /// The table that changed; `None` in an entry whose content was truncated.
        ref_table: Option<String>,
        /// The changed row's key.
        ref_id: Option<i64>,
        /// What people know the row by.
        ref_identifier: Option<Json>,
        /// The tenant of the row.
        tenant_id: Option<i64>,
        /// That tenant's name, as long as it is there.
        tenant_name: Option<TenantName> = "t.name",
        /// `create`, `update` or `delete`.
        operation: Option<String>,
        /// On whose behalf.
        creator_name: Option<String>,
        /// By which execution.
        execution_id: Option<String>,
        /// When.
        created_at: Option<Timestamp>,
        /// Its place in the chain.
        position: Option<i64>,
        /// Stands for the content of an entry that was truncated.
        digest: Option<String>,
        /// The hash that closes the chain up to here.
        hash: Option<String>,
    }
}

insertable! {
    /// An entry to insert.
    pub struct NewEntry into "audit_log" {
        /// The table that changed.
        ref_table: String,
        /// The changed row's key.
        ref_id: i64,
        /// What people know the row by.
        ref_identifier: Option<Json>,
        /// The tenant of the row.
        tenant_id: Option<i64>,
        /// `create`, `update` or `delete`.
        operation: String,
        /// On whose behalf.
        creator_name: Option<String>,
        /// By which execution.
        execution_id: Option<String>,
        /// When.
        created_at: Timestamp,
    }
}

/// Which entries are meant.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Changes on behalf of this user.
    pub creator_name: Option<String>,
    /// Changes by this execution.
    pub execution_id: Option<String>,
    /// Changes at or after this instant.
    pub since: Option<Timestamp>,
    /// Changes at or before this instant.
    pub before: Option<Timestamp>,
}

impl Selection {
    fn condition(&self, values: &mut Vec<Value>) -> String {
        let mut parts = vec!["r.ref_table IS NOT NULL".to_owned()];
        let mut require = |sql: &str, value: Option<Value>| {
            if let Some(value) = value {
                values.push(value);
                parts.push(format!("r.{sql} ${}", values.len()));
            }
        };
        require("creator_name =", self.creator_name.as_ref().map(Bind::bind));
        require("execution_id =", self.execution_id.as_ref().map(Bind::bind));
        require("created_at >=", self.since.map(Bind::bind));
        require("created_at <=", self.before.map(Bind::bind));
        parts.join(" AND ")
    }
}

/// The columns that lists can be ordered by.
pub const ORDER: &[&str] =
    &["id", "ref_table", "ref_id", "ref_identifier", "operation", "creator_name", "execution_id", "created_at"];

const FROM: &str = "FROM audit_log r LEFT JOIN tenants t ON t.id = r.tenant_id";

/// One page; `order` holds columns of [`ORDER`], `size` 0 means all.
pub async fn list(
    db: &dyn Db,
    selection: &Selection,
    order: &[&'static str],
    descending: bool,
    (offset, size): (u64, u64),
) -> Result<Vec<Entry>> {
    let mut values = Vec::new();
    let condition = selection.condition(&mut values);
    let direction = if descending { " DESC" } else { "" };
    let order: Vec<String> =
        order.iter().chain(&["created_at", "id"]).map(|key| format!("r.{key}{direction}")).collect();
    let limit = if size == 0 { i64::MAX } else { i64::try_from(size).unwrap_or(i64::MAX) };
    values.extend([limit.bind(), i64::try_from(offset).unwrap_or(i64::MAX).bind()]);
    let text = format!(
        "SELECT {} {FROM} WHERE {condition} ORDER BY {} LIMIT ${} OFFSET ${}",
        Entry::COLUMNS,
        order.join(", "),
        values.len() - 1,
        values.len()
    );
    db.all(text, values).await
}

/// How many entries are meant.
pub async fn count(db: &dyn Db, selection: &Selection) -> Result<u64> {
    let mut values = Vec::new();
    let condition = selection.condition(&mut values);
    db.count(Sql::new(format!("SELECT count(*) FROM audit_log r WHERE {condition}"), values)).await
}

/// Entries that have no place in the chain yet, the oldest first.
pub async fn unsealed(db: &dyn Db, most: i64) -> Result<Vec<Entry>> {
    let text = format!("SELECT {} {FROM} WHERE r.position IS NULL ORDER BY r.id LIMIT $1", Entry::COLUMNS);
    db.all(text, values![most]).await
}

/// Entries of the chain behind a position, in its order.
pub async fn after(db: &dyn Db, position: i64, most: i64) -> Result<Vec<Entry>> {
    let text = format!("SELECT {} {FROM} WHERE r.position > $1 ORDER BY r.position LIMIT $2", Entry::COLUMNS);
    db.all(text, values![position, most]).await
}

/// The last position of the chain and its hash.
pub async fn head(db: &dyn Db) -> Result<Option<(i64, String)>> {
    let text =
        "SELECT r.position, r.hash FROM audit_log r WHERE r.position IS NOT NULL ORDER BY r.position DESC LIMIT 1";
    db.first::<(i64, String)>(text.to_owned(), values![]).await
}

/// The entries' places in the chain: key, position, hash.
pub async fn seal(db: &dyn Db, places: Vec<(i64, i64, String)>) -> Result<()> {
    set(db, "position = v.column2, hash = v.column3", places).await
}

/// Takes the content of entries away and leaves its digest: key, position, digest.
pub async fn empty(db: &dyn Db, digests: Vec<(i64, i64, String)>) -> Result<()> {
    let content = "digest = v.column3, ref_table = NULL, ref_id = NULL, ref_identifier = NULL, tenant_id = NULL, \
                   operation = NULL, creator_name = NULL, execution_id = NULL, created_at = NULL";
    set(db, content, digests).await
}

async fn set(db: &dyn Db, what: &str, rows: Vec<(i64, i64, String)>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut values = Vec::with_capacity(rows.len() * 3);
    let mut places = Vec::with_capacity(rows.len());
    for (id, number, text) in rows {
        let next = values.len() + 1;
        places.push(format!("(CAST(${next} AS BIGINT), CAST(${} AS BIGINT), ${})", next + 1, next + 2));
        values.extend([id.bind(), number.bind(), text.bind()]);
    }
    let text =
        format!("UPDATE audit_log SET {what} FROM (VALUES {}) AS v WHERE audit_log.id = v.column1", places.join(", "));
    db.execute(Sql::once(text, values)).await?;
    Ok(())
}

/// Stores entries; they are sealed like others.
pub async fn insert(db: &dyn Db, entries: Vec<NewEntry>) -> Result<()> {
    write::insert_all(db, entries).await
}

/// The first position whose entry is not selected and has its content: everything before it can be deleted.
pub async fn first_kept(db: &dyn Db, selection: &Selection) -> Result<Option<i64>> {
    let mut values = Vec::new();
    let condition = selection.condition(&mut values);
    let text = format!(
        "SELECT r.position FROM audit_log r WHERE r.position IS NOT NULL AND r.ref_table IS NOT NULL \
         AND ({condition}) IS NOT TRUE ORDER BY r.position LIMIT 1"
    );
    Ok(db.first::<(i64,)>(text, values).await?.map(|(position,)| position))
}

/// Selected entries behind a position, in the order of the chain.
pub async fn selected_after(db: &dyn Db, selection: &Selection, position: i64, most: i64) -> Result<Vec<Entry>> {
    let mut values = values![position, most];
    let condition = selection.condition(&mut values);
    let text =
        format!("SELECT {} {FROM} WHERE r.position > $1 AND {condition} ORDER BY r.position LIMIT $2", Entry::COLUMNS);
    db.all(text, values).await
}

/// The hash at a position.
pub async fn hash_at(db: &dyn Db, position: i64) -> Result<Option<String>> {
    Ok(db.column("SELECT hash FROM audit_log WHERE position = $1", values![position]).await?.pop())
}

/// Deletes the chain's beginning, up to and with a position.
pub async fn delete_until(db: &dyn Db, position: i64) -> Result<()> {
    db.run("DELETE FROM audit_log WHERE position <= $1", values![position]).await?;
    Ok(())
}

/// The key of the newest entry that tells of more than logins: what was changed has changed since, if there is a newer.
pub async fn last_change(db: &dyn Db) -> Result<i64> {
    let text = "SELECT max(id) FROM audit_log WHERE ref_table NOT IN ('users', 'tokens', 'managers')";
    Ok(db.column::<Option<i64>>(text, values![]).await?.into_iter().next().flatten().unwrap_or_default())
}
