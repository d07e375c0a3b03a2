//! Groups of deployments: their members, and the labels that members take over from them; new members are
//! made in `members.rs`.
//!
//! Invariant: every member carries the labels of its group, given when it joins or when the group gets
//! them. Source: spec rest-api.md section 2.2.

mod members;

use nephele_model::execution::ExecutionStatus;
use nephele_model::page::ListQuery;
use nephele_model::{Code, Error, Permission, Result, Timestamp, Visibility, id, python_text};
use nephele_store::deployment_groups::{self as rows, DeploymentGroup, DeploymentGroupChanges};
use nephele_store::deployments::{self, Deployment};
use nephele_store::execution_groups::{self, NewExecutionGroup};
use nephele_store::labels::{self as label_rows, Labeled};
use nephele_store::{Db, Json, Record, Scope, Tx};
use serde_json::{Map, Value};

use crate::deployments::tree;
use crate::filters::{self, Filtered};
use crate::rows::{demand_free, failed};
use crate::{Ctx, Manager, labels, visibility};

pub use members::NewMember;

/// How many of a group's executions run at a time, unless somebody says otherwise.
const CONCURRENCY: i64 = 5;

/// Which deployments join or leave.
#[derive(Debug, Default)]
pub struct GroupChange {
    /// These.
    pub deployment_ids: Option<Vec<String>>,
    /// Those that a stored filter finds.
    pub filter_id: Option<String>,
    /// Those that rules find.
    pub filter_rules: Option<Value>,
    /// The members of another group.
    pub deployments_from_group: Option<String>,
    /// Those that are made for it.
    pub new_deployments: Vec<NewMember>,
}

/// What a group is to become; what is `None` stays.
#[derive(Debug, Default)]
pub struct GroupUpdate {
    /// What it is for.
    pub description: Option<String>,
    /// Who sees it.
    pub visibility: Option<String>,
    /// The full set of labels.
    pub labels: Option<Vec<Value>>,
    /// The blueprint of new members.
    pub blueprint_id: Option<String>,
    /// The inputs of new members.
    pub default_inputs: Option<Map<String, Value>>,
    /// Deployments made in it so far.
    pub creation_counter: Option<i64>,
    /// Who made it, if that is somebody else.
    pub created_by: Option<String>,
    /// When it was made, if that was earlier.
    pub created_at: Option<Timestamp>,
    /// The members. Those that exist take the place of the present ones; new ones join them.
    pub members: GroupChange,
}

impl Manager {
    /// One group with its members.
    pub async fn get_deployment_group(&self, ctx: &Ctx, id: &str) -> Result<Record> {
        self.get(ctx, &rows::RESOURCE, id, None).await
    }

    /// Makes a group, or changes it.
    pub async fn put_deployment_group(&self, ctx: &Ctx, id: &str, update: GroupUpdate) -> Result<Record> {
        ctx.not_while_cancelling()?;
        id::check("group_id", id, true)?;
        if update.created_at.is_some() {
            ctx.demand(Permission::SetTimestamp)?;
        }
        let creator_id = self.new_owner(ctx, update.created_by.clone()).await?;
        let visibility =
            update.visibility.as_deref().map(|wanted| visibility::choose(ctx, Some(wanted), None)).transpose()?;
        let blueprint = match &update.blueprint_id {
            Some(blueprint) => Some(self.find_blueprint(ctx, blueprint).await?.storage_id),
            None => None,
        };
        let wanted = update.labels.as_deref().map(labels::read).transpose()?;
        let scope = self.scope(ctx, false).await?;
        let joining = self.matching(ctx, &scope, &update.members).await?;
        let tx = self.begin_write().await?;
        tx.lock(&format!("deployment group {id}")).await.map_err(failed)?;
        let group = self.find_or_insert(&tx, ctx, &scope, id, visibility).await?;
        let changes = DeploymentGroupChanges {
            visibility,
            creator_id,
            created_at: update.created_at,
            description: update.description,
            default_inputs: update.default_inputs.map(|inputs| Json::of(&inputs)),
            creation_counter: update.creation_counter,
            default_blueprint_fk: blueprint,
        };
        rows::update(&tx, group, changes).await.map_err(failed)?;
        if let Some(wanted) = wanted {
            self.set_group_labels(&tx, ctx, group, &wanted).await?;
        }
        if update.members.replaces() {
            let present = members_of(&tx, group).await?;
            rows::remove(&tx, group, &present).await.map_err(failed)?;
        }
        self.join(&tx, ctx, group, &joining).await?;
        tx.commit().await.map_err(failed)?;
        self.create_members(ctx, id, update.members.new_deployments).await?;
        self.get_deployment_group(ctx, id).await
    }

    /// Adds members to a group, and takes others out.
    pub async fn change_deployment_group(
        &self,
        ctx: &Ctx,
        id: &str,
        add: GroupChange,
        remove: GroupChange,
    ) -> Result<Record> {
        ctx.not_while_cancelling()?;
        let scope = self.scope(ctx, false).await?;
        let group = self.writable_deployment_group(ctx, id).await?.storage_id;
        let joining = self.matching(ctx, &scope, &add).await?;
        let leaving = self.matching(ctx, &scope, &remove).await?;
        let tx = self.begin_write().await?;
        self.join(&tx, ctx, group, &joining).await?;
        rows::remove(&tx, group, &leaving).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.create_members(ctx, id, add.new_deployments).await?;
        self.get_deployment_group(ctx, id).await
    }

