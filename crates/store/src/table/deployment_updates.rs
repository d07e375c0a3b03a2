//! Updates of deployments, and the steps that each consists of.

use nephele_model::update::{StepAction, UpdateState};
use nephele_model::{Timestamp, Visibility};

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{
    CREATED_BY, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, boolean, json, text, time,
};
use crate::json::Json;
use crate::scope::Scope;
use crate::write::{self, changes, insertable};

const STEPS: &str = "concat('[', (SELECT string_agg(concat('{\"id\":', json_quote(s.id), \
    ',\"visibility\":', json_quote(s.visibility), ',\"action\":', json_quote(s.action), \
    ',\"entity_id\":', s.entity_id, ',\"entity_type\":', json_quote(s.entity_type), \
    ',\"topology_order\":', CAST(s.topology_order AS TEXT), ',\"deployment_update_id\":', json_quote(r.id), \
    ',\"tenant_name\":', json_quote(t.name), ',\"created_by\":', json_quote(u.username), \
    ',\"resource_availability\":', json_quote(s.visibility), ',\"private_resource\":', \
    CASE WHEN s.visibility = 'private' THEN 'true' ELSE 'false' END, '}'), ',' ORDER BY s.storage_id) \
    FROM deployment_update_steps s JOIN tenants t ON t.id = s.tenant_id JOIN users u ON u.id = s.creator_id \
    WHERE s.deployment_update_fk = r.storage_id), ']')";

/// The records of `GET /deployment-updates`. The last four tell what a preview found, which is not kept.
pub static RESOURCE: Resource = Resource::new(
    "DeploymentUpdate",
    "deployment_updates",
    &[
        time("created_at"),
        text("id"),
        text("visibility"),
        json("deployment_plan").twin(),
        json("deployment_update_node_instances").twin(),
        json("deployment_update_deployment_p").sql("NULL").shown(),
        json("central_plugins_to_uninstall").twin(),
        json("central_plugins_to_install").twin(),
        json("deployment_update_nodes").twin(),
        json("modified_entity_ids").twin(),
        json("old_inputs").twin(),
        json("new_inputs").twin(),
        text("state"),
        boolean("runtime_only_evaluation"),
        boolean("keep_old_deployment_dependencies"),
        text("deployment_id").of(&[("deployment_fk", "deployments")], "id"),
        text("execution_id").of(&[("execution_fk", "executions")], "id"),
        text("old_blueprint_id").of(&[("old_blueprint_fk", "blueprints")], "id"),
        text("new_blueprint_id").of(&[("new_blueprint_fk", "blueprints")], "id"),
        TENANT_NAME,
        CREATED_BY,
        RESOURCE_AVAILABILITY,
        PRIVATE_RESOURCE,
        json("steps").sql(STEPS).shown(),
        json("recursive_dependencies").sql("NULL").shown(),
        json("schedules_to_create").sql("NULL").shown(),
        json("schedules_to_delete").sql("NULL").shown(),
        json("labels_to_create").sql("NULL").shown(),
    ],
);

row! {
    /// An update.
    pub struct Update {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: String,
        /// Who sees it.
        visibility: Visibility,
        /// The key of its tenant.
        tenant_id: i64,
        /// Where it stands.
        state: Option<UpdateState>,
        /// The row of the deployment.
        deployment_fk: i64,
    }
}

insertable! {
    /// An update to insert.
    pub struct NewUpdate into "deployment_updates" {
        /// Its id.
        id: String,
        /// Who sees it.
        visibility: Visibility,
        /// The key of its tenant.
        tenant_id: i64,
        /// Who asked for it.
        creator_id: i64,
        /// When.
        created_at: Timestamp,
        /// Where it stands.
        state: UpdateState,
        /// The row of the deployment.
        deployment_fk: i64,
        /// The row of the execution that carries it out.
        execution_fk: Option<i64>,
    }
}

changes! {
    /// New values for an update.
    pub struct UpdateChanges {
        /// Who sees it.
        visibility: Visibility,
        /// Who asked for it.
        creator_id: i64,
        /// When.
        created_at: Timestamp,
        /// Where it stands.
        state: UpdateState,
        /// The plan that the deployment is to follow.
        deployment_plan: Json,
        /// The instances that come and go.
        deployment_update_node_instances: Json,
        /// The nodes that come, go and change.
        deployment_update_nodes: Json,
        /// Plugins that are to be installed.
        central_plugins_to_install: Json,
        /// Plugins that are to be uninstalled.
        central_plugins_to_uninstall: Json,
        /// What changes.
        modified_entity_ids: Json,
        /// The deployment's inputs before.
        old_inputs: Json,
        /// The deployment's inputs afterwards.
        new_inputs: Json,
        /// Whether functions are evaluated at run time only.
        runtime_only_evaluation: bool,
        /// Whether dependencies of before stay.
        keep_old_deployment_dependencies: bool,
        /// The row of the execution that carries it out.
        execution_fk: Option<i64>,
        /// The row of the blueprint before.
        old_blueprint_fk: Option<i64>,
        /// The row of the blueprint afterwards.
        new_blueprint_fk: Option<i64>,
    }
}

