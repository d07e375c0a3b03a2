//! The message brokers of the installation.

use crate::column::{Bind as _, row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{Resource, Tenancy, boolean, int, json, text};
use crate::json::Json;
use crate::write::{self, changes, insertable};

/// The records of `GET /brokers`. The password is as it is stored.
pub static RESOURCE: Resource = Resource {
    key: "r.name",
    search: None,
    tenancy: Tenancy::Everyone,
    order: &["r.name"],
    ..Resource::new(
        "RabbitMQBroker",
        "rabbitmq_brokers",
        &[
            text("name"),
            text("host"),
            text("management_host"),
            int("port"),
            text("username"),
            text("password"),
            json("params"),
            json("networks"),
            boolean("is_external"),
            text("ca_cert_content").of(&[("certificate_fk", "certificates")], "value"),
        ],
    )
};

row! {
    /// A broker.
    pub struct Broker {
        /// Its name.
        name: String,
        /// Its address.
        host: String,
        /// Addresses by network.
        networks: Option<Json>,
        /// The process that keeps the row up to date.
        node: Option<String>,
    }
}

insertable! {
    /// A broker to insert.
    pub struct NewBroker into "rabbitmq_brokers" {
        /// Its name.
        name: String,
        /// Its address.
        host: String,
        /// Its port, if not the usual one.
        port: Option<i64>,
        /// Addresses by network.
        networks: Option<Json>,
        /// Whether someone else runs it.
        is_external: bool,
        /// The certificate to trust.
        certificate_fk: Option<i64>,
        /// The process that keeps the row up to date.
        node: Option<String>,
    }
}

changes! {
    /// New values for a broker.
    pub struct BrokerChanges {
        /// Its name.
        name: String,
        /// Its address.
        host: String,
        /// Addresses by network.
        networks: Option<Json>,
        /// The certificate to trust.
        certificate_fk: Option<i64>,
    }
}

/// Every broker.
pub async fn all(db: &dyn Db) -> Result<Vec<Broker>> {
    db.all(format!("SELECT {} FROM rabbitmq_brokers r ORDER BY r.name", Broker::COLUMNS), values![]).await
}

/// Stores a broker. Error: [`crate::Error::Unique`].
pub async fn insert(db: &dyn Db, broker: NewBroker) -> Result<()> {
    write::insert_all(db, vec![broker]).await
}

/// Changes a broker.
pub async fn update(db: &dyn Db, name: &str, changes: BrokerChanges) -> Result<()> {
    write::update(db, "rabbitmq_brokers", "name", name.bind(), changes.assignments()).await?;
    Ok(())
}

/// Deletes a broker. Gives whether it was there.
pub async fn delete(db: &dyn Db, name: &str) -> Result<bool> {
    Ok(db.run("DELETE FROM rabbitmq_brokers WHERE name = $1", values![name]).await? > 0)
}
