//! List parameters to SQL: selection, filters, search, order, pages and totals
//! (spec rest-api.md sections 1.9 and 1.10).
//!
//! Field names are checked against the resource's field table; values are always bound, names never
//! come from outside. Filters become conditions in `filter`.

use std::collections::HashSet;

use nephele_model::page::{DEFAULT_PAGE_SIZE, ListQuery, Page, Sort};
use nephele_model::{Code, Error as Refusal};
use serde_json::{Map, Value};

use crate::backend::Sql;
use crate::column::Bind as _;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::field::{Field, Kind, Resource, Source};
use crate::filter::Conditions;
use crate::places::{self, Key, KeyKind, Walk};
use crate::record::{Record, joins, row_text, shared_keys};
use crate::scope::Scope;
use crate::table::deployment_texts;

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

impl Resource {
    /// A record in the shape of this resource, made of something that is not in the database.
    ///
    /// Errors: [`Error::Query`] for an unknown field in `include`.
    pub fn record_of(&self, include: Option<&[String]>, parts: &Map<String, Value>) -> Result<Record> {
        let mut record = Map::new();
        let is_shown = |field: &&Field| field.only_if.is_none() || parts.contains_key(field.name);
        for field in Selection::new(self, include)?.fields.into_iter().filter(|field| is_shown(field)) {
            let absent = if field.kind == Kind::Int { Value::from(0) } else { Value::Null };
            record.insert(field.name.to_owned(), parts.get(field.name).cloned().unwrap_or(absent));
        }
        Ok(Record::of(&record))
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
    let mut conditions = Conditions::default();
    let key = conditions.bind(key.bind());
    conditions.require(format!("{} = {key}", resource.key));
    conditions.require_visible(resource, scope, false);
    let text = format!(
        "SELECT {} FROM {} r{} WHERE {} LIMIT 1",
        selection.text(),
        resource.table,
        joins(selection.fields.iter().copied()),
        conditions.sql(),
    );
    let rows = db.fetch(Sql::new(text, conditions.values)).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let row: &str = row.raw(0)?;
    let shared = deployment_texts::by_keys(db, shared_keys([row])).await?;
    Ok(Some(Record::from_row_text(row, &shared)))
}

pub(crate) async fn list(db: &dyn Db, resource: &Resource, scope: &Scope, query: &ListQuery) -> Result<Page<Record>> {
    list_where(db, resource, scope, query, Conditions::default()).await
}

/// A list whose rows satisfy further conditions.
pub(crate) async fn list_where(
    db: &dyn Db,
    resource: &Resource,
    scope: &Scope,
    query: &ListQuery,
    mut conditions: Conditions,
) -> Result<Page<Record>> {
    let selection = Selection::new(resource, query.include.as_deref())?;
    conditions.require_filters(resource, scope, query)?;
    conditions.require_rules(db, resource, &query.rules).await?;
    let (count, counting) = (conditions.count(resource.table), conditions.values.clone());
    let (keys, sorted) = order(resource, query, &mut conditions)?;
    let by = places::order(&keys);
    let joined = joins(sorted.iter().copied());

    let size = query.size.unwrap_or(DEFAULT_PAGE_SIZE);
    let offset = if query.get_all { 0 } else { query.offset };
    let mut page = String::new();
    if !query.get_all {
        let (table, values) = (resource.table, conditions.values.clone());
        let walk = Walk { table, joins: joined.clone(), condition: conditions.sql(), values, keys: &keys };
        let rest = db.place(walk, offset).await?.require(&keys, &mut conditions);
        // As it stands: a plan for any number would be one for a tenth of the table, and PostgreSQL would make one each time.
        page = format!(" LIMIT {}", clamp(size.saturating_add(1)));
        if rest > 0 {
            page.push_str(" OFFSET ");
            page.push_str(&conditions.bind(clamp(rest).bind()));
        }
        if (rest > 0 || !query.sort.is_empty()) && resource.order.last() == Some(&ROW) {
            // Rows are passed and sorted by their keys alone; what a record shows is read for those of the page.
            let passed = format!("FROM {table} r{joined} WHERE {} ORDER BY {by}{page}", conditions.sql());
            conditions = Conditions::of(format!("{ROW} IN (SELECT {ROW} {passed})"), conditions.values);
            page.clear();
        }
    }
    let text = format!(
        "SELECT {} AS \"row\" FROM {} r{} WHERE {} ORDER BY {by}{page}",
        selection.text(),
        resource.table,
        joins(selection.fields.iter().copied().chain(sorted)),
        conditions.sql(),
    );
    let mut items = records(db, text, conditions.values, !query.get_all && size <= IN_ONE).await?;
    let found = items.len();
    if !query.get_all {
        items.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    }
    let kept = items.len();
    // One row more than the page was asked for: unless it came, the end of the list has been seen.
    let seen_end = kept == found && (kept > 0 || offset == 0);
    let total = if seen_end { offset + kept as u64 } else { db.count(Sql::new(count, counting)).await? };
    let filtered = if query.rules.is_empty() {
        None
    } else {
        Some(whole(db, resource, scope, query.all_tenants).await?.saturating_sub(total))
    };
    Ok(Page { items, total, size: if query.get_all { DEFAULT_PAGE_SIZE } else { size }, offset, filtered })
}

/// The records of a statement that gives one text a row.
///
/// `in_one` lets the database put them together, since each row of an answer costs a change of threads.
/// Where they are too much for one text they come one by one.
async fn records(db: &dyn Db, text: String, values: Vec<sea_query::Value>, in_one: bool) -> Result<Vec<Record>> {
    if in_one {
        let together = format!("SELECT string_agg(page.\"row\", '{BETWEEN}') FROM ({text}) page");
        if let Ok(rows) = db.fetch(Sql::new(together, values.clone())).await {
            let page: Option<&str> = rows.first().map_or(Ok(None), |row| row.raw(0))?;
            let shared = deployment_texts::by_keys(db, shared_keys(page)).await?;
            let rows = page.iter().flat_map(|page| page.split(BETWEEN));
            return Ok(rows.map(|row| Record::from_row_text(row, &shared)).collect());
        }
    }
    let rows = db.fetch(Sql::new(text, values)).await?;
    let rows = rows.iter().map(|row| row.raw(0)).collect::<Result<Vec<&str>>>()?;
    let shared = deployment_texts::by_keys(db, shared_keys(rows.iter().copied())).await?;
    Ok(rows.into_iter().map(|row| Record::from_row_text(row, &shared)).collect())
}

/// How many rows the tenant has, whatever is asked for: what rules are said to hide is a part of these.
async fn whole(db: &dyn Db, resource: &Resource, scope: &Scope, all_tenants: bool) -> Result<u64> {
    let mut conditions = Conditions::default();
    conditions.require_tenant(scope, all_tenants);
    db.count(Sql::new(conditions.count(resource.table), conditions.values)).await
}

pub(crate) fn clamp(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Rows of a page that may come as one text.
const IN_ONE: u64 = 1000;
/// Between two records in such a text; JSON does not contain it.
const BETWEEN: char = '\u{2}';

/// What tells the rows of most tables apart.
const ROW: &str = "r.storage_id";

/// Sort keys that need no word on where nulls go, which would keep SQLite from using an index.
const NEVER_NULL: [&str; 10] = [
    "created_at",
    "display_name",
    "id",
    "key",
    "name",
    "reported_timestamp",
    "status",
    "timestamp",
    "visibility",
    "workflow_id",
];

/// Nulls count as the largest, on both databases.
const fn nulls(descending: bool) -> &'static str {
    if descending { " NULLS FIRST" } else { " NULLS LAST" }
}

/// The values of a label as one text that sorts as their list would.
fn labels_of(table: &str, key: &str) -> String {
    format!(
        "(SELECT string_agg(l.value, '\u{1}' ORDER BY l.value) FROM {table} l \
         WHERE l.labeled_fk = r.storage_id AND l.key = {key})"
    )
}

/// The keys that a list is sorted by, and the fields among them.
fn order(
    resource: &Resource,
    query: &ListQuery,
    conditions: &mut Conditions,
) -> Result<(Vec<Key>, Vec<&'static Field>)> {
    let known = |name: &str| resource.field(name).filter(|field| field.queryable);
    let label = |name: &str| resource.labels.zip(name.strip_prefix("label:").map(str::to_owned));
    let unknown: Vec<_> = query
        .sort
        .iter()
        .filter(|key| label(&key.field).is_none() && known(&key.field).is_none())
        .map(|key| key.field.as_str())
        .collect();
    if !unknown.is_empty() {
        return Err(refusal(Code::BadParameters, "Sort", &unknown, &names(queryable(resource))));
    }
    let mut fields = Vec::new();
    let mut keys = Vec::new();
    for &Sort { ref field, descending } in &query.sort {
        if let Some((table, name)) = label(field) {
            let sql = labels_of(table, &conditions.bind(name.bind()));
            keys.push(Key { sql, descending, nulls: nulls(descending), kind: KeyKind::Other });
        } else if let Some(field) = known(field) {
            let is_never_null = NEVER_NULL.contains(&field.name);
            let nulls = if is_never_null { "" } else { nulls(descending) };
            let kind = match (field.source, field.kind) {
                (Source::Own, Kind::Time | Kind::Int) if is_never_null => KeyKind::Int,
                (Source::Own, Kind::Text) if is_never_null => KeyKind::Text,
                _ => KeyKind::Other,
            };
            keys.push(Key { sql: field.value(), descending, nulls, kind });
            fields.push(field);
        }
    }
    // Only events go by the direction of the last key to the end; elsewhere ties are in order of age.
    let last = resource.table == "events" && query.sort.last().is_some_and(|key| key.descending);
    keys.extend(resource.order.iter().map(|key| Key::last(key, last)));
    // A key that comes again decides nothing, and keeps SQLite from using an index.
    let mut seen = HashSet::new();
    keys.retain(|key| seen.insert(key.sql.replace('"', "")));
    Ok((keys, fields))
}

pub(crate) fn queryable(resource: &Resource) -> impl Iterator<Item = &'static Field> {
    resource.fields.iter().filter(|field| field.queryable)
}

pub(crate) fn names(fields: impl Iterator<Item = &'static Field>) -> Vec<String> {
    let pair = |field: &Field| [field.twin.then(|| format!("{}_p", field.name)), Some(field.name.to_owned())];
    fields.flat_map(pair).flatten().collect()
}

pub(crate) fn refusal(code: Code, kind: &str, unknown: &[&str], allowed: &[String]) -> Error {
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
