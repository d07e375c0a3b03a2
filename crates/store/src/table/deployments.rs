//! Deployments: what became of a blueprint with inputs.

use nephele_model::deployment::{DeploymentStatus, InstallationStatus};
use nephele_model::id::{BlueprintId, DeploymentId, TenantName, Username};
use nephele_model::page::ListQuery;
use nephele_model::{Timestamp, Visibility};

use crate::column::{Bind as _, row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{
    CREATED_BY, Field, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, boolean, int, json, text, time,
};
use crate::filter::Conditions;
use crate::json::Json;
use crate::scope::Scope;
use crate::table::deployment_texts;
use crate::write::{self, changes, insertable};

pub mod tree;
pub mod usage;

/// SQL of the labels of `r` as JSON; the instants stand as [`crate::Record`] expects them.
macro_rules! labels_of {
    ($table:literal) => {
        concat!(
            "concat('[', (SELECT string_agg(concat('{\"key\":', json_quote(l.key), ',\"value\":', json_quote(l.value), \
             ',\"created_at\":\u{1}', l.created_at, '\u{1},\"created_by\":', json_quote(u.username), '}'), ',' \
             ORDER BY l.id) FROM ",
            $table,
            " l JOIN users u ON u.id = l.creator_id WHERE l.labeled_fk = r.storage_id), ']')"
        )
    };
}
pub(crate) use labels_of;

const LATEST_STATUS: &str = "(SELECT CASE WHEN e.status = 'terminated' THEN 'completed' \
    WHEN e.status IN ('failed', 'cancelled') THEN e.status ELSE 'in_progress' END \
    FROM executions e WHERE e.storage_id = r.latest_execution_fk)";
const ENVIRONMENT_TYPE: &str = "coalesce((SELECT l.value FROM deployments_labels l \
    WHERE l.labeled_fk = r.storage_id AND l.key = 'csys-env-type' ORDER BY l.id LIMIT 1), '')";
const DRIFTED: &str = "(SELECT count(*) FROM node_instances i \
    WHERE i.deployment_fk = r.storage_id AND i.has_configuration_drift)";
const UNAVAILABLE: &str = "(SELECT count(*) FROM node_instances i \
    WHERE i.deployment_fk = r.storage_id AND NOT i.is_status_check_ok)";

const GROUPS: &str = "concat('[', (SELECT string_agg(json_quote(g.id), ',' ORDER BY m.id) \
    FROM deployment_groups_deployments m JOIN deployment_groups g ON g.storage_id = m.deployment_group_fk \
    WHERE m.deployment_fk = r.storage_id), ']')";

const fn of_latest(field: Field, column: &'static str) -> Field {
    field.of(&[("latest_execution_fk", "executions")], column)
}

/// The fields of a deployment's record, with this SQL for its workflows.
macro_rules! fields {
    ($workflows:expr) => {
        &[
            time("created_at"),
            text("id"),
            text("visibility"),
            text("description"),
            json("inputs").twin(),
            json("groups").twin(),
            text("permalink"),
            json("policy_triggers").shared("policy_triggers_fk").twin(),
            json("policy_types").shared("policy_types_fk").twin(),
            json("outputs").twin(),
            json("capabilities").twin(),
            json("scaling_groups").twin(),
            time("updated_at"),
            json("workflows").sql($workflows).twin(),
            boolean("runtime_only_evaluation"),
            text("installation_status").sql("coalesce(r.installation_status, 'inactive')"),
            text("deployment_status"),
            text("sub_services_status"),
            text("sub_environments_status"),
            int("sub_services_count"),
            int("sub_environments_count"),
            text("display_name"),
            json("resource_tags"),
            int("drifted_instances").sql(DRIFTED),
            int("unavailable_instances").sql(UNAVAILABLE),
            of_latest(text("latest_execution"), "id"),
            of_latest(int("latest_execution_finished_operations"), "finished_operations"),
            of_latest(int("latest_execution_total_operations"), "total_operations"),
            of_latest(text("latest_execution_workflow_id"), "workflow_id"),
            text("create_execution").of(&[("create_execution_fk", "executions")], "id"),
            text("blueprint_id").of(&[("blueprint_fk", "blueprints")], "id"),
            text("site_name").of(&[("site_fk", "sites")], "name"),
            text("latest_execution_status").sql(LATEST_STATUS),
            text("environment_type").sql(ENVIRONMENT_TYPE),
            boolean("has_sub_deployments").sql("(r.sub_services_count + r.sub_environments_count > 0)"),
            TENANT_NAME,
            CREATED_BY,
            RESOURCE_AVAILABILITY,
            PRIVATE_RESOURCE,
            text("workdir_zip").sql("NULL").shown(),
            json("labels").sql(labels_of!("deployments_labels")).shown(),
            json("deployment_groups").sql(GROUPS).shown(),
        ]
    };
}

/// What lists show as workflows: one object of nulls, whatever there is.
const NO_WORKFLOWS: &str = "CASE WHEN r.workflows_fk IS NOT NULL THEN '[{\"name\":null,\"plugin\":null,\"operation\":null,\
    \"parameters\":null,\"is_cascading\":null,\"is_available\":null,\"availability_rules\":null}]' END";

/// The records of `GET /deployments`.
pub static RESOURCE: Resource = Resource {
    filters: &[
        boolean("_environments_only").sql(
            "(NOT EXISTS (SELECT 1 FROM inter_deployment_dependencies d WHERE d.target_deployment_fk = r.storage_id \
             AND d.dependency_creator LIKE 'component.%'))",
        ),
        text("_group_id").within(
            "SELECT m.deployment_fk FROM deployment_groups_deployments m \
             JOIN deployment_groups g ON g.storage_id = m.deployment_group_fk",
            "g.id",
        ),
    ],
    search_name: Some("r.display_name"),
    labels: Some("deployments_labels"),
    rules: &[
        "id",
        "blueprint_id",
        "created_by",
        "site_name",
        "schedules",
        "tenant_name",
        "display_name",
        "installation_status",
    ],
    ..Resource::new("Deployment", "deployments", fields!(NO_WORKFLOWS))
};

/// SQL of the states of a deployment's node instances and of the types of its nodes, each once.
macro_rules! present {
    ($deployment:literal) => {
        concat!(
            "concat('{\"states\":[', (SELECT string_agg(json_quote(s.state), ',') FROM (SELECT DISTINCT i.state \
             FROM node_instances i WHERE i.deployment_fk = ",
            $deployment,
            ") s), '],\"types\":[', (SELECT string_agg(t.types, ',') FROM (SELECT DISTINCT \
             coalesce(n.type_hierarchy, concat('[', json_quote(n.type), ']')) AS types \
             FROM nodes n WHERE n.deployment_fk = ",
            $deployment,
            ") t), ']}')"
        )
    };
}

/// The same records for who describes workflows: `{"declared": as the plan has them, "present": as in [`present`]}`.
pub static DETAILS: Resource = Resource {
    fields: fields!(concat!(
        "concat('{\"declared\":', coalesce((SELECT w.text FROM deployment_texts w \
         WHERE w.storage_id = r.workflows_fk), 'null'), ',\"present\":', ",
        present!("r.storage_id"),
        ", '}')"
    )),
    ..RESOURCE
};

/// What a deployment's nodes and instances are: `{"states": [each once], "types": [[type, what it derives from…]]}`.
pub async fn present(db: &dyn Db, deployment_fk: i64) -> Result<Json> {
    let found = db.column(concat!("SELECT ", present!("$1")), values![deployment_fk]).await?;
    Ok(found.into_iter().next().unwrap_or_else(|| Json::of(&())))
}

row! {
    /// A deployment.
    pub struct Deployment {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: DeploymentId,
        /// Its name for people.
        display_name: String,
        /// Who sees it.
        visibility: Visibility,
        /// Whose it is.
        tenant_id: i64,
        /// Whose it is.
        tenant_name: TenantName = "t.name",
        /// Who made it.
        creator_id: i64,
        /// Who made it.
        created_by: Username = "u.username",
        /// When.
        created_at: Timestamp,
        /// The row of its blueprint.
        blueprint_fk: i64,
        /// Its blueprint.
        blueprint_id: BlueprintId = "b.id",
        /// The row of its site.
        site_fk: Option<i64>,
        /// The execution that made its environment.
        create_execution_fk: Option<i64>,
        /// Its latest execution.
        latest_execution_fk: Option<i64>,
        /// Whether everything in it is started.
        installation_status: Option<InstallationStatus>,
        /// How it is doing.
        deployment_status: Option<DeploymentStatus>,
        /// Whether functions are evaluated anew at each reading.
        runtime_only_evaluation: bool,
        /// What its blueprint says of it.
        description: Option<String>,
        /// Its inputs with their values.
        inputs: Option<Json>,
        /// Its workflows, as the plan has them.
        workflows: Option<Json> = "w.text",
        /// Its outputs, not evaluated.
        outputs: Option<Json>,
        /// Its capabilities, not evaluated.
        capabilities: Option<Json>,
        /// Its scaling groups.
        scaling_groups: Option<Json>,
        /// Its groups.
        groups: Option<Json> = "r.\"groups\"",
        /// Its policy types.
        policy_types: Option<Json> = "y.text",
        /// Its policy triggers.
        policy_triggers: Option<Json> = "g.text",
        /// Its resource tags.
        resource_tags: Option<Json>,
    }
}

insertable! {
    /// A deployment to insert.
    pub struct NewDeployment into "deployments" {
        /// Its id.
        id: DeploymentId,
        /// Its name for people.
        display_name: String,
        /// Who sees it.
        visibility: Visibility,
        /// Whose it is.
        tenant_id: i64,
        /// Who made it.
        creator_id: i64,
        /// When.
        created_at: Timestamp,
        /// When it was changed.
        updated_at: Option<Timestamp>,
        /// The row of its blueprint.
        blueprint_fk: i64,
        /// The row of its site.
        site_fk: Option<i64>,
        /// How it is doing.
        deployment_status: Option<DeploymentStatus>,
        /// Whether functions are evaluated anew at each reading.
        runtime_only_evaluation: bool,
        /// Its inputs with their values.
        inputs: Option<Json>,
    }
}

changes! {
    /// New values for a deployment.
    pub struct DeploymentChanges {
        /// Its name for people.
        display_name: String,
        /// Who sees it.
        visibility: Visibility,
        /// Who made it.
        creator_id: i64,
        /// When it was made.
        created_at: Timestamp,
        /// When it was changed.
        updated_at: Timestamp,
        /// The row of its blueprint.
        blueprint_fk: i64,
        /// The row of its site.
        site_fk: Option<i64>,
        /// The execution that made its environment.
        create_execution_fk: Option<i64>,
        /// Its latest execution.
        latest_execution_fk: Option<i64>,
        /// Whether everything in it is started.
        installation_status: InstallationStatus,
        /// How it is doing.
        deployment_status: DeploymentStatus,
        /// How the worst of the services below it is doing.
        sub_services_status: Option<DeploymentStatus>,
        /// How the worst of the environments below it is doing.
        sub_environments_status: Option<DeploymentStatus>,
        /// How many services are below it.
        sub_services_count: i64,
        /// How many environments are below it.
        sub_environments_count: i64,
        /// Whether functions are evaluated anew at each reading.
        runtime_only_evaluation: bool,
        /// What its blueprint says of it.
        description: Option<String>,
        /// Its inputs with their values.
        inputs: Option<Json>,
        /// Its workflows, as the plan has them.
        workflows: Option<Json>,
        /// Its outputs, not evaluated.
        outputs: Option<Json>,
        /// Its capabilities, not evaluated.
        capabilities: Option<Json>,
        /// Its scaling groups.
        scaling_groups: Option<Json>,
        /// Its groups.
        groups: Option<Json>,
        /// Its policy types.
        policy_types: Option<Json>,
        /// Its policy triggers.
        policy_triggers: Option<Json>,
        /// Its resource tags.
        resource_tags: Option<Json>,
    }
}

const FROM: &str = "FROM deployments r JOIN tenants t ON t.id = r.tenant_id JOIN users u ON u.id = r.creator_id \
                    JOIN blueprints b ON b.storage_id = r.blueprint_fk \
                    LEFT JOIN deployment_texts w ON w.storage_id = r.workflows_fk \
                    LEFT JOIN deployment_texts y ON y.storage_id = r.policy_types_fk \
                    LEFT JOIN deployment_texts g ON g.storage_id = r.policy_triggers_fk";

/// The deployment with this id that the caller may see.
pub async fn find(db: &dyn Db, scope: &Scope, id: &DeploymentId) -> Result<Option<Deployment>> {
    let mut values = values![id];
    let visible = scope.visible(false, &mut values);
    db.first(format!("SELECT {} {FROM} WHERE r.id = $1 AND {visible}", Deployment::COLUMNS), values).await
}

row! {
    /// What functions see of a deployment.
    pub struct Described {
        /// Its row.
        storage_id: i64,
        /// Its id.
        id: DeploymentId,
        /// Its name for people.
        display_name: String,
        /// Whose it is.
        tenant_name: TenantName = "t.name",
        /// Who made it.
        created_by: Username = "u.username",
        /// Its blueprint.
        blueprint_id: BlueprintId = "b.id",
        /// Its inputs with their values.
        inputs: Option<Json>,
        /// Its outputs, not evaluated.
        outputs: Option<Json>,
        /// Its capabilities, not evaluated.
        capabilities: Option<Json>,
    }
}

/// The deployments with these ids that the caller may see, the oldest first, but those of the caller's
/// tenant last.
pub async fn described(db: &dyn Db, scope: &Scope, ids: &[String]) -> Result<Vec<Described>> {
    let mut values = values![Json::texts(ids), scope.tenant_id];
    let visible = scope.visible(false, &mut values);
    let text = format!(
        "SELECT {} {FROM} WHERE r.id IN (SELECT value FROM json_each($1)) AND {visible} \
         ORDER BY r.tenant_id = $2, r.created_at, r.storage_id",
        Described::COLUMNS
    );
    db.all(text, values).await
}

/// The deployment of this row.
pub async fn by_storage_id(db: &dyn Db, storage_id: i64) -> Result<Option<Deployment>> {
    db.first(format!("SELECT {} {FROM} WHERE r.storage_id = $1", Deployment::COLUMNS), values![storage_id]).await
}

/// The rows of the deployments that `query` asks for, the oldest first, whatever its page.
pub async fn keys(db: &dyn Db, scope: &Scope, query: &ListQuery) -> Result<Vec<i64>> {
    let mut conditions = Conditions::default();
    conditions.require_filters(&RESOURCE, scope, query)?;
    conditions.require_rules(db, &RESOURCE, &query.rules).await?;
    let text = format!(
        "SELECT r.storage_id FROM deployments r WHERE {} ORDER BY r.created_at, r.storage_id",
        conditions.sql()
    );
    let found: Vec<(i64,)> = db.all(text, conditions.values).await?;
    Ok(found.into_iter().map(|(key,)| key).collect())
}

row! {
    /// The workflows that a deployment declares.
    pub struct Declaring {
        /// Its row.
        storage_id: i64,
        /// Its workflows, as the plan has them.
        workflows: Option<Json> = "w.text",
    }
}

/// The workflows of the deployments of a list, the oldest deployment first; of each blueprint's
/// deployments only the oldest if `one_a_blueprint`.
///
/// Error: [`crate::Error::Query`] for an unknown filter.
pub async fn declaring(db: &dyn Db, scope: &Scope, query: &ListQuery, one_a_blueprint: bool) -> Result<Vec<Declaring>> {
    let mut conditions = Conditions::default();
    conditions.require_filters(&RESOURCE, scope, query)?;
    conditions.require_rules(db, &RESOURCE, &query.rules).await?;
    let mut condition = conditions.sql();
    if one_a_blueprint {
        condition = format!(
            "r.storage_id IN (SELECT min(r.storage_id) FROM deployments r WHERE {condition} GROUP BY r.blueprint_fk)"
        );
    }
    let limit = query.size.filter(|_| !query.get_all).map_or_else(String::new, |size| format!(" LIMIT {size}"));
    let columns = Declaring::COLUMNS;
    let text = format!(
        "SELECT {columns} FROM deployments r LEFT JOIN deployment_texts w ON w.storage_id = r.workflows_fk \
         WHERE {condition} ORDER BY r.created_at, r.storage_id{limit}"
    );
    db.all(text, conditions.values).await
}

/// Stores a deployment and gives its `storage_id`. Error: [`crate::Error::Unique`].
pub async fn insert(db: &dyn Db, deployment: NewDeployment) -> Result<i64> {
    write::insert(db, deployment).await
}

/// Changes a deployment; in a transaction, if workflows or policies are among the changes.
pub async fn update(db: &dyn Db, storage_id: i64, mut changes: DeploymentChanges) -> Result<()> {
    let shared = [
        ("workflows_fk", changes.workflows.take()),
        ("policy_types_fk", changes.policy_types.take()),
        ("policy_triggers_fk", changes.policy_triggers.take()),
    ];
    let mut assignments = changes.assignments();
    let replaced = if shared.iter().any(|(_, text)| text.is_some()) {
        deployment_texts::of_deployment(db, storage_id).await?
    } else {
        Vec::new()
    };
    for (column, text) in shared {
        let Some(text) = text else { continue };
        let key = match text {
            Some(text) => deployment_texts::keep(db, text).await?,
            None => None,
        };
        assignments.push((column, key.bind()));
    }
    write::update(db, "deployments", "storage_id", storage_id.into(), assignments).await?;
    deployment_texts::forget_unused(db, replaced).await
}

/// Gives a deployment's nodes and node instances its own visibility.
pub async fn spread_visibility(db: &dyn Db, storage_id: i64, visibility: Visibility) -> Result<()> {
    db.run("UPDATE nodes SET visibility = $2 WHERE deployment_fk = $1", values![storage_id, visibility]).await?;
    let text = "UPDATE node_instances SET visibility = $2, version = version + 1 WHERE deployment_fk = $1";
    db.run(text, values![storage_id, visibility]).await?;
    Ok(())
}

/// Deletes a deployment with its nodes, instances, labels, executions and their events.
pub async fn delete(db: &dyn Db, storage_id: i64) -> Result<bool> {
    let texts = deployment_texts::of_deployment(db, storage_id).await?;
    let was_there = write::delete(db, "deployments", storage_id).await?;
    deployment_texts::forget_unused(db, texts).await?;
    Ok(was_there)
}

/// A deployment's row, id and tenant.
pub type Named = (i64, DeploymentId, TenantName);

/// The deployments of a blueprint in a tenant, or in all of them.
pub async fn of_blueprint(db: &dyn Db, blueprint_fk: i64, tenant_id: Option<i64>) -> Result<Vec<Named>> {
    let text = "SELECT r.storage_id, r.id, t.name FROM deployments r JOIN tenants t ON t.id = r.tenant_id \
                WHERE r.blueprint_fk = $1 AND coalesce($2, r.tenant_id) = r.tenant_id ORDER BY r.id, r.storage_id";
    db.all(text.to_owned(), values![blueprint_fk, tenant_id]).await
}

/// One of these deployments that is of another tenant, if there is one.
pub async fn outside(db: &dyn Db, storage_ids: &[i64], tenant_id: i64) -> Result<Option<DeploymentId>> {
    let text = "SELECT r.id FROM deployments r \
                WHERE r.storage_id IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) AND r.tenant_id <> $2 LIMIT 1";
    let found: Vec<(DeploymentId,)> = db.all(text.to_owned(), values![Json::of(storage_ids), tenant_id]).await?;
    Ok(found.into_iter().next().map(|(id,)| id))
}

/// Makes every deployment of a blueprint one of another.
pub async fn move_to_blueprint(db: &dyn Db, from: i64, to: i64, now: Timestamp) -> Result<()> {
    let text = "UPDATE deployments SET blueprint_fk = $2, updated_at = $3 WHERE blueprint_fk = $1";
    db.run(text, values![from, to, now]).await?;
    Ok(())
}
