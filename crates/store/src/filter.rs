//! Filters, searches and visibility as SQL conditions on the row `r`.
//!
//! A filter on a referenced field becomes `key IN (SELECT ...)`, so that it finds its rows through
//! the key's index, and so that counting needs no joins.

use nephele_model::page::ListQuery;
use nephele_model::{Code, Timestamp};
use sea_query::Value;

use crate::column::Bind as _;
use crate::error::Result;
use crate::field::{Hop, Kind, Resource, Source, Tenancy, key_column};
use crate::json::Json;
use crate::query::{names, queryable, refusal};
use crate::scope::Scope;

/// The column of rows that belong to an execution.
const EXECUTION: &str = "execution_fk";
/// The filter that looks into [`Resource::search_name`].
const SEARCH_NAME: &str = "_search_name";

/// Conditions that a row must all satisfy, with their values.
#[derive(Default)]
pub(crate) struct Conditions {
    parts: Vec<String>,
    /// One of the parts, and two conditions of which exactly one holds where it holds: they are faster to count.
    halves: Option<(usize, [String; 2])>,
    pub(crate) values: Vec<Value>,
}

impl Conditions {
    /// A condition with its values.
    pub(crate) fn of(condition: String, values: Vec<Value>) -> Self {
        Self { parts: vec![condition], halves: None, values }
    }

    /// The place-holder of a value.
    pub(crate) fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    pub(crate) fn require(&mut self, condition: String) {
        self.parts.push(condition);
    }

    pub(crate) fn sql(&self) -> String {
        if self.parts.is_empty() { "TRUE".to_owned() } else { self.parts.join(" AND ") }
    }

    /// How many rows of a table satisfy them, as a statement.
    pub(crate) fn count(&self, table: &str) -> String {
        let Some((place, halves)) = &self.halves else {
            return format!("SELECT count(*) FROM {table} r WHERE {}", self.sql());
        };
        let [one, other] = halves.each_ref().map(|half| {
            let mut parts = self.parts.clone();
            parts[*place].clone_from(half);
            format!("(SELECT count(*) FROM {table} r WHERE {})", parts.join(" AND "))
        });
        format!("SELECT {one} + {other}")
    }

    /// Only rows that the caller may see; for executions' rows see [`Self::require_filters`].
    pub(crate) fn require_visible(&mut self, resource: &Resource, scope: &Scope, all_tenants: bool) {
        match resource.tenancy {
            Tenancy::Tenant => {
                let visible = scope.visible(all_tenants, &mut self.values);
                self.require(visible);
            }
            Tenancy::User => {
                let user = self.bind(scope.user_id.bind());
                self.require(format!("r.user_id = {user}"));
            }
            Tenancy::Everyone | Tenancy::Execution => {}
        }
    }

    /// Only rows of the request's tenants, and global ones.
    pub(crate) fn require_tenant(&mut self, scope: &Scope, all_tenants: bool) {
        let condition = scope.in_tenant(all_tenants, &mut self.values);
        self.require(condition);
    }

    /// Only rows that the caller may see and that `query` filters and searches for.
    ///
    /// Error: a filter that the resource does not have.
    pub(crate) fn require_filters(&mut self, resource: &Resource, scope: &Scope, query: &ListQuery) -> Result<()> {
        self.require_visible(resource, scope, query.all_tenants);
        let hidden = |name: &str| resource.filters.iter().find(|field| field.name == name);
        let find = |name: &str| resource.field(name).filter(|field| field.queryable).or_else(|| hidden(name));
        let is_search = |name: &str| name == SEARCH_NAME && resource.search_name.is_some();
        let asked = || query.filters.iter().map(|(name, _)| name.as_str());
        let unknown: Vec<_> = asked().filter(|name| find(name).is_none() && !is_search(name)).collect();
        if !unknown.is_empty() {
            return Err(refusal(Code::BadParameters, "Filter", &unknown, &names(queryable(resource))));
        }
        let mut of_execution = Vec::new();
        for (field, wanted) in query.filters.iter().filter_map(|(name, wanted)| Some((find(name)?, wanted))) {
            match field.source {
                Source::Reference { path: [(EXECUTION, _), rest @ ..], column }
                    if resource.tenancy == Tenancy::Execution =>
                {
                    let row = if rest.is_empty() { "r" } else { "f" };
                    let found = self.one_of(&format!("{row}.{column}"), field.kind, wanted);
                    of_execution.push(reached("r", rest, &found));
                }
                Source::Reference { path, column } => {
                    let found = self.one_of(&format!("f.{column}"), field.kind, wanted);
                    self.require(reached("r", path, &found));
                }
                Source::Within { members, column } => {
                    let found = self.one_of(column, field.kind, wanted);
                    self.require(format!("r.storage_id IN ({members} WHERE {found})"));
                }
                _ => {
                    let found = self.one_of(&field.value(), field.kind, wanted);
                    self.require(found);
                }
            }
        }
        if resource.tenancy == Tenancy::Execution {
            let is_one = query.filters.iter().any(|(name, wanted)| name == "execution_id" && wanted.len() == 1);
            let of_group = asked().any(|name| name == "execution_group_id");
            if of_group {
                let groups = self.visible_groups(scope, query.all_tenants);
                self.require(groups);
            }
            if !of_group || !of_execution.is_empty() {
                self.require_execution(of_execution, is_one, scope, query.all_tenants);
            }
        }
        if let Some((_, default)) = resource.unless_filtered.filter(|(name, _)| !asked().any(|filter| filter == *name))
        {
            self.require(default.to_owned());
        }
        self.require_searched(resource, query);
        Ok(())
    }

