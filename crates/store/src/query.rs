//! List parameters to SQL: selection, filters, search, order, pages and totals
//! (spec rest-api.md sections 1.9 and 1.10).
//!
//! Field names are checked here against the resource's field table; values are always bound, names
//! never come from outside. A filter on a referenced field becomes `key IN (SELECT ...)`, so that
//! it finds its rows through the key's index, and counting needs no joins.

use nephele_model::page::{DEFAULT_PAGE_SIZE, ListQuery, Page};
use nephele_model::{Code, Error as Refusal, Timestamp};
use sea_query::Value;

use crate::backend::Sql;
use crate::column::{Bind as _, Column as _};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::field::{Field, Hop, Kind, Resource, Source, Tenancy, key_column};
use crate::json::Json;
use crate::record::{Record, joins, row_text};
use crate::scope::Scope;

/// The filter that looks into [`Resource::search_name`].
const SEARCH_NAME: &str = "_search_name";

/// What to select: fields, and twins that are asked for by name.
struct Selection<'a> {
    fields: Vec<&'static Field>,
    twins: Vec<&'a str>,
}

impl<'a> Selection<'a> {
    fn new(resource: &Resource, include: Option<&'a [String]>) -> Result<Self> {
        let Some(include) = include else {
            return Ok(Self { fields: resource.fields.iter().collect(), twins: Vec::new() });
        };
        let is_twin =
            |name: &str| name.strip_suffix("_p").and_then(|name| resource.field(name)).is_some_and(|field| field.twin);
        let unknown: Vec<_> = include
            .iter()
            .filter(|name| resource.field(name).is_none() && !is_twin(name))
            .map(String::as_str)
            .collect();
        if !unknown.is_empty() {
            let allowed = names(resource.fields.iter());
            return Err(refusal(Code::NoSuchIncludeField, "Include", &unknown, &allowed));
        }
        Ok(Self {
            fields: resource.fields.iter().filter(|field| include.iter().any(|name| name == field.name)).collect(),
            twins: include.iter().map(String::as_str).filter(|name| is_twin(name)).collect(),
        })
    }

    fn text(&self) -> String {
        row_text(&self.fields, &self.twins)
    }
}

pub(crate) async fn get(
    db: &dyn Db,
    resource: &Resource,
    scope: &Scope,
    key: &str,
    include: Option<&[String]>,
) -> Result<Option<Record>> {
    let selection = Selection::new(resource, include)?;
    let mut values = vec![key.bind()];
    let visible = visible(resource, scope, false, &mut values);
    let text = format!(
        "SELECT {} FROM {} r{} WHERE {} = $1{visible} LIMIT 1",
        selection.text(),
        resource.table,
        joins(selection.fields.iter().copied()),
        resource.key,
    );
    let rows = db.fetch(Sql::new(text, values)).await?;
    rows.first().map(|row| Ok(Record::from_row_text(row.raw(0)?))).transpose()
}

pub(crate) async fn list(db: &dyn Db, resource: &Resource, scope: &Scope, query: &ListQuery) -> Result<Page<Record>> {
    list_where(db, resource, scope, query, String::new(), Vec::new()).await
}

/// A list with a further condition, `AND ...`, and its values.
pub(crate) async fn list_where(
    db: &dyn Db,
    resource: &Resource,
    scope: &Scope,
    query: &ListQuery,
    further: String,
    mut values: Vec<Value>,
) -> Result<Page<Record>> {
    let selection = Selection::new(resource, query.include.as_deref())?;
    let (order, sorted) = order(resource, query)?;
    let visible = visible(resource, scope, query.all_tenants, &mut values);
    let condition = format!("TRUE{further}{}", filters(resource, query, visible, &mut values)?);

    let size = query.size.unwrap_or(DEFAULT_PAGE_SIZE);
    let counting = values.clone();
    let mut text = format!(
        "SELECT {} FROM {} r{} WHERE {condition} ORDER BY {order}",
        selection.text(),
        resource.table,
        joins(selection.fields.iter().copied().chain(sorted)),
    );
    let offset = if query.get_all { 0 } else { query.offset };
    if !query.get_all {
        values.push(clamp(size.saturating_add(1)).bind());
        values.push(clamp(offset).bind());
        text += &format!(" LIMIT ${} OFFSET ${}", values.len() - 1, values.len());
    }
    let rows = db.fetch(Sql::new(text, values)).await?;

    let kept = if query.get_all { rows.len() } else { rows.len().min(usize::try_from(size).unwrap_or(usize::MAX)) };
    let items: Result<Vec<_>> = rows[..kept].iter().map(|row| Ok(Record::from_row_text(row.raw(0)?))).collect();
    // One row more than the page was asked for: unless it came, the end of the list has been seen.
    let seen_end = kept == rows.len() && (kept > 0 || offset == 0);
    let total = if seen_end {
        offset + kept as u64
    } else {
        let text = format!("SELECT count(*) FROM {} r WHERE {condition}", resource.table);
        let rows = db.fetch(Sql::new(text, counting)).await?;
        rows.first().map_or(Ok(0), |row| i64::read(row, 0))?.unsigned_abs()
    };
    Ok(Page {
        items: items?,
        total,
        size: if query.get_all { DEFAULT_PAGE_SIZE } else { size },
        offset,
        filtered: None,
    })
}

