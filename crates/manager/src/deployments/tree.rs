//! The tree of deployments: environments with services in them.
//!
//! Invariant: a deployment's counts and statuses of what is below it agree with its children, and a
//! parent's labels name those who consume it. A child names its parents by labels `csys-obj-parent`;
//! everything else here follows from those. Source: spec rest-api.md sections 1.6 and 3.2.

use std::collections::{HashMap, HashSet};

use nephele_model::deployment::{DeploymentStatus, InstallationStatus};
use nephele_model::id::DeploymentId;
use nephele_model::{Code, Error, Result};
use nephele_store::deployments::tree::{self, Children, Standing};
use nephele_store::deployments::{self, Deployment, DeploymentChanges};
use nephele_store::labels::{self as label_rows, Labeled};
use nephele_store::{Db, Tx};
use serde_json::{Value, json};

use crate::rows::failed;
use crate::{Ctx, Manager, labels};

/// The label that names a parent.
const PARENT: &str = "csys-obj-parent";

impl Manager {
    /// Notes on each parent that the deployment consumes it.
    pub(crate) async fn tell_parents(&self, tx: &Tx, ctx: &Ctx, child: &Deployment) -> Result<()> {
        let note = [("csys-consumer-id".to_owned(), child.id.to_string())];
        for parent in tree::parents(tx, child.storage_id).await.map_err(failed)? {
            label_rows::add(tx, Labeled::Deployment, parent, ctx.user_id, &note).await.map_err(failed)?;
        }
        Ok(())
    }

    /// Refuses parents that are not there, and chains of parents that lead back to the deployment.
    pub(crate) async fn check_parents(
        &self,
        ctx: &Ctx,
        deployment: &Deployment,
        wanted: &[labels::Label],
    ) -> Result<()> {
        let scope = self.scope(ctx, false).await?;
        let mut pending = Vec::new();
        for (_, id) in wanted.iter().filter(|(key, id)| key == PARENT && !id.is_empty()) {
            let found = deployments::find(&*self.store, &scope, &DeploymentId::new(id)).await.map_err(failed)?;
            let parent = found.ok_or_else(|| {
                Error::new(
                    Code::DeploymentParentNotFound,
                    format!("Environment referenced by `csys-obj-parent` not found: {id}"),
                )
            })?;
            pending.push(parent.storage_id);
        }
        let mut seen = HashSet::new();
        while let Some(parent) = pending.pop() {
            if parent == deployment.storage_id {
                return Err(Error::conflict(format!("cyclic dependencies: {}", deployment.id)));
            }
            if seen.insert(parent) {
                pending.extend(tree::parents(&*self.store, parent).await.map_err(failed)?);
            }
        }
        Ok(())
    }

    /// Brings the tree in step with a deployment's labels, which were just changed. `before` are the
    /// rows of the parents that it had.
    pub(crate) async fn replant(&self, tx: &Tx, ctx: &Ctx, deployment: &Deployment, before: Vec<i64>) -> Result<()> {
        let now = tree::parents(tx, deployment.storage_id).await.map_err(failed)?;
        for left in before.iter().filter(|parent| !now.contains(parent)) {
            tree::remove_consumer(tx, *left, &deployment.id).await.map_err(failed)?;
        }
        self.tell_parents(tx, ctx, deployment).await?;
        recount(tx, before.into_iter().chain([deployment.storage_id])).await
    }
}

/// Deletes a deployment and what others know of it.
pub(crate) async fn fell(tx: &Tx, storage_id: i64) -> Result<()> {
    let parents = tree::parents(tx, storage_id).await.map_err(failed)?;
    if let Some(deployment) = tree::standing(tx, storage_id).await.map_err(failed)? {
        tree::forget_consumer(tx, deployment.tenant_id, &deployment.id).await.map_err(failed)?;
    }
    deployments::delete(tx, storage_id).await.map_err(failed)?;
    recount(tx, parents).await
}

