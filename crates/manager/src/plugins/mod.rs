//! Plugins: packages of operations that blueprints import. Taking them in is in `upload.rs`, where they
//! are installed in `installation.rs`.
//!
//! Invariant: a plugin's row and its folder come and go together.

mod description;
mod installation;
mod restored;
mod upload;
mod wagon;

use std::path::{Path, PathBuf};

use nephele_model::page::{ListQuery, Page};
use nephele_model::{Code, Error, Result};
use nephele_store::plugins::{self as rows, Plugin, PluginChanges};
use nephele_store::{Json, Record, blueprints, executions};
use serde::Deserialize;
use serde_json::{Map, Value};
use tempfile::TempPath;

use crate::rows::failed;
use crate::{Ctx, Manager, visibility};

pub(crate) use restored::describe_folder;
pub use upload::NewPlugin;

/// What of a plugin is to change; what is `None` stays.
#[derive(Debug, Default)]
pub struct PluginUpdate {
    /// The new owner's name.
    pub creator: Option<String>,
    /// Labels for blueprints that use it: `{key: [values]}`.
    pub blueprint_labels: Option<Map<String, Value>>,
    /// Labels for deployments that use it.
    pub labels: Option<Map<String, Value>>,
    /// Tags for what deployments that use it make.
    pub resource_tags: Option<Map<String, Value>>,
}

