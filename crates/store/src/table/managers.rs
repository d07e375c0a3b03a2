//! The managers of the installation: this process, and others that were added.

use nephele_model::Timestamp;

use crate::column::{Bind as _, row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{Resource, Tenancy, int, json, text, time};
use crate::json::Json;
use crate::write::{self, changes, insertable};

/// The records of `GET /managers`.
pub static RESOURCE: Resource = Resource {
    key: "r.hostname",
    search: None,
    tenancy: Tenancy::Everyone,
    order: &["r.id"],
    ..Resource::new(
        "Manager",
        "managers",
        &[
            int("id"),
            text("hostname"),
            text("private_ip"),
            text("public_ip"),
            text("version"),
            text("edition"),
            text("distribution"),
            text("distro_release"),
            text("fs_sync_node_id"),
            json("networks"),
            time("last_seen"),
            int("status_report_frequency"),
            text("ca_cert_content").of(&[("certificate_fk", "certificates")], "value"),
        ],
    )
};

row! {
    /// A manager.
    pub struct Manager {
        /// Its key.
        id: i64,
        /// Its name.
        hostname: String,
        /// The address for other parts of the installation.
        private_ip: String,
        /// The address for users.
        public_ip: String,
        /// The version of its interface.
        version: String,
        /// When it last said that it is well.
        last_seen: Timestamp,
        /// The process that keeps the row up to date.
        node: Option<String>,
    }
}

insertable! {
    /// A manager to insert.
    pub struct NewManager into "managers" {
        /// Its name.
        hostname: String,
        /// The address for other parts of the installation.
        private_ip: String,
        /// The address for users.
        public_ip: String,
        /// The version of its interface.
        version: String,
        /// `premium` or `community`.
        edition: String,
        /// What it is.
        distribution: String,
        /// Which one of these.
        distro_release: String,
        /// Its id in the replication of files.
        fs_sync_node_id: Option<String>,
        /// Addresses by network.
        networks: Option<Json>,
        /// When it last said that it is well.
        last_seen: Timestamp,
        /// Seconds between reports.
        status_report_frequency: Option<i64>,
        /// The certificate to trust.
        certificate_fk: Option<i64>,
        /// The process that keeps the row up to date.
        node: Option<String>,
    }
}

changes! {
    /// New values for a manager.
    pub struct ManagerChanges {
        /// Its name.
        hostname: String,
        /// The address for other parts of the installation.
        private_ip: String,
        /// The address for users.
        public_ip: String,
        /// The version of its interface.
        version: String,
        /// Which release it is.
        distro_release: String,
        /// Its id in the replication of files.
        fs_sync_node_id: Option<String>,
        /// Addresses by network.
        networks: Option<Json>,
        /// When it last said that it is well.
        last_seen: Timestamp,
        /// The certificate to trust.
        certificate_fk: Option<i64>,
    }
}

/// Every manager.
pub async fn all(db: &dyn Db) -> Result<Vec<Manager>> {
    db.all(format!("SELECT {} FROM managers r ORDER BY r.id", Manager::COLUMNS), values![]).await
}

/// The manager of this name.
pub async fn by_hostname(db: &dyn Db, hostname: &str) -> Result<Option<Manager>> {
    db.first(format!("SELECT {} FROM managers r WHERE r.hostname = $1", Manager::COLUMNS), values![hostname]).await
}

/// The row that this process keeps.
pub async fn by_node(db: &dyn Db, node: &str) -> Result<Option<Manager>> {
    db.first(format!("SELECT {} FROM managers r WHERE r.node = $1", Manager::COLUMNS), values![node]).await
}

/// Stores a manager. Error: [`crate::Error::Unique`].
pub async fn insert(db: &dyn Db, manager: NewManager) -> Result<()> {
    write::insert_all(db, vec![manager]).await
}

/// Changes a manager.
pub async fn update(db: &dyn Db, id: i64, changes: ManagerChanges) -> Result<()> {
    write::update(db, "managers", "id", id.bind(), changes.assignments()).await?;
    Ok(())
}

/// Deletes a manager.
pub async fn delete(db: &dyn Db, id: i64) -> Result<()> {
    db.run("DELETE FROM managers WHERE id = $1", values![id]).await?;
    Ok(())
}
