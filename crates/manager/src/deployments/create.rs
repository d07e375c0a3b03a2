//! Creating a deployment: the checks in their order, the row, and the execution that fills it.
//!
//! Source: spec rest-api.md sections 1.14 and 2.2.

use nephele_model::blueprint::BlueprintState;
use nephele_model::deployment::DeploymentStatus;
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{DeploymentId, ExecutionId};
use nephele_model::{Code, Error, Result, Visibility, id};
use nephele_store::blueprints::{self, Blueprint};
use nephele_store::deployments::{self, Deployment, DeploymentChanges};
use nephele_store::{Db, Json, Record, Tx, executions, plugins, sites};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::deployments::settings::display_name;
use crate::deployments::tree;
use crate::executions::NewRun;
use crate::rows::{demand_free, failed};
use crate::waiting::PATIENCE;
use crate::{Ctx, Manager, labels, overrides, visibility};

/// A deployment that a client creates.
#[derive(Debug, Default)]
pub struct NewDeployment {
    /// Its id.
    pub id: String,
    /// Its blueprint.
    pub blueprint_id: String,
    /// Values for the blueprint's inputs.
    pub inputs: Map<String, Value>,
    /// `private`, `tenant` or `global`.
    pub visibility: Option<String>,
    /// The older way to say `private`.
    pub private_resource: Option<bool>,
    /// Whether plugins may be absent.
    pub skip_plugins_validation: bool,
    /// Its site.
    pub site_name: Option<String>,
    /// Whether functions are evaluated anew at each reading.
    pub runtime_only_evaluation: bool,
    /// Labels for it.
    pub labels: Vec<Value>,
    /// Its name for people.
    pub display_name: Option<String>,
    /// Whether the client comes back for the result.
    pub async_create: bool,
    /// Who made it, if that was somebody else.
    pub created_by: Option<String>,
    /// When it was made, if that was earlier.
    pub created_at: Option<String>,
}

/// The parts of a plan that a request looks at. The rest, which grows with the nodes, is skipped
/// while the text is read.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Demands {
    inputs: Map<String, Value>,
    deployment_plugins_to_install: Vec<Value>,
    workflow_plugins_to_install: Vec<Value>,
    deployment_settings: Option<Map<String, Value>>,
}

impl Demands {
    /// One of the blueprint's settings for its deployments.
    pub(crate) fn setting(&self, name: &str) -> Option<&Value> {
        self.deployment_settings.as_ref()?.get(name)
    }
}

/// What a deployment is made of, and how its environment is begun.
pub(crate) struct Basis<'a> {
    pub(crate) visibility: Visibility,
    pub(crate) blueprint: &'a Blueprint,
    pub(crate) site: Option<&'a sites::Site>,
    /// What inputs are checked against; left out, the environment's creation does it.
    pub(crate) demands: Option<&'a Demands>,
    pub(crate) status: ExecutionStatus,
}

/// A deployment that was stored, with the execution that fills it.
pub(crate) struct Made {
    pub(crate) storage_id: i64,
    pub(crate) execution_fk: i64,
    pub(crate) execution: ExecutionId,
}

impl Manager {
    /// Creates a deployment; waits for its environment unless the client comes back for it.
    pub async fn create_deployment(&self, ctx: &Ctx, new: NewDeployment) -> Result<Record> {
        ctx.not_while_cancelling()?;
        id::check("deployment_id", &new.id, false)?;
        let visibility = visibility::choose(ctx, new.visibility.as_deref(), new.private_resource)?;
        let blueprint = self.find_blueprint(ctx, &new.blueprint_id).await?;
        if blueprint.state != BlueprintState::Uploaded {
            return Err(Error::new(
                Code::DeploymentCreation,
                format!(
                    "Unable to create a deployment based on a blueprint which is not `uploaded` but: `{}`",
                    blueprint.state.as_str()
                ),
            ));
        }
        let site = match &new.site_name {
            Some(name) => Some(self.find_site(ctx, name).await?),
            None => None,
        };
        let wanted = labels::read(&new.labels)?;
        let plan = self.demands(&blueprint).await?;
        if !new.skip_plugins_validation {
            self.demand_plugins(ctx, &plan).await?;
        }
        let (id, is_async) = (new.id.clone(), new.async_create);
        let basis = Basis {
            visibility,
            blueprint: &blueprint,
            site: site.as_ref(),
            demands: Some(&plan),
            status: ExecutionStatus::Pending,
        };
        let tx = self.begin_write().await?;
        let made = self.insert_deployment(&tx, ctx, new, &wanted, basis).await?;
        let ended = self.waiting.register(&made.execution);
        tx.commit().await.map_err(failed)?;
        self.workflows.wake();
        if !is_async {
            ended.wait(PATIENCE).await;
            demand_created(&*self.store, made.execution_fk).await?;
        }
        self.changed_deployment(ctx, &DeploymentId::new(id)).await
    }

