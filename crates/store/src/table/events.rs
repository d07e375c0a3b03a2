//! Events and logs of executions, in one table.

use std::collections::HashMap;

use nephele_model::event::{NewEvent, NewLog, Origin};
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Error as Refusal, Timestamp};

use crate::backend::Sql;
use crate::column::{Bind as _, values};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::field::{Hop, Resource, Tenancy, int, json, text, time};
use crate::filter::Conditions;
use crate::journal::Run;
use crate::json::Json;
use crate::query;
use crate::record::Record;
use crate::scope::Scope;
use crate::write::{self, insertable};

/// The value of `type` for events.
pub const EVENT: &str = "cloudify_event";
/// The value of `type` for logs.
pub const LOG: &str = "cloudify_log";

const EXECUTION: &[Hop] = &[("execution_fk", "executions")];
const DEPLOYMENT: &[Hop] = &[("execution_fk", "executions"), ("deployment_fk", "deployments")];

/// The records of `GET /events`: every key is always there, null or not.
pub static RESOURCE: Resource = Resource {
    search: None,
    tenancy: Tenancy::Execution,
    order: &["r.\"timestamp\"", "r.storage_id"],
    ..Resource::new(
        "Event",
        "events",
        &[
            int("_storage_id").sql("r.storage_id"),
            time("timestamp"),
            time("reported_timestamp"),
            text("blueprint_id").of(EXECUTION, "blueprint_id"),
            text("deployment_id").of(DEPLOYMENT, "id"),
            text("deployment_display_name").of(DEPLOYMENT, "display_name"),
            text("execution_id").of(EXECUTION, "id"),
            text("execution_group_id").of(&[("execution_group_fk", "execution_groups")], "id"),
            text("workflow_id").of(EXECUTION, "workflow_id"),
            text("message"),
            json("error_causes"),
            text("event_type").only_if("r.type = 'cloudify_event'"),
            text("operation"),
            text("source_id"),
            text("target_id"),
            text("manager_name"),
            text("agent_name"),
            text("node_instance_id").sql("r.node_id"),
            text("node_name"),
            text("logger").only_if("r.type = 'cloudify_log'"),
            text("level").only_if("r.type = 'cloudify_log'"),
            text("type"),
        ],
    )
};

/// Fields that events may be filtered by besides their type, in the order in which refusals name them.
const FILTERS: [&str; 10] = [
    "blueprint_id",
    "deployment_id",
    "event_type",
    "execution_group_id",
    "execution_id",
    "level",
    "message",
    "node_id",
    "node_instance_id",
    "operation",
];
/// Rows in a page when the client does not say.
const PAGE_SIZE: u64 = 10_000;

/// A span of time: `from` belongs to it, `to` does not.
#[derive(Clone, Debug)]
pub struct Range {
    /// `timestamp` or `reported_timestamp`.
    pub field: String,
    /// The beginning.
    pub from: Option<Timestamp>,
    /// The end.
    pub to: Option<Timestamp>,
}

/// One page of events and logs (spec rest-api.md section 2.5). `query.filters` may name `type`,
/// `node_id` (a node's name) and `message` or `operation` with SQL wild-cards.
pub async fn list(db: &dyn Db, scope: &Scope, query: &ListQuery, ranges: &[Range]) -> Result<Page<Record>> {
    let mut query = query.clone();
    query.size.get_or_insert(PAGE_SIZE);
    // Names of fields that events do not have are passed over.
    if let Some(include) = &mut query.include {
        include.retain(|name| RESOURCE.field(name).is_some());
    }
    if let Some(key) = query.sort.iter().find(|key| RESOURCE.field(&key.field).is_none()) {
        return Err(refusal(format!("Unknown field to sort by: {}", key.field)));
    }
    let mut conditions = Conditions::default();
    let mut filters = Vec::new();
    for (name, wanted) in std::mem::take(&mut query.filters) {
        let name = if name == "message.text" { "message" } else { &name };
        match name {
            "type" if [EVENT, LOG].iter().all(|kind| wanted.iter().any(|wanted| wanted == kind)) => {}
            "type" => filters.push((name.to_owned(), wanted)),
            _ if !FILTERS.contains(&name) => {
                let allowed = FILTERS.join(", ");
                return Err(refusal(format!("Unknown field to filter by: {name}. Allowed values: {allowed}")));
            }
            "message" | "operation" => {
                for pattern in &wanted {
                    let pattern = conditions.bind(pattern.to_lowercase().bind());
                    conditions.require(format!("lower(r.{name}) LIKE {pattern} ESCAPE '\\'"));
                }
            }
            "node_id" => filters.push(("node_name".to_owned(), wanted)),
            _ => filters.push((name.to_owned(), wanted)),
        }
    }
    query.filters = filters;
    conditions.require_ranges(ranges)?;
    query::list_where(db, &RESOURCE, scope, &query, conditions).await
}

insertable! {
    struct NewRow into "events" {
        kind: &'static str = "type",
        timestamp: Timestamp,
        reported_timestamp: Timestamp,
        message: String,
        event_type: Option<String>,
        logger: Option<String>,
        level: Option<String>,
        operation: Option<String>,
        node_id: Option<String>,
        node_name: Option<String>,
        source_id: Option<String>,
        target_id: Option<String>,
        error_causes: Option<Json>,
        manager_name: Option<String>,
        agent_name: Option<String>,
        execution_fk: Option<i64>,
        execution_group_fk: Option<i64>,
    }
}

