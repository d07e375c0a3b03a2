//! Blueprints that belong to nodes: those of components, and `cloudify.nodes.Blueprint`.

use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use nephele_model::blueprint::BlueprintState;
use nephele_model::id::BlueprintId;
use nephele_model::python_text::is_truthy;
use nephele_model::{Error, Result};
use nephele_store::blueprints::{self, Blueprint};
use nephele_store::executions;
use serde_json::{Value, json};
use tempfile::TempPath;

use super::operation::{Operation, refuse};
use super::password_secret::{delete_secrets, set_secrets};
use crate::blueprints::NewBlueprint;
use crate::rows::failed;
use crate::workflows::upload::blocking;

/// Uploads the blueprint that a component names.
pub(super) async fn upload_for_component(operation: &mut Operation<'_>) -> Result<Value> {
    super::component::demand_local(operation)?;
    let given = operation.wanted("resource_config")["blueprint"].clone();
    upload_given(operation, &given).await
}

/// Uploads the blueprint that a node stands for, and sets its secrets.
pub(super) async fn upload(operation: &mut Operation<'_>) -> Result<Value> {
    super::component::demand_local(operation)?;
    let given = operation.wanted("resource_config");
    upload_given(operation, &given).await?;
    let secrets = operation.wanted("secrets");
    set_secrets(operation, &secrets).await?;
    Ok(Value::Bool(true))
}

/// Deletes the blueprint that a node stands for.
pub(super) async fn delete(operation: &mut Operation<'_>) -> Result<Value> {
    super::component::demand_local(operation)?;
    let given = operation.wanted("resource_config");
    delete_of_component(operation, &given).await?;
    delete_secrets(operation).await?;
    operation.runtime.shift_remove("blueprint");
    operation.save().await?;
    Ok(Value::Bool(true))
}

async fn upload_given(operation: &mut Operation<'_>, given: &Value) -> Result<Value> {
    let id = given["id"].as_str().filter(|id| !id.is_empty()).unwrap_or(operation.instance()).to_owned();
    let labels = given["labels"].as_array().cloned().unwrap_or_default();
    let (archive, file) = (given["blueprint_archive"].clone(), given["main_file_name"].clone());
    let noted = json!({"id": id, "blueprint_archive": archive, "application_file_name": file, "labels": labels});
    let begun = operation.runtime.get("blueprint") == Some(&noted);
    operation.runtime.insert("blueprint".to_owned(), noted);
    operation.save().await?;
    let external = is_truthy(&given["external_resource"]);
    match (find(operation, &id).await?, external) {
        (None, true) => {
            let tenant = &operation.execution.tenant_name;
            let text =
                format!("Blueprint ID \"{id}\" does not exist on tenant \"{tenant}\", but external_resource is True.");
            return Err(refuse(text));
        }
        (Some(_), true) => operation.log("Using external blueprint.".to_owned()).await?,
        (Some(_), false) if begun => {}
        (Some(_), false) => {
            let text = format!("Blueprint \"{id}\" exists, but external_resource is False, will use the existing one.");
            operation.log(text).await?;
        }
        (None, false) => {
            let archive = archive.as_str().filter(|archive| !archive.is_empty());
            let archive =
                archive.ok_or_else(|| refuse("No blueprint_archive supplied, but external_resource is False"))?;
            let mut new = NewBlueprint {
                id: id.clone(),
                application_file_name: file.as_str().unwrap_or_default().to_owned(),
                labels,
                async_upload: true,
                ..NewBlueprint::default()
            };
            if archive.contains("://") {
                new.url = Some(archive.to_owned());
            } else {
                new.archive = Some(own_archive(operation, archive).await?);
            }
            operation.manager.upload_blueprint(&operation.ctx, new).await?;
        }
    }
    await_upload(operation, &id).await?;
    Ok(Value::Bool(true))
}

async fn find(operation: &Operation<'_>, id: &str) -> Result<Option<Blueprint>> {
    let scope = operation.manager.scope(&operation.ctx, false).await?;
    blueprints::find(&*operation.manager.store, &scope, &BlueprintId::new(id)).await.map_err(failed)
}

async fn await_upload(operation: &mut Operation<'_>, id: &str) -> Result<()> {
    let missing = || Error::not_found("Blueprint", id);
    let blueprint = find(operation, id).await?.ok_or_else(missing)?;
    if let Some(upload) = blueprint.upload_execution_fk {
        let upload = executions::by_storage_id(&*operation.manager.store, upload).await.map_err(failed)?;
        if let Some(upload) = upload {
            operation.await_end(&upload.id).await?;
        }
    }
    let blueprint = find(operation, id).await?.ok_or_else(missing)?;
    if blueprint.state == BlueprintState::Uploaded {
        return Ok(());
    }
    let (state, reason) = (blueprint.state.as_str(), blueprint.error.unwrap_or_default());
    Err(refuse(format!("Blueprint `{id}` is {state}: {reason}")))
}

/// The archive that this deployment's own blueprint has at a path; a folder is packed.
async fn own_archive(operation: &Operation<'_>, path: &str) -> Result<TempPath> {
    let root = operation.manager.files.blueprint(&operation.deployment.tenant_name, &operation.deployment.blueprint_id);
    let (uploading, path) = (operation.manager.files.uploading(), path.to_owned());
    blocking(move || pack(&root, &path, &uploading)).await?
}

fn pack(root: &Path, path: &str, uploading: &Path) -> Result<TempPath> {
    let missing = || refuse(format!("the blueprint of this deployment has no `{path}`"));
    let root = root.canonicalize().map_err(|_| missing())?;
    let found: PathBuf = root.join(path).canonicalize().map_err(|_| missing())?;
    // Links and `..` lead nowhere else.
    if !found.starts_with(&root) {
        return Err(missing());
    }
    let archive = tempfile::NamedTempFile::new_in(uploading).map_err(Error::internal)?;
    if found.is_file() {
        std::fs::copy(&found, archive.path()).map_err(Error::internal)?;
        return Ok(archive.into_temp_path());
    }
    let mut tar = tar::Builder::new(GzEncoder::new(archive.as_file(), Compression::fast()));
    tar.follow_symlinks(false);
    tar.append_dir_all("blueprint", &found).map_err(Error::internal)?;
    tar.into_inner().and_then(GzEncoder::finish).map_err(Error::internal)?;
    Ok(archive.into_temp_path())
}

/// Deletes the blueprint of a component that is gone, unless it is somebody else's or others use it.
pub(super) async fn delete_of_component(operation: &Operation<'_>, given: &Value) -> Result<()> {
    let id = given["id"].as_str().filter(|id| !id.is_empty()).unwrap_or(operation.instance());
    if is_truthy(&given["external_resource"]) || find(operation, id).await?.is_none() {
        return Ok(());
    }
    operation.log(format!("Delete component's blueprint \"{id}\".")).await?;
    operation.manager.delete_blueprint(&operation.ctx, id, false).await
}
