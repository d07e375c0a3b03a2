//! Making the deployments of a group.
//!
//! Invariant: they are made together or not at all, and their environments are created a few at a time.

use std::collections::HashMap;

use nephele_model::blueprint::BlueprintState;
use nephele_model::{Code, Error, Result, id};
use nephele_store::blueprints::Blueprint;
use nephele_store::deployment_groups::{self as rows, DeploymentGroup, DeploymentGroupChanges};
use nephele_store::execution_groups::{self, NewExecutionGroup};
use nephele_store::labels::{self as label_rows, Labeled};
use nephele_store::sites::Site;
use serde_json::{Map, Value};

use super::status_of_place;
use crate::deployments::{Basis, Demands};
use crate::rows::failed;
use crate::{Ctx, Manager, NewDeployment, labels};

/// How many environments are created at a time.
const CONCURRENCY: i64 = 10;

/// A deployment to be made in a group.
#[derive(Clone, Debug, Default)]
pub struct NewMember {
    /// Its id, or a template of it: `{group_id}`, `{uuid}`, `{blueprint_id}`, `{count}`, `{site_name}`.
    pub id: Option<String>,
    /// Its name for people, or a template of it.
    pub display_name: Option<String>,
    /// Values for the blueprint's inputs, beside the group's.
    pub inputs: Map<String, Value>,
    /// Labels for it, beside the group's.
    pub labels: Vec<Value>,
    /// Its site.
    pub site_name: Option<String>,
    /// Whether functions are evaluated anew at each reading.
    pub runtime_only_evaluation: bool,
    /// Whether plugins may be absent.
    pub skip_plugins_validation: bool,
}

impl Manager {
    /// Makes deployments as members of a group.
    pub(super) async fn create_members(&self, ctx: &Ctx, group: &str, new: Vec<NewMember>) -> Result<()> {
        if new.is_empty() {
            return Ok(());
        }
        let group = self.find_deployment_group(ctx, group).await?;
        let Some(blueprint) = &group.default_blueprint else {
            return Err(Error::conflict(format!(
                "Cannot create deployments: group {} has no default blueprint set",
                group.id
            )));
        };
        let blueprint = self.find_blueprint(ctx, blueprint.as_str()).await?;
        if blueprint.state != BlueprintState::Uploaded {
            return Err(Error::new(
                Code::DeploymentCreation,
                format!(
                    "Unable to create a deployment based on a blueprint which is not `uploaded` but: `{}`",
                    blueprint.state.as_str()
                ),
            ));
        }
        let plan = self.demands(&blueprint).await?;
        if !new.iter().all(|member| member.skip_plugins_validation) {
            self.demand_plugins(ctx, &plan).await?;
        }
        let sites = self.sites_of(ctx, &new).await?;
        let tx = self.begin_write().await?;
        let given = label_rows::of(&tx, Labeled::DeploymentGroup, group.storage_id).await.map_err(failed)?;
        let group_labels: Vec<labels::Label> = given.into_iter().map(|label| (label.key, label.value)).collect();
        let defaults: Map<String, Value> = group
            .default_inputs
            .as_ref()
            .map(nephele_store::Json::parse)
            .transpose()
            .map_err(failed)?
            .unwrap_or_default();
        let (mut members, mut executions) = (Vec::new(), Vec::new());
        for (position, member) in new.into_iter().enumerate() {
            let count = group.creation_counter + i64::try_from(position).unwrap_or(i64::MAX);
            let site = member.site_name.as_ref().and_then(|name| sites.get(name));
            let wanted = deployment(&group, &blueprint, &plan, &defaults, member, count)?;
            let mut labels = labels::read(&wanted.labels)?;
            labels.extend(group_labels.iter().filter(|label| !labels.contains(label)).cloned().collect::<Vec<_>>());
            id::check("deployment_id", &wanted.id, false)?;
            let basis = Basis {
                visibility: group.visibility,
                blueprint: &blueprint,
                site,
                demands: None,
                status: status_of_place(position, CONCURRENCY),
            };
            let made = self.insert_deployment(&tx, ctx, wanted, &labels, basis).await?;
            members.push(made.storage_id);
            executions.push(made.execution_fk);
        }
        let row = NewExecutionGroup {
            id: uuid::Uuid::new_v4().to_string(),
            visibility: group.visibility,
            tenant_id: group.tenant_id,
            creator_id: ctx.user_id,
            created_at: self.clock.now(),
            workflow_id: "create_deployment_environment".to_owned(),
            concurrency: CONCURRENCY,
            deployment_group_fk: Some(group.storage_id),
        };
        let execution_group = execution_groups::insert(&tx, row).await.map_err(failed)?;
        execution_groups::add(&tx, execution_group, &executions).await.map_err(failed)?;
        rows::add(&tx, group.storage_id, &members).await.map_err(failed)?;
        let made = i64::try_from(members.len()).unwrap_or(i64::MAX);
        let changes = DeploymentGroupChanges {
            creation_counter: Some(group.creation_counter.saturating_add(made)),
            ..DeploymentGroupChanges::default()
        };
        rows::update(&tx, group.storage_id, changes).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.workflows.wake();
        Ok(())
    }

    async fn sites_of(&self, ctx: &Ctx, new: &[NewMember]) -> Result<HashMap<String, Site>> {
        let mut sites = HashMap::new();
        for name in new.iter().filter_map(|member| member.site_name.as_ref()) {
            if !sites.contains_key(name) {
                let site = self.find_site(ctx, name).await.map_err(|error| match error.code() {
                    Code::NotFound => Error::new(Code::NotFound, format!("Site {name} does not exist")),
                    _ => error,
                })?;
                sites.insert(name.clone(), site);
            }
        }
        Ok(sites)
    }
}

/// The deployment that a member describes, number `count` of its group.
fn deployment(
    group: &DeploymentGroup,
    blueprint: &Blueprint,
    plan: &Demands,
    defaults: &Map<String, Value>,
    member: NewMember,
    count: i64,
) -> Result<NewDeployment> {
    let setting = |name: &str| plan.setting(name).and_then(Value::as_str).map(str::to_owned);
    let unique = uuid::Uuid::new_v4().to_string();
    let site = member.site_name.clone().unwrap_or_default();
    let fill = |template: String| {
        template
            .replace("{group_id}", &group.id)
            .replace("{uuid}", &unique)
            .replace("{blueprint_id}", blueprint.id.as_str())
            .replace("{count}", &count.to_string())
            .replace("{site_name}", &site)
    };
    // Who gives an id is taken to know that it is one of a kind.
    let id = if let Some(id) = member.id.filter(|id| !id.is_empty()) {
        id
    } else {
        let template = setting("id_template").unwrap_or_else(|| "{group_id}-{uuid}".to_owned());
        if !template.contains("{uuid}") && !template.contains("{count}") {
            return Err(Error::conflict(
                "When creating new deployments in a group, deployment ID template must contain a variable part, eg. \
                 `{uuid}`",
            ));
        }
        template
    };
    let mut inputs = defaults.clone();
    inputs.extend(member.inputs);
    Ok(NewDeployment {
        id: fill(id),
        blueprint_id: blueprint.id.to_string(),
        inputs,
        runtime_only_evaluation: member.runtime_only_evaluation,
        labels: member.labels,
        display_name: member.display_name.or_else(|| setting("display_name")).map(fill),
        ..NewDeployment::default()
    })
}