/// The plugins that a plan names. The rest, which grows with the nodes, is skipped while the text is read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Used {
    workflow_plugins_to_install: Vec<Package>,
    deployment_plugins_to_install: Vec<Package>,
    host_agent_plugins_to_install: Vec<Package>,
    nodes: Vec<UsedByNode>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct UsedByNode {
    plugins_to_install: Option<Vec<Package>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Package {
    package_name: Option<String>,
    package_version: Option<String>,
}

impl Manager {
    /// One page of plugins.
    pub async fn list_plugins(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Record>> {
        self.list(ctx, &rows::RESOURCE, query).await
    }

    /// One plugin.
    pub async fn get_plugin(&self, ctx: &Ctx, id: &str, include: Option<&[String]>) -> Result<Record> {
        self.get(ctx, &rows::RESOURCE, id, include).await
    }

    /// Changes a plugin's owner, labels or tags.
    pub async fn update_plugin(&self, ctx: &Ctx, id: &str, update: PluginUpdate) -> Result<Record> {
        let plugin = self.writable_plugin(ctx, id).await?;
        let json = |map: Option<Map<String, Value>>| map.map(|map| Json::of(&map));
        let changes = PluginChanges {
            creator_id: self.new_owner(ctx, update.creator).await?,
            blueprint_labels: json(update.blueprint_labels),
            labels: json(update.labels),
            resource_tags: json(update.resource_tags),
            ..PluginChanges::default()
        };
        rows::update(&*self.store, plugin.storage_id, changes).await.map_err(failed)?;
        self.get_plugin(ctx, id, None).await
    }

    /// Widens who sees a plugin.
    pub async fn set_plugin_visibility(&self, ctx: &Ctx, id: &str, wanted: &str) -> Result<Record> {
        let plugin = self.writable_plugin(ctx, id).await?;
        let visibility = visibility::widen(ctx, id, plugin.visibility, wanted)?;
        let changes = PluginChanges { visibility: Some(visibility), ..PluginChanges::default() };
        rows::update(&*self.store, plugin.storage_id, changes).await.map_err(failed)?;
        self.get_plugin(ctx, id, None).await
    }

    /// Deletes a plugin with its files, and has it removed where it is installed. Error: `plugin_in_use`
    /// while blueprints use it, unless `force`.
    pub async fn delete_plugin(&self, ctx: &Ctx, id: &str, force: bool) -> Result<()> {
        let plugin = self.writable_plugin(ctx, id).await?;
        if executions::system_wide(&*self.store).await.map_err(failed)? {
            let running = executions::active_ids(&*self.store).await.map_err(failed)?;
            return Err(crate::executions::others_run(&running));
        }
        if !force {
            let users = self.blueprints_that_use(ctx, &plugin).await?;
            if !users.is_empty() {
                return Err(Error::new(
                    Code::PluginInUse,
                    format!(
                        "Plugin \"{id}\" is currently in use in blueprints: {}. You can \"force\" plugin removal if needed.",
                        users.join(", ")
                    ),
                ));
            }
        }
        let record = self.get_plugin(ctx, id, None).await?.value().map_err(failed)?;
        let tx = self.begin_write().await?;
        self.order_removal(&tx, ctx, &plugin, &record).await?;
        rows::delete(&tx, plugin.storage_id).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.workflows.wake();
        let folder = self.files.plugin(&plugin.id);
        match tokio::fs::remove_dir_all(&folder).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(folder = %folder.display(), %error, "files of a deleted plugin are left");
            }
            _ => {}
        }
        Ok(())
    }

    /// The file of a plugin's wagon.
    pub async fn plugin_archive(&self, ctx: &Ctx, id: &str) -> Result<PathBuf> {
        let plugin = self.find_plugin(ctx, id).await?;
        let file = self.files.plugin(&plugin.id).join(&plugin.archive_name);
        if file.is_file() { Ok(file) } else { Err(no_file(&plugin, &plugin.archive_name)) }
    }

    /// A zip of a plugin's wagon with its YAML files and icon. The file vanishes with the value.
    pub async fn whole_plugin(&self, ctx: &Ctx, id: &str) -> Result<TempPath> {
        let plugin = self.find_plugin(ctx, id).await?;
        let (folder, uploading) = (self.files.plugin(&plugin.id), self.files.uploading());
        let work = move || zipped(&folder, &uploading).map_err(Error::internal);
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
    }

    /// The YAML file of a plugin that suits a version of blueprints best.
    pub async fn plugin_yaml(&self, ctx: &Ctx, id: &str, version: Option<&str>) -> Result<PathBuf> {
        self.yaml_of(&self.find_plugin(ctx, id).await?, version)
    }

    /// As [`Self::plugin_yaml`], of a plugin that is at hand.
    pub(crate) fn yaml_of(&self, plugin: &Plugin, version: Option<&str>) -> Result<PathBuf> {
        let paths: Vec<String> =
            plugin.yaml_files_paths.as_ref().map(Json::parse).transpose().map_err(failed)?.unwrap_or_default();
        let name = suiting(&paths, version).ok_or_else(|| no_file(plugin, "*.yaml"))?;
        let file = self.files.root().join(name);
        if file.is_file() { Ok(file) } else { Err(no_file(plugin, name)) }
    }

    pub(crate) async fn find_plugin(&self, ctx: &Ctx, id: &str) -> Result<Plugin> {
        let scope = self.scope(ctx, false).await?;
        let plugin = rows::find(&*self.store, &scope, id).await.map_err(failed)?;
        plugin.ok_or_else(|| Error::not_found("Plugin", id))
    }

    pub(super) async fn writable_plugin(&self, ctx: &Ctx, id: &str) -> Result<Plugin> {
        let plugin = self.find_plugin(ctx, id).await?;
        visibility::demand_inside(ctx, plugin.visibility, plugin.tenant_id, id)?;
        Ok(plugin)
    }

    /// Refuses changes that a snapshot which is being made could miss.
    async fn demand_no_snapshot(&self) -> Result<()> {
        match executions::snapshot_under_way(&*self.store).await.map_err(failed)? {
            None => Ok(()),
            Some(id) => Err(Error::new(
                Code::ExistingRunningExecution,
                format!(
                    "You cannot start an execution that modifies DB state while a `create_snapshot` workflow is running \
                     or queued (snapshot id: {id})"
                ),
            )),
        }
    }

    /// The blueprints whose plans name this version of the plugin.
    pub(crate) async fn blueprints_that_use(&self, ctx: &Ctx, plugin: &Plugin) -> Result<Vec<String>> {
        let scope = self.scope(ctx, false).await?;
        // Most plans do not even hold the name.
        let quoted = Value::from(plugin.package_name.as_str()).to_string();
        let candidates = blueprints::with_plan_text(&*self.store, &scope, &quoted).await.map_err(failed)?;
        let mut users = Vec::new();
        for (id, plan) in candidates {
            let used: Used =
                tokio::task::spawn_blocking(move || plan.parse()).await.map_err(Error::internal)?.map_err(failed)?;
            if used.packages().any(|package| package.is(plugin)) {
                users.push(id);
            }
        }
        Ok(users)
    }
}

