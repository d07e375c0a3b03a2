//! Taking in plugins: a wagon, a zip of a wagon with its YAML files, or a caravan of several.
//!
//! Invariant: a plugin's files stand at their place before its row is visible, and a refused upload
//! leaves neither. Source: spec rest-api.md section 2.7.

use std::path::{Path, PathBuf};

use nephele_model::{Code, Error, Permission, Result, Timestamp, Visibility, id};
use nephele_store::plugins::{self as rows, NewPlugin as Row};
use nephele_store::{Json, Record};
use serde_json::Value;
use tempfile::{TempDir, TempPath};

use super::description::{self, Extras};
use super::wagon::{self, Wagon};
use crate::archive::{self, Kind, Limits};
use crate::rows::failed;
use crate::{Ctx, Manager, visibility};

/// The largest YAML file, in bytes.
const MOST_YAML: u64 = 16 << 20;
const ICON: &str = "icon.png";

/// A plugin that a client uploads.
#[derive(Debug, Default)]
pub struct NewPlugin {
    /// Its id; made up when absent.
    pub id: Option<String>,
    /// Its name for people; its package's when absent.
    pub title: Option<String>,
    /// `private`, `tenant` or `global`.
    pub visibility: Option<String>,
    /// The older way to say `private`.
    pub private_resource: Option<bool>,
    /// When it was uploaded, if that was earlier.
    pub uploaded_at: Option<Timestamp>,
    /// Who uploaded it, if that was somebody else.
    pub created_by: Option<String>,
    /// What was received.
    pub archive: Option<TempPath>,
}

/// A plugin that was taken apart: its files in a folder of their own, ready to be moved to their place.
struct Unpacked {
    folder: TempDir,
    wagon: Wagon,
    extras: Extras,
    yaml: Vec<String>,
}

impl Manager {
    /// Takes in what was uploaded: one plugin, or those of a caravan.
    pub async fn upload_plugins(&self, ctx: &Ctx, new: NewPlugin) -> Result<Vec<Record>> {
        if let Some(id) = &new.id {
            id::check("plugin_id", id, false)?;
        }
        let creator_id = self.new_owner(ctx, new.created_by.clone()).await?.unwrap_or(ctx.user_id);
        if new.uploaded_at.is_some() {
            ctx.demand(Permission::SetTimestamp)?;
        }
        let visibility = visibility::choose(ctx, new.visibility.as_deref(), new.private_resource)?;
        self.demand_no_snapshot().await?;
        let not_one = || Error::new(Code::InvalidPlugin, "input can be only a wagon or a zip file.");
        let archive = new.archive.ok_or_else(not_one)?;
        let uploading = self.files.uploading();
        let work = move || take_apart(&archive, &uploading);
        let unpacked = tokio::task::spawn_blocking(work).await.map_err(Error::internal)??;
        if unpacked.len() != 1 && new.id.is_some() {
            return Err(Error::bad_parameters("An id can be given to one plugin only, not to several in a caravan"));
        }
        let mut ids = Vec::new();
        for plugin in unpacked {
            let id = new.id.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
            let row = self.row(ctx, &id, &plugin, visibility, creator_id, new.uploaded_at)?;
            let row = Row { title: new.title.clone().or_else(|| Some(row.package_name.clone())), ..row };
            self.store_plugin(row, plugin.folder).await?;
            ids.push(id);
        }
        let mut records = Vec::new();
        for id in ids {
            records.push(self.get(ctx, &rows::RESOURCE, &id, None).await?);
        }
        Ok(records)
    }