fn clamp(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The condition on `r`, or on its execution, that lets the caller see a row.
fn visible(resource: &Resource, scope: &Scope, all_tenants: bool, values: &mut Vec<Value>) -> String {
    match resource.tenancy {
        Tenancy::Tenant | Tenancy::Execution => format!(" AND {}", scope.visible(all_tenants, values)),
        Tenancy::User => {
            values.push(scope.user_id.bind());
            format!(" AND r.user_id = ${}", values.len())
        }
        Tenancy::Everyone => String::new(),
    }
}

/// `ORDER BY` without the words, and the fields in it.
fn order(resource: &Resource, query: &ListQuery) -> Result<(String, Vec<&'static Field>)> {
    let field = |name: &str| resource.field(name).filter(|field| field.queryable);
    let unknown: Vec<_> =
        query.sort.iter().map(|key| key.field.as_str()).filter(|name| field(name).is_none()).collect();
    if !unknown.is_empty() {
        return Err(refusal(Code::BadParameters, "Sort", &unknown, &names(queryable(resource))));
    }
    let direction = |descending| if descending { " DESC" } else { "" };
    let fields: Vec<_> = query.sort.iter().filter_map(|key| field(&key.field)).collect();
    let mut keys: Vec<_> =
        fields.iter().zip(&query.sort).map(|(field, key)| field.value() + direction(key.descending)).collect();
    // Only events go by the direction of the last key to the end; elsewhere ties are in order of age.
    let last = resource.table == "events" && query.sort.last().is_some_and(|key| key.descending);
    keys.extend(resource.order.iter().map(|key| (*key).to_owned() + direction(last)));
    Ok((keys.join(", "), fields))
}

/// All that a row must satisfy, each part led in by `AND`.
fn filters(resource: &Resource, query: &ListQuery, visible: String, values: &mut Vec<Value>) -> Result<String> {
    let hidden = |name: &str| resource.filters.iter().find(|field| field.name == name);
    let find = |name: &str| resource.field(name).filter(|field| field.queryable).or_else(|| hidden(name));
    let is_search = |name: &str| name == SEARCH_NAME && resource.search_name.is_some();
    let asked = || query.filters.iter().map(|(name, _)| name.as_str());
    let unknown: Vec<_> = asked().filter(|name| find(name).is_none() && !is_search(name)).collect();
    if !unknown.is_empty() {
        return Err(refusal(Code::BadParameters, "Filter", &unknown, &names(queryable(resource))));
    }
    let by_execution = resource.tenancy == Tenancy::Execution;
    let mut condition = String::new();
    // What the row's execution must satisfy, where that decides on visibility too.
    let mut of_execution = visible;
    let (mut only_execution, mut few_executions) = (false, false);
    for (name, wanted) in &query.filters {
        let Some(field) = find(name) else { continue };
        match field.source {
            Source::Reference { path: [first, rest @ ..], column } if by_execution => {
                debug_assert_eq!(first.1, "executions");
                few_executions = true;
                only_execution |= rest.is_empty() && column == "id" && wanted.len() == 1;
                let found = equals(if rest.is_empty() { "r" } else { "f" }, column, field.kind, wanted, values);
                of_execution += &format!(" AND {}", reached("r", rest, &found));
            }
            Source::Reference { path, column } => {
                let found = equals("f", column, field.kind, wanted, values);
                condition += &format!(" AND {}", reached("r", path, &found));
            }
            _ => condition += &format!(" AND {}", one_of(&field.value(), field.kind, wanted, values)),
        }
    }
    if by_execution {
        // An id is a UUID: one execution at the most, so that its index gives the order as well. Else
        // the plus keeps the database from collecting and sorting the events of every execution.
        let owner = format!("(SELECT r.storage_id FROM executions r WHERE TRUE{of_execution}");
        condition += &match (only_execution, few_executions) {
            (true, _) => format!(" AND r.execution_fk = {owner} LIMIT 1)"),
            (_, true) => format!(" AND r.execution_fk IN {owner})"),
            _ => format!(" AND +r.execution_fk IN {owner})"),
        };
    } else {
        condition += &of_execution;
    }
    if let Some((name, default)) = resource.unless_filtered
        && !asked().any(|filter| filter == name)
    {
        condition += &format!(" AND {default}");
    }
    Ok(condition + &searched(resource, query, values))
}

/// What is searched for: either search may find a row.
fn searched(resource: &Resource, query: &ListQuery, values: &mut Vec<Value>) -> String {
    let by_name = query.filters.iter().find(|(name, _)| name == SEARCH_NAME).and_then(|(_, texts)| texts.first());
    let searches: Vec<_> = [(resource.search, query.search.as_ref()), (resource.search_name, by_name)]
        .into_iter()
        .filter_map(|(sql, text)| Some((sql?, text?)))
        .map(|(sql, text)| {
            values.push(pattern(text).bind());
            format!("lower({sql}) LIKE ${} ESCAPE '\\'", values.len())
        })
        .collect();
    if searches.is_empty() { String::new() } else { format!(" AND ({})", searches.join(" OR ")) }
}

fn equals(alias: &str, column: &str, kind: Kind, wanted: &[String], values: &mut Vec<Value>) -> String {
    one_of(&format!("{alias}.{column}"), kind, wanted, values)
}

/// `sql` equals one of `wanted`. Text that is no value of the kind equals nothing.
fn one_of(sql: &str, kind: Kind, wanted: &[String], values: &mut Vec<Value>) -> String {
    let parsed: Vec<Value> = match (kind, wanted) {
        (Kind::Text | Kind::Json, [only]) => vec![only.bind()],
        (Kind::Text | Kind::Json, _) => {
            values.push(Json::texts(wanted).bind());
            return format!("{sql} IN (SELECT value FROM json_each(${}))", values.len());
        }
        (Kind::Int, _) => wanted.iter().filter_map(|text| Some(text.parse::<i64>().ok()?.bind())).collect(),
        (Kind::Float, _) => wanted.iter().filter_map(|text| Some(text.parse::<f64>().ok()?.bind())).collect(),
        (Kind::Time, _) => wanted.iter().filter_map(|text| Some(Timestamp::parse(text)?.bind())).collect(),
        (Kind::Bool, _) => {
            wanted.iter().filter_map(|text| Some(text.to_lowercase().parse::<bool>().ok()?.bind())).collect()
        }
    };
    let alternatives: Vec<_> = parsed
        .into_iter()
        .map(|value| {
            values.push(value);
            format!("{sql} = ${}", values.len())
        })
        .collect();
    if alternatives.is_empty() { "FALSE".to_owned() } else { format!("({})", alternatives.join(" OR ")) }
}

/// The row `from` leads by `path` to a row `f` that satisfies `condition`: found from the far end,
/// through the keys' indexes.
fn reached(from: &str, path: &[Hop], condition: &str) -> String {
    let Some(((key, table), rest)) = path.split_first() else {
        return condition.to_owned();
    };
    let condition = reached("f", rest, condition);
    format!("{from}.{key} IN (SELECT f.{} FROM {table} f WHERE {condition})", key_column(table))
}

/// A substring of lower-case text as a `LIKE` pattern.
pub(crate) fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.to_lowercase().chars() {
        if matches!(character, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern + "%"
}

fn queryable(resource: &Resource) -> impl Iterator<Item = &'static Field> {
    resource.fields.iter().filter(|field| field.queryable)
}

fn names(fields: impl Iterator<Item = &'static Field>) -> Vec<String> {
    let pair = |field: &Field| [field.twin.then(|| format!("{}_p", field.name)), Some(field.name.to_owned())];
    fields.flat_map(pair).flatten().collect()
}

fn refusal(code: Code, kind: &str, unknown: &[&str], allowed: &[String]) -> Error {
    let listed = |names: &[&str]| {
        let quoted: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
        format!("[{}]", quoted.join(", "))
    };
    let allowed: Vec<_> = allowed.iter().map(String::as_str).collect();
    Error::Query(Refusal::new(
        code,
        format!("{kind} keys '{}' do not exist. Allowed keys are: {}", listed(unknown), listed(&allowed)),
    ))
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn searched_text_is_taken_literally() {
        assert_eq!(pattern(r"A_b%\"), r"%a\_b\%\\%");
    }
}
