//! Intrinsic functions at run time: evaluated over what the store holds now.
//!
//! Invariant: only what the functions ask for is read. Evaluation is synchronous, so it runs on a
//! blocking thread and [`storage::Lazy`] reads rows from there; a failure to read comes before what
//! the evaluation made of it.

mod storage;

use std::sync::Arc;

pub use nephele_dsl::Context;
use nephele_dsl::{Diagnostic, Kind, Storage};
use nephele_model::id::DeploymentId;
use nephele_model::json;
use nephele_model::{Code, Error, Result};
use nephele_store::deployments::Deployment;
use nephele_store::{Json, deployments};
use serde_json::{Map, Value};

use crate::rows::failed;
use crate::{Ctx, Manager};

impl Manager {
    /// Evaluates every function in `payload`, as an operation of this context would see it.
    pub async fn evaluate(
        self: &Arc<Self>,
        ctx: &Ctx,
        id: &DeploymentId,
        context: Context,
        payload: Value,
    ) -> Result<Value> {
        let work =
            move |_: &Deployment, storage: &dyn Storage| nephele_dsl::evaluate(payload.into(), &context, storage);
        self.evaluate_with(ctx, id, Code::FunctionsEvaluation, work).await.map(Value::from)
    }

    /// The values of a deployment's outputs.
    pub async fn outputs(self: &Arc<Self>, ctx: &Ctx, id: &DeploymentId) -> Result<Map<String, Value>> {
        let work = |deployment: &Deployment, storage: &dyn Storage| {
            nephele_dsl::evaluate_outputs(&section(deployment.outputs.as_ref()), storage)
        };
        self.evaluate_with(ctx, id, Code::DeploymentOutputsEvaluation, work).await.map(Map::from)
    }

    /// The values of a deployment's capabilities.
    pub async fn capabilities(self: &Arc<Self>, ctx: &Ctx, id: &DeploymentId) -> Result<Map<String, Value>> {
        let work = |deployment: &Deployment, storage: &dyn Storage| {
            nephele_dsl::evaluate_capabilities(&section(deployment.capabilities.as_ref()), storage)
        };
        self.evaluate_with(ctx, id, Code::DeploymentCapabilitiesEvaluation, work).await.map(Map::from)
    }

    /// Runs an evaluation over a deployment's state; `code` is what its failure is known by.
    async fn evaluate_with<T: Send + 'static>(
        self: &Arc<Self>,
        ctx: &Ctx,
        id: &DeploymentId,
        code: Code,
        work: impl FnOnce(&Deployment, &dyn Storage) -> std::result::Result<T, Diagnostic> + Send + 'static,
    ) -> Result<T> {
        let scope = self.scope(ctx, false).await?;
        let deployment = deployments::find(&*self.store, &scope, id).await.map_err(failed)?;
        let deployment = deployment.ok_or_else(|| Error::not_found("Deployment", id))?;
        let storage = storage::Lazy::new(self.clone(), ctx.clone(), scope, deployment);
        let run = move || {
            let result = work(storage.deployment(), &storage);
            match (result, storage.into_failure()) {
                (_, Some(failure)) => Err(failure),
                (Ok(value), None) => Ok(value),
                (Err(problem), None) => Err(refusal(&problem, code)),
            }
        };
        tokio::task::spawn_blocking(run).await.map_err(Error::internal)?
    }
}

fn refusal(problem: &Diagnostic, code: Code) -> Error {
    let code = match problem.kind {
        Kind::UnknownSecret | Kind::UnsupportedGetSecret => Code::UnknownDeploymentSecret,
        _ => code,
    };
    Error::new(code, problem.reference_text())
}

/// A part of a plan as a deployment keeps it.
fn section(stored: Option<&Json>) -> json::Map {
    stored.and_then(|json| json.parse().ok()).unwrap_or_default()
}