    /// Deletes a group; its deployments stay.
    pub async fn delete_deployment_group(&self, ctx: &Ctx, id: &str) -> Result<()> {
        let group = self.writable_deployment_group(ctx, id).await?;
        rows::delete(&*self.store, group.storage_id).await.map(drop).map_err(failed)
    }

    /// Deletes a group, and begins the deletion of its deployments. Gives the id of the group of
    /// executions that delete them.
    pub async fn delete_group_with_deployments(
        &self,
        ctx: &Ctx,
        id: &str,
        force: bool,
        delete_logs: bool,
        recursive: bool,
    ) -> Result<String> {
        let group = self.writable_deployment_group(ctx, id).await?;
        let scope = self.scope(ctx, false).await?;
        let tx = self.begin_write().await?;
        let row = NewExecutionGroup {
            id: uuid::Uuid::new_v4().to_string(),
            visibility: group.visibility,
            tenant_id: group.tenant_id,
            creator_id: ctx.user_id,
            created_at: self.clock.now(),
            workflow_id: "delete_deployment_environment".to_owned(),
            concurrency: CONCURRENCY,
            deployment_group_fk: None,
        };
        let execution_group = row.id.clone();
        let execution_group_fk = execution_groups::insert(&tx, row).await.map_err(failed)?;
        let mut begun = Vec::new();
        for (position, key) in members_of(&tx, group.storage_id).await?.into_iter().enumerate() {
            let Some(deployment) = visible_member(&tx, &scope, key).await? else { continue };
            visibility::demand_inside(ctx, deployment.visibility, deployment.tenant_id, &deployment.id)?;
            let status = status_of_place(position, CONCURRENCY);
            let how = (force, delete_logs, recursive);
            begun.push(self.begin_deletion(&tx, ctx, &deployment, how, status).await?.0);
        }
        execution_groups::add(&tx, execution_group_fk, &begun).await.map_err(failed)?;
        rows::delete(&tx, group.storage_id).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.workflows.wake();
        Ok(execution_group)
    }

    pub(crate) async fn find_deployment_group(&self, ctx: &Ctx, id: &str) -> Result<DeploymentGroup> {
        let scope = self.scope(ctx, false).await?;
        let group = rows::find(&*self.store, &scope, id).await.map_err(failed)?;
        group.ok_or_else(|| Error::not_found("DeploymentGroup", id))
    }

    pub(crate) async fn writable_deployment_group(&self, ctx: &Ctx, id: &str) -> Result<DeploymentGroup> {
        let group = self.find_deployment_group(ctx, id).await?;
        visibility::demand_inside(ctx, group.visibility, group.tenant_id, id)?;
        Ok(group)
    }

    async fn find_or_insert(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        scope: &Scope,
        id: &str,
        visibility: Option<Visibility>,
    ) -> Result<i64> {
        if let Some(group) = rows::find(tx, scope, id).await.map_err(failed)? {
            visibility::demand_inside(ctx, group.visibility, group.tenant_id, id)?;
            return Ok(group.storage_id);
        }
        let visibility = visibility.unwrap_or(Visibility::Tenant);
        demand_free(tx, &rows::RESOURCE, "deployment_groups", id, scope, visibility).await?;
        let row = rows::NewDeploymentGroup {
            id: id.to_owned(),
            visibility,
            tenant_id: scope.tenant_id,
            creator_id: ctx.user_id,
            created_at: self.clock.now(),
        };
        rows::insert(tx, row).await.map_err(failed)
    }

    /// The rows of the deployments that a change is about, each once.
    async fn matching(&self, ctx: &Ctx, scope: &Scope, change: &GroupChange) -> Result<Vec<i64>> {
        let db: &dyn Db = &*self.store;
        let mut found = Vec::new();
        for id in change.deployment_ids.iter().flatten() {
            let deployment = deployments::find(db, scope, &id.as_str().into()).await.map_err(failed)?;
            found.push(deployment.ok_or_else(|| Error::not_found("Deployment", id))?.storage_id);
        }
        if let Some(other) = &change.deployments_from_group {
            let other = self.find_deployment_group(ctx, other).await?;
            found.extend(members_of(db, other.storage_id).await?);
        }
        for query in self.filter_queries(ctx, change).await? {
            found.extend(deployments::keys(db, scope, &query).await.map_err(failed)?);
        }
        let mut seen = std::collections::HashSet::new();
        found.retain(|key| seen.insert(*key));
        Ok(found)
    }

