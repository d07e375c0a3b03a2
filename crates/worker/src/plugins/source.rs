//! Plugins that a blueprint brings itself: a folder in its `plugins`, or the address of an archive.

use std::path::PathBuf;

use nephele_model::operation::{Failure, Severity};

use super::Plugins;
use super::place::{RECORD, installed_id, package_of};
use super::venv::Venv;
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
        let _alone = self.lock(&place).await;
        if installed_id(&place).as_deref() == Some(record.as_str()) {
            return Ok(place);
        }
        operation.logs.info(&format!("Installing plugin from source: {}", package_of(context)));
        let venv = Venv { folder: &place, tools: &self.tools, task: &operation.request.id };
        let installed = async {
            venv.make(base).await?;
            let archive = self.fetch(operation, source).await?;
            let mut arguments = self.base.package_source();
            arguments.push(archive);
            venv.install(arguments).await?;
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

    /// What `pip` is to install: the address itself, or the archive that the manager made of the folder.
    async fn fetch(&self, operation: &Operation, source: &str) -> Result<PathBuf, Failed> {
        if let Some((scheme, _)) = source.split_once("://") {
            let known = matches!(scheme, "http" | "https");
            return if known { Ok(source.into()) } else { Err(Failed::Refused(format!("Invalid schema: {scheme}"))) };
        }
        let path = format!("plugins/{source}.zip");
        let content = resources::fetch(operation, &path).await.map_err(|error| Failed::Refused(error.to_string()))?;
        let archive = operation.dir.path().join("plugin.zip");
        std::fs::write(&archive, content)?;
        Ok(archive)
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
