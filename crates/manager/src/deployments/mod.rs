//! Deployments: listing, changing and deleting; creating is in `create.rs`, outputs and
//! capabilities are in [`crate::evaluation`].
//!
//! Invariant: a deployment is deleted only by its `delete_deployment_environment` execution, which
//! begins only when nothing needs the deployment any more, or somebody insisted.

mod create;
pub(crate) mod settings;
mod topology;
pub(crate) mod tree;
mod update;
mod workdir;

use indexmap::IndexMap;
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{DeploymentId, ExecutionId};
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Code, Error, Result, id};
use nephele_store::deployments::{self, Deployment, DeploymentChanges};
use nephele_store::{Record, Tx, blueprints, executions, node_instances};
use serde::Deserialize;
use serde_json::Map;
use serde_json::value::to_raw_value;

use crate::executions::availability::{Declared, Present, describe};
use crate::executions::{NewRun, dependents};
use crate::rows::failed;
use crate::{Ctx, Manager, visibility};

pub use create::NewDeployment;
pub(crate) use create::{Basis, Demands};
pub use topology::Topology;
pub use update::DeploymentUpdate;

/// What a request wants to see of a deployment.
#[derive(Debug, Default)]
pub struct Shown {
    /// The fields; `None` for all.
    pub include: Option<Vec<String>>,
    /// Count what is directly below it alone.
    pub direct_children: bool,
    /// Show its folder as an archive.
    pub workdir: bool,
}

/// What [`deployments::DETAILS`] shows as workflows.
#[derive(Deserialize)]
struct Details<'a> {
    #[serde(borrow)]
    declared: Option<IndexMap<String, Declared<'a>>>,
    present: Present,
}

/// The record in which workflows, if it shows them, are described.
fn with_workflows(record: &Record) -> nephele_store::Result<Record> {
    record.map_field("workflows", |text| {
        let Details { declared, present } = serde_json::from_str(text)?;
        to_raw_value(&describe(&declared.unwrap_or_default(), &present)?)
    })
}

