//! Intrinsic functions at run time: evaluated over what the store holds now.
//!
//! Invariant: queries are not counted by functions. An attempt at evaluating goes as far as what is
//! [`known`] allows and notes what it lacks; [`load`] reads all of that in one query a kind, and the
//! next attempt goes further. Attempts follow the nesting of functions, which is bounded.
//!
//! Everything is seen with the caller's rights: deployments, node instances and secrets of the caller's
//! tenant and global ones, also where a capability of another deployment needs them.

mod known;
mod load;
mod view;

use std::sync::Arc;

pub use nephele_dsl::Context;
use nephele_dsl::{Diagnostic, Fault, Lookup, Stop};
use nephele_model::id::DeploymentId;
use nephele_model::{Code, Error, Result, json};
use serde_json::{Map, Value};

use self::known::Known;
use self::load::section;
use self::view::View;
use crate::{Ctx, Manager};

/// Attempts at one evaluation. Functions nest at most 50 deep; more attempts need secrets that hold
/// functions which ask for secrets, and so on.
const ATTEMPTS: usize = 100;

impl Manager {
    /// Evaluates every function in `payload`, as an operation of this context would see it.
    pub async fn evaluate(&self, ctx: &Ctx, id: &DeploymentId, context: Context, payload: Value) -> Result<Value> {
        let work = {
            let (id, payload) = (id.clone(), json::Value::from(payload));
            move |known: &Known| {
                let deployment = known.deployment(id.as_str())?;
                nephele_dsl::evaluate(&payload, &context, &View::new(known, deployment))
            }
        };
        self.settle(ctx, vec![id.to_string()], Code::FunctionsEvaluation, work).await.map(Value::from)
    }

    /// Each payload with the functions in it evaluated, in its context.
    pub(crate) async fn evaluate_each(
        &self,
        ctx: &Ctx,
        id: &DeploymentId,
        payloads: Vec<(Context, json::Value)>,
    ) -> Result<Vec<json::Value>> {
        let work = {
            let id = id.clone();
            move |known: &Known| {
                let deployment = known.deployment(id.as_str())?;
                let view = View::new(known, deployment);
                nephele_dsl::all(payloads.iter().map(|(context, payload)| {
                    // A function is evaluated where it stands in something.
                    let within = json::Value::from([payload.clone()]);
                    Ok(nephele_dsl::evaluate(&within, context, &view)?[0].clone())
                }))
            }
        };
        self.settle(ctx, vec![id.to_string()], Code::FunctionsEvaluation, work).await
    }

    /// The parameters of a run with the functions in them evaluated.
    pub(crate) async fn evaluate_parameters(
        &self,
        ctx: &Ctx,
        id: &DeploymentId,
        parameters: Map<String, Value>,
    ) -> Result<Map<String, Value>> {
        let parameters = json::Map::from(parameters);
        if !parameters.values().any(nephele_dsl::has_functions) {
            return Ok(parameters.into());
        }
        match self.evaluate(ctx, id, Context::default(), Value::Object(parameters.into())).await? {
            Value::Object(evaluated) => Ok(evaluated),
            other => Err(Error::internal(format!("parameters were evaluated to {other}"))),
        }
    }

    /// The values of a deployment's outputs.
    pub async fn outputs(&self, ctx: &Ctx, id: &DeploymentId) -> Result<Map<String, Value>> {
        let work = {
            let id = id.clone();
            move |known: &Known| {
                let deployment = known.deployment(id.as_str())?;
                let outputs = section(deployment.row.outputs.as_ref()).map_err(|error| known.refuse(error))?;
                nephele_dsl::evaluate_outputs(&outputs, &View::new(known, deployment))
            }
        };
        self.settle(ctx, vec![id.to_string()], Code::DeploymentOutputsEvaluation, work).await.map(Map::from)
    }

    /// The values of a deployment's capabilities.
    pub async fn capabilities(&self, ctx: &Ctx, id: &DeploymentId) -> Result<Map<String, Value>> {
        let work = {
            let id = id.clone();
            move |known: &Known| {
                let deployment = known.deployment(id.as_str())?;
                let capabilities = &deployment.capabilities;
                nephele_dsl::evaluate_capabilities(capabilities, &View::new(known, Arc::clone(&deployment)))
            }
        };
        self.settle(ctx, vec![id.to_string()], Code::DeploymentCapabilitiesEvaluation, work).await.map(Map::from)
    }

