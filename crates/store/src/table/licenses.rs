//! Licences that were brought along. Nothing depends on them.

use nephele_model::Timestamp;

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{Resource, Tenancy, boolean, json, text, time};
use crate::json::Json;
use crate::write::{self, insertable};

/// The records of `GET /license`. None of them ever ends.
pub static RESOURCE: Resource = Resource {
    key: "r.customer_id",
    search: None,
    tenancy: Tenancy::Everyone,
    order: &["r.id"],
    ..Resource::new(
        "License",
        "licenses",
        &[
            text("customer_id"),
            time("expiration_date"),
            text("license_edition"),
            boolean("trial"),
            text("cloudify_version"),
            json("capabilities"),
            boolean("expired").sql("FALSE").shown(),
        ],
    )
};

row! {
    /// A licence.
    pub struct License {
        /// Its key.
        id: i64,
        /// Whose it is.
        customer_id: Option<String>,
    }
}

insertable! {
    /// A licence to insert.
    pub struct NewLicense into "licenses" {
        /// Whose it is.
        customer_id: Option<String>,
        /// When it was meant to end.
        expiration_date: Option<Timestamp>,
        /// Its kind.
        license_edition: Option<String>,
        /// Whether it was for trying.
        trial: bool,
        /// The version it was for.
        cloudify_version: Option<String>,
        /// A list of texts.
        capabilities: Option<Json>,
    }
}

/// The licence, if one was brought along.
pub async fn get(db: &dyn Db) -> Result<Option<License>> {
    db.first(format!("SELECT {} FROM licenses r ORDER BY r.id", License::COLUMNS), values![]).await
}

/// Stores the licence in place of an earlier one.
pub async fn replace(db: &dyn Db, license: NewLicense) -> Result<()> {
    delete(db).await?;
    write::insert_all(db, vec![license]).await
}

/// Deletes the licence.
pub async fn delete(db: &dyn Db) -> Result<()> {
    db.run("DELETE FROM licenses", values![]).await?;
    Ok(())
}