/// Stores events and logs of an execution, the events first.
pub async fn insert(db: &dyn Db, run: &Run, events: &[NewEvent], logs: &[NewLog]) -> Result<()> {
    let about = About {
        execution_fk: Some(run.execution_fk),
        group_fk: None,
        tenant_id: run.tenant_id,
        manager_name: run.manager_name.clone(),
    };
    insert_about(db, &about, events, logs).await
}

/// What events are of: an execution or a group.
struct About {
    execution_fk: Option<i64>,
    group_fk: Option<i64>,
    tenant_id: i64,
    /// The manager of events that name none.
    manager_name: Option<String>,
}

async fn insert_about(db: &dyn Db, about: &About, events: &[NewEvent], logs: &[NewLog]) -> Result<()> {
    if events.is_empty() && logs.is_empty() {
        return Ok(());
    }
    let origins = events.iter().map(|event| &event.origin).chain(logs.iter().map(|log| &log.origin));
    let names = node_names(db, about.tenant_id, origins).await?;
    let now = db.now();
    let row = |kind, message: &str, origin: &Origin, timestamp, reported: Option<Timestamp>| NewRow {
        kind,
        timestamp,
        reported_timestamp: reported.unwrap_or(now),
        message: message.to_owned(),
        event_type: None,
        logger: None,
        level: None,
        operation: origin.operation.clone(),
        node_id: origin.node_instance.clone(),
        node_name: origin.node_instance.as_ref().and_then(|id| names.get(id).cloned()),
        source_id: origin.source.clone(),
        target_id: origin.target.clone(),
        error_causes: None,
        manager_name: origin.manager_name.clone().or_else(|| about.manager_name.clone()),
        agent_name: origin.agent_name.clone(),
        execution_fk: about.execution_fk,
        execution_group_fk: about.group_fk,
    };
    let mut rows = Vec::with_capacity(events.len() + logs.len());
    for event in events {
        let mut new = row(EVENT, &event.message, &event.origin, event.timestamp, event.reported);
        new.event_type = Some(event.event_type.clone());
        new.error_causes = event.error_causes.as_ref().map(Json::from);
        rows.push(new);
    }
    for log in logs {
        let mut new = row(LOG, &log.message, &log.origin, log.timestamp, log.reported);
        new.logger = Some(log.logger.clone());
        new.level = Some(log.level.clone());
        rows.push(new);
    }
    write::insert_all(db, rows).await
}

/// Stores what happened to a group of executions as a whole.
pub async fn insert_of_group(
    db: &dyn Db,
    group_fk: i64,
    tenant_id: i64,
    events: &[NewEvent],
    logs: &[NewLog],
) -> Result<()> {
    let about = About { execution_fk: None, group_fk: Some(group_fk), tenant_id, manager_name: None };
    insert_about(db, &about, events, logs).await
}

/// The node's name of each node instance. It is kept in the event, which may outlive the instance.
async fn node_names<'a>(
    db: &dyn Db,
    tenant_id: i64,
    origins: impl Iterator<Item = &'a Origin>,
) -> Result<HashMap<String, String>> {
    let mut ids: Vec<_> = origins.filter_map(|origin| origin.node_instance.as_deref()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let text = "SELECT i.id, n.id FROM node_instances i JOIN nodes n ON n.storage_id = i.node_fk \
                WHERE i.tenant_id = $1 AND i.id IN (SELECT value FROM json_each($2))";
    let pairs: Vec<(String, String)> = db.all(text.to_owned(), values![tenant_id, Json::texts(&ids)]).await?;
    Ok(pairs.into_iter().collect())
}

/// Deletes a deployment's events, and its logs if `logs`, within all ranges. Gives how many went.
pub async fn delete_of_deployment(db: &dyn Db, deployment_fk: i64, logs: bool, ranges: &[Range]) -> Result<u64> {
    let mut conditions = Conditions::default();
    let deployment = conditions.bind(deployment_fk.bind());
    conditions.require(format!(
        "execution_fk IN (SELECT e.storage_id FROM executions e WHERE e.deployment_fk = {deployment})"
    ));
    if !logs {
        conditions.require(format!("type = '{EVENT}'"));
    }
    conditions.require_ranges(ranges)?;
    let text = format!("DELETE FROM events AS r WHERE {}", conditions.sql());
    db.execute(Sql::once(text, conditions.values)).await
}

impl Conditions {
    /// Only rows within all these spans of time.
    fn require_ranges(&mut self, ranges: &[Range]) -> Result<()> {
        for range in ranges {
            if !matches!(range.field.as_str(), "timestamp" | "reported_timestamp") {
                return Err(refusal(format!("Unknown field to filter by range: {}", range.field)));
            }
            for (bound, operator) in [(range.from, ">="), (range.to, "<")] {
                if let Some(instant) = bound {
                    let instant = self.bind(instant.bind());
                    self.require(format!("r.\"{}\" {operator} {instant}", range.field));
                }
            }
        }
        Ok(())
    }
}

fn refusal(message: String) -> Error {
    Error::Query(Refusal::bad_parameters(message))
}
