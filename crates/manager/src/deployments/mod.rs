//! Deployments: listing, changing and deleting; creating is in `create.rs`, outputs and
//! capabilities are in [`crate::evaluation`].
//!
//! Invariant: a deployment is deleted only by its `delete_deployment_environment` execution, which
//! begins only when nothing needs the deployment any more, or somebody insisted.

mod create;

use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{DeploymentId, ExecutionId};
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Code, Error, Result, Visibility};
use nephele_store::deployments::{self, Deployment, DeploymentChanges};
use nephele_store::labels::{self as label_rows, Labeled};
use nephele_store::{Json, Record, Tx, blueprints, executions, node_instances};
use serde_json::{Map, Value, json};

use crate::executions::availability::{Present, describe};
use crate::executions::{NewRun, dependents};
use crate::rows::failed;
use crate::{Ctx, Manager, labels, visibility};

pub use create::NewDeployment;
pub(crate) use create::{Basis, Demands};

/// What of a deployment may be changed by a request.
#[derive(Debug, Default)]
pub struct DeploymentUpdate {
    /// The full set of labels.
    pub labels: Option<Vec<Value>>,
    /// Its name for people.
    pub display_name: Option<String>,
    /// What its blueprint says of it.
    pub description: Option<String>,
    /// The new owner's name.
    pub creator: Option<String>,
    /// Whether functions are evaluated anew at each reading.
    pub runtime_only_evaluation: Option<bool>,
    /// Parts of the plan by name, such as `outputs`; each can be set once.
    pub sections: Map<String, Value>,
}

impl Manager {
    /// One page of deployments. `get_data` shows each one's workflows.
    pub async fn list_deployments(&self, ctx: &Ctx, query: &ListQuery, get_data: bool) -> Result<Page<Value>> {
        let page = self.list(ctx, &deployments::RESOURCE, query).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for record in &page.items {
            let mut item = record.value().map_err(failed)?;
            if let Some(workflows) = item.get_mut("workflows") {
                *workflows = match workflows.as_object().filter(|_| get_data) {
                    Some(declared) => describe(declared, None),
                    None => json!([]),
                };
            }
            items.push(item);
        }
        let mut items = items.into_iter();
        Ok(page.map(|_| items.next().unwrap_or_default()))
    }

    /// Whether [`Self::list_deployments`] would change nothing of the records.
    pub fn is_plain_deployment_list(query: &ListQuery) -> bool {
        query.include.as_ref().is_some_and(|fields| !fields.iter().any(|field| field == "workflows"))
    }

