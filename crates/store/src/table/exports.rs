//! Archives that the manager makes of itself, snapshots and log bundles: rows only. The two tables are
//! alike.

use nephele_model::archive::ArchiveStatus;
use nephele_model::{Timestamp, Visibility};

use crate::backend::Sql;
use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{CREATED_BY, Field, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, text, time};
use crate::scope::Scope;
use crate::write;

const FIELDS: &[Field] = &[
    time("created_at"),
    text("id"),
    text("visibility"),
    text("status"),
    text("error"),
    TENANT_NAME,
    CREATED_BY,
    RESOURCE_AVAILABILITY,
    PRIVATE_RESOURCE,
];

static SNAPSHOTS: Resource = Resource { search: Some("r.id"), ..Resource::new("Snapshot", "snapshots", FIELDS) };
static LOG_BUNDLES: Resource = Resource { search: Some("r.id"), ..Resource::new("LogBundle", "log_bundles", FIELDS) };

/// What an archive holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Everything that the manager keeps.
    Snapshot,
    /// What helps to find out what went wrong.
    LogBundle,
}

impl Kind {
    /// The records of `GET /snapshots` or `GET /log-bundles`.
    pub fn resource(self) -> &'static Resource {
        match self {
            Self::Snapshot => &SNAPSHOTS,
            Self::LogBundle => &LOG_BUNDLES,
        }
    }

    /// The table.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshots",
            Self::LogBundle => "log_bundles",
        }
    }
}

row! {
    /// A snapshot or a log bundle.
    pub struct Export {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: String,
        /// Whose it is.
        tenant_id: i64,
        /// Where it stands.
        status: ArchiveStatus,
    }
}

/// A snapshot or a log bundle to insert.
#[derive(Clone, Debug)]
pub struct NewExport {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub tenant_id: i64,
    /// Who asked for it.
    pub creator_id: i64,
    /// When.
    pub created_at: Timestamp,
    /// Where it stands.
    pub status: ArchiveStatus,
}

/// The snapshot or log bundle with this id that the caller may see.
pub async fn find(db: &dyn Db, kind: Kind, scope: &Scope, id: &str) -> Result<Option<Export>> {
    let mut values = values![id];
    let visible = scope.visible(false, &mut values);
    db.first(format!("SELECT {} FROM {} r WHERE r.id = $1 AND {visible}", Export::COLUMNS, kind.table()), values).await
}

/// Stores one, for its owner and administrators alone. Error: [`crate::Error::Unique`].
pub async fn insert(db: &dyn Db, kind: Kind, export: NewExport) -> Result<()> {
    let text = format!(
        "INSERT INTO {} (id, visibility, tenant_id, creator_id, created_at, status, error) \
         VALUES ($1, $2, $3, $4, $5, $6, '')",
        kind.table()
    );
    let NewExport { id, tenant_id, creator_id, created_at, status } = export;
    db.execute(Sql::new(text, values![id, Visibility::Private, tenant_id, creator_id, created_at, status])).await?;
    Ok(())
}

/// Notes where one stands, and why.
pub async fn set_status(db: &dyn Db, kind: Kind, storage_id: i64, status: ArchiveStatus, error: &str) -> Result<()> {
    let text = format!("UPDATE {} SET status = $2, error = $3 WHERE storage_id = $1", kind.table());
    db.execute(Sql::new(text, values![storage_id, status, error])).await?;
    Ok(())
}

/// Deletes one.
pub async fn delete(db: &dyn Db, kind: Kind, storage_id: i64) -> Result<bool> {
    write::delete(db, kind.table(), storage_id).await
}

/// Notes that the manager makes a snapshot by itself.
pub async fn set_scheduled(db: &dyn Db, tenant_id: i64, id: &str) -> Result<()> {
    let text = "UPDATE snapshots SET is_scheduled = TRUE WHERE tenant_id = $1 AND id = $2";
    db.run(text, values![tenant_id, id]).await.map(drop)
}

/// The snapshots that the manager made by itself, the newest first.
pub async fn scheduled(db: &dyn Db) -> Result<Vec<Export>> {
    let columns = Export::COLUMNS;
    let text =
        format!("SELECT {columns} FROM snapshots r WHERE r.is_scheduled ORDER BY r.created_at DESC, r.storage_id DESC");
    db.all(text, values![]).await
}

/// All of a kind, the oldest first.
pub async fn all(db: &dyn Db, kind: Kind) -> Result<Vec<Export>> {
    let text = format!("SELECT {} FROM {} r ORDER BY r.created_at, r.storage_id", Export::COLUMNS, kind.table());
    db.all(text, values![]).await
}
