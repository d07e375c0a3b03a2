//! Blueprints: listing, changing, deleting, and their archives; uploading is in `upload.rs`.
//!
//! Invariant: a blueprint's row and its two places in the file tree come and go together, and a
//! blueprint with deployments is never deleted.

mod files;
mod icon;
mod update;
pub(crate) mod upload;

use std::path::{Path, PathBuf};

use nephele_model::blueprint::BlueprintState;
use nephele_model::id::BlueprintId;
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Code, Error, Result};
use nephele_store::Record;
use nephele_store::blueprints::{self, Blueprint, BlueprintChanges};

use crate::files::Tree;
use crate::rows::failed;
use crate::workflows::upload::blocking;
use crate::{Ctx, Manager, visibility};

pub use files::BlueprintFiles;
pub use update::BlueprintUpdate;
pub use upload::NewBlueprint;

impl Manager {
    /// One page of blueprints.
    pub async fn list_blueprints(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Record>> {
        self.list(ctx, &blueprints::RESOURCE, query).await
    }

    /// One blueprint with its plan.
    pub async fn get_blueprint(&self, ctx: &Ctx, id: &str, include: Option<&[String]>) -> Result<Record> {
        self.get(ctx, &blueprints::DETAILS, id, include).await
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
        if done && !force && blueprint.state == BlueprintState::Uploaded {
            let scope = self.scope(ctx, false).await?;
            if !blueprints::importers(&*self.store, &scope, &blueprint.id).await.map_err(failed)?.is_empty() {
                return Err(Error::new(
                    Code::BlueprintInUse,
                    format!("Blueprint {id} is currently in use. You can \"force\" blueprint removal."),
                ));
            }
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

    pub(crate) async fn writable_blueprint(&self, ctx: &Ctx, id: &str) -> Result<Blueprint> {
        let blueprint = self.find_blueprint(ctx, id).await?;
        visibility::demand_inside(ctx, blueprint.visibility, blueprint.tenant_id, id)?;
        Ok(blueprint)
    }

    async fn remove_blueprint_files(&self, blueprint: &Blueprint) {
        remove(&self.files.blueprint(&blueprint.tenant_name, &blueprint.id)).await;
        self.remove_archive(blueprint).await;
    }

    /// Gives a blueprint the files of another, published and archived.
    pub(crate) async fn copy_blueprint_files(&self, from: &Blueprint, to: &Blueprint) -> Result<()> {
        let published = [from, to].map(|row| self.files.blueprint(&row.tenant_name, &row.id));
        let archive = self.files.find_blueprint_archive(&from.tenant_name, &from.id);
        let folder = self.files.blueprint_archive_folder(&to.tenant_name, &to.id);
        let (before, after) = (from.id.to_string(), to.id.to_string());
        let work = move || {
            let [source, target] = published;
            for name in Tree::index(&source)?.keys() {
                let place = target.join(name);
                place.parent().map_or(Ok(()), std::fs::create_dir_all)?;
                std::fs::copy(source.join(name), place)?;
            }
            if let Some(archive) = archive {
                let name = archive.file_name().unwrap_or_default().to_string_lossy().replacen(&before, &after, 1);
                std::fs::create_dir_all(&folder)?;
                std::fs::copy(&archive, folder.join(name))?;
            }
            std::io::Result::Ok(())
        };
        blocking(work).await?.map_err(Error::internal)
    }

    async fn remove_archive(&self, blueprint: &Blueprint) {
        remove(&self.files.blueprint_archive_folder(&blueprint.tenant_name, &blueprint.id)).await;
    }
}

/// Removes a folder of a blueprint that is gone, or whose upload failed.
async fn remove(folder: &Path) {
    match tokio::fs::remove_dir_all(folder).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(folder = %folder.display(), %error, "files of a blueprint are left");
        }
        _ => {}
    }
}
