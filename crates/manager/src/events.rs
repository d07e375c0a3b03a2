//! Events and logs: what happened in executions, told by their workers and shown to people.

use nephele_model::event::{NewEvent, NewLog, Origin};
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Error, Permission, Result, Timestamp};
use nephele_store::events::{self, Range};
use nephele_store::journal::Run;
use nephele_store::{Record, executions};
use serde_json::Value;

use crate::rows::failed;
use crate::{Ctx, Manager};

/// Events and logs as a worker sends them.
#[derive(Debug, Default)]
pub struct Told {
    /// Events, in the shape of workflows.md section 3.3.
    pub events: Vec<Value>,
    /// Logs, in the same shape.
    pub logs: Vec<Value>,
    /// The execution; the caller's own when absent.
    pub execution_id: Option<String>,
    /// The manager that tells.
    pub manager_name: Option<String>,
    /// The agent that tells.
    pub agent_name: Option<String>,
}

impl Manager {
    /// One page of events and logs. `ranges` are `field,from,to`.
    pub async fn list_events(&self, ctx: &Ctx, query: &ListQuery, ranges: &[String]) -> Result<Page<Record>> {
        let ranges: Vec<Range> = ranges.iter().map(|text| range(text)).collect::<Result<_>>()?;
        let scope = self.scope(ctx, query.all_tenants).await?;
        events::list(&*self.store, &scope, query, &ranges).await.map_err(failed)
    }

    /// Stores what a worker tells. Gives how many rows.
    pub async fn create_events(&self, ctx: &Ctx, told: Told) -> Result<usize> {
        let count = told.events.len() + told.logs.len();
        if count == 0 {
            return Ok(0);
        }
        let own = ctx.execution.as_ref().map(|execution| &execution.id);
        let execution = match (&told.execution_id, own) {
            // The worker's own execution needs no look at rights.
            (Some(id), Some(own)) if own.as_str() == id => {
                executions::by_id(&*self.store, own).await.map_err(failed)?
            }
            (Some(id), _) => Some(self.find_execution(ctx, id).await?),
            (None, Some(own)) => executions::by_id(&*self.store, own).await.map_err(failed)?,
            (None, None) => return Err(Error::conflict("Pass an execution_id, or the token of an execution")),
        };
        let execution =
            execution.ok_or_else(|| Error::not_found("Execution", told.execution_id.as_deref().unwrap_or_default()))?;
        let teller = Teller { manager: told.manager_name, agent: told.agent_name, now: self.clock.now() };
        let events: Vec<NewEvent> = told.events.iter().map(|event| teller.event(event)).collect();
        let logs: Vec<NewLog> = told.logs.iter().map(|log| teller.log(log)).collect();
        let reported = |item: &Value| item.get("reported_timestamp").is_some();
        if told.events.iter().chain(&told.logs).any(reported) {
            ctx.demand(Permission::SetTimestamp)?;
        }
        events::insert(&*self.store, &Run::from(&execution), &events, &logs).await.map_err(failed)?;
        Ok(count)
    }
}

/// Reads `field,from,to`; either bound may be empty, not both.
fn range(text: &str) -> Result<Range> {
    let unclear = || {
        Error::bad_parameters(format!(
            "`{text}` is not a range: give `field,from,to` with ISO dates, one of them may be empty"
        ))
    };
    let parts: Vec<&str> = text.split(',').collect();
    let [field, from, to] = parts.as_slice() else { return Err(unclear()) };
    let bound = |text: &str| match text.trim() {
        "" => Ok(None),
        text => Timestamp::parse(text).map(Some).ok_or_else(unclear),
    };
    let (from, to) = (bound(from)?, bound(to)?);
    if from.is_none() && to.is_none() {
        return Err(unclear());
    }
    Ok(Range { field: field.trim_start_matches('@').to_owned(), from, to })
}

/// Who tells, and when.
struct Teller {
    manager: Option<String>,
    agent: Option<String>,
    now: Timestamp,
}

impl Teller {
    fn event(&self, event: &Value) -> NewEvent {
        NewEvent {
            event_type: text(&event["event_type"]).unwrap_or_default(),
            message: message(event),
            origin: self.origin(event),
            error_causes: Some(&event["context"]["task_error_causes"]).filter(|causes| !causes.is_null()).cloned(),
            timestamp: time(event, "timestamp").unwrap_or(self.now),
            reported: time(event, "reported_timestamp"),
        }
    }

    fn log(&self, log: &Value) -> NewLog {
        NewLog {
            logger: text(&log["logger"]).unwrap_or_default(),
            level: text(&log["level"]).unwrap_or_else(|| "info".to_owned()),
            message: message(log),
            origin: self.origin(log),
            timestamp: time(log, "timestamp").unwrap_or(self.now),
            reported: time(log, "reported_timestamp"),
        }
    }

    /// Workers put the operation into the context, old clients beside it.
    fn origin(&self, item: &Value) -> Origin {
        let context = &item["context"];
        Origin {
            operation: text(&item["operation"]).or_else(|| text(&context["operation"])),
            node_instance: text(&context["node_id"]),
            source: text(&context["source_id"]),
            target: text(&context["target_id"]),
            manager_name: self.manager.clone(),
            agent_name: self.agent.clone(),
        }
    }
}

fn time(item: &Value, key: &str) -> Option<Timestamp> {
    item[key].as_str().and_then(Timestamp::parse)
}

fn message(item: &Value) -> String {
    text(&item["message"]["text"]).or_else(|| text(&item["message"])).unwrap_or_default()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ranges_have_a_field_and_a_bound() {
        let found = range("@timestamp,2024-01-01T00:00:00.0,").unwrap();
        assert_eq!((found.field.as_str(), found.from.is_some(), found.to), ("timestamp", true, None));
        for bad in ["timestamp,,", "timestamp", "timestamp,x,", "a,b,c,d"] {
            assert!(range(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn operations_are_found_in_the_context() {
        let teller = Teller { manager: None, agent: None, now: Timestamp::from_micros(0) };
        let event = teller.event(&json!({
            "event_type": "x", "message": {"text": "hi"}, "context": {"operation": "a.b", "node_id": "n_1"}
        }));
        assert_eq!((event.message.as_str(), event.origin.operation.as_deref()), ("hi", Some("a.b")));
    }
}