    /// Only rows of executions that the caller may see and that satisfy `conditions`.
    fn require_execution(&mut self, mut conditions: Vec<String>, is_one: bool, scope: &Scope, all_tenants: bool) {
        if conditions.is_empty() {
            let execution = scope.row_visible("v", all_tenants, &mut self.values);
            let group = scope.row_visible("v", all_tenants, &mut self.values);
            // To count all rows, the executions are collected once. An event is of one or of a group.
            let half = |key, table, visible| format!("r.{key} IN (SELECT v.storage_id FROM {table} v WHERE {visible})");
            let halves = [
                half("execution_fk", "executions", &execution),
                half("execution_group_fk", "execution_groups", &group),
            ];
            self.halves = Some((self.parts.len(), halves));
            // Asked of each row, in a form that PostgreSQL cannot turn into collecting the executions
            // first: that would take longer than a page.
            let row = format!(
                "coalesce((SELECT {execution} FROM executions v WHERE v.storage_id = r.execution_fk), \
                 (SELECT {group} FROM execution_groups v WHERE v.storage_id = r.execution_group_fk))"
            );
            let all = scope.everything(all_tenants, &mut self.values);
            return self.require(all.map_or(row.clone(), |all| format!("({all} OR {row})")));
        }
        conditions.push(scope.visible(all_tenants, &mut self.values));
        let owners = format!("SELECT r.storage_id FROM executions r WHERE {}", conditions.join(" AND "));
        self.require(if is_one {
            // An id is a UUID: one execution at the most, so that its index gives the order as well.
            format!("r.execution_fk = ({owners} LIMIT 1)")
        } else {
            format!("r.execution_fk IN ({owners})")
        });
    }

    /// Rows of groups of executions that the caller may see.
    fn visible_groups(&mut self, scope: &Scope, all_tenants: bool) -> String {
        let visible = scope.visible(all_tenants, &mut self.values);
        format!("r.execution_group_fk IN (SELECT r.storage_id FROM execution_groups r WHERE {visible})")
    }

    /// Only rows that one of the searches finds.
    fn require_searched(&mut self, resource: &Resource, query: &ListQuery) {
        let by_name = query.filters.iter().find(|(name, _)| name == SEARCH_NAME).and_then(|(_, texts)| texts.first());
        let searches: Vec<_> = [(resource.search, query.search.as_ref()), (resource.search_name, by_name)]
            .into_iter()
            .filter_map(|(sql, text)| Some((sql?, text?)))
            .map(|(sql, text)| format!("lower({sql}) LIKE {} ESCAPE '\\'", self.bind(pattern(text).bind())))
            .collect();
        if !searches.is_empty() {
            self.require(format!("({})", searches.join(" OR ")));
        }
    }

    /// `sql` equals one of `wanted`. Text that is no value of the kind equals nothing.
    fn one_of(&mut self, sql: &str, kind: Kind, wanted: &[String]) -> String {
        let parsed: Vec<Value> = match (kind, wanted) {
            (Kind::Text | Kind::Json, [only]) => vec![only.bind()],
            (Kind::Text | Kind::Json, _) => {
                return format!("{sql} IN (SELECT value FROM json_each({}))", self.bind(Json::texts(wanted).bind()));
            }
            (Kind::Int, _) => wanted.iter().filter_map(|text| Some(text.parse::<i64>().ok()?.bind())).collect(),
            (Kind::Float, _) => wanted.iter().filter_map(|text| Some(text.parse::<f64>().ok()?.bind())).collect(),
            (Kind::Time, _) => wanted.iter().filter_map(|text| Some(Timestamp::parse(text)?.bind())).collect(),
            (Kind::Bool, _) => {
                wanted.iter().filter_map(|text| Some(text.to_lowercase().parse::<bool>().ok()?.bind())).collect()
            }
        };
        let alternatives: Vec<_> = parsed.into_iter().map(|value| format!("{sql} = {}", self.bind(value))).collect();
        if alternatives.is_empty() { "FALSE".to_owned() } else { format!("({})", alternatives.join(" OR ")) }
    }
}

/// The row `from` leads by `path` to a row `f` that satisfies `condition`.
pub(crate) fn reached(from: &str, path: &[Hop], condition: &str) -> String {
    let Some(((key, table), rest)) = path.split_first() else {
        return condition.to_owned();
    };
    let condition = reached("f", rest, condition);
    format!("{from}.{key} IN (SELECT f.{} FROM {table} f WHERE {condition})", key_column(table))
}

/// A substring of lower-case text as a `LIKE` pattern.
pub(crate) fn pattern(text: &str) -> String {
    format!("%{}%", escaped(text))
}

/// Text in lower case that `LIKE` takes literally.
pub(crate) fn escaped(text: &str) -> String {
    let mut pattern = String::new();
    for character in text.to_lowercase().chars() {
        if matches!(character, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn searched_text_is_taken_literally() {
        assert_eq!(pattern(r"A_b%\"), r"%a\_b\%\\%");
    }
}
