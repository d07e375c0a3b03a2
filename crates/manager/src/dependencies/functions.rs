//! Dependencies that come from functions: `get_capability` makes a deployment need the one that it asks.
//!
//! They are written when a deployment's environment is made. Where only a running deployment knows who is
//! asked, the function is kept, and is evaluated at the end of each of its executions. Source: the reference's
//! `mgmtworker` (`idd.py`) and `update_inter_deployment_dependencies` of its REST service.

use std::collections::HashMap;

use nephele_dsl::DeploymentPlan;
use nephele_model::json::{self, object};
use nephele_model::{Code, Error, Result, python_text};
use nephele_store::deployments::{self, Deployment, tree};
use nephele_store::executions::Execution;
use nephele_store::inter_deployment_dependencies::{self as rows, Dependency, NewDependency};
use nephele_store::{Json, Tx, labels};
use serde_json::Value;

use crate::evaluation::Context;
use crate::rows::failed;
use crate::{Ctx, Manager};

impl Manager {
    /// The rows for what the functions in a plan need. Error: `conflict_error` for a deployment that needs itself.
    pub(crate) async fn dependencies_of_plan(
        &self,
        deployment: &Deployment,
        plan: &DeploymentPlan,
    ) -> Result<Vec<NewDependency>> {
        let functions = plan.0.get("inter_deployment_functions").and_then(json::Value::as_array);
        let given: Vec<Value> = functions.into_iter().flatten().map(|function| given(function).into()).collect();
        if given.is_empty() {
            return Ok(Vec::new());
        }
        let ctx = acting_for(deployment);
        self.rows_of(&ctx, Some(deployment), &given).await
    }

    /// Puts what the functions of a new plan need in the place of what those of the old one needed. What components and
    /// users have written down stays.
    pub(crate) async fn renew_dependencies(
        &self,
        tx: &Tx,
        deployment: &Deployment,
        needed: Vec<NewDependency>,
    ) -> Result<()> {
        let known = rows::of_source(tx, deployment.storage_id).await.map_err(failed)?;
        let (old, kept): (Vec<_>, Vec<_>) = known.into_iter().partition(comes_from_function);
        let mut consumed = tree::parents(tx, deployment.storage_id).await.map_err(failed)?;
        consumed.extend(kept.iter().filter_map(|row| row.target_deployment_fk));
        consumed.extend(needed.iter().filter_map(|row| row.target_deployment_fk));
        for row in old {
            rows::delete(tx, row.storage_id).await.map_err(failed)?;
            if let Some(target) = row.target_deployment_fk.filter(|target| !consumed.contains(target)) {
                tree::remove_consumer(tx, target, &deployment.id).await.map_err(failed)?;
            }
        }
        rows::insert(tx, needed).await.map_err(failed)
    }

    /// Finds out whom the functions of a deployment ask, now that an execution of it has ended.
    ///
    /// Error: the text with which that execution fails, for it has left behind what cannot be.
    pub(crate) async fn update_dependencies(&self, execution: &Execution) -> Result<std::result::Result<(), String>> {
        let Some(key) = execution.deployment_fk.filter(|_| execution.workflow_id != "delete_deployment_environment")
        else {
            return Ok(Ok(()));
        };
        let known = rows::of_source(&*self.store, key).await.map_err(failed)?;
        let shared = known.iter().filter(|row| row.dependency_creator.starts_with("sharedresource."));
        let shared: Vec<i64> = shared.filter_map(|row| row.target_deployment_fk).collect();
        let asking: Vec<&Dependency> = known.iter().filter(|row| row.target_deployment_func.is_some()).collect();
        if shared.is_empty() && asking.is_empty() {
            return Ok(Ok(()));
        }
        let Some(deployment) = deployments::by_storage_id(&*self.store, key).await.map_err(failed)? else {
            return Ok(Ok(()));
        };
        match self.ask(&deployment, &asking, shared).await {
            Ok(()) => Ok(Ok(())),
            Err(error) if error.code() == Code::InternalServer => Err(error),
            Err(error) => {
                let message =
                    format!("Failed updating dependencies of deployment {}: {}", deployment.id, error.message());
                self.log(execution, vec![("error", message.clone())]).await?;
                Ok(Err(message))
            }
        }
    }

    async fn ask(&self, deployment: &Deployment, asking: &[&Dependency], mut consumed: Vec<i64>) -> Result<()> {
        let ctx = acting_for(deployment);
        let functions: Vec<(Context, json::Value)> = asking.iter().map(|row| function(row)).collect::<Result<_>>()?;
        let answers = self.evaluate_each(&ctx, &deployment.id, functions.clone()).await?;
        let mut targets = HashMap::new();
        let mut found = Vec::new();
        for ((row, (_, function)), answer) in asking.iter().zip(functions).zip(answers) {
            if !python_text::is_truthy(&answer) {
                continue;
            }
            let Some(id) = answer.as_str() else {
                let (function, kind) = (python_text::str(&function), python_text::type_name(&answer));
                return Err(Error::bad_parameters(format!(
                    "function {function} must return a string, but it returned {} (<class '{kind}'>)",
                    python_text::str(&answer)
                )));
            };
            let target = self.target(&ctx, &mut targets, deployment, id).await?;
            let Some(target) = target.filter(|target| row.target_deployment_fk != Some(*target)) else { continue };
            found.push((row.storage_id, target));
            consumed.push(target);
        }
        consumed.sort_unstable();
        consumed.dedup();
        let tx = self.begin_write().await?;
        for (row, target) in found {
            rows::set_target(&tx, row, target).await.map_err(failed)?;
        }
        let note = [("csys-consumer-id".to_owned(), deployment.id.to_string())];
        labels::add_to_deployments(&tx, &consumed, deployment.creator_id, &note).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }
}

/// Whether a dependency was written down for a function of the plan.
fn comes_from_function(row: &Dependency) -> bool {
    !row.dependency_creator.starts_with("component.")
        && !row.dependency_creator.starts_with("sharedresource.")
        && row.dependency_creator.ends_with(".get_capability")
}

/// The manager, working for whoever made a deployment.
fn acting_for(deployment: &Deployment) -> Ctx {
    let ctx = Ctx::internal(deployment.tenant_name.clone(), deployment.tenant_id);
    Ctx { user_id: deployment.creator_id, username: deployment.created_by.clone(), ..ctx }
}

/// An entry of the plan as REST takes dependencies: with a target, or with the function that gives it.
fn given(function: &json::Value) -> json::Value {
    let target = &function["target_deployment"];
    let asked = match &target[0] {
        json::Value::Null => object! {"function": &target[1], "context": &function["context"]},
        _ => json::Value::Null,
    };
    object! {
        "dependency_creator": &function["function_identifier"],
        "target_deployment": &target[0],
        "target_deployment_func": asked,
    }
}

/// The function that gives a target, and from where it is seen. Before 7.0 it was kept without that.
fn function(row: &Dependency) -> Result<(Context, json::Value)> {
    let stored: json::Value =
        row.target_deployment_func.as_ref().map(Json::parse).transpose().map_err(failed)?.unwrap_or_default();
    let (Some(function), Some(context)) = (stored.get("function"), stored.get("context")) else {
        return Ok((Context::default(), stored));
    };
    let id = |key: &str| context.get(key).and_then(json::Value::as_str).map(str::to_owned);
    let seen = Context { self_id: id("self"), source_id: id("source"), target_id: id("target"), ..Context::default() };
    Ok((seen, function.clone()))
}