    /// Records of nodes with the functions in their properties evaluated; `instance` is what a node
    /// means by itself.
    pub(crate) async fn evaluate_nodes(
        &self,
        ctx: &Ctx,
        nodes: Vec<Value>,
        instance: Option<String>,
    ) -> Result<Vec<Value>> {
        let nodes: Vec<json::Value> = nodes.into_iter().map(json::Value::from).collect();
        let deployments = nodes.iter().filter_map(deployment_of).map(str::to_owned).collect();
        let work = move |known: &Known| {
            let one = |node: &json::Value| {
                let Some(id) = deployment_of(node) else { return Ok(node.clone()) };
                let view = View::new(known, known.deployment(id)?);
                let mut evaluated = nephele_dsl::evaluate_node(node, instance.as_deref(), &view)?;
                // Evaluated nodes are as plans have them, with a name.
                if let (Some(node), Some(name)) = (evaluated.as_object_mut(), node.get("id")) {
                    node.insert("name", name.clone());
                }
                Ok(evaluated)
            };
            nephele_dsl::all(nodes.iter().map(one))
        };
        let nodes = self.settle(ctx, deployments, Code::FunctionsEvaluation, work).await?;
        Ok(nodes.into_iter().map(Value::from).collect())
    }

    /// The record of a node instance with the functions in its runtime properties evaluated.
    pub(crate) async fn evaluate_instance(&self, ctx: &Ctx, instance: Value) -> Result<Value> {
        let instance = json::Value::from(instance);
        let deployments = deployment_of(&instance).map(str::to_owned).into_iter().collect();
        let work = move |known: &Known| {
            let mut evaluated = instance.clone();
            let id = instance.get("id").and_then(json::Value::as_str);
            // What the caller did not ask for is not there.
            if let (Some(deployment), Some(id), Some(properties)) =
                (deployment_of(&instance), id, evaluated.get_mut("runtime_properties"))
            {
                let view = View::new(known, known.deployment(deployment)?);
                *properties = nephele_dsl::evaluate_instance(id, properties, &view)?;
            }
            Ok(evaluated)
        };
        self.settle(ctx, deployments, Code::FunctionsEvaluation, work).await.map(Value::from)
    }

    /// Makes attempts until nothing is wanted any more. `deployments` are wanted from the beginning;
    /// `code` is what a failing function is known by.
    async fn settle<T: Send + 'static>(
        &self,
        ctx: &Ctx,
        deployments: Vec<String>,
        code: Code,
        work: impl Fn(&Known) -> Lookup<T> + Send + Sync + 'static,
    ) -> Result<T> {
        let scope = self.scope(ctx, false).await?;
        let work = Arc::new(work);
        let mut known = Known::default();
        known.want(|wanted| wanted.deployments.extend(deployments));
        let (mut wanted, _) = known.end_attempt();
        for _ in 0..ATTEMPTS {
            self.load(ctx, &scope, &mut known, wanted).await?;
            let attempt = Arc::clone(&work);
            let outcome;
            (outcome, known) =
                tokio::task::spawn_blocking(move || (attempt(&known), known)).await.map_err(Error::internal)?;
            let refusal;
            (wanted, refusal) = known.end_attempt();
            if wanted.is_empty() {
                return match (outcome, refusal) {
                    (Ok(value), _) => Ok(value),
                    (Err(Stop::Failed(problem)), _) => Err(refused(&problem, code)),
                    (Err(_), Some(error)) => Err(error),
                    (Err(stop), None) => Err(Error::internal(format!("evaluation stopped without a reason: {stop:?}"))),
                };
            }
        }
        let message = "Functions refer to functions without end: secrets that hold functions ask for each other";
        Err(refused(&Diagnostic::new(Fault::RecursionLimit, message), code))
    }
}

fn deployment_of(record: &json::Value) -> Option<&str> {
    record.get("deployment_id").and_then(json::Value::as_str)
}

fn refused(problem: &Diagnostic, code: Code) -> Error {
    Error::new(code, problem.reference_text())
}
