//! Taking in a blueprint: its archive, its row, and the execution that reads it.
//!
//! Invariant: the archive stands at its place before the row is visible, and a refused upload leaves
//! neither. Source: spec rest-api.md sections 1.14 and 2.1.

use nephele_model::blueprint::BlueprintState;
use nephele_model::id::{BlueprintId, ExecutionId, TenantName};
use nephele_model::{Code, Error, Result, Visibility, id};
use nephele_store::blueprints::{self, Blueprint, BlueprintChanges};
use nephele_store::scope::taken;
use nephele_store::{Record, Scope, Tx};
use serde_json::{Map, Value, json};
use tempfile::TempPath;

use super::update::state;
use crate::archive::Kind;
use crate::executions::NewRun;
use crate::rows::failed;
use crate::waiting::PATIENCE;
use crate::{Ctx, Manager, labels, overrides, visibility};

/// A blueprint that a client uploads.
#[derive(Debug, Default)]
pub struct NewBlueprint {
    /// Its id.
    pub id: String,
    /// `private`, `tenant` or `global`.
    pub visibility: Option<String>,
    /// The older way to say `private`.
    pub private_resource: Option<bool>,
    /// The YAML file in the archive; empty for the default.
    pub application_file_name: String,
    /// Labels for it.
    pub labels: Vec<Value>,
    /// Whether the client comes back for the result.
    pub async_upload: bool,
    /// Whether it is only to be checked.
    pub validate_only: bool,
    /// The archive, as it was received.
    pub archive: Option<TempPath>,
    /// Where the archive is to be fetched from instead.
    pub url: Option<String>,
    /// Whether it is only to be stored, in a state of the client's choice: for restoring.
    pub skip_execution: bool,
    /// The state that a blueprint is stored in.
    pub state: Option<String>,
    /// When it was made, for who may say so.
    pub created_at: Option<String>,
    /// Who made it, for who may say so.
    pub created_by: Option<String>,
}

impl Manager {
    /// Takes in a blueprint; waits for its upload to end unless the client comes back for it.
    ///
    /// Errors: `bad_parameters_error`, `conflict_error` for an id that is taken,
    /// `invalid_blueprint_error` when the upload was waited for and failed.
    pub async fn upload_blueprint(&self, ctx: &Ctx, new: NewBlueprint) -> Result<Record> {
        id::check("blueprint_id", &new.id, true)?;
        let visibility = visibility::choose(ctx, new.visibility.as_deref(), new.private_resource)?;
        let wanted = labels::read(&new.labels)?;
        if new.archive.is_some() && new.url.is_some() {
            return Err(Error::bad_parameters(
                "Can pass blueprint as only one of: URL via query parameters, multi-form or chunked.",
            ));
        }
        let kind = match (&new.archive, &new.url) {
            (Some(archive), _) => Some(kind(archive)?),
            (None, Some(_)) => None,
            (None, None) => {
                return Err(Error::bad_parameters("Missing application archive: send it as the body, or in a form"));
            }
        };
        let scope = self.scope(ctx, false).await?;
        let blueprint_id = BlueprintId::new(&new.id);
        let tx = self.begin_write().await?;
        tx.lock(&format!("blueprint {}", new.id)).await.map_err(failed)?;
        self.make_room(&tx, &scope, &blueprint_id, visibility).await?;
        let labels: Vec<Value> = wanted.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        let parameters = json!({
            "blueprint_id": new.id,
            "app_file_name": new.application_file_name,
            "url": new.url,
            "file_server_root": self.files.root(),
            "marketplace_api_url": "",
            "validate_only": new.validate_only,
            "labels": labels,
        });
        let (storage_id, execution) = self.insert_blueprint(&tx, ctx, &scope, &new, visibility, parameters).await?;
        if let (Some(archive), Some(kind)) = (new.archive, kind) {
            self.place_archive(&scope.tenant_name, &blueprint_id, archive, kind).await?;
        }
        let ended = execution.as_ref().map(|execution| self.waiting.register(execution));
        if let Err(error) = tx.commit().await {
            let _ = std::fs::remove_dir_all(self.files.blueprint_archive_folder(&scope.tenant_name, &blueprint_id));
            return Err(failed(error));
        }
        let Some(ended) = ended.filter(|_| !new.async_upload && !new.validate_only) else {
            let record = self.get_blueprint(ctx, &new.id, None).await?;
            self.workflows.wake();
            return Ok(record);
        };
        self.workflows.wake();
        ended.wait(PATIENCE).await;
        let found = blueprints::by_storage_id(&*self.store, storage_id).await.map_err(failed)?;
        match found {
            Some(blueprint) if blueprint.state.is_failed() => Err(unusable(&blueprint)),
            _ => self.get_blueprint(ctx, &new.id, None).await,
        }
    }