impl Used {
    fn packages(&self) -> impl Iterator<Item = &Package> {
        let by_nodes = self.nodes.iter().filter_map(|node| node.plugins_to_install.as_ref()).flatten();
        self.workflow_plugins_to_install
            .iter()
            .chain(&self.deployment_plugins_to_install)
            .chain(&self.host_agent_plugins_to_install)
            .chain(by_nodes)
    }
}

impl Package {
    fn is(&self, plugin: &Plugin) -> bool {
        self.package_name.as_deref() == Some(&plugin.package_name) && self.package_version == plugin.package_version
    }
}

/// The path that suits `version` (such as `1_4`) best: the one for it, else the newest that is not younger,
/// else one for any version.
fn suiting<'a>(paths: &'a [String], version: Option<&str>) -> Option<&'a String> {
    if let Some(version) = version
        && let Some(exact) = paths.iter().find(|path| path.ends_with(&format!("{version}.yaml")))
    {
        return Some(exact);
    }
    let versioned = |path: &str| {
        let (_, named) = path.strip_suffix(".yaml")?.rsplit_once('/').unwrap_or(("", path.strip_suffix(".yaml")?));
        let place = named.len().checked_sub(named.rsplit('_').take(2).map(|part| part.len() + 1).sum())?;
        let (major, minor) = named.get(place..)?.strip_prefix('_')?.split_once('_')?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        (major.len() == 1 && digits(major) && digits(minor)).then(|| format!("{major}_{minor}"))
    };
    let suits = |known: &String| version.is_none_or(|wanted| known.as_str() <= wanted);
    let newest = paths
        .iter()
        .filter_map(|path| Some((versioned(path).filter(suits)?, path)))
        .max_by(|(one, _), (other, _)| one.cmp(other));
    newest.map(|(_, path)| path).or_else(|| paths.iter().find(|path| versioned(path).is_none()))
}

/// Every file right in `folder`, as a zip.
fn zipped(folder: &Path, uploading: &Path) -> std::io::Result<TempPath> {
    let target = tempfile::NamedTempFile::new_in(uploading)?;
    let mut zip = zip::ZipWriter::new(target.as_file().try_clone()?);
    let mut names: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    names.sort_by_key(std::fs::DirEntry::file_name);
    for entry in names.into_iter().filter(|entry| entry.path().is_file()) {
        let options =
            zip::write::SimpleFileOptions::default().large_file(entry.metadata()?.len() > u64::from(u32::MAX));
        zip.start_file(entry.file_name().to_string_lossy(), options)?;
        std::io::copy(&mut std::fs::File::open(entry.path())?, &mut zip)?;
    }
    zip.finish()?;
    Ok(target.into_temp_path())
}

fn no_file(plugin: &Plugin, name: &str) -> Error {
    Error::new(Code::NotFound, format!("Could not find the file {name} of plugin `{}`", plugin.id))
}

#[cfg(test)]
mod tests {
    use super::suiting;

    #[test]
    fn the_newest_description_that_is_not_too_young_is_taken() {
        let paths = ["plugins/p/plugin.yaml", "plugins/p/plugin_1_3.yaml", "plugins/p/plugin_1_5.yaml"];
        let paths = paths.map(str::to_owned);
        let found = |version| suiting(&paths, version).map(|path| path.trim_start_matches("plugins/p/"));
        assert_eq!(found(None), Some("plugin_1_5.yaml"));
        assert_eq!(found(Some("1_3")), Some("plugin_1_3.yaml"));
        assert_eq!(found(Some("1_4")), Some("plugin_1_3.yaml"));
        assert_eq!(found(Some("1_2")), Some("plugin.yaml"));
        assert_eq!(suiting(&[], None), None);
        let odd = ["plugins/my_1_3/plugin.yaml".to_owned()];
        assert_eq!(suiting(&odd, Some("1_3")), Some(&odd[0]));
    }
}
