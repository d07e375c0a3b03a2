//! Events and logs.

mod stream;

use axum::extract::State;
use nephele_manager::Told;
use nephele_model::page::ListQuery;
use nephele_model::{Code, Error, Result};
use serde_json::{Map, Value, json};

use super::{ok, stored};
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::declared::Shape;
use crate::error::Answer;
use crate::query::{FromQuery, Pairs, Query};
use crate::table::Version;
use crate::{App, page};

pub(crate) use stream::stream;

pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query((mut wanted, Ranges(ranges))): Query<(ListQuery, Ranges)>,
) -> Answer {
    if caller.version() >= Version::V3 {
        return Ok(page::plain(&app.manager.list_events(caller.ctx(), &wanted, &ranges).await?));
    }
    let include = wanted.include.take();
    let found = app.manager.list_events(caller.ctx(), &wanted, &ranges).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for record in &found.items {
        items.push(nested(record.value().map_err(Error::internal)?, include.as_deref()));
    }
    let mut items = items.into_iter();
    Ok(page::plain(&found.map(|_| items.next().unwrap_or_default())))
}

pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Query((gone, Ranges(ranges))): Query<(Deletion, Ranges)>,
) -> Answer {
    let Deletion { deployment_id, logs, kept, size, offset } = gone;
    let count = app.manager.delete_events(caller.ctx(), &deployment_id, logs, &ranges, kept).await?;
    let mut pagination = Map::new();
    pagination.extend(size.map(|size| ("size".to_owned(), json!(size))));
    pagination.extend(offset.map(|offset| ("offset".to_owned(), json!(offset))));
    pagination.insert("total".to_owned(), json!(count));
    Ok(ok(&json!({"items": [count], "metadata": {"pagination": pagination}})))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(told): Body<Told>) -> Answer {
    Ok(stored(app.manager.create_events(caller.ctx(), told).await?))
}

/// The instants between which events lie.
pub(crate) struct Ranges(Vec<String>);

impl FromQuery for Ranges {
    fn read(query: &Pairs) -> Result<Self> {
        Ok(Self(query.all("_range")))
    }
}

/// Which events go.
pub(crate) struct Deletion {
    deployment_id: String,
    logs: bool,
    kept: bool,
    size: Option<u64>,
    offset: Option<u64>,
}

impl FromQuery for Deletion {
    fn read(query: &Pairs) -> Result<Self> {
        let page = query.page()?;
        let kinds = query.required_words("type", &["cloudify_event", "cloudify_log"], "Filter by type is expected")?;
        let deployment = query.required("deployment_id", "Missing deployment_id");
        let kept = query.get_as("store_before", Shape::Flag).is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let offset = query.get_as("_offset", Shape::Count).map(|_| page.offset);
        let of = |kind: &str| kinds.iter().any(|wanted| wanted == kind);
        if !of("cloudify_event") {
            return Err(Error::bad_parameters("At least `type=cloudify_event` filter is expected"));
        }
        Ok(Self { deployment_id: deployment?, logs: of("cloudify_log"), kept, size: page.size, offset })
    }
}

impl FromBody for Told {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
            events: body.list("events")?.unwrap_or_default(),
            logs: body.list("logs")?.unwrap_or_default(),
            execution_id: body.text("execution_id")?,
            execution_group_id: body.text("execution_group_id")?,
            manager_name: body.text("manager_name")?,
            agent_name: body.text("agent_name")?,
        })
    }
}

/// The first version of the service answers every request so.
pub(crate) async fn not_in_the_first_version() -> Answer {
    Err(Error::new(Code::MethodNotAllowed, "").into())
}

/// An event as the versions before the third show it: what it is about in an object of its own.
fn nested(event: Value, include: Option<&[String]>) -> Value {
    const CONTEXT: [&str; 6] = ["deployment_id", "execution_id", "workflow_id", "operation", "node_id", "node_name"];
    let Value::Object(mut event) = event else { return event };
    let is_event = event.get("type").is_some_and(|kind| kind == "cloudify_event");
    let instance = event.shift_remove("node_instance_id").unwrap_or_default();
    event.shift_remove("reported_timestamp");
    event.insert("node_id".to_owned(), instance);
    let mut message = json!({"text": event.get("message")});
    if is_event {
        message["arguments"] = Value::Null;
    }
    event.insert("message".to_owned(), message);
    event.insert("message_code".to_owned(), Value::Null);
    let at = event.get("timestamp").cloned().unwrap_or_default();
    event.insert("@timestamp".to_owned(), at);
    let context: Map<String, Value> =
        CONTEXT.iter().map(|key| ((*key).to_owned(), event.shift_remove(*key).unwrap_or_default())).collect();
    event.insert("context".to_owned(), Value::Object(context));
    if let Some(include) = include {
        event.retain(|key, _| include.contains(key));
    }
    Value::Object(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_versions_nest_what_an_event_is_about() {
        let event = json!({
            "type": "cloudify_event", "timestamp": "t", "reported_timestamp": "r", "message": "m", "operation": "o",
            "execution_id": "e", "deployment_id": null, "workflow_id": "w", "node_instance_id": "n_1", "node_name": "n",
        });
        let shown = nested(event.clone(), None);
        assert_eq!(shown["message"], json!({"text": "m", "arguments": null}));
        assert_eq!((&shown["context"]["node_id"], &shown["@timestamp"]), (&json!("n_1"), &json!("t")));
        assert!(shown.get("execution_id").is_none() && shown.get("reported_timestamp").is_none());
        assert_eq!(nested(event, Some(&["type".to_owned()])), json!({"type": "cloudify_event"}));
    }
}