impl Manager {
    /// One page of deployments. Their workflows stand as an object of nulls, as clients know it.
    pub async fn list_deployments(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Record>> {
        self.list(ctx, &deployments::RESOURCE, query).await
    }

    /// One page of deployments with the workflows of each.
    pub async fn list_deployments_with_workflows(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Record>> {
        let mut page = self.list(ctx, &deployments::DETAILS, query).await?;
        page.items = page.items.iter().map(with_workflows).collect::<nephele_store::Result<_>>().map_err(failed)?;
        Ok(page)
    }

    /// One deployment, as changes of it are answered.
    pub(crate) async fn changed_deployment(&self, ctx: &Ctx, id: &DeploymentId) -> Result<Record> {
        self.get(ctx, &deployments::RESOURCE, id.as_str(), None).await
    }

    /// One deployment with its workflows.
    pub async fn get_deployment(&self, ctx: &Ctx, id: &str, shown: &Shown) -> Result<Record> {
        let record = self.get(ctx, &deployments::DETAILS, id, shown.include.as_deref()).await?;
        let record = with_workflows(&record).map_err(failed)?;
        if !shown.direct_children && !shown.workdir {
            return Ok(record);
        }
        let deployment = self.find_deployment(ctx, id).await?;
        let mut item = record.value().map_err(failed)?;
        if shown.direct_children {
            let children = deployments::tree::children(&*self.store, deployment.tenant_id, &deployment.id)
                .await
                .map_err(failed)?;
            tree::Below::direct(&children).show(&mut item);
        }
        if shown.workdir {
            item["workdir_zip"] =
                workdir::pack(self.files.deployment(&deployment.tenant_name, &deployment.id)).await?.into();
        }
        Ok(Record::of(&item))
    }

    /// Begins the deletion of a deployment.
    pub async fn delete_deployment(
        &self,
        ctx: &Ctx,
        id: &str,
        force: bool,
        delete_logs: bool,
        recursive: bool,
    ) -> Result<()> {
        let deployment = self.writable_deployment(ctx, id).await?;
        let tx = self.begin_write().await?;
        let how = (force, delete_logs, recursive);
        self.begin_deletion(&tx, ctx, &deployment, how, ExecutionStatus::Pending).await?;
        tx.commit().await.map_err(failed)?;
        self.workflows.wake();
        Ok(())
    }

    /// Stores the execution that deletes a deployment. `(force, delete_logs, recursive)` is how.
    pub(crate) async fn begin_deletion(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        deployment: &Deployment,
        (force, delete_logs, recursive): (bool, bool, bool),
        status: ExecutionStatus,
    ) -> Result<(i64, ExecutionId)> {
        let id = &deployment.id;
        let refuse =
            |rest: String| Err(Error::new(Code::DependentExists, format!("Can't delete deployment {id} - {rest}")));
        tx.lock(&format!("deployment {}", deployment.storage_id)).await.map_err(failed)?;
        let running = executions::unfinished_of_deployment(tx, deployment.storage_id).await.map_err(failed)?;
        if !running.is_empty() {
            let ids: Vec<&str> = running.iter().map(|execution| execution.id.as_str()).collect();
            return refuse(format!(
                "There are running or queued executions for this deployment. Running executions ids: {}",
                ids.join(",")
            ));
        }
        if !force {
            if let Some(lines) = dependents::of(tx, deployment).await? {
                return refuse(format!("the following existing installations depend on it:\n{lines}"));
            }
            let instances = node_instances::of_deployment(tx, deployment.storage_id).await.map_err(failed)?;
            let live: Vec<&str> =
                instances.iter().filter(|row| !row.state.is_absent()).map(|row| row.id.as_str()).collect();
            if !live.is_empty() {
                return refuse(format!("There are live nodes for this deployment. Live nodes ids: {}", live.join(",")));
            }
        }
        let parameters = Map::from_iter([
            ("delete_logs".to_owned(), delete_logs.into()),
            ("force".to_owned(), force.into()),
            ("recursive".to_owned(), recursive.into()),
        ]);
        let run = NewRun::of(deployment, "delete_deployment_environment", parameters);
        self.accept(tx, ctx, NewRun { status, ..run }).await
    }

    /// Moves a deployment to a site, or away from any.
    pub async fn set_deployment_site(&self, ctx: &Ctx, id: &str, site: Option<&str>) -> Result<Record> {
        let deployment = self.writable_deployment(ctx, id).await?;
        let site_fk = match site {
            Some(name) => {
                id::check("site_name", name, true)?;
                let site = self.find_site(ctx, name).await?;
                create::demand_site(id, deployment.visibility, &site)?;
                Some(site.storage_id)
            }
            None => None,
        };
        let changes = DeploymentChanges { site_fk: Some(site_fk), ..DeploymentChanges::default() };
        deployments::update(&*self.store, deployment.storage_id, changes).await.map_err(failed)?;
        self.changed_deployment(ctx, &deployment.id).await
    }

    /// Widens who sees a deployment with its nodes, no wider than its blueprint.
    pub async fn set_deployment_visibility(&self, ctx: &Ctx, id: &str, wanted: &str) -> Result<Record> {
        let deployment = self.writable_deployment(ctx, id).await?;
        let wanted = visibility::widen(ctx, id, deployment.visibility, wanted)?;
        let blueprint = blueprints::by_storage_id(&*self.store, deployment.blueprint_fk).await.map_err(failed)?;
        if blueprint.is_some_and(|blueprint| wanted > blueprint.visibility) {
            return Err(Error::new(
                Code::IllegalAction,
                format!("The visibility of deployment `{id}` can't be wider than that of its blueprint"),
            ));
        }
        let tx = self.begin_write().await?;
        let changes = DeploymentChanges { visibility: Some(wanted), ..DeploymentChanges::default() };
        deployments::update(&tx, deployment.storage_id, changes).await.map_err(failed)?;
        deployments::spread_visibility(&tx, deployment.storage_id, wanted).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.changed_deployment(ctx, &deployment.id).await
    }

    pub(crate) async fn find_deployment(&self, ctx: &Ctx, id: &str) -> Result<Deployment> {
        let scope = self.scope(ctx, false).await?;
        let deployment = deployments::find(&*self.store, &scope, &DeploymentId::new(id)).await.map_err(failed)?;
        deployment.ok_or_else(|| Error::not_found("Deployment", id))
    }

    pub(crate) async fn writable_deployment(&self, ctx: &Ctx, id: &str) -> Result<Deployment> {
        let deployment = self.find_deployment(ctx, id).await?;
        visibility::demand_inside(ctx, deployment.visibility, deployment.tenant_id, id)?;
        Ok(deployment)
    }
}
