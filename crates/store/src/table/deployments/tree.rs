//! The tree of deployments: labels `csys-obj-parent` name a deployment's parents in its tenant, labels
//! `csys-consumer-id` those who depend on it.

use nephele_model::deployment::{DeploymentStatus, InstallationStatus};
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::DeploymentId;

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;

row! {
    /// What a deployment's place in the tree and its status depend on.
    pub struct Standing {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: DeploymentId,
        /// Whose it is.
        tenant_id: i64,
        /// Whether everything in it is started.
        installation_status: Option<InstallationStatus>,
        /// The status of its latest execution.
        latest_status: Option<ExecutionStatus> =
            "(SELECT e.status FROM executions e WHERE e.storage_id = r.latest_execution_fk)",
        /// How it is doing.
        deployment_status: Option<DeploymentStatus>,
        /// How the worst of the services below it is doing.
        sub_services_status: Option<DeploymentStatus>,
        /// How the worst of the environments below it is doing.
        sub_environments_status: Option<DeploymentStatus>,
        /// How many services are below it.
        sub_services_count: i64,
        /// How many environments are below it.
        sub_environments_count: i64,
    }
}

row! {
    /// What the direct children of one kind add up to. Statuses sort from good to bad by their names.
    pub struct Children {
        /// Whether these are environments; else they are services.
        are_environments: bool = "(k.is_environment = 1)",
        /// How many they are.
        count: i64 = "count(*)",
        /// How many services are below them.
        services: i64 = "CAST(sum(k.sub_services_count) AS BIGINT)",
        /// How many environments are below them.
        environments: i64 = "CAST(sum(k.sub_environments_count) AS BIGINT)",
        /// Their worst status.
        status: Option<DeploymentStatus> = "max(k.deployment_status)",
        /// The worst status of the services below them.
        services_status: Option<DeploymentStatus> = "max(k.sub_services_status)",
        /// The worst status of the environments below them.
        environments_status: Option<DeploymentStatus> = "max(k.sub_environments_status)",
    }
}

/// The deployment of this row, if it is there.
pub async fn standing(db: &dyn Db, storage_id: i64) -> Result<Option<Standing>> {
    let text = format!("SELECT {} FROM deployments r WHERE r.storage_id = $1", Standing::COLUMNS);
    db.first(text, values![storage_id]).await
}

/// What the direct children of a deployment add up to, by kind; kinds without children are left out.
pub async fn children(db: &dyn Db, tenant_id: i64, id: &DeploymentId) -> Result<Vec<Children>> {
    let text = format!(
        "SELECT {} FROM (SELECT r.*, CASE WHEN EXISTS (SELECT 1 FROM deployments_labels o \
         WHERE o.labeled_fk = r.storage_id AND o.key = 'csys-obj-type' AND o.value = 'environment') \
         THEN 1 ELSE 0 END AS is_environment FROM deployments_labels l JOIN deployments r ON r.storage_id = l.labeled_fk \
         WHERE l.key = 'csys-obj-parent' AND l.value = $2 AND r.tenant_id = $1) k GROUP BY k.is_environment",
        Children::COLUMNS
    );
    db.all(text, values![tenant_id, id]).await
}

/// The rows of a deployment's parents.
pub async fn parents(db: &dyn Db, storage_id: i64) -> Result<Vec<i64>> {
    let text = "SELECT p.storage_id FROM deployments_labels l JOIN deployments r ON r.storage_id = l.labeled_fk \
                JOIN deployments p ON p.id = l.value AND p.tenant_id = r.tenant_id \
                WHERE l.labeled_fk = $1 AND l.key = 'csys-obj-parent' ORDER BY p.storage_id";
    db.column(text, values![storage_id]).await
}

/// Removes the notes that a deployment depends on others of its tenant.
pub async fn forget_consumer(db: &dyn Db, tenant_id: i64, id: &DeploymentId) -> Result<()> {
    let text = "DELETE FROM deployments_labels WHERE key = 'csys-consumer-id' AND value = $2 \
                AND labeled_fk IN (SELECT storage_id FROM deployments WHERE tenant_id = $1)";
    db.run(text, values![tenant_id, id]).await?;
    Ok(())
}

/// Removes the note on one deployment that another depends on it.
pub async fn remove_consumer(db: &dyn Db, target_fk: i64, id: &DeploymentId) -> Result<()> {
    let text = "DELETE FROM deployments_labels WHERE labeled_fk = $1 AND key = 'csys-consumer-id' AND value = $2";
    db.run(text, values![target_fk, id]).await?;
    Ok(())
}
