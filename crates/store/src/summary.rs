//! Summaries: how many rows of a resource there are by the values of one or two fields
//! (spec rest-api.md section 2.13).

use nephele_model::page::{DEFAULT_PAGE_SIZE, ListQuery, Page};
use serde_json::Value;

use crate::backend::Sql;
use crate::column::{Bind as _, Column as _};
use crate::db::Db;
use crate::error::Result;
use crate::field::{Field, Kind, Resource};
use crate::filter::Conditions;
use crate::query::clamp;
use crate::record::joins;
use crate::scope::Scope;

/// The values of the fields that a group has in common, and how many rows it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The values, in the order of the fields.
    pub values: Vec<Value>,
    /// The number of rows.
    pub count: u64,
}

/// One page of groups. The fields must be the resource's; unknown ones are passed over.
///
/// Error: [`crate::Error::Query`] for an unknown filter.
pub(crate) async fn summarize(
    db: &dyn Db,
    resource: &Resource,
    scope: &Scope,
    query: &ListQuery,
    fields: &[&str],
) -> Result<Page<Group>> {
    let fields: Vec<&Field> = fields.iter().filter_map(|name| resource.field(name)).collect();
    let mut conditions = Conditions::default();
    conditions.require_filters(resource, scope, query)?;
    let values: Vec<_> = fields.iter().map(|field| field.value()).collect();
    let groups = format!(
        "FROM {} r{} WHERE {} GROUP BY {}",
        resource.table,
        joins(fields.iter().copied()),
        conditions.sql(),
        values.join(", "),
    );
    let counting = conditions.values.clone();
    let size = query.size.unwrap_or(DEFAULT_PAGE_SIZE);
    let offset = if query.get_all { 0 } else { query.offset };
    let page = if query.get_all {
        String::new()
    } else {
        let limit = conditions.bind(clamp(size).bind());
        format!(" LIMIT {limit} OFFSET {}", conditions.bind(clamp(offset).bind()))
    };
    let shown: Vec<_> = fields.iter().zip(&values).map(|(field, value)| json_of(field, value)).collect();
    let order: Vec<_> = (1..=fields.len()).map(|position| position.to_string()).collect();
    let text = format!("SELECT {}, count(*) {groups} ORDER BY {}{page}", shown.join(", "), order.join(", "));
    let rows = db.fetch(Sql::new(text, conditions.values)).await?;
    let group = |row: &_| {
        let values = (0..fields.len()).map(|index| Ok(serde_json::from_str(&String::read(row, index)?)?));
        Ok(Group { values: values.collect::<Result<_>>()?, count: i64::read(row, fields.len())?.unsigned_abs() })
    };
    let items: Vec<Group> = rows.iter().map(group).collect::<Result<_>>()?;
    let total = db.count(Sql::new(format!("SELECT count(*) FROM (SELECT 1 AS one {groups}) g"), counting)).await?;
    let size = if query.get_all { DEFAULT_PAGE_SIZE } else { size };
    Ok(Page { items, total, size, offset, filtered: None })
}

fn json_of(field: &Field, value: &str) -> String {
    match field.kind {
        Kind::Int | Kind::Float | Kind::Time => format!("coalesce(CAST({value} AS TEXT), 'null')"),
        Kind::Bool => format!("CASE WHEN {value} THEN 'true' WHEN NOT {value} THEN 'false' ELSE 'null' END"),
        Kind::Text | Kind::Json => format!("json_quote({value})"),
    }
}
