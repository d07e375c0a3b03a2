//! What needs a person now, worst first within what is told of each: deployments, agents, managers, the caller's tokens.
//!
//! Invariant: whoever may list deployments may ask; what else is told needs the right that its own list needs. Each item
//! says in one sentence why it is there, and where to look.

use nephele_model::attention::AttentionReason as Reason;
use nephele_model::deployment::{DeploymentStatus, InstallationStatus};
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{DeploymentId, ExecutionId};
use nephele_model::{Permission, Result, Timestamp};
use nephele_store::attention::{self, Troubled};
use nephele_store::{Db, managers};
use serde::Serialize;

use crate::managers::PULSE;
use crate::rows::failed;
use crate::{Ctx, Manager};

/// As many of each kind are told.
const SHOWN: i64 = 100;
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// How long before its end a token needs somebody.
const SOON: i64 = 7 * DAY;

/// What needs a person.
#[derive(Debug, Serialize)]
pub struct Attention {
    items: Vec<Item>,
    /// How many there are; of some only the latest are told.
    total: u64,
}

/// One thing that needs a person.
#[derive(Debug, Serialize)]
struct Item {
    reason: Reason,
    /// What it is about: a deployment, an agent, a manager or a token, by its name for people.
    name: String,
    message: String,
    since: Timestamp,
    deployment_id: Option<DeploymentId>,
    execution_id: Option<ExecutionId>,
}

impl Manager {
    /// What needs a person in the tenant of the request, and of what is the caller's own.
    pub async fn attention(&self, ctx: &Ctx) -> Result<Attention> {
        let scope = self.scope(ctx, false).await?;
        let (troubled, mut total) = attention::deployments(&*self.store, &scope, SHOWN).await.map_err(failed)?;
        let mut others = self.silent_managers(ctx).await?;
        if ctx.may(Permission::AgentList) {
            let silent = attention::agents(&*self.store, &scope, SHOWN).await.map_err(failed)?;
            others.extend(silent.into_iter().map(|agent| Item {
                message: format!("The agent is {}", agent.state.as_str()),
                reason: Reason::AgentFailed,
                name: agent.name,
                since: agent.since,
                deployment_id: agent.deployment,
                execution_id: None,
            }));
        }
        others.extend(self.ending_tokens(ctx).await?);
        total += others.len() as u64;
        let mut items: Vec<Item> = troubled.into_iter().map(of_deployment).collect();
        items.extend(others);
        Ok(Attention { items, total })
    }

    async fn silent_managers(&self, ctx: &Ctx) -> Result<Vec<Item>> {
        if !ctx.may(Permission::ClusterStatusGet) {
            return Ok(Vec::new());
        }
        let recent = self.store.now().plus_micros(-3 * PULSE * SECOND);
        let all = managers::all(&*self.store).await.map_err(failed)?;
        let is_silent = |manager: &managers::Manager| {
            manager.last_seen < recent && manager.node.as_deref() != Some(self.node.as_str())
        };
        let silent = all.into_iter().filter(is_silent).map(|manager| Item {
            reason: Reason::ManagerSilent,
            name: manager.hostname,
            message: "The manager does not say that it is well".to_owned(),
            since: manager.last_seen,
            deployment_id: None,
            execution_id: None,
        });
        Ok(silent.collect())
    }

    /// Tokens of the caller that end soon; those that were made for a short time are meant to.
    async fn ending_tokens(&self, ctx: &Ctx) -> Result<Vec<Item>> {
        let before = self.store.now().plus_micros(SOON);
        let ending = attention::tokens(&*self.store, ctx.user_id, before, SOON).await.map_err(failed)?;
        let item = |token: attention::Ending| Item {
            reason: Reason::TokenExpires,
            message: format!("Your token ends on {}", &token.ends.zoneless()[..10]),
            name: token.description.filter(|text| !text.is_empty()).unwrap_or(token.id),
            since: token.ends,
            deployment_id: None,
            execution_id: None,
        };
        Ok(ending.into_iter().map(item).collect())
    }
}

fn of_deployment(row: Troubled) -> Item {
    let (reason, message) = why(&row);
    Item {
        reason,
        message,
        name: row.display_name,
        since: row.since,
        deployment_id: Some(row.id),
        execution_id: row.execution,
    }
}

/// The weightiest reason of a deployment.
fn why(row: &Troubled) -> (Reason, String) {
    let workflow = row.workflow.as_deref().unwrap_or("The run");
    let is_active = row.installation_status == Some(InstallationStatus::Active);
    let instances = |count: i64| if count == 1 { "node instance" } else { "node instances" };
    match row.status {
        Some(ExecutionStatus::Failed) => {
            let error = row.error.as_deref().and_then(|error| error.lines().rev().find(|line| !line.trim().is_empty()));
            let said = error.map_or_else(String::new, |error| format!(": {}", error.trim()));
            (Reason::RunFailed, format!("{workflow} failed{said}"))
        }
        Some(ExecutionStatus::Cancelled) => (Reason::RunCancelled, format!("{workflow} was cancelled")),
        _ if is_active && row.unavailable > 0 => {
            let count = row.unavailable;
            (Reason::InstancesUnavailable, format!("{count} {} not well at the last check", instances(count)))
        }
        _ if row.drifted > 0 => {
            let count = row.drifted;
            (Reason::InstancesDrifted, format!("{count} {} not as described", instances(count)))
        }
        _ if !is_active && row.started > 0 => {
            (Reason::HalfInstalled, format!("{} of {} node instances started", row.started, row.instances))
        }
        _ => {
            let below = if row.sub_services_status == Some(DeploymentStatus::RequiresAttention) {
                "A service"
            } else {
                "An environment"
            };
            (Reason::ChildDeployment, format!("{below} below it needs attention"))
        }
    }
}
