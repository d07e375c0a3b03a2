//! Deployments by what they use: blueprints, a site.

use crate::column::values;
use crate::db::Db;
use crate::error::Result;
use crate::json::Json;
use crate::scope::Scope;

/// The ids of the deployments that the caller may see of blueprints with these ids, as far as the caller sees those.
pub async fn of_blueprints(db: &dyn Db, scope: &Scope, blueprints: &[String]) -> Result<Vec<String>> {
    let mut values = values![Json::texts(blueprints)];
    let (visible, known) = (scope.visible(false, &mut values), scope.row_visible("b", false, &mut values));
    let text = format!(
        "SELECT r.id FROM deployments r JOIN blueprints b ON b.storage_id = r.blueprint_fk \
         WHERE b.id IN (SELECT value FROM json_each($1)) AND {visible} AND {known} ORDER BY r.id, r.storage_id"
    );
    let found: Vec<(String,)> = db.all(text, values).await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// The ids of the deployments at a site that the caller may see.
pub async fn at_site(db: &dyn Db, scope: &Scope, site_fk: i64) -> Result<Vec<String>> {
    let mut values = values![site_fk];
    let visible = scope.visible(false, &mut values);
    let text = format!("SELECT r.id FROM deployments r WHERE r.site_fk = $1 AND {visible} ORDER BY r.id, r.storage_id");
    let found: Vec<(String,)> = db.all(text, values).await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}
