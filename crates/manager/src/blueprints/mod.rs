//! Blueprints: listing, changing, deleting, and their archives; uploading is in `upload.rs`.
//!
//! Invariant: a blueprint's row and its two places in the file tree come and go together, and a
//! blueprint with deployments is never deleted.

mod upload;

use std::path::PathBuf;

use nephele_model::blueprint::BlueprintState;
use nephele_model::id::BlueprintId;
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Code, Error, Result, Visibility};
use nephele_store::Record;
use nephele_store::blueprints::{self, Blueprint, BlueprintChanges};
use nephele_store::labels::{self as rows, Labeled};
use serde_json::Value;

use crate::rows::failed;
use crate::{Ctx, Manager, labels, visibility};

pub use upload::NewBlueprint;

/// What of a blueprint may be changed by a request.
#[derive(Debug, Default)]
pub struct BlueprintUpdate {
    /// The full set of labels.
    pub labels: Option<Vec<Value>>,
    /// The new owner's name.
    pub creator: Option<String>,
    /// Who sees it.
    pub visibility: Option<String>,
    /// What its author says of it.
    pub description: Option<String>,
}

impl Manager {
    /// One page of blueprints.
    pub async fn list_blueprints(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Record>> {
        self.list(ctx, &blueprints::RESOURCE, query).await
    }

    /// One blueprint with its plan.
    pub async fn get_blueprint(&self, ctx: &Ctx, id: &str, include: Option<&[String]>) -> Result<Record> {
        self.get(ctx, &blueprints::DETAILS, id, include).await
    }

    /// Changes a blueprint. Errors: `illegal_action_error` for nothing to change, `conflict_error` for
    /// labels before the upload has ended.
    pub async fn update_blueprint(&self, ctx: &Ctx, id: &str, update: BlueprintUpdate) -> Result<Record> {
        let blueprint = self.writable_blueprint(ctx, id).await?;
        let BlueprintUpdate { labels: wanted, creator, visibility, description } = update;
        if wanted.is_none() && creator.is_none() && visibility.is_none() && description.is_none() {
            return Err(Error::new(Code::IllegalAction, "The request body holds nothing to change"));
        }
        let wanted = wanted.map(|wanted| labels::read(&wanted)).transpose()?;
        if wanted.is_some() && blueprint.state != BlueprintState::Uploaded {
            return Err(Error::conflict(format!(
                "Blueprint `{id}` cannot be labelled: it is still {}",
                blueprint.state.as_str()
            )));
        }
        let changes = BlueprintChanges {
            creator_id: self.new_owner(ctx, creator).await?,
            visibility: visibility
                .map(|wanted| visibility::widen(ctx, id, blueprint.visibility, &wanted))
                .transpose()?,
            description: description.map(Some),
            updated_at: Some(self.clock.now()),
            ..BlueprintChanges::default()
        };
        let tx = self.begin_write().await?;
        blueprints::update(&tx, blueprint.storage_id, changes).await.map_err(failed)?;
        if let Some(wanted) = wanted {
            rows::replace(&tx, Labeled::Blueprint, blueprint.storage_id, ctx.user_id, &wanted).await.map_err(failed)?;
        }
        tx.commit().await.map_err(failed)?;
        self.get_blueprint(ctx, id, None).await
    }

    /// Widens who sees a blueprint.
    pub async fn set_blueprint_visibility(&self, ctx: &Ctx, id: &str, wanted: &str) -> Result<Record> {
        let blueprint = self.writable_blueprint(ctx, id).await?;
        let changes = BlueprintChanges {
            visibility: Some(visibility::widen(ctx, id, blueprint.visibility, wanted)?),
            updated_at: Some(self.clock.now()),
            ..BlueprintChanges::default()
        };
        blueprints::update(&*self.store, blueprint.storage_id, changes).await.map_err(failed)?;
        self.get_blueprint(ctx, id, None).await
    }

    /// Deletes a blueprint and its files.
    pub async fn delete_blueprint(&self, ctx: &Ctx, id: &str, force: bool) -> Result<()> {
        let blueprint = self.writable_blueprint(ctx, id).await?;
        let done = blueprint.state == BlueprintState::Uploaded || blueprint.state.is_failed();
        if !done && !force {
            return Err(Error::new(
                Code::InvalidBlueprint,
                format!("Blueprint `{id}` is still {}.", blueprint.state.as_str()),
            ));
        }
        let tx = self.begin_write().await?;
        let deployments = blueprints::deployments_of(&tx, blueprint.storage_id).await.map_err(failed)?;
        if !deployments.is_empty() {
            return Err(Error::new(
                Code::DependentExists,
                format!(
                    "Can't delete blueprint {id} - There exist deployments for this blueprint; Deployments ids: {}",
                    deployments.join(",")
                ),
            ));
        }
        blueprints::delete(&tx, blueprint.storage_id).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.remove_blueprint_files(&blueprint).await;
        Ok(())
    }

    /// The file of a blueprint's archive.
    pub async fn blueprint_archive(&self, ctx: &Ctx, id: &str) -> Result<PathBuf> {
        let blueprint = self.find_blueprint(ctx, id).await?;
        self.files
            .find_blueprint_archive(&blueprint.tenant_name, &blueprint.id)
            .ok_or_else(|| Error::new(Code::NotFound, format!("Could not find the archive of blueprint `{id}`")))
    }

    pub(crate) async fn find_blueprint(&self, ctx: &Ctx, id: &str) -> Result<Blueprint> {
        let scope = self.scope(ctx, false).await?;
        let blueprint = blueprints::find(&*self.store, &scope, &BlueprintId::new(id)).await.map_err(failed)?;
        blueprint.ok_or_else(|| Error::not_found("Blueprint", id))
    }

    async fn writable_blueprint(&self, ctx: &Ctx, id: &str) -> Result<Blueprint> {
        let blueprint = self.find_blueprint(ctx, id).await?;
        if blueprint.visibility == Visibility::Global && Some(blueprint.tenant_id) != ctx.tenant_id {
            return Err(Error::new(
                Code::IllegalAction,
                format!("Can't modify the global resource `{id}` from outside its tenant `{}`", blueprint.tenant_name),
            ));
        }
        Ok(blueprint)
    }

    async fn remove_blueprint_files(&self, blueprint: &Blueprint) {
        for folder in [
            self.files.blueprint(&blueprint.tenant_name, &blueprint.id),
            self.files.blueprint_archive_folder(&blueprint.tenant_name, &blueprint.id),
        ] {
            match tokio::fs::remove_dir_all(&folder).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    tracing::warn!(folder = %folder.display(), %error, "files of a deleted blueprint are left");
                }
                _ => {}
            }
        }
    }
}