/// Counts anew what is below these deployments and below all that are above them, children first.
pub(crate) async fn recount(db: &dyn Db, of: impl IntoIterator<Item = i64>) -> Result<()> {
    let mut parents: HashMap<i64, Vec<i64>> = HashMap::new();
    let mut waiting_for: HashMap<i64, usize> = HashMap::new();
    let mut pending: Vec<i64> = of.into_iter().collect();
    while let Some(deployment) = pending.pop() {
        waiting_for.entry(deployment).or_default();
        if parents.contains_key(&deployment) {
            continue;
        }
        let above = tree::parents(db, deployment).await.map_err(failed)?;
        for parent in &above {
            *waiting_for.entry(*parent).or_default() += 1;
        }
        pending.extend(&above);
        parents.insert(deployment, above);
    }
    let mut ready: Vec<i64> = waiting_for.iter().filter(|(_, children)| **children == 0).map(|(row, _)| *row).collect();
    while let Some(deployment) = ready.pop() {
        recount_one(db, deployment).await?;
        for parent in parents.remove(&deployment).unwrap_or_default() {
            let children = waiting_for.entry(parent).or_default();
            *children = children.saturating_sub(1);
            if *children == 0 {
                ready.push(parent);
            }
        }
    }
    Ok(())
}

async fn recount_one(db: &dyn Db, storage_id: i64) -> Result<()> {
    let Some(old) = tree::standing(db, storage_id).await.map_err(failed)? else { return Ok(()) };
    let children = tree::children(db, old.tenant_id, &old.id).await.map_err(failed)?;
    let new = Below::of(&children);
    let status = new.status_of(&old);
    if new != Below::from(&old) || old.deployment_status != Some(status) {
        let changes = DeploymentChanges {
            deployment_status: Some(status),
            sub_services_count: Some(new.services),
            sub_environments_count: Some(new.environments),
            sub_services_status: Some(new.services_status),
            sub_environments_status: Some(new.environments_status),
            ..DeploymentChanges::default()
        };
        deployments::update(db, storage_id, changes).await.map_err(failed)?;
    }
    Ok(())
}

/// What is below a deployment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Below {
    pub(super) services: i64,
    pub(super) environments: i64,
    pub(super) services_status: Option<DeploymentStatus>,
    pub(super) environments_status: Option<DeploymentStatus>,
}

impl From<&Standing> for Below {
    fn from(standing: &Standing) -> Self {
        Self {
            services: standing.sub_services_count,
            environments: standing.sub_environments_count,
            services_status: standing.sub_services_status,
            environments_status: standing.sub_environments_status,
        }
    }
}

impl Below {
    /// The direct children alone.
    pub(super) fn direct(children: &[Children]) -> Self {
        let mut below = Self::default();
        for kind in children {
            let (count, status) = if kind.are_environments {
                (&mut below.environments, &mut below.environments_status)
            } else {
                (&mut below.services, &mut below.services_status)
            };
            *count += kind.count;
            *status = DeploymentStatus::worst([*status, kind.status]);
        }
        below
    }

    /// Shows these numbers where a record has them.
    pub(super) fn show(&self, record: &mut Value) {
        for (name, value) in [
            ("sub_services_count", json!(self.services)),
            ("sub_environments_count", json!(self.environments)),
            ("sub_services_status", json!(self.services_status)),
            ("sub_environments_status", json!(self.environments_status)),
        ] {
            if let Some(shown) = record.get_mut(name) {
                *shown = value;
            }
        }
    }

    /// The direct children and all that is below those.
    fn of(children: &[Children]) -> Self {
        let mut below = Self::direct(children);
        for kind in children {
            below.services += kind.services;
            below.environments += kind.environments;
            below.services_status = DeploymentStatus::worst([below.services_status, kind.services_status]);
            below.environments_status = DeploymentStatus::worst([below.environments_status, kind.environments_status]);
        }
        below
    }

    /// The status of a deployment that this is below.
    fn status_of(&self, deployment: &Standing) -> DeploymentStatus {
        let installation = deployment.installation_status.unwrap_or(InstallationStatus::Inactive);
        let own = DeploymentStatus::derive(deployment.latest_status, installation);
        [self.services_status, self.environments_status].into_iter().flatten().fold(own, DeploymentStatus::or_worse)
    }
}
