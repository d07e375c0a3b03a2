//! Modifications as executions make them: each step once, however often it is asked for.
//!
//! An execution knows its modification by the `execution_id` in the modification's context, which is
//! also what people see there.

use nephele_engine::Topology;
use nephele_engine::phases::Modification as Made;
use nephele_engine::topology::Instance;
use nephele_model::instance::InstanceState;
use nephele_model::update::ModificationStatus;
use nephele_model::{Code, Error, Result};
use nephele_store::deployment_modifications::{self as rows, Modification};
use nephele_store::deployments::Deployment;
use nephele_store::executions::Execution;
use nephele_store::{node_instances, nodes};
use serde_json::{Map, Value, json};

use super::{changes, compare, list, object, scaling_groups};
use crate::rows::failed;
use crate::{Ctx, Manager};

impl Manager {
    /// Starts a modification for this execution, or finds the one that it started.
    pub(crate) async fn begin_modification(
        &self,
        ctx: &Ctx,
        execution: &Execution,
        wanted: Map<String, Value>,
    ) -> Result<Made> {
        let deployment = self.deployment_of(execution).await?;
        if let Some(modification) = self.modification_of(execution, deployment.storage_id).await? {
            return made(&modification);
        }
        let context = json!({
            "blueprint_id": deployment.blueprint_id, "deployment_id": deployment.id,
            "execution_id": execution.id, "workflow_id": execution.workflow_id,
        });
        let Value::Object(context) = context else { return Err(Error::internal("a context is an object")) };
        self.start_modification(ctx, deployment.id.as_str(), wanted, context).await?;
        let modification = self.modification_of(execution, deployment.storage_id).await?;
        made(&modification.ok_or_else(|| Error::not_found(rows::RESOURCE.model, &execution.id))?)
    }

    /// What a modification would do, without doing it: its instances, and the deployment with those that come.
    pub(crate) async fn foresee_modification(
        &self,
        ctx: &Ctx,
        deployment: &Deployment,
        wanted: &Map<String, Value>,
    ) -> Result<(Made, Topology)> {
        let instances = self.all_of(ctx, deployment, &node_instances::RESOURCE).await?;
        let nodes = self.all_of(ctx, deployment, &nodes::RESOURCE).await?;
        let modified = compare(nodes, instances, scaling_groups(deployment)?, changes(wanted)?).await?;
        let (mut added, mut related) = (Vec::new(), Vec::new());
        for noted in list(&modified, "added_and_related") {
            let instance = coming(noted.clone())?;
            if noted["modification"] == "added" {
                added.push(instance);
            } else {
                related.push((instance.id, instance.relationships));
            }
        }
        let topology = self.topology(deployment.storage_id).await?.grown(added, related).map_err(Error::internal)?;
        Ok((of_lists("", &modified), topology))
    }

    /// The modification of a deployment that was started and has not ended.
    pub(crate) async fn started_modification(&self, deployment: i64) -> Result<Option<Made>> {
        let all = rows::of_deployment(&*self.store, deployment).await.map_err(failed)?;
        let started = all.iter().find(|modification| modification.status == ModificationStatus::Started);
        started.map(made).transpose()
    }

    /// Finishes a modification that is not finished.
    pub(crate) async fn finish_modification_once(&self, ctx: &Ctx, id: &str) -> Result<()> {
        once(self.finish_modification(ctx, id).await, self.has_become(ctx, id, ModificationStatus::Finished).await?)
    }

    /// Rolls a modification back that is not rolled back.
    pub(crate) async fn roll_back_modification_once(&self, ctx: &Ctx, id: &str) -> Result<()> {
        let done = self.roll_back_modification(ctx, id).await;
        once(done, self.has_become(ctx, id, ModificationStatus::RolledBack).await?)
    }

    async fn has_become(&self, ctx: &Ctx, id: &str, status: ModificationStatus) -> Result<bool> {
        let scope = self.scope(ctx, false).await?;
        let found = rows::find(&*self.store, &scope, id).await.map_err(failed)?;
        Ok(found.is_some_and(|modification| modification.status == status))
    }

    async fn modification_of(&self, execution: &Execution, deployment: i64) -> Result<Option<Modification>> {
        let all = rows::of_deployment(&*self.store, deployment).await.map_err(failed)?;
        let is_its = |modification: &Modification| {
            object(modification.context.as_ref())
                .is_ok_and(|context| context.get("execution_id") == Some(&json!(execution.id)))
        };
        Ok(all.into_iter().find(is_its))
    }
}

/// An instance as it is when it comes, from what is noted of it.
pub(crate) fn coming(mut noted: Value) -> Result<Instance> {
    noted["state"] = InstanceState::UNINITIALIZED.as_str().into();
    if let Some(parts) = noted.as_object_mut() {
        parts.retain(|_, part| !part.is_null());
    }
    serde_json::from_value(noted).map_err(Error::internal)
}

/// What was refused because it had been done before was done.
fn once<T>(done: Result<T>, is_so: bool) -> Result<()> {
    match done {
        Err(error) if error.code() == Code::DeploymentModificationAlreadyEnded && is_so => Ok(()),
        done => done.map(drop),
    }
}

/// The instances that a modification is about.
fn made(modification: &Modification) -> Result<Made> {
    Ok(of_lists(&modification.id, &object(modification.node_instances.as_ref())?))
}

fn of_lists(id: &str, kept: &Map<String, Value>) -> Made {
    let ids = |list_name: &str, change: &str, is: bool| {
        let of_kind = list(kept, list_name).iter().filter(|noted| (noted["modification"] == change) == is);
        of_kind.filter_map(|noted| noted["id"].as_str().map(str::to_owned)).collect()
    };
    Made {
        id: id.to_owned(),
        added: ids("added_and_related", "added", true),
        added_related: ids("added_and_related", "added", false),
        removed: ids("removed_and_related", "removed", true),
        removed_related: ids("removed_and_related", "removed", false),
    }
}
