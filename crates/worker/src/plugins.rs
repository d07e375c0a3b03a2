//! The plugins of a worker: found, installed when they are needed or ordered, and removed.
//!
//! Invariant: an environment is changed by one at a time ([`Locks`]), and counts as installed
//! only when it is complete ([`place`]). Where they come from: [`managed`] for those that were uploaded,
//! [`source`] for those that blueprints bring. Source: spec workflows.md section 2.2.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use nephele_client::Client;
use nephele_model::operation::{Context, Failure};
use serde_json::Value;

use crate::locks::Locks;
use crate::operation::Operation;
use crate::plugins::managed::Order;
use crate::plugins::place::Places;
use crate::python::base::{Base, program_of};
use crate::python::interpreter::Interpreter;
use crate::tool::Tools;

mod managed;
pub(crate) mod place;
mod source;
mod venv;
mod wagon;

/// Plugins that are part of the worker itself: their code is in the base environment.
const BUILT_IN: [&str; 9] = [
    "",
    "agent",
    "diamond",
    "script",
    "cfy_extensions",
    "default_workflows",
    "worker_installer",
    "cloudify_system_workflows",
    "agent_installer",
];

/// What a blueprint has `pip` told beside what to install.
fn arguments(context: &Context) -> Vec<String> {
    context.plugin.install_arguments.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect()
}

/// Finds, installs and removes plugins.
pub(crate) struct Plugins {
    base: Arc<Base>,
    places: Places,
    tools: Tools,
    manager_name: String,
    locks: Locks,
}

impl Plugins {
    pub(crate) fn new(base: Arc<Base>, root: PathBuf, tools: Tools, manager_name: String) -> Self {
        Self { base, places: Places(root), tools, manager_name, locks: Locks::default() }
    }

    /// The interpreter that runs an operation. A plugin that is not installed is installed first.
    pub(crate) async fn interpreter_of(&self, operation: &Operation) -> Result<Interpreter, Failure> {
        let context = &operation.request.context;
        let base = self.base.get(&operation.request.id).await?;
        if BUILT_IN.contains(&context.plugin.name.as_str()) {
            return Ok(base.clone());
        }
        let place = match self.places.find(context)? {
            Some(place) => place,
            None => self.install(operation, base).await?,
        };
        let (major, minor) = base.version;
        let packages = place.join(format!("lib/python{major}.{minor}/site-packages"));
        Ok(Interpreter { program: program_of(&place), version: base.version, packages })
    }

    async fn install(&self, operation: &Operation, base: &Interpreter) -> Result<PathBuf, Failure> {
        let context = &operation.request.context;
        let task = &operation.request.id;
        if let Some(plugin) = self.choose(&operation.client, context, base).await? {
            operation.logs.info(&format!("Installing managed plugin: {}", managed::described(&plugin)));
            let order =
                Order { client: &operation.client, tenant: &context.tenant.name, task, arguments: arguments(context) };
            return self.install_managed(&order, &plugin, base).await;
        }
        self.install_source(operation, base).await
    }

    /// Installs a plugin because a manager was told to.
    pub(crate) async fn install_ordered(
        &self,
        client: &Client,
        tenant: &str,
        plugin: &Value,
        task: &str,
    ) -> Result<(), Failure> {
        let base = self.base.get(task).await?;
        let order = Order { client, tenant, task, arguments: Vec::new() };
        self.install_managed(&order, plugin, base).await.map(drop)
    }

    /// Removes a plugin from all tenants.
    pub(crate) async fn uninstall(&self, plugin: &Value) -> Result<(), Failure> {
        let text = |key: &str| plugin[key].as_str();
        let (id, package) = (text("id").unwrap_or_default(), text("package_name").unwrap_or_default());
        for place in self.places.of_plugin(id, package, text("package_version"))? {
            self.remove(&place).await;
        }
        Ok(())
    }

    /// Removes the plugins that a deployment's blueprint brought.
    pub(crate) async fn uninstall_sources(&self, tenant: &str, deployment: &str) -> Result<(), Failure> {
        self.remove(&self.places.of_deployment(tenant, deployment)?).await;
        Ok(())
    }

    async fn remove(&self, place: &Path) {
        let _alone = self.locks.of(place).await;
        match tokio::fs::remove_dir_all(place).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(place = %place.display(), %error, "a plugin could not be removed");
            }
            _ => {}
        }
        // What is left empty goes as well; what is not empty stays.
        for parent in place.ancestors().skip(1).take(2) {
            let _ = std::fs::remove_dir(parent);
        }
    }
}