    /// One page of records as they are.
    pub async fn list_deployment_records(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Record>> {
        self.list(ctx, &deployments::RESOURCE, query).await
    }

    /// One deployment.
    pub async fn get_deployment(&self, ctx: &Ctx, id: &str, include: Option<&[String]>) -> Result<Value> {
        let mut item = self.get(ctx, &deployments::RESOURCE, id, include).await?.value().map_err(failed)?;
        let declared = item.get("workflows").and_then(Value::as_object).cloned();
        if let Some(declared) = declared {
            let deployment = self.find_deployment(ctx, id).await?;
            let present = Present::of(&*self.store, deployment.storage_id).await?;
            item["workflows"] = describe(&declared, Some(&present));
        } else if let Some(workflows) = item.get_mut("workflows") {
            *workflows = json!([]);
        }
        Ok(item)
    }

    /// Changes a deployment. Error: `conflict_error` for a part of the plan that is set already.
    pub async fn update_deployment(&self, ctx: &Ctx, id: &str, update: DeploymentUpdate) -> Result<Value> {
        let deployment = self.writable_deployment(ctx, id).await?;
        let wanted = update.labels.as_deref().map(labels::read).transpose()?;
        if let Some(wanted) = &wanted {
            self.check_parents(ctx, &deployment, wanted).await?;
        }
        let mut changes = DeploymentChanges {
            display_name: update.display_name,
            creator_id: self.new_owner(ctx, update.creator).await?,
            runtime_only_evaluation: update.runtime_only_evaluation,
            description: update.description.map(Some),
            updated_at: Some(self.clock.now()),
            ..DeploymentChanges::default()
        };
        for (name, value) in &update.sections {
            set_section(&deployment, &mut changes, name, value)?;
        }
        let tx = self.begin_write().await?;
        deployments::update(&tx, deployment.storage_id, changes).await.map_err(failed)?;
        if let Some(mut wanted) = wanted {
            // Who consumes the deployment is the manager's to say.
            wanted.retain(|(key, _)| key != "csys-consumer-id");
            let present = label_rows::of(&tx, Labeled::Deployment, deployment.storage_id).await.map_err(failed)?;
            wanted.extend(
                present
                    .into_iter()
                    .filter(|label| label.key == "csys-consumer-id")
                    .map(|label| (label.key, label.value)),
            );
            label_rows::replace(&tx, Labeled::Deployment, deployment.storage_id, ctx.user_id, &wanted)
                .await
                .map_err(failed)?;
        }
        self.tell_parents(&tx, ctx, &deployment).await?;
        tx.commit().await.map_err(failed)?;
        self.get_deployment(ctx, id, None).await
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
    pub async fn set_deployment_site(&self, ctx: &Ctx, id: &str, site: Option<&str>) -> Result<Value> {
        let deployment = self.writable_deployment(ctx, id).await?;
        let site_fk = match site {
            Some(name) => Some(self.find_site(ctx, name).await?.storage_id),
            None => None,
        };
        let changes = DeploymentChanges { site_fk: Some(site_fk), ..DeploymentChanges::default() };
        deployments::update(&*self.store, deployment.storage_id, changes).await.map_err(failed)?;
        self.get_deployment(ctx, id, None).await
    }

    /// Widens who sees a deployment with its nodes, no wider than its blueprint.
    pub async fn set_deployment_visibility(&self, ctx: &Ctx, id: &str, wanted: &str) -> Result<Value> {
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
        self.get_deployment(ctx, id, None).await
    }

    pub(crate) async fn find_deployment(&self, ctx: &Ctx, id: &str) -> Result<Deployment> {
        let scope = self.scope(ctx, false).await?;
        let deployment = deployments::find(&*self.store, &scope, &DeploymentId::new(id)).await.map_err(failed)?;
        deployment.ok_or_else(|| Error::not_found("Deployment", id))
    }

    async fn writable_deployment(&self, ctx: &Ctx, id: &str) -> Result<Deployment> {
        let deployment = self.find_deployment(ctx, id).await?;
        if deployment.visibility == Visibility::Global && Some(deployment.tenant_id) != ctx.tenant_id {
            return Err(Error::new(
                Code::IllegalAction,
                format!("Can't modify the global resource `{id}` from outside its tenant `{}`", deployment.tenant_name),
            ));
        }
        Ok(deployment)
    }

    /// Notes on each parent that the deployment consumes it.
    pub(super) async fn tell_parents(&self, tx: &Tx, ctx: &Ctx, child: &Deployment) -> Result<()> {
        let scope = self.scope(ctx, false).await?;
        for label in label_rows::of(tx, Labeled::Deployment, child.storage_id).await.map_err(failed)? {
            if label.key != "csys-obj-parent" {
                continue;
            }
            let found = deployments::find(tx, &scope, &DeploymentId::new(&label.value)).await.map_err(failed)?;
            if let Some(parent) = found {
                let note = [("csys-consumer-id".to_owned(), child.id.to_string())];
                label_rows::add(tx, Labeled::Deployment, parent.storage_id, ctx.user_id, &note)
                    .await
                    .map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Refuses parents that are not there, and chains of parents that lead back to the deployment.
    pub(super) async fn check_parents(
        &self,
        ctx: &Ctx,
        deployment: &Deployment,
        wanted: &[labels::Label],
    ) -> Result<()> {
        let parents = |labels: &[labels::Label]| -> Vec<String> {
            labels.iter().filter(|(key, _)| key == "csys-obj-parent").map(|(_, value)| value.clone()).collect()
        };
        let scope = self.scope(ctx, false).await?;
        let mut seen = vec![];
        let mut pending = parents(wanted);
        while let Some(id) = pending.pop() {
            if id == deployment.id.as_str() {
                return Err(Error::conflict(format!("cyclic dependencies: {id}")));
            }
            if seen.contains(&id) {
                continue;
            }
            let found = deployments::find(&*self.store, &scope, &DeploymentId::new(&id)).await.map_err(failed)?;
            let Some(parent) = found else {
                return Err(Error::new(
                    Code::DeploymentParentNotFound,
                    format!(
                        "Deployment {}: is referencing deployments using label `csys-obj-parent` that does not exist, \
                         make sure that deployment(s) {id} exist before creating or updating deployment labels",
                        deployment.id
                    ),
                ));
            };
            let above = label_rows::of(&*self.store, Labeled::Deployment, parent.storage_id).await.map_err(failed)?;
            pending.extend(parents(&above.into_iter().map(|label| (label.key, label.value)).collect::<Vec<_>>()));
            seen.push(id);
        }
        Ok(())
    }
}

/// Sets a part of the plan that is not set yet.
fn set_section(deployment: &Deployment, changes: &mut DeploymentChanges, name: &str, value: &Value) -> Result<()> {
    let (present, change) = match name {
        "inputs" => (&deployment.inputs, &mut changes.inputs),
        "workflows" => (&deployment.workflows, &mut changes.workflows),
        "outputs" => (&deployment.outputs, &mut changes.outputs),
        "capabilities" => (&deployment.capabilities, &mut changes.capabilities),
        "scaling_groups" => (&deployment.scaling_groups, &mut changes.scaling_groups),
        "groups" => (&deployment.groups, &mut changes.groups),
        "policy_types" => (&deployment.policy_types, &mut changes.policy_types),
        "policy_triggers" => (&deployment.policy_triggers, &mut changes.policy_triggers),
        "resource_tags" => (&deployment.resource_tags, &mut changes.resource_tags),
        _ => return Ok(()),
    };
    if present.as_ref().is_some_and(|json| !matches!(json.as_str(), "null" | "{}")) {
        return Err(Error::conflict(format!("{name} is already set")));
    }
    *change = Some(Some(Json::from(value)));
    Ok(())
}
