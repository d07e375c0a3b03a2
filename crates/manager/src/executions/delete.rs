//! Deleting what executions that ended have left behind.
//!
//! Invariant: what made a deployment's environment stays as long as the deployment.

use nephele_model::execution::ExecutionStatus;
use nephele_model::page::ListQuery;
use nephele_model::{Error, Result, Timestamp};
use nephele_store::executions;

use crate::rows::failed;
use crate::{Ctx, Manager};

/// Which of the executions that match go.
#[derive(Clone, Copy, Debug)]
pub enum Deletion {
    /// All.
    All,
    /// All but this many of the youngest; at least one.
    KeepLast(u64),
    /// Those that were accepted before this instant.
    Before(Timestamp),
}

impl Manager {
    /// Deletes executions that have ended, with their tasks, events and logs. Gives how many.
    pub async fn delete_executions(&self, ctx: &Ctx, mut query: ListQuery, deletion: Deletion) -> Result<usize> {
        let allowed = ExecutionStatus::ALL.iter().filter(|status| status.is_final()).map(|status| status.as_str());
        let allowed: Vec<&str> = allowed.collect();
        match query.filters.iter().find(|(name, _)| name == "status") {
            Some((_, wanted)) if wanted.iter().all(|wanted| allowed.contains(&wanted.as_str())) => {}
            Some((_, wanted)) => {
                return Err(Error::bad_parameters(format!(
                    "Can't filter by execution status `{}`. Allowed statuses are: ['{}']",
                    wanted.join(", "),
                    allowed.join("', '")
                )));
            }
            None => {
                query.filters.push(("status".to_owned(), allowed.iter().map(|name| (*name).to_owned()).collect()));
            }
        }
        let scope = self.scope(ctx, query.all_tenants).await?;
        let tx = self.begin_write().await?;
        let mut found = executions::deletable(&tx, &scope, &query).await.map_err(failed)?;
        let matching = found.len();
        found.retain(|(_, _, needed)| !needed);
        match deletion {
            Deletion::All => {}
            Deletion::KeepLast(0) => {
                return Err(Error::bad_parameters("`keep_last` must be an integer greater than 0. got 0 instead."));
            }
            Deletion::KeepLast(kept) => {
                let kept = usize::try_from(kept).unwrap_or(usize::MAX);
                found.truncate(matching.saturating_sub(kept));
            }
            Deletion::Before(instant) => found.retain(|(_, created_at, _)| *created_at < instant),
        }
        let keys: Vec<i64> = found.iter().map(|(key, _, _)| *key).collect();
        executions::delete_all(&tx, &keys).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(keys.len())
    }
}