    /// Lists of deployments by the filters of a change.
    async fn filter_queries(&self, ctx: &Ctx, change: &GroupChange) -> Result<Vec<ListQuery>> {
        let mut queries = Vec::new();
        if let Some(id) = &change.filter_id {
            queries.push(self.rules_of_filter(ctx, Filtered::Deployment, id).await?);
        }
        if let Some(given) = &change.filter_rules {
            let given = given.as_array().ok_or_else(|| {
                let found = python_text::type_name(given);
                Error::bad_parameters(format!(
                    "filter_rules parameter is expected to be of type list but is of type {found}"
                ))
            })?;
            queries.push(filters::rules::read(&deployments::RESOURCE, given)?);
        }
        Ok(queries.into_iter().map(|rules| ListQuery { rules, ..ListQuery::default() }).collect())
    }

    /// Adds members, who take over the group's labels.
    async fn join(&self, tx: &Tx, ctx: &Ctx, group: i64, deployments: &[i64]) -> Result<()> {
        if deployments.is_empty() {
            return Ok(());
        }
        rows::add(tx, group, deployments).await.map_err(failed)?;
        let given = label_rows::of(tx, Labeled::DeploymentGroup, group).await.map_err(failed)?;
        let given: Vec<labels::Label> = given.into_iter().map(|label| (label.key, label.value)).collect();
        self.label_members(tx, ctx, deployments, &given).await
    }

    async fn set_group_labels(&self, tx: &Tx, ctx: &Ctx, group: i64, wanted: &[labels::Label]) -> Result<()> {
        let present = label_rows::of(tx, Labeled::DeploymentGroup, group).await.map_err(failed)?;
        let present: Vec<labels::Label> = present.into_iter().map(|label| (label.key, label.value)).collect();
        let without = |list: &[labels::Label], other: &[labels::Label]| -> Vec<labels::Label> {
            list.iter().filter(|label| !other.contains(label)).cloned().collect()
        };
        let members = members_of(tx, group).await?;
        let (gone, come) = (without(&present, wanted), without(wanted, &present));
        if !gone.is_empty() {
            demand_members_inside(tx, ctx, &members).await?;
        }
        label_rows::remove_from_deployments(tx, &members, &gone).await.map_err(failed)?;
        label_rows::replace(tx, Labeled::DeploymentGroup, group, ctx.user_id, wanted).await.map_err(failed)?;
        self.label_members(tx, ctx, &members, &come).await
    }

    /// Gives labels to deployments; a label that names a parent makes them its children.
    async fn label_members(&self, tx: &Tx, ctx: &Ctx, deployments: &[i64], labels: &[labels::Label]) -> Result<()> {
        if labels.is_empty() {
            return Ok(());
        }
        demand_members_inside(tx, ctx, deployments).await?;
        let parents = labels.iter().any(|(key, _)| key == "csys-obj-parent");
        for key in deployments.iter().filter(|_| parents) {
            let Some(child) = deployments::by_storage_id(tx, *key).await.map_err(failed)? else { continue };
            self.check_parents(ctx, &child, labels).await?;
        }
        label_rows::add_to_deployments(tx, deployments, ctx.user_id, labels).await.map_err(failed)?;
        for key in deployments.iter().filter(|_| parents) {
            let Some(child) = deployments::by_storage_id(tx, *key).await.map_err(failed)? else { continue };
            self.tell_parents(tx, ctx, &child).await?;
        }
        if labels.iter().any(|(key, _)| key == "csys-obj-parent" || key == "csys-obj-type") {
            tree::recount(tx, deployments.iter().copied()).await?;
        }
        Ok(())
    }
}

impl GroupChange {
    /// Whether it says who the members are, and not only who joins.
    fn replaces(&self) -> bool {
        self.deployment_ids.is_some() || self.filter_id.is_some() || self.deployments_from_group.is_some()
    }
}

/// Refuses to change the labels of global deployments of other tenants.
async fn demand_members_inside(tx: &Tx, ctx: &Ctx, deployments: &[i64]) -> Result<()> {
    let tenant = ctx.tenant_id.unwrap_or_default();
    match deployments::outside(tx, deployments, tenant).await.map_err(failed)? {
        None => Ok(()),
        Some(outside) => Err(Error::new(
            Code::IllegalAction,
            format!("Can't modify the global resource `{outside}` from outside its tenant"),
        )),
    }
}

pub(crate) async fn members_of(db: &dyn Db, group: i64) -> Result<Vec<i64>> {
    let members = rows::members(db, group).await.map_err(failed)?;
    Ok(members.into_iter().map(|member| member.storage_id).collect())
}

/// A member that the caller means to do something with: what others keep private is none of a group's
/// business either.
pub(crate) async fn visible_member(db: &dyn Db, scope: &Scope, key: i64) -> Result<Option<Deployment>> {
    let Some(member) = deployments::by_storage_id(db, key).await.map_err(failed)? else { return Ok(None) };
    if scope.sees(member.visibility, member.tenant_id, member.creator_id) {
        return Ok(Some(member));
    }
    Err(Error::not_found("Deployment", &member.id))
}

/// Of executions that are started together, so many begin at once.
pub(crate) fn status_of_place(position: usize, concurrency: i64) -> ExecutionStatus {
    if i64::try_from(position).is_ok_and(|position| position < concurrency) {
        ExecutionStatus::Pending
    } else {
        ExecutionStatus::Queued
    }
}