    /// Stores a deployment with these labels, and the execution that fills it.
    pub(crate) async fn insert_deployment(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        new: NewDeployment,
        wanted: &[labels::Label],
        basis: Basis<'_>,
    ) -> Result<Made> {
        let Basis { visibility, blueprint, site, demands, status } = basis;
        demand_placement(ctx, &new.id, visibility, blueprint, site)?;
        let scope = self.scope(ctx, false).await?;
        tx.lock(&format!("deployment {}", new.id)).await.map_err(failed)?;
        let old = deployments::find(tx, &scope, &DeploymentId::new(&new.id)).await.map_err(failed)?;
        if let Some(old) = old {
            purge_failed(tx, &old).await?;
        }
        demand_free(tx, &deployments::RESOURCE, "deployments", &new.id, &scope, visibility).await?;
        if let Some(demands) = demands {
            check_inputs(demands, &new.inputs)?;
        }
        let chosen = new.display_name.as_deref().filter(|name| !name.is_empty());
        let display_name = chosen.map(display_name).transpose()?.unwrap_or_else(|| new.id.clone());
        let created_at = overrides::instant(ctx, new.created_at.as_deref())?;
        let creator_id = self.new_owner(ctx, new.created_by).await?;
        let now = created_at.unwrap_or_else(|| self.clock.now());
        let row = deployments::NewDeployment {
            id: DeploymentId::new(&new.id),
            display_name,
            visibility,
            tenant_id: scope.tenant_id,
            creator_id: creator_id.unwrap_or(ctx.user_id),
            created_at: now,
            updated_at: Some(now),
            blueprint_fk: blueprint.storage_id,
            site_fk: site.map(|site| site.storage_id),
            deployment_status: Some(DeploymentStatus::RequiresAttention),
            runtime_only_evaluation: new.runtime_only_evaluation,
            inputs: Some(Json::of(&new.inputs)),
        };
        let storage_id = deployments::insert(tx, row).await.map_err(failed)?;
        let row = deployments::by_storage_id(tx, storage_id).await.map_err(failed)?;
        let row = row.ok_or_else(|| Error::not_found("Deployment", &new.id))?;
        self.check_parents(ctx, &row, wanted).await?;
        labels::rows::add(tx, labels::Labeled::Deployment, storage_id, ctx.user_id, wanted).await.map_err(failed)?;
        self.tell_parents(tx, ctx, &row).await?;
        let mut parameters = vec![
            ("inputs".to_owned(), Value::Object(new.inputs)),
            ("display_name".to_owned(), json!(new.display_name)),
        ];
        if !wanted.is_empty() {
            parameters.push(("labels".to_owned(), labels::as_parameter(wanted)));
        }
        let run = NewRun::of(&row, "create_deployment_environment", Map::from_iter(parameters));
        let (execution_fk, execution) = self.accept(tx, ctx, NewRun { status, ..run }).await?;
        let changes =
            DeploymentChanges { create_execution_fk: Some(Some(execution_fk)), ..DeploymentChanges::default() };
        deployments::update(tx, storage_id, changes).await.map_err(failed)?;
        Ok(Made { storage_id, execution_fk, execution })
    }

    /// What the plan of an uploaded blueprint demands.
    pub(crate) async fn demands(&self, blueprint: &Blueprint) -> Result<Demands> {
        let stored = blueprints::plan(&*self.store, blueprint.storage_id).await.map_err(failed)?;
        let stored = stored.ok_or_else(|| {
            Error::new(Code::DeploymentCreation, format!("Blueprint `{}` has no plan; upload it again", blueprint.id))
        })?;
        let parsed = tokio::task::spawn_blocking(move || stored.parse()).await.map_err(Error::internal)?;
        parsed.map_err(failed)
    }

