//! What an operation says, and what runs of other deployments say that it waits for: their lines are said once more
//! where people follow the whole.
//!
//! Invariant: how many lines of a run were repeated is written in one transaction with them, so that none comes twice.

use nephele_model::Result;
use nephele_model::event::{NewLog, Origin};
use nephele_model::page::ListQuery;
use nephele_store::executions::Execution;
use nephele_store::{Db, events, journal};
use serde_json::{Value, json};

use super::operation::Operation;
use crate::rows::failed;

/// How many lines of each run were repeated.
const REPEATED: &str = "received_events";
/// How many are repeated in one transaction.
const AT_ONCE: u64 = 1000;

impl Operation<'_> {
    /// Writes a line into the execution's log.
    pub(super) async fn log(&self, message: String) -> Result<()> {
        self.write_lines(&*self.manager.store, vec![("info".to_owned(), message)]).await
    }

    /// The same for something that people should know of.
    pub(super) async fn warn(&self, message: String) -> Result<()> {
        self.write_lines(&*self.manager.store, vec![("warning".to_owned(), message)]).await
    }

    async fn write_lines(&self, db: &dyn Db, lines: Vec<(String, String)>) -> Result<()> {
        let log = |(level, message)| NewLog {
            logger: format!("ctx.{}", self.request.id),
            level,
            message,
            origin: Origin {
                operation: Some(self.request.context.operation.name.clone()),
                node_instance: Some(self.instance().to_owned()),
                ..Origin::default()
            },
            timestamp: self.manager.clock.now(),
            reported: None,
        };
        let lines: Vec<NewLog> = lines.into_iter().map(log).collect();
        let run = journal::Run::from(self.execution).told_by(&self.manager.settings.hostname);
        events::insert(db, &run, &[], &lines).await.map_err(failed)
    }

    /// Repeats what the run of another deployment has said since the last time, if that is wanted.
    pub(super) async fn repeat_lines(&mut self, other: &Execution) -> Result<()> {
        let scope = self.manager.scope(&self.ctx, false).await?;
        while self.repeats {
            let known = self.runtime.get(REPEATED).cloned().filter(Value::is_object).unwrap_or_else(|| json!({}));
            let before = known[other.id.as_str()].as_u64().unwrap_or_default();
            let filters = vec![("execution_id".to_owned(), vec![other.id.to_string()])];
            let query = ListQuery { filters, offset: before, size: Some(AT_ONCE), ..ListQuery::default() };
            let page = events::list(&*self.manager.store, &scope, &query, &[]).await.map_err(failed)?;
            if page.items.is_empty() {
                return Ok(());
            }
            let records = page.items.iter().map(|record| record.value().map_err(failed)).collect::<Result<Vec<_>>>()?;
            let after = before + records.len() as u64;
            let mut known = known;
            known[other.id.as_str()] = json!(after);
            self.runtime.insert(REPEATED.to_owned(), known);
            let tx = self.manager.begin_write().await?;
            self.write_lines(&tx, records.iter().map(repeated).collect()).await?;
            self.save_in(&tx).await?;
            tx.commit().await.map_err(failed)?;
            if after >= page.total {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// A line of another run: its level and text, with when it was said and by what.
fn repeated(line: &Value) -> (String, String) {
    let text = |key: &str| line[key].as_str().unwrap_or_default();
    let level = Some(text("level")).filter(|level| !level.is_empty()).unwrap_or("info");
    let about = match (text("node_instance_id"), text("operation").rsplit('.').next().unwrap_or_default()) {
        ("", _) => String::new(),
        (instance, "") => format!("[{instance}] "),
        (instance, operation) => format!("[{instance}.{operation}] "),
    };
    (level.to_owned(), format!("{} {about}{}", text("reported_timestamp"), text("message")))
}
