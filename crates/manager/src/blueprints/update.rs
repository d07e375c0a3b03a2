//! Changing a blueprint: its labels and its owner, and what an outside upload says of its progress.
//!
//! Invariant: labels are for blueprints whose upload has ended well; a blueprint that is only
//! validated goes with the first word on it. Source: spec rest-api.md section 2.1.

use nephele_model::blueprint::BlueprintState;
use nephele_model::{Code, Error, Result, python_text};
use nephele_store::blueprints::{self, Blueprint, BlueprintChanges};
use nephele_store::labels::{self as rows, Labeled};
use nephele_store::{Json, Record};
use serde_json::{Map, Value};

use crate::rows::failed;
use crate::{Ctx, Manager, labels, overrides, visibility};

/// What of a blueprint may be changed by a request.
#[derive(Debug, Default)]
pub struct BlueprintUpdate {
    /// The full set of labels.
    pub labels: Option<Vec<Value>>,
    /// The new owner's name.
    pub creator: Option<String>,
    /// When the labels were given.
    pub created_at: Option<String>,
    /// Who sees it.
    pub visibility: Option<String>,
    /// What its author says of it.
    pub description: Option<String>,
    /// What it describes, as data.
    pub plan: Option<Map<String, Value>>,
    /// What it demands of its surroundings.
    pub requirements: Option<Map<String, Value>>,
    /// The YAML file in its archive.
    pub main_file_name: Option<String>,
    /// Where its upload stands.
    pub state: Option<String>,
    /// Why its upload failed.
    pub error: Option<String>,
    /// Where its upload failed.
    pub error_traceback: Option<String>,
    /// The execution that reads it.
    pub upload_execution: Option<String>,
}

impl Manager {
    /// Changes a blueprint. Error: `conflict_error` for labels before the upload has ended.
    pub async fn update_blueprint(&self, ctx: &Ctx, id: &str, update: BlueprintUpdate) -> Result<Record> {
        let blueprint = self.writable_blueprint(ctx, id).await?;
        let labelled_at = overrides::instant(ctx, update.created_at.as_deref())?;
        if blueprint.state == BlueprintState::Validating {
            let last = self.get_blueprint(ctx, id, None).await?;
            blueprints::delete(&*self.store, blueprint.storage_id).await.map_err(failed)?;
            self.remove_blueprint_files(&blueprint).await;
            return Ok(last);
        }
        let entered = update.state.as_deref().map(state).transpose()?;
        let wanted = match &update.labels {
            Some(given) => Some(labels::read(given)?),
            None if entered == Some(BlueprintState::Uploaded) => update.plan.as_ref().map(of_plan).transpose()?,
            None => None,
        };
        let stands = entered.unwrap_or(blueprint.state);
        if wanted.is_some() && stands != BlueprintState::Uploaded {
            return Err(Error::conflict("Blueprint labels can be created only if the blueprint state is uploaded"));
        }
        let changes = self.changes(ctx, &blueprint, update, entered).await?;
        match entered {
            Some(BlueprintState::Uploaded) => self.publish_archive(&blueprint).await?,
            Some(state) if state.is_failed() => self.remove_archive(&blueprint).await,
            _ => {}
        }
        let labeller = changes.creator_id.unwrap_or(ctx.user_id);
        let tx = self.begin_write().await?;
        blueprints::update(&tx, blueprint.storage_id, changes).await.map_err(failed)?;
        if let Some(wanted) = wanted {
            let given = (labeller, labelled_at.unwrap_or_else(|| self.clock.now()));
            rows::replace_given(&tx, Labeled::Blueprint, blueprint.storage_id, given, &wanted).await.map_err(failed)?;
        }
        tx.commit().await.map_err(failed)?;
        self.get_blueprint(ctx, id, None).await
    }

    async fn changes(
        &self,
        ctx: &Ctx,
        blueprint: &Blueprint,
        update: BlueprintUpdate,
        entered: Option<BlueprintState>,
    ) -> Result<BlueprintChanges> {
        let imported = update.plan.as_ref().and_then(|plan| plan.get("imported_blueprints")).and_then(Value::as_array);
        for id in imported.into_iter().flatten().filter_map(Value::as_str) {
            if self.find_blueprint(ctx, id).await.is_err() {
                return Err(Error::new(
                    Code::ImportedBlueprintNotFound,
                    format!("Blueprint {} uses an imported blueprint which is unavailable: {id}", blueprint.id),
                ));
            }
        }
        let upload_execution_fk = match &update.upload_execution {
            Some(id) => Some(Some(self.find_execution(ctx, id).await?.storage_id)),
            None => None,
        };
        Ok(BlueprintChanges {
            creator_id: self.new_owner(ctx, update.creator).await?,
            visibility: update
                .visibility
                .map(|wanted| visibility::keep_or_widen(ctx, blueprint.id.as_str(), blueprint.visibility, &wanted))
                .transpose()?,
            imported_blueprints: imported.map(|list| Some(Json::of(list))),
            plan: update.plan.map(|plan| Some(Json::of(&plan))),
            requirements: update.requirements.map(|map| Some(Json::of(&map))),
            description: update.description.map(Some),
            main_file_name: update.main_file_name.map(Some),
            upload_execution_fk,
            state: entered,
            // A new state forgets the error of the old one.
            error: entered.map(|_| update.error),
            error_traceback: entered.map(|_| update.error_traceback),
            updated_at: Some(self.clock.now()),
            ..BlueprintChanges::default()
        })
    }

    /// Unpacks a blueprint's archive to where the file server shows it.
    async fn publish_archive(&self, blueprint: &Blueprint) -> Result<()> {
        let archive = self.files.find_blueprint_archive(&blueprint.tenant_name, &blueprint.id).ok_or_else(|| {
            Error::new(Code::NotFound, format!("Could not find blueprint's archive; Blueprint ID: {}", blueprint.id))
        })?;
        let (files, place) = (self.files.clone(), self.files.blueprint(&blueprint.tenant_name, &blueprint.id));
        let work = move || files.publish(&archive, &place);
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
    }
}

/// The state that a client names.
pub(super) fn state(name: &str) -> Result<BlueprintState> {
    BlueprintState::parse(name).filter(|state| *state != BlueprintState::Validating).ok_or_else(|| {
        let valid = BlueprintState::ALL.iter().filter(|state| **state != BlueprintState::Validating);
        let valid = python_text::names(valid.map(|state| state.as_str()));
        Error::bad_parameters(format!("Invalid state: `{name}`. Valid blueprint state values are: {valid}"))
    })
}

/// The labels that a plan declares: `{key: {"values": [...]}}`.
fn of_plan(plan: &Map<String, Value>) -> Result<Vec<labels::Label>> {
    let declared = plan.get("blueprint_labels").and_then(Value::as_object);
    let given: Vec<Value> = declared
        .into_iter()
        .flatten()
        .map(|(key, label)| Value::Object(Map::from_iter([(key.clone(), label["values"].clone())])))
        .collect();
    labels::read(&given)
}