    /// Refuses a plan that needs a plugin which nobody has uploaded.
    pub(crate) async fn demand_plugins(&self, ctx: &Ctx, plan: &Demands) -> Result<()> {
        let scope = self.scope(ctx, false).await?;
        for plugin in plan.deployment_plugins_to_install.iter().chain(&plan.workflow_plugins_to_install) {
            let text = |key: &str| plugin[key].as_str().filter(|text| !text.is_empty());
            let Some(package) = text("package_name") else { continue };
            if plugin["install"] == false || text("source").is_some() {
                continue;
            }
            let version = text("package_version");
            let present = plugins::of_package(&*self.store, &scope, package).await.map_err(failed)?;
            if !present.iter().any(|row| version.is_none() || row.package_version.as_deref() == version) {
                let version = version.unwrap_or("any");
                return Err(Error::new(
                    Code::DeploymentPluginNotFound,
                    format!("Required plugin {package}, version {version} is not installed on the manager"),
                ));
            }
        }
        Ok(())
    }
}

/// Refuses a deployment that more people would see than see its blueprint or its site.
fn demand_placement(
    ctx: &Ctx,
    id: &str,
    visibility: Visibility,
    blueprint: &Blueprint,
    site: Option<&sites::Site>,
) -> Result<()> {
    if visibility == Visibility::Global && blueprint.visibility != Visibility::Global {
        return Err(Error::forbidden(format!(
            "User `{}` can't create the global deployment `{id}`: its blueprint `{}` is not global",
            ctx.username, blueprint.id
        )));
    }
    site.map_or(Ok(()), |site| demand_site(id, visibility, site))
}

/// Refuses a site that fewer people see than the deployment.
pub(super) fn demand_site(id: &str, visibility: Visibility, site: &sites::Site) -> Result<()> {
    if site.visibility >= visibility {
        return Ok(());
    }
    Err(Error::new(
        Code::IllegalAction,
        format!(
            "The visibility of deployment `{id}`: `{}` can't be wider than the visibility of its site `{}`: `{}`",
            visibility.as_str(),
            site.name,
            site.visibility.as_str()
        ),
    ))
}

/// Makes room where an earlier deployment of this id never came to be.
async fn purge_failed(tx: &Tx, old: &Deployment) -> Result<()> {
    let runs = executions::of_deployment(tx, old.storage_id).await.map_err(failed)?;
    let [only] = runs.as_slice() else { return Ok(()) };
    if only.workflow_id == "create_deployment_environment"
        && only.status.is_final()
        && only.status != ExecutionStatus::Terminated
    {
        tree::fell(tx, old.storage_id).await?;
    }
    Ok(())
}

/// Refuses inputs that are missing or not declared.
fn check_inputs(plan: &Demands, given: &Map<String, Value>) -> Result<()> {
    let needed = |(name, schema): &(&String, &Value)| {
        schema.get("default").is_none() && schema["required"] != false && !given.contains_key(*name)
    };
    let missing: Vec<&str> = plan.inputs.iter().filter(needed).map(|(name, _)| name.as_str()).collect();
    if !missing.is_empty() {
        return Err(Error::new(
            Code::MissingRequiredDeploymentInput,
            format!("Cannot create deployment - missing inputs: {}", missing.join(", ")),
        ));
    }
    let unknown: Vec<&str> = given.keys().filter(|name| !plan.inputs.contains_key(*name)).map(String::as_str).collect();
    if !unknown.is_empty() {
        return Err(Error::new(
            Code::UnknownDeploymentInput,
            format!("Cannot create deployment - unknown inputs: {}", unknown.join(", ")),
        ));
    }
    Ok(())
}

/// Refuses a deployment whose environment could not be made, with the last line of the reason.
async fn demand_created(db: &dyn Db, execution_fk: i64) -> Result<()> {
    let execution = executions::by_storage_id(db, execution_fk).await.map_err(failed)?;
    match execution {
        Some(run) if run.status.is_final() && run.status != ExecutionStatus::Terminated => {
            let error = run.error.unwrap_or_default();
            let last = error.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("the creation was cancelled");
            Err(Error::new(Code::DeploymentCreation, last))
        }
        _ => Ok(()),
    }
}
