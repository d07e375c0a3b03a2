//! Sites: places that deployments belong to.

use nephele_model::{Timestamp, Visibility};

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{CREATED_BY, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, float, text, time};
use crate::record::decimal;
use crate::scope::Scope;
use crate::write::{self, changes, insertable};

const LOCATION: &str = concat!(
    "CASE WHEN r.latitude IS NOT NULL AND r.longitude IS NOT NULL THEN concat(",
    decimal!("r.latitude"),
    ", ', ', ",
    decimal!("r.longitude"),
    ") END"
);

/// The records of `GET /sites`.
pub static RESOURCE: Resource = Resource {
    key: "r.name",
    search: Some("r.name"),
    ..Resource::new(
        "Site",
        "sites",
        &[
            time("created_at"),
            text("visibility"),
            text("name"),
            float("latitude"),
            float("longitude"),
            TENANT_NAME,
            CREATED_BY,
            RESOURCE_AVAILABILITY,
            PRIVATE_RESOURCE,
            text("location").sql(LOCATION).shown(),
        ],
    )
};

row! {
    /// A site.
    pub struct Site {
        /// Its row.
        storage_id: i64,
        /// Its name.
        name: String,
        /// Who sees it.
        visibility: Visibility,
        /// Whose it is.
        tenant_id: i64,
        /// Who made it.
        creator_id: i64,
    }
}

insertable! {
    /// A site to insert.
    pub struct NewSite into "sites" {
        /// Its name, once more.
        id: String,
        /// Its name.
        name: String,
        /// Who sees it.
        visibility: Visibility,
        /// Whose it is.
        tenant_id: i64,
        /// Who made it.
        creator_id: i64,
        /// When.
        created_at: Timestamp,
        /// Degrees north.
        latitude: Option<f64>,
        /// Degrees east.
        longitude: Option<f64>,
    }
}

changes! {
    /// New values for a site.
    pub struct SiteChanges {
        /// Its name, once more.
        id: String,
        /// Its name.
        name: String,
        /// Who sees it.
        visibility: Visibility,
        /// Degrees north.
        latitude: Option<f64>,
        /// Degrees east.
        longitude: Option<f64>,
    }
}

/// The site of this name that the caller may see.
pub async fn find(db: &dyn Db, scope: &Scope, name: &str) -> Result<Option<Site>> {
    let mut values = values![name];
    let visible = scope.visible(false, &mut values);
    db.first(format!("SELECT {} FROM sites r WHERE r.name = $1 AND {visible}", Site::COLUMNS), values).await
}

/// Stores a site and gives its `storage_id`.
pub async fn insert(db: &dyn Db, site: NewSite) -> Result<i64> {
    write::insert(db, site).await
}

/// Changes a site.
pub async fn update(db: &dyn Db, storage_id: i64, changes: SiteChanges) -> Result<()> {
    write::update(db, "sites", "storage_id", storage_id.into(), changes.assignments()).await?;
    Ok(())
}

/// Deletes a site; its deployments are then nowhere.
pub async fn delete(db: &dyn Db, storage_id: i64) -> Result<bool> {
    write::delete(db, "sites", storage_id).await
}
