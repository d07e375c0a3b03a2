//! Who asks, and which rows that person may see (spec rest-api.md section 1.5).

use nephele_model::Visibility;
use nephele_model::id::TenantName;
use sea_query::Value;

use crate::column::Bind as _;
use crate::db::Db;
use crate::error::Result;
use crate::json::Json;

/// The caller and the tenant of a request.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The key of the request's tenant.
    pub tenant_id: i64,
    /// The name of the request's tenant.
    pub tenant_name: TenantName,
    /// The key of the caller.
    pub user_id: i64,
    /// Whether the caller sees private resources of others in the request's tenant.
    pub is_administrator: bool,
    /// The tenants that a list over all tenants covers for this caller, each with whether the caller
    /// sees private resources of others there.
    pub all_tenants: Vec<(i64, bool)>,
}

impl Scope {
    /// Whether a row that was read by its key is visible in the request's tenant.
    pub fn sees(&self, visibility: Visibility, tenant_id: i64, creator_id: i64) -> bool {
        let in_reach = tenant_id == self.tenant_id || visibility == Visibility::Global;
        in_reach && (visibility != Visibility::Private || creator_id == self.user_id || self.is_administrator)
    }

    /// The condition that the row `r` belongs to the request's tenants or is global, with its values
    /// appended to `values`.
    pub(crate) fn in_tenant(&self, all_tenants: bool, values: &mut Vec<Value>) -> String {
        self.row_in_tenant("r", all_tenants, values)
    }

    /// The condition that makes the row `r` visible, with its values appended to `values`.
    pub(crate) fn visible(&self, all_tenants: bool, values: &mut Vec<Value>) -> String {
        self.row_visible("r", all_tenants, values)
    }

    /// The same for a row of another name.
    pub(crate) fn row_visible(&self, row: &str, all_tenants: bool, values: &mut Vec<Value>) -> String {
        let condition = self.row_in_tenant(row, all_tenants, values);
        let administers = |(tenant, administers): &(i64, bool)| (all_tenants && *administers).then_some(*tenant);
        let administered: Vec<i64> = self.all_tenants.iter().filter_map(administers).collect();
        let everywhere = if all_tenants { administered.len() == self.all_tenants.len() } else { self.is_administrator };
        if everywhere {
            return condition;
        }
        values.push(self.user_id.bind());
        let own = format!("({row}.visibility <> 'private' OR {row}.creator_id = ${}", values.len());
        if administered.is_empty() {
            return format!("{condition} AND {own})");
        }
        format!("{condition} AND {own} OR {})", among(&format!("{row}.tenant_id"), &administered, values))
    }

    /// The condition, the same for each row, that the caller sees all rows of all tenants; `None` where
    /// private resources of others are hidden.
    pub(crate) fn everything(&self, all_tenants: bool, values: &mut Vec<Value>) -> Option<String> {
        let administers =
            |all: bool| if all { self.all_tenants.iter().all(|(_, all)| *all) } else { self.is_administrator };
        let inside = administers(all_tenants).then(|| self.tenant_inside("t.id", all_tenants, values))?;
        Some(format!("NOT EXISTS (SELECT 1 FROM tenants t WHERE NOT {inside})"))
    }

    fn row_in_tenant(&self, row: &str, all_tenants: bool, values: &mut Vec<Value>) -> String {
        format!("({} OR {row}.visibility = 'global')", self.row_inside(row, all_tenants, values))
    }

    /// The condition that the row `r` belongs to the request's tenants, so that it may be deleted.
    pub(crate) fn inside(&self, all_tenants: bool, values: &mut Vec<Value>) -> String {
        self.row_inside("r", all_tenants, values)
    }

    fn row_inside(&self, row: &str, all_tenants: bool, values: &mut Vec<Value>) -> String {
        self.tenant_inside(&format!("{row}.tenant_id"), all_tenants, values)
    }

    fn tenant_inside(&self, tenant: &str, all_tenants: bool, values: &mut Vec<Value>) -> String {
        if all_tenants {
            let seen: Vec<i64> = self.all_tenants.iter().map(|(tenant, _)| *tenant).collect();
            return among(tenant, &seen, values);
        }
        values.push(self.tenant_id.bind());
        format!("({tenant} = ${})", values.len())
    }
}

fn among(tenant: &str, tenants: &[i64], values: &mut Vec<Value>) -> String {
    values.push(Json::of(tenants).bind());
    format!("({tenant} IN (SELECT CAST(value AS BIGINT) FROM json_each(${})))", values.len())
}

/// The tenant that already has a row with this id which a new one would collide with, if any: a row
/// of the same tenant or a global one; for a new global row, a row of any tenant.
pub async fn taken(
    db: &dyn Db,
    table: &'static str,
    id: &str,
    tenant_id: i64,
    visibility: Visibility,
) -> Result<Option<TenantName>> {
    let text = format!(
        "SELECT t.name FROM {table} r JOIN tenants t ON t.id = r.tenant_id \
         WHERE r.id = $1 AND (r.tenant_id = $2 OR r.visibility = 'global' OR $3) ORDER BY r.tenant_id = $2 DESC LIMIT 1"
    );
    let values = vec![id.bind(), tenant_id.bind(), (visibility == Visibility::Global).bind()];
    let names = db.all::<(TenantName,)>(text, values).await?;
    Ok(names.into_iter().next().map(|(name,)| name))
}