insertable! {
    /// A step to insert.
    pub struct NewStep into "deployment_update_steps" {
        /// Its id.
        id: String,
        /// Who sees it.
        visibility: Visibility,
        /// The key of its tenant.
        tenant_id: i64,
        /// Who made it.
        creator_id: i64,
        /// What happens.
        action: StepAction,
        /// To what kind of thing.
        entity_type: String,
        /// To which: a path.
        entity_id: Json,
        /// Its place among steps of a kind.
        topology_order: i64,
        /// The row of the update.
        deployment_update_fk: i64,
    }
}

row! {
    /// What the workflow that carries out an update works on.
    pub struct Undertaking {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: String,
        /// Who sees it.
        visibility: Visibility,
        /// The key of its tenant.
        tenant_id: i64,
        /// Who asked for it.
        creator_id: i64,
        /// Where it stands.
        state: Option<UpdateState>,
        /// The row of the deployment.
        deployment_fk: i64,
        /// The row of the blueprint before.
        old_blueprint_fk: Option<i64>,
        /// The row of the blueprint afterwards.
        new_blueprint_fk: Option<i64>,
        /// The deployment's inputs afterwards.
        new_inputs: Option<Json>,
        /// Whether functions are evaluated at run time only.
        runtime_only_evaluation: bool,
        /// The plan that the deployment is to follow, once it is made.
        deployment_plan: Option<Json>,
        /// The nodes that come, go and change.
        deployment_update_nodes: Option<Json>,
        /// The instances that come and go.
        deployment_update_node_instances: Option<Json>,
    }
}

row! {
    /// A step.
    pub struct Step {
        /// What happens.
        action: StepAction,
        /// To what kind of thing.
        entity_type: String,
        /// To which: a path.
        entity_id: Json,
    }
}

/// The update that an execution carries out.
pub async fn of_execution(db: &dyn Db, execution_fk: i64) -> Result<Option<Undertaking>> {
    let text = format!("SELECT {} FROM deployment_updates r WHERE r.execution_fk = $1", Undertaking::COLUMNS);
    db.first(text, values![execution_fk]).await
}

/// The steps of an update, in their order.
pub async fn steps(db: &dyn Db, storage_id: i64) -> Result<Vec<Step>> {
    let text = format!(
        "SELECT {} FROM deployment_update_steps r WHERE r.deployment_update_fk = $1 ORDER BY r.storage_id",
        Step::COLUMNS
    );
    db.all(text, values![storage_id]).await
}

/// The update with this id that the caller may see.
pub async fn find(db: &dyn Db, scope: &Scope, id: &str) -> Result<Option<Update>> {
    let mut values = values![id];
    let visible = scope.visible(false, &mut values);
    let text = format!("SELECT {} FROM deployment_updates r WHERE r.id = $1 AND {visible}", Update::COLUMNS);
    db.first(text, values).await
}

/// Stores an update and gives its `storage_id`. Error: [`crate::Error::Unique`].
pub async fn insert(db: &dyn Db, update: NewUpdate) -> Result<i64> {
    write::insert(db, update).await
}

/// Changes an update.
pub async fn update(db: &dyn Db, storage_id: i64, changes: UpdateChanges) -> Result<()> {
    write::update(db, "deployment_updates", "storage_id", storage_id.into(), changes.assignments()).await?;
    Ok(())
}

/// Takes back the steps of an update.
pub async fn delete_steps(db: &dyn Db, storage_id: i64) -> Result<()> {
    let text = "DELETE FROM deployment_update_steps WHERE deployment_update_fk = $1";
    db.run(text, values![storage_id]).await?;
    Ok(())
}

/// Stores steps.
pub async fn insert_steps(db: &dyn Db, steps: Vec<NewStep>) -> Result<()> {
    write::insert_all(db, steps).await
}

/// An update whose execution has ended and that does not say so itself has failed.
pub async fn fail_unfinished(db: &dyn Db, execution_fk: i64) -> Result<()> {
    let text = "UPDATE deployment_updates SET state = 'failed' \
                WHERE execution_fk = $1 AND state IN ('updating', 'executing_workflow', 'finalizing')";
    db.run(text, values![execution_fk]).await?;
    Ok(())
}

/// The update of an execution that goes on is under way again.
pub async fn go_on(db: &dyn Db, execution_fk: i64) -> Result<()> {
    let text = "UPDATE deployment_updates SET state = 'updating' WHERE execution_fk = $1 AND state = 'failed'";
    db.run(text, values![execution_fk]).await?;
    Ok(())
}
