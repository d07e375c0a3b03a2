//! Events and logs: what happened in executions, told by their workers and shown to people.

mod feed;
mod poll;
mod stream;

use nephele_model::event::{NewEvent, NewLog, Origin};
use nephele_model::page::{ListQuery, Page, Sort};
use nephele_model::{Error, Permission, Result, Timestamp};
use nephele_store::events::{self, Range};
use nephele_store::executions::Execution;
use nephele_store::journal::Run;
use nephele_store::{Record, deployments, executions};
use serde_json::Value;
use tokio::io::{AsyncWriteExt as _, BufWriter};

use crate::rows::failed;
use crate::{Ctx, Manager};

pub(crate) use feed::Feed;
pub use feed::Topic;
pub use stream::{Changes, News, Told as ToldChange, Wanted};

/// How many events are written to a file at a time.
const PAGE: u64 = 10_000;

/// Events and logs as a worker sends them.
#[derive(Debug, Default)]
pub struct Told {
    /// Events, in the shape of workflows.md section 3.3.
    pub events: Vec<Value>,
    /// Logs, in the same shape.
    pub logs: Vec<Value>,
    /// The execution; the caller's own when absent.
    pub execution_id: Option<String>,
    /// The group of executions that it is about, instead of one of them.
    pub execution_group_id: Option<String>,
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

    /// Deletes events of a deployment, and its logs if `logs`. Gives how many went. If `kept_in_file`, they
    /// are written to a file in the data folder first.
    pub async fn delete_events(
        &self,
        ctx: &Ctx,
        deployment: &str,
        logs: bool,
        ranges: &[String],
        kept_in_file: bool,
    ) -> Result<u64> {
        let ranges: Vec<Range> = ranges.iter().map(|text| range(text)).collect::<Result<_>>()?;
        let scope = self.scope(ctx, false).await?;
        let found = deployments::find(&*self.store, &scope, &deployment.into()).await.map_err(failed)?;
        let Some(found) = found.filter(|found| found.tenant_id == scope.tenant_id) else { return Ok(0) };
        if kept_in_file {
            self.keep_events(ctx, deployment, logs, &ranges).await?;
        }
        events::delete_of_deployment(&*self.store, found.storage_id, logs, &ranges).await.map_err(failed)
    }

    /// Writes events of a deployment to a file, one a line.
    async fn keep_events(&self, ctx: &Ctx, deployment: &str, logs: bool, ranges: &[Range]) -> Result<()> {
        let folder = self.settings.data_dir.join("logs");
        tokio::fs::create_dir_all(&folder).await.map_err(Error::internal)?;
        let now = self.clock.now().to_string().replace([':', '-', '.'], "");
        let file = folder.join(format!("events_{deployment}_{now}.log"));
        let mut file = BufWriter::new(tokio::fs::File::create(file).await.map_err(Error::internal)?);
        let mut filters = vec![("deployment_id".to_owned(), vec![deployment.to_owned()])];
        if !logs {
            filters.push(("type".to_owned(), vec![events::EVENT.to_owned()]));
        }
        let sort = vec![Sort { field: "_storage_id".to_owned(), descending: false }];
        let mut query = ListQuery { filters, sort, size: Some(PAGE), ..ListQuery::default() };
        let scope = self.scope(ctx, false).await?;
        loop {
            let page = events::list(&*self.store, &scope, &query, ranges).await.map_err(failed)?;
            for event in &page.items {
                file.write_all(event.as_str().as_bytes()).await.map_err(Error::internal)?;
                file.write_all(b"\n").await.map_err(Error::internal)?;
            }
            query.offset += page.items.len() as u64;
            if page.items.is_empty() {
                return file.flush().await.map_err(Error::internal);
            }
        }
    }

    /// Stores what a worker tells. Gives how many rows.
    pub async fn create_events(&self, ctx: &Ctx, told: Told) -> Result<usize> {
        let count = told.events.len() + told.logs.len();
        if told.execution_id.is_some() && told.execution_group_id.is_some() {
            return Err(Error::conflict("Cannot provide both execution_id and execution_group_id."));
        }
        if count == 0 {
            return Ok(0);
        }
        let teller = Teller { manager: told.manager_name, agent: told.agent_name, now: self.clock.now() };
        let events: Vec<NewEvent> = told.events.iter().map(|event| teller.event(event)).collect();
        let logs: Vec<NewLog> = told.logs.iter().map(|log| teller.log(log)).collect();
        let reported = |item: &Value| item.get("reported_timestamp").is_some();
        if told.events.iter().chain(&told.logs).any(reported) {
            ctx.demand(Permission::SetTimestamp)?;
        }
        let db = &*self.store;
        if let Some(group) = &told.execution_group_id {
            let group = self.own_execution_group(ctx, group).await?;
            events::insert_of_group(db, group.storage_id, group.tenant_id, &events, &logs).await.map_err(failed)?;
        } else {
            let execution = self.told_execution(ctx, told.execution_id.as_deref()).await?;
            events::insert(db, &Run::from(&execution), &events, &logs).await.map_err(failed)?;
        }
        Ok(count)
    }

    /// The execution that something is told of: the one that is named, or the caller's own.
    async fn told_execution(&self, ctx: &Ctx, named: Option<&str>) -> Result<Execution> {
        let own = ctx.execution.as_ref().map(|execution| &execution.id);
        match (named, own) {
            // The worker's own execution needs no look at rights.
            (named, Some(own)) if named.is_none_or(|named| named == own.as_str()) => {
                let found = executions::by_id(&*self.store, own).await.map_err(failed)?;
                found.ok_or_else(|| Error::not_found("Execution", own))
            }
            (Some(named), _) => self.own_execution(ctx, named).await,
            (None, _) => Err(Error::conflict("No execution passed, and not authenticated by an execution token")),
        }
    }
}

/// Reads `field,from,to`; either bound may be empty, not both.
fn range(text: &str) -> Result<Range> {
    let refuse = |problem: &str| {
        Error::bad_parameters(format!("1 validation error for RangesList\n_range -> 0\n  {problem} (type=value_error)"))
    };
    let parts: Vec<&str> = text.split(',').collect();
    let [field, from, to] = parts.as_slice() else { return Err(refuse("range must contain exactly 3 fields")) };
    let bound = |text: &str| match text.trim() {
        "" => Ok(None),
        text => Timestamp::parse(text).map(Some).ok_or_else(|| refuse(&format!("{text} is not an ISO date"))),
    };
    let (from, to) = (bound(from)?, bound(to)?);
    if from.is_none() && to.is_none() {
        return Err(refuse("At least one of from/to must be passed"));
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
