//! Plugins that a blueprint brings itself: a folder in its `plugins`, or the address of an archive.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use nephele_model::operation::{Failure, Severity};

use super::place::{RECORD, installed_id, package_of};
use super::venv::Venv;
use super::{Plugins, arguments};
use crate::operation::Operation;
use crate::python::interpreter::Interpreter;
use crate::resources;
use crate::tool::Failed;

impl Plugins {
    /// Installs the plugin that the blueprint of an operation brings, for its deployment alone.
    pub(super) async fn install_source(&self, operation: &Operation, base: &Interpreter) -> Result<PathBuf, Failure> {
        let context = &operation.request.context;
        let source = context.plugin.source.as_deref().map(str::trim).filter(|source| !source.is_empty());
        let (Some(source), Some(deployment)) = (source, &context.deployment_id) else {
            return Err(missing(operation));
        };
        let place = self.places.source(context, deployment)?;
        let record = format!("source-{deployment}");
        let _alone = self.locks.of(&place).await;
        if installed_id(&place).as_deref() == Some(record.as_str()) {
            return Ok(place);
        }
        operation.logs.info(&format!("Installing plugin from source: {}", package_of(context)));
        let venv = Venv { folder: &place, tools: &self.tools, task: &operation.request.id };
        let installed = async {
            venv.make(base).await?;
            let (what, from) = fetch(operation, source).await?;
            let mut all = self.base.package_source();
            all.extend(arguments(context).into_iter().map(PathBuf::from));
            all.push(what);
            venv.install(all, &from).await?;
            Ok(std::fs::write(place.join(RECORD), record)?)
        };
        match installed.await {
            Ok(()) => Ok(place),
            Err(failed) => {
                let failed: Failed = failed;
                let _ = tokio::fs::remove_dir_all(&place).await;
                let message = format!("Failed running pip install. ({failed})");
                Err(Failure::new(Severity::Fatal, "PluginInstallationError", message))
            }
        }
    }
}

/// What `pip` is to install, and where: the address itself, or the folder of which the manager made an archive.
async fn fetch(operation: &Operation, source: &str) -> Result<(PathBuf, PathBuf), Failed> {
    let into = operation.dir.path().join("plugin");
    std::fs::create_dir_all(&into)?;
    if let Some((scheme, _)) = source.split_once("://") {
        let known = matches!(scheme, "http" | "https");
        return if known {
            Ok((source.into(), into))
        } else {
            Err(Failed::Refused(format!("Invalid schema: {scheme}")))
        };
    }
    let path = format!("plugins/{source}.zip");
    let content = resources::fetch(operation, &path).await.map_err(|error| Failed::Refused(error.to_string()))?;
    let target = into.clone();
    let unpacked =
        tokio::task::spawn_blocking(move || unpack(&content, &target)).await.map_err(std::io::Error::other)?;
    let folder = unpacked.map_err(|error| Failed::Refused(format!("{path}: {error}")))?;
    Ok((folder.clone(), folder))
}

/// Unpacks a zip, which must hold one folder, and gives that. Nothing is written outside `into`.
fn unpack(content: &[u8], into: &Path) -> std::io::Result<PathBuf> {
    zip::ZipArchive::new(Cursor::new(content))?.extract(into)?;
    let mut folders = std::fs::read_dir(into)?.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    match (folders.next(), folders.next()) {
        (Some(folder), None) => Ok(folder),
        _ => Err(std::io::Error::other("it must hold one folder, that of the plugin")),
    }
}

/// Nobody has the plugin.
fn missing(operation: &Operation) -> Failure {
    let context = &operation.request.context;
    let (name, package) = (&context.operation.name, package_of(context));
    let version = context.plugin.package_version.as_deref().map_or_else(String::new, |version| format!(" {version}"));
    Failure::fatal(format!(
        "No source or managed plugin found for {package} [current platform=Linux, arch={}]: operation `{name}` is `{}` of \
         plugin `{}`. Upload {package}{version} with `cfy plugins upload`, and resume the execution.",
        std::env::consts::ARCH,
        context.task_name,
        context.plugin.name,
    ))
}