    fn row(
        &self,
        ctx: &Ctx,
        id: &str,
        plugin: &Unpacked,
        visibility: Visibility,
        creator_id: i64,
        uploaded_at: Option<Timestamp>,
    ) -> Result<Row> {
        let json = |value: &Option<Value>| value.as_ref().map(Json::from);
        let paths: Vec<String> = plugin.yaml.iter().map(|name| format!("plugins/{id}/{name}")).collect();
        let Unpacked { wagon, extras, .. } = plugin;
        ctx.tenant()?;
        Ok(Row {
            id: id.to_owned(),
            visibility,
            tenant_id: ctx.tenant_id.unwrap_or_default(),
            creator_id,
            uploaded_at: uploaded_at.unwrap_or_else(|| self.clock.now()),
            title: None,
            package_name: wagon.package_name.clone(),
            package_version: wagon.package_version.clone(),
            package_source: wagon.package_source.clone(),
            archive_name: wagon.archive_name.clone(),
            distribution: wagon.distribution.clone(),
            distribution_version: wagon.distribution_version.clone(),
            distribution_release: wagon.distribution_release.clone(),
            supported_platform: json(&wagon.supported_platform),
            supported_py_versions: json(&wagon.supported_py_versions),
            wheels: Json::from(&wagon.wheels),
            excluded_wheels: json(&wagon.excluded_wheels),
            blueprint_labels: json(&extras.blueprint_labels),
            labels: json(&extras.labels),
            resource_tags: json(&extras.resource_tags),
            yaml_files_paths: Json::of(&paths),
        })
    }

    async fn store_plugin(&self, row: Row, folder: TempDir) -> Result<()> {
        let tx = self.begin_write().await?;
        tx.lock(&format!("plugin {}", row.package_name)).await.map_err(failed)?;
        let (package, archive) = (&row.package_name, &row.archive_name);
        let collides = rows::taken(&tx, package, archive, row.tenant_id, row.visibility).await.map_err(failed)?;
        if let Some(tenant) = collides {
            return Err(Error::conflict(format!(
                "<Plugin id=`{}` tenant=`{tenant}`> already exists on <Tenant name=`{tenant}`> or with global visibility",
                row.id
            )));
        }
        if rows::exists(&tx, &row.id).await.map_err(failed)? {
            return Err(Error::conflict(format!("A plugin with ID `{}` already exists", row.id)));
        }
        let place = self.files.plugin(&row.id);
        rows::insert(&tx, row).await.map_err(failed)?;
        let target = place.clone();
        let work = move || {
            // Without a row, what is left there belongs to nobody.
            let _ = std::fs::remove_dir_all(&target);
            if let Some(parent) = target.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::rename(folder.keep(), target)
        };
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)?.map_err(Error::internal)?;
        if let Err(error) = tx.commit().await {
            let _ = tokio::fs::remove_dir_all(place).await;
            return Err(failed(error));
        }
        Ok(())
    }
}

/// The plugins in an upload, each in a folder below `uploading`.
fn take_apart(archive: &Path, uploading: &Path) -> Result<Vec<Unpacked>> {
    let not_one = || Error::new(Code::InvalidPlugin, "input can be only a wagon or a zip file.");
    let kind = Kind::detect(archive).map_err(Error::internal)?.ok_or_else(not_one)?;
    if kind != Kind::Zip
        && let Some(metadata) = caravan(archive)?
    {
        return take_caravan_apart(archive, uploading, &metadata);
    }
    if let Some(wagon) = wagon::read(archive)? {
        return Ok(vec![gather(wagon, archive, &[], None, uploading)?]);
    }
    if kind != Kind::Zip {
        return Err(not_one());
    }
    let content = unpack(archive, uploading)?;
    let files = files_in(content.path())?;
    let wagons: Vec<&PathBuf> = files.iter().filter(|file| has_ending(file, "wgn")).collect();
    let [only] = wagons.as_slice() else {
        return Err(Error::new(Code::InvalidPlugin, "Archive must include one wgn file"));
    };
    let yaml: Vec<PathBuf> = files.iter().filter(|file| has_ending(file, "yaml")).cloned().collect();
    let icon = files.iter().find(|file| file.file_name().is_some_and(|name| name == ICON));
    let wagon = wagon::read(only)?.ok_or_else(|| wagon::unreadable(&shown(only)))?;
    Ok(vec![gather(wagon, only, &yaml, icon.map(PathBuf::as_path), uploading)?])
}

/// `{wagon: yaml}` of a caravan, and the name of its folder; `None` when it is none.
fn caravan(archive: &Path) -> Result<Option<serde_json::Map<String, Value>>> {
    let is_metadata =
        |path: &Path| path.components().count() == 2 && path.file_name().is_some_and(|name| name == "METADATA");
    let Ok(Some(text)) = archive::read_file(archive, is_metadata, MOST_YAML) else { return Ok(None) };
    serde_json::from_slice(&text).map(Some).map_err(|error| {
        Error::new(Code::InvalidPlugin, format!("The METADATA of the caravan can not be read.\n{error}"))
    })
}

