//! The database servers of the installation.

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{Resource, Tenancy, boolean, text};

/// The records of `GET /db-nodes`.
pub static RESOURCE: Resource = Resource {
    key: "r.name",
    search: None,
    tenancy: Tenancy::Everyone,
    order: &["r.name"],
    ..Resource::new("DBNodes", "db_nodes", &[text("name"), text("host"), boolean("is_external")])
};

row! {
    /// A database server.
    pub struct DbNode {
        /// Its name.
        name: String,
        /// Its address.
        host: String,
        /// The process that keeps the row up to date.
        node: Option<String>,
    }
}

/// Every database server.
pub async fn all(db: &dyn Db) -> Result<Vec<DbNode>> {
    db.all(format!("SELECT {} FROM db_nodes r ORDER BY r.name", DbNode::COLUMNS), values![]).await
}

/// Makes or changes the row that a process keeps of its database.
pub async fn put_own(db: &dyn Db, node: &str, name: &str, host: &str, is_external: bool) -> Result<()> {
    let text = "INSERT INTO db_nodes (name, host, is_external, node) VALUES ($2, $3, $4, $1) ON CONFLICT (node) DO \
                UPDATE SET name = excluded.name, host = excluded.host, is_external = excluded.is_external \
                WHERE db_nodes.name <> excluded.name OR db_nodes.host <> excluded.host";
    db.run(text, values![node, name, host, is_external]).await?;
    Ok(())
}
