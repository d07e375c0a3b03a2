//! What needs a person: deployments, agents and tokens that do not stand as they should.
//!
//! Invariant: what is under way is none of it, and neither is what was never installed. What each row is called, and what
//! is to be done about it, is the manager's business.

use nephele_model::Timestamp;
use nephele_model::agent::AgentState;
use nephele_model::deployment::{DeploymentStatus, InstallationStatus};
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{DeploymentId, ExecutionId};

use crate::backend::Sql;
use crate::column::{Bind as _, row, values};
use crate::db::Db;
use crate::error::Result;
use crate::scope::Scope;

row! {
    /// A deployment that does not stand as it should.
    pub struct Troubled {
        /// Its id.
        id: DeploymentId,
        /// Its name for people.
        display_name: String,
        /// Whether everything in it is started.
        installation_status: Option<InstallationStatus>,
        /// How the worst of the services below it is doing.
        sub_services_status: Option<DeploymentStatus>,
        /// How the worst of the environments below it is doing.
        sub_environments_status: Option<DeploymentStatus>,
        /// Its latest execution.
        execution: Option<ExecutionId> = "e.id",
        /// The workflow of that.
        workflow: Option<String> = "e.workflow_id",
        /// Where that stands.
        status: Option<ExecutionStatus> = "e.status",
        /// Why that failed.
        error: Option<String> = "e.error",
        /// Since when it stands so.
        since: Timestamp = "coalesce(e.ended_at, e.started_at, r.updated_at, r.created_at)",
        /// How many node instances there are.
        instances: i64 = "(SELECT count(*) FROM node_instances i WHERE i.deployment_fk = r.storage_id)",
        /// How many of them are started.
        started: i64 =
            "(SELECT count(*) FROM node_instances i WHERE i.deployment_fk = r.storage_id AND i.state = 'started')",
        /// How many of them were not well when last looked at.
        unavailable: i64 =
            "(SELECT count(*) FROM node_instances i WHERE i.deployment_fk = r.storage_id AND NOT i.is_status_check_ok)",
        /// How many of them differ from what they should be.
        drifted: i64 =
            "(SELECT count(*) FROM node_instances i WHERE i.deployment_fk = r.storage_id AND i.has_configuration_drift)",
    }
}

const DEPLOYMENTS: &str = "FROM deployments r LEFT JOIN executions e ON e.storage_id = r.latest_execution_fk \
    WHERE coalesce(e.status, 'terminated') IN ('terminated', 'failed', 'cancelled') AND (e.status IN ('failed', 'cancelled') \
    OR r.sub_services_status = 'requires_attention' OR r.sub_environments_status = 'requires_attention' \
    OR r.installation_status = 'active' AND EXISTS (SELECT 1 FROM node_instances i \
    WHERE i.deployment_fk = r.storage_id AND NOT i.is_status_check_ok) \
    OR EXISTS (SELECT 1 FROM node_instances i WHERE i.deployment_fk = r.storage_id AND i.has_configuration_drift) \
    OR coalesce(r.installation_status, 'inactive') = 'inactive' AND EXISTS (SELECT 1 FROM node_instances i \
    WHERE i.deployment_fk = r.storage_id AND i.state = 'started'))";

/// Deployments that the caller may see and that need somebody, the latest first, and how many they are.
pub async fn deployments(db: &dyn Db, scope: &Scope, most: i64) -> Result<(Vec<Troubled>, u64)> {
    let mut values = Vec::new();
    let visible = scope.visible(false, &mut values);
    let total = db.count(Sql::new(format!("SELECT count(*) {DEPLOYMENTS} AND {visible}"), values.clone())).await?;
    values.push(most.bind());
    let text = format!(
        "SELECT {} {DEPLOYMENTS} AND {visible} \
         ORDER BY coalesce(e.ended_at, e.started_at, r.updated_at, r.created_at) DESC, r.storage_id DESC LIMIT ${}",
        Troubled::COLUMNS,
        values.len()
    );
    Ok((db.all(text, values).await?, total))
}

row! {
    /// An agent that is broken or silent.
    pub struct Silent {
        /// Its name.
        name: String,
        /// Where it stands.
        state: AgentState,
        /// The deployment of its host.
        deployment: Option<DeploymentId> = "(SELECT d.id FROM node_instances i JOIN deployments d \
            ON d.storage_id = i.deployment_fk WHERE i.storage_id = r.node_instance_fk)",
        /// Since when it stands so.
        since: Timestamp = "coalesce(r.updated_at, r.created_at)",
    }
}

/// Agents that the caller may see and that are broken or silent, the latest first.
pub async fn agents(db: &dyn Db, scope: &Scope, most: i64) -> Result<Vec<Silent>> {
    let mut values = values![most, AgentState::Failed, AgentState::Nonresponsive];
    let visible = scope.visible(false, &mut values);
    let text = format!(
        "SELECT {} FROM agents r WHERE r.state IN ($2, $3) AND {visible} \
         ORDER BY coalesce(r.updated_at, r.created_at) DESC, r.storage_id DESC LIMIT $1",
        Silent::COLUMNS
    );
    db.all(text, values).await
}

row! {
    /// A token that ends soon.
    pub struct Ending {
        /// The part of it that is not secret.
        id: String,
        /// What it is for.
        description: Option<String>,
        /// When it ends.
        ends: Timestamp = "r.expiration_date",
    }
}

/// Tokens of a user that end before an instant and were made to last longer than a time in microseconds, the first first.
pub async fn tokens(db: &dyn Db, user_id: i64, before: Timestamp, lasting: i64) -> Result<Vec<Ending>> {
    let text = format!(
        "SELECT {} FROM tokens r WHERE r.user_id = $1 AND r.process IS NULL AND r.expiration_date < $2 \
         AND r.expiration_date > $3 AND r.expiration_date - r.created_at > $4 ORDER BY r.expiration_date, r.id",
        Ending::COLUMNS
    );
    db.all(text, values![user_id, before, db.now(), lasting]).await
}
