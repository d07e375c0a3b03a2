//! The plan of an execution: what a workflow would do if it began now, without doing it.
//!
//! The workflow's function is gone through as in a run ([`Foresight`]), each phase supposed to end well; what its acts
//! would come to is imagined from rows. Invariant: nothing is written. `history.rs` knows how long operations took,
//! `shown.rs` makes of it what people see. Source of the graphs: the engine's `lifecycle`.

mod history;
mod shown;

use nephele_engine::Topology;
use nephele_engine::lifecycle::{Foresight, Parameters, Workflow};
use nephele_engine::phases::Act;
use nephele_model::{Code, Error, Result};
use nephele_store::deployments::Deployment;
use nephele_store::executions;
use serde_json::{Map, Value, json};

use super::place::{Wish, declared, demand_environment, occupied};
use super::{availability, demand_execution_inside, dependents};
use crate::deployment_updates::foresee::ForeseenUpdate;
use crate::deployment_updates::{UpdateRequest, WORKFLOW as UPDATE};
use crate::rows::failed;
use crate::{Ctx, Manager};
use shown::Plan;

/// What is to be planned.
#[derive(Debug, Default)]
pub struct PlanRequest {
    /// The workflow.
    pub workflow_id: String,
    /// Its parameters.
    pub parameters: Map<String, Value>,
    /// Take parameters that are not declared.
    pub allow_custom_parameters: bool,
}

/// A workflow with all that it would be started with.
struct Subject {
    workflow: Workflow,
    parameters: Map<String, Value>,
    update: Option<ForeseenUpdate>,
    /// Why a start would be refused.
    obstacles: Vec<Error>,
}

impl Manager {
    /// What the workflow would do if it began now.
    ///
    /// Errors: those of a start for workflow and parameters; `unplannable_workflow_error` for one that is code. What
    /// only the present moment forbids is part of the plan.
    pub async fn plan_execution(&self, ctx: &Ctx, deployment: &str, request: PlanRequest) -> Result<Value> {
        let deployment = self.find_deployment(ctx, deployment).await?;
        demand_execution_inside(ctx, deployment.tenant_id, deployment.id.as_str())?;
        demand_environment(&*self.store, &deployment).await?;
        let name = request.workflow_id.clone();
        let subject = if name == UPDATE {
            self.update_to_plan(ctx, &deployment, request).await?
        } else {
            self.workflow_to_plan(ctx, &deployment, request).await?
        };
        let parameters =
            Parameters { deployment: deployment.id.to_string(), values: subject.parameters, ..self.retries().await? };
        let before = self.topology(deployment.storage_id).await?;
        let mut foresight = Foresight::new(subject.workflow, before.clone(), &parameters);
        let error = self.go_through(&deployment, &mut foresight, subject.update.as_ref()).await?;
        let plan = Plan { foresight: &foresight, before: &before, history: &self.history(&deployment).await? };
        let shown = plan.shown();
        Ok(json!({
            "deployment_id": deployment.id, "workflow_id": name, "parameters": parameters.values, "error": error,
            "obstacles": subject.obstacles.iter().map(|error| {
                json!({"error_code": error.code().as_str(), "message": error.message()})
            }).collect::<Vec<_>>(),
            "update": subject.update.map(|update| update.shown()),
            "phases": shown.phases, "node_instances": shown.instances, "expected_seconds": shown.expected,
            "at_least_seconds": shown.at_least, "operations": shown.operations,
            "operations_without_history": shown.unknown,
        }))
    }

    async fn workflow_to_plan(&self, ctx: &Ctx, deployment: &Deployment, request: PlanRequest) -> Result<Subject> {
        let wish = Wish {
            allow_custom_parameters: request.allow_custom_parameters,
            // Who needs the deployment is told with the plan.
            force: true,
            ..Wish::new(request.workflow_id, request.parameters)
        };
        let operation = declared(deployment, &wish.workflow)?["operation"].as_str().unwrap_or_default().to_owned();
        let workflow = Workflow::of_operation(&operation).ok_or_else(|| unplannable(&wish.workflow, &operation))?;
        let ready = self.make_ready(ctx, deployment, &wish).await?;
        let mut obstacles = Vec::new();
        let db = &*self.store;
        let recursive = ready.parameters.get("recursive") == Some(&Value::Bool(true));
        note(&mut obstacles, dependents::demand_none(db, deployment, &wish.workflow, recursive).await)?;
        let running = executions::unfinished_of_deployment(db, deployment.storage_id).await.map_err(failed)?;
        if !running.is_empty() {
            obstacles.push(occupied(&running));
        }
        note(&mut obstacles, availability::demand(db, deployment, &wish.workflow, &ready.declared).await)?;
        Ok(Subject { workflow, parameters: ready.parameters, update: None, obstacles })
    }

    async fn update_to_plan(&self, ctx: &Ctx, deployment: &Deployment, request: PlanRequest) -> Result<Subject> {
        let request = UpdateRequest::of_parameters(request.parameters)?;
        let force = request.force;
        let update = self.foresee_update(ctx, deployment, request).await?;
        let mut obstacles = Vec::new();
        if !force {
            note(&mut obstacles, dependents::demand_none(&*self.store, deployment, UPDATE, false).await)?;
        }
        let parameters = update.arguments.clone();
        Ok(Subject { workflow: Workflow::Update, parameters, update: Some(update), obstacles })
    }

    /// Lets the workflow go through its phases. Gives the error that it would end with, if it would.
    async fn go_through(
        &self,
        deployment: &Deployment,
        foresight: &mut Foresight<'_>,
        update: Option<&ForeseenUpdate>,
    ) -> Result<Option<String>> {
        loop {
            let act = match foresight.go_on() {
                Ok(Some(act)) => act,
                Ok(None) => return Ok(None),
                Err(refused) => return Ok(Some(refused)),
            };
            let (value, topology): (Value, Option<Topology>) = match (&act, update) {
                (Act::ApplyUpdate, Some(update)) => {
                    let (touched, topology) = update.applied(foresight.topology())?;
                    (json!(touched), Some(topology))
                }
                // The execution that is to take the update's place has no id yet.
                (Act::StartWorkflow(_), _) => (json!(""), None),
                _ => match self.imagine_act(deployment, &act).await {
                    Ok(imagined) => imagined,
                    Err(error) if error.code() == Code::InternalServer => return Err(error),
                    // What the act would be refused for is the execution's error.
                    Err(error) => return Ok(Some(error.message().to_owned())),
                },
            };
            foresight.suppose(act, value, topology);
        }
    }
}

/// Keeps a refusal, but for one of the machinery.
fn note(obstacles: &mut Vec<Error>, checked: Result<()>) -> Result<()> {
    match checked {
        Ok(()) => Ok(()),
        Err(error) if error.code() == Code::InternalServer => Err(error),
        Err(error) => {
            obstacles.push(error);
            Ok(())
        }
    }
}

fn unplannable(workflow: &str, operation: &str) -> Error {
    Error::new(
        Code::UnplannableWorkflow,
        format!(
            "Workflow `{workflow}` is code (`{operation}`): which tasks it has is known only while it runs. Start it with \
             `dry_run` to see what it would do"
        ),
    )
}