fn take_caravan_apart(
    archive: &Path,
    uploading: &Path,
    metadata: &serde_json::Map<String, Value>,
) -> Result<Vec<Unpacked>> {
    let content = unpack(archive, uploading)?;
    let root = archive::single_folder(content.path()).map_err(Error::internal)?;
    let root = root.ok_or_else(|| Error::new(Code::InvalidPlugin, "A caravan must consist of one folder"))?;
    let inside = |name: &str| {
        let place = root.join(name).canonicalize().ok().filter(|place| place.is_file());
        let inside = place.filter(|place| root.canonicalize().is_ok_and(|root| place.starts_with(root)));
        inside.ok_or_else(|| Error::new(Code::InvalidPlugin, format!("The caravan holds no file {name}")))
    };
    let mut plugins = Vec::new();
    for (wagon_name, yaml_name) in metadata {
        let file = inside(wagon_name)?;
        let yaml = inside(yaml_name.as_str().unwrap_or_default())?;
        let wagon = wagon::read(&file)?.ok_or_else(|| wagon::unreadable(wagon_name))?;
        plugins.push(gather(wagon, &file, &[yaml], None, uploading)?);
    }
    if plugins.is_empty() {
        return Err(Error::new(Code::InvalidPlugin, "The caravan holds no plugin"));
    }
    Ok(plugins)
}

/// Puts the files of one plugin into a folder of its own.
fn gather(wagon: Wagon, file: &Path, yaml: &[PathBuf], icon: Option<&Path>, uploading: &Path) -> Result<Unpacked> {
    let folder = tempfile::tempdir_in(uploading).map_err(Error::internal)?;
    let copy =
        |from: &Path, name: &str| std::fs::copy(from, folder.path().join(name)).map(drop).map_err(Error::internal);
    copy(file, &wagon.archive_name)?;
    let mut names: Vec<String> = Vec::new();
    let mut described: Vec<(String, Value)> = Vec::new();
    for file in yaml {
        let name = shown(file);
        let text = text_of(file)?;
        described.push((name.clone(), description::parse(&name, &text)?));
        copy(file, &name)?;
        names.push(name);
    }
    let main = described.iter().find(|(name, _)| name.to_lowercase().contains("plugin.")).or_else(|| described.first());
    let extras = main.map(|(_, described)| description::extras(described)).transpose()?.unwrap_or_default();
    if !names.iter().any(|name| name.ends_with("_1_3.yaml"))
        && let Some(copy) = described.first().and_then(|(_, described)| description::for_version_1_3(described))
    {
        // JSON is YAML as well.
        let text = serde_json::to_string_pretty(&copy).map_err(Error::internal)?;
        std::fs::write(folder.path().join("plugin_1_3.yaml"), text).map_err(Error::internal)?;
        names.push("plugin_1_3.yaml".to_owned());
    }
    if let Some(icon) = icon {
        copy(icon, ICON)?;
    }
    Ok(Unpacked { folder, wagon, extras, yaml: names })
}

fn unpack(archive: &Path, uploading: &Path) -> Result<TempDir> {
    let content = tempfile::tempdir_in(uploading).map_err(Error::internal)?;
    archive::unpack(archive, content.path(), Limits::default())
        .map_err(|error| Error::new(Code::InvalidPlugin, error.to_string()))?;
    Ok(content)
}

/// The files right in a folder, in order of their names; links are none.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(Error::internal)?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::internal)?;
        if entry.file_type().map_err(Error::internal)?.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

fn text_of(file: &Path) -> Result<String> {
    let refuse = |reason: String| Error::new(Code::InvalidPlugin, reason);
    let size = std::fs::metadata(file).map_err(Error::internal)?.len();
    if size > MOST_YAML {
        return Err(refuse(format!("{} is larger than {MOST_YAML} bytes", shown(file))));
    }
    std::fs::read_to_string(file).map_err(|error| refuse(format!("{} cannot be read: {error}", shown(file))))
}

fn has_ending(file: &Path, ending: &str) -> bool {
    file.extension().is_some_and(|extension| extension == ending)
}

fn shown(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
