//! Filters: rules with a name, for blueprints and for deployments; one shape, two tables.

use nephele_model::filter::{Rule, Test};
use nephele_model::{Timestamp, Visibility};
use serde_json::Value;

use crate::backend::Sql;
use crate::column::{Bind as _, row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{
    CREATED_BY, Field, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, boolean, json, text, time,
};
use crate::json::Json;
use crate::scope::Scope;

const FIELDS: &[Field] = &[
    time("created_at"),
    text("id"),
    text("visibility"),
    json("value"),
    time("updated_at"),
    boolean("is_system_filter"),
    TENANT_NAME,
    CREATED_BY,
    RESOURCE_AVAILABILITY,
    PRIVATE_RESOURCE,
    json("labels_filter_rules").shown(),
    json("attrs_filter_rules").shown(),
];

static OF_BLUEPRINTS: Resource = Resource::new("BlueprintsFilter", "blueprints_filters", FIELDS);
static OF_DEPLOYMENTS: Resource = Resource::new("DeploymentsFilter", "deployments_filters", FIELDS);

/// What is filtered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filtered {
    /// Blueprints.
    Blueprint,
    /// Deployments.
    Deployment,
}

/// The records of the filters of one kind.
pub fn resource(of: Filtered) -> &'static Resource {
    match of {
        Filtered::Blueprint => &OF_BLUEPRINTS,
        Filtered::Deployment => &OF_DEPLOYMENTS,
    }
}

row! {
    /// A filter.
    pub struct Filter {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: String,
        /// Who sees it.
        visibility: Visibility,
        /// Whose it is.
        tenant_id: i64,
        /// Its rules.
        value: Json,
        /// Whether the manager brought it.
        is_system_filter: bool,
    }
}

impl Filter {
    /// Its rules.
    pub fn rules(&self) -> Result<Vec<Rule>> {
        let stored: Vec<Value> = self.value.parse()?;
        Ok(stored.iter().filter_map(Rule::from_value).collect())
    }
}

/// A filter to insert.
#[derive(Clone, Debug)]
pub struct NewFilter {
    /// Its id.
    pub id: String,
    /// Who sees it.
    pub visibility: Visibility,
    /// Whose it is.
    pub tenant_id: i64,
    /// Who made it.
    pub creator_id: i64,
    /// When.
    pub created_at: Timestamp,
    /// Its rules.
    pub rules: Vec<Rule>,
    /// Whether the manager brought it.
    pub is_system_filter: bool,
}

/// The filter with this id that the caller may see.
pub async fn find(db: &dyn Db, of: Filtered, scope: &Scope, id: &str) -> Result<Option<Filter>> {
    let mut values = values![id];
    let visible = scope.visible(false, &mut values);
    let text = format!("SELECT {} FROM {} r WHERE r.id = $1 AND {visible}", Filter::COLUMNS, resource(of).table);
    db.first(text, values).await
}

/// Stores a filter. Error: [`crate::Error::Unique`].
pub async fn insert(db: &dyn Db, of: Filtered, filter: NewFilter) -> Result<()> {
    insert_with(db, of, filter, "").await
}

/// Stores a filter unless there is one with this id.
pub(crate) async fn ensure(db: &dyn Db, of: Filtered, filter: NewFilter) -> Result<()> {
    insert_with(db, of, filter, " ON CONFLICT DO NOTHING").await
}

async fn insert_with(db: &dyn Db, of: Filtered, filter: NewFilter, otherwise: &str) -> Result<()> {
    let [value, labels, attributes] = columns(&filter.rules);
    let text = format!(
        "INSERT INTO {} (id, visibility, tenant_id, creator_id, created_at, updated_at, is_system_filter, value, \
         labels_filter_rules, attrs_filter_rules) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10){otherwise}",
        resource(of).table
    );
    let values = values![
        filter.id,
        filter.visibility,
        filter.tenant_id,
        filter.creator_id,
        filter.created_at,
        db.now(),
        filter.is_system_filter,
        value,
        labels,
        attributes,
    ];
    db.execute(Sql::new(text, values)).await?;
    Ok(())
}

/// Gives a filter these rules and this visibility.
pub async fn update(db: &dyn Db, of: Filtered, storage_id: i64, rules: &[Rule], visibility: Visibility) -> Result<()> {
    let [value, labels, attributes] = columns(rules);
    let text = format!(
        "UPDATE {} SET value = $2, labels_filter_rules = $3, attrs_filter_rules = $4, visibility = $5, updated_at = $6 \
         WHERE storage_id = $1",
        resource(of).table
    );
    db.execute(Sql::new(text, values![storage_id, value, labels, attributes, visibility, db.now()])).await?;
    Ok(())
}

/// Deletes a filter.
pub async fn delete(db: &dyn Db, of: Filtered, storage_id: i64) -> Result<()> {
    let text = format!("DELETE FROM {} WHERE storage_id = $1", resource(of).table);
    db.execute(Sql::new(text, vec![storage_id.bind()])).await?;
    Ok(())
}

/// All rules, those on labels and those on attributes.
fn columns(rules: &[Rule]) -> [Json; 3] {
    let those = |wanted: fn(&Rule) -> bool| {
        let values: Vec<Value> = rules.iter().filter(|rule| wanted(rule)).map(Rule::to_value).collect();
        Json::of(&values)
    };
    [
        those(|_| true),
        those(|rule| matches!(rule.test, Test::Label(_))),
        those(|rule| matches!(rule.test, Test::Attribute(_))),
    ]
}