    /// Frees the id of an upload that failed; refuses one that is taken.
    async fn make_room(&self, tx: &Tx, scope: &Scope, id: &BlueprintId, visibility: Visibility) -> Result<()> {
        let present = blueprints::find(tx, scope, id).await.map_err(failed)?;
        if let Some(old) = present.filter(|old| old.tenant_id == scope.tenant_id && old.state.is_failed()) {
            blueprints::delete(tx, old.storage_id).await.map_err(failed)?;
        }
        match taken(tx, "blueprints", id.as_str(), scope.tenant_id, visibility).await.map_err(failed)? {
            None => Ok(()),
            Some(tenant) => Err(Error::conflict(format!(
                "blueprint with id={id} already exists on tenant {tenant} or with global visibility"
            ))),
        }
    }

    async fn insert_blueprint(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        scope: &Scope,
        new: &NewBlueprint,
        visibility: Visibility,
        parameters: Value,
    ) -> Result<(i64, Option<ExecutionId>)> {
        let now = self.clock.now();
        let state = match &new.state {
            Some(name) => state(name)?,
            None if new.validate_only => BlueprintState::Validating,
            None if new.url.is_some() => BlueprintState::Pending,
            None => BlueprintState::Uploading,
        };
        let row = blueprints::NewBlueprint {
            id: BlueprintId::new(&new.id),
            visibility,
            tenant_id: scope.tenant_id,
            creator_id: self.new_owner(ctx, new.created_by.clone()).await?.unwrap_or(ctx.user_id),
            created_at: overrides::instant(ctx, new.created_at.as_deref())?.unwrap_or(now),
            state,
            main_file_name: Some(new.application_file_name.clone()).filter(|_| !new.validate_only),
            is_hidden: false,
        };
        let storage_id = blueprints::insert(tx, row).await.map_err(failed)?;
        if new.skip_execution {
            return Ok((storage_id, None));
        }
        let parameters: Map<String, Value> = match parameters {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        let run = NewRun { visibility, ..NewRun::internal("upload_blueprint", parameters) };
        let (execution_fk, execution) = self.accept(tx, ctx, run).await?;
        let changes = BlueprintChanges {
            upload_execution_fk: Some(Some(execution_fk)),
            updated_at: (!new.validate_only).then_some(now),
            ..BlueprintChanges::default()
        };
        blueprints::update(tx, storage_id, changes).await.map_err(failed)?;
        Ok((storage_id, Some(execution)))
    }

    /// Moves a received archive to where it is kept, in the place of an older one.
    pub(crate) async fn place_archive(
        &self,
        tenant: &TenantName,
        id: &BlueprintId,
        archive: TempPath,
        kind: Kind,
    ) -> Result<()> {
        let folder = self.files.blueprint_archive_folder(tenant, id);
        let place = self.files.blueprint_archive(tenant, id, kind);
        let work = move || {
            let _ = std::fs::remove_dir_all(&folder);
            std::fs::create_dir_all(&folder)?;
            archive.persist(place).map_err(|error| error.error)
        };
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)?.map_err(Error::internal)
    }

    /// `PUT /blueprints/ID/archive`: another archive in the place of the present one.
    pub async fn put_blueprint_archive(&self, ctx: &Ctx, id: &str, archive: TempPath) -> Result<()> {
        let blueprint = self.writable_blueprint(ctx, id).await?;
        let kind = kind(&archive)?;
        self.place_archive(&blueprint.tenant_name, &blueprint.id, archive, kind).await
    }
}

/// The kind of an archive, or the refusal that clients know.
pub(crate) fn kind(archive: &std::path::Path) -> Result<Kind> {
    Kind::detect(archive).map_err(Error::internal)?.ok_or_else(|| {
        Error::bad_parameters(
            "Blueprint archive is of an unrecognized format. Supported formats are: zip, tar, tar.gz, tar.bz2",
        )
    })
}

fn unusable(blueprint: &Blueprint) -> Error {
    let state = match blueprint.state {
        BlueprintState::Invalid => "is invalid".to_owned(),
        other => format!("has {}", other.as_str().replace('_', " ")),
    };
    let error = blueprint.error.as_deref().unwrap_or_default();
    Error::new(Code::InvalidBlueprint, format!("Blueprint `{}` {state}. Error: {error}", blueprint.id))
}
