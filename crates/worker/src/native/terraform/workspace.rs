//! The folder that a module is worked with in: `module`, with the state in it.
//!
//! It belongs to one instance, is closed to other users of the machine, and is gone once the manager has the
//! state. One that is found at the beginning was left by an operation that could not say how it ended; its
//! state counts ([`super::state`]).

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use nephele_model::operation::Failure;
use nephele_model::python_text;
use serde_json::{Map, Value, json};
use tokio::sync::OwnedMutexGuard;

use super::state;
use crate::native::Native;
use crate::native::task::{Task, inside, mapping, unwritable, write};
use crate::plugins::place;

const MODULE: &str = "module";
const VARIABLES: &str = "variables.tfvars.json";

pub(super) struct Workspace {
    pub(super) folder: PathBuf,
    /// The node's `resource_config`.
    pub(super) config: Map<String, Value>,
    /// Where the module comes from.
    pub(super) source: String,
    /// Whether the module has the newest state there is.
    is_loaded: AtomicBool,
    _alone: OwnedMutexGuard<()>,
}

impl Workspace {
    /// Opens the instance's folder; others wait until it is closed.
    pub(super) async fn open(native: &Native, task: &Task) -> Result<Self, Failure> {
        let context = &task.operation.request.context;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (deployment, instance) = (text(&context.deployment_id), text(&context.node_id));
        let deployment =
            native.surroundings.of_deployment(place::name(&context.tenant.name)?, place::name(&deployment)?);
        let folder = deployment.join("terraform").join(place::name(&instance)?);
        let alone = native.locks.of(&folder).await;
        let made =
            fs::create_dir_all(&folder).and_then(|()| fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)));
        made.map_err(|error| unwritable(&folder, &error))?;
        let mut config = mapping("resource_config", task.properties.get("resource_config"))?;
        for name in ["source", "source_path", "variables", "environment_variables"] {
            if let Some(given) = task.input(name).filter(|given| python_text::is_truthy(*given)) {
                config.insert(name.to_owned(), given.clone());
            }
        }
        let source = match config.get("source") {
            Some(Value::Object(source)) => source.get("location").map(python_text::str),
            other => other.filter(|source| !source.is_null()).map(python_text::str),
        };
        let source = source.filter(|source| !source.is_empty()).ok_or_else(|| {
            Failure::fatal("The module has no source: set `resource_config.source.location` of the node to an archive")
        })?;
        Ok(Self { folder, config, source, is_loaded: AtomicBool::new(false), _alone: alone })
    }

    /// Puts module, settings, variables and state into the folder. Gives where the program is to run, and the
    /// arguments that name files of variables.
    pub(super) async fn fill(&self, task: &Task) -> Result<(PathBuf, Vec<OsString>), Failure> {
        let (top, module) = (self.folder.join(MODULE), self.module()?);
        let left = self.folder.join(state::FILE);
        // What an interrupted operation left comes to where a fresh module does not overwrite it.
        if fs::metadata(module.join(state::FILE)).is_ok_and(|file| file.len() > 0) {
            fs::rename(module.join(state::FILE), &left).map_err(|error| unwritable(&left, &error))?;
        }
        if top.exists() {
            fs::remove_dir_all(&top).map_err(|error| unwritable(&top, &error))?;
        }
        task.place(&self.source, &top).await?;
        if !module.is_dir() {
            return Err(Failure::fatal(format!(
                "{} has no folder {:?} (`source_path`)",
                self.source,
                self.text("source_path")
            )));
        }
        state::load(task, &left).await?;
        if left.exists() {
            let target = module.join(state::FILE);
            fs::rename(&left, &target).map_err(|error| unwritable(&target, &error))?;
        }
        self.is_loaded.store(true, Ordering::Relaxed);
        self.write_settings(&module)?;
        let variables = mapping("variables", self.config.get("variables"))?;
        let mut arguments = Vec::new();
        if let Some(file) = self.text("tfvars") {
            arguments.push(format!("-var-file={}", module.join(inside(&file)?).display()).into());
        }
        if !variables.is_empty() {
            let file = self.folder.join(VARIABLES);
            write(&file, &Value::Object(variables))?;
            arguments.push(format!("-var-file={}", file.display()).into());
        }
        Ok((module, arguments))
    }

    /// What the node says of backend and providers, as files of the module.
    fn write_settings(&self, module: &Path) -> Result<(), Failure> {
        let section = |name: &str| mapping(name, self.config.get(name));
        let backend = section("backend")?;
        if let Some(name) = backend.get("name").filter(|name| python_text::is_truthy(*name)) {
            let mut options = mapping("backend.options", backend.get("options"))?;
            options.extend(mapping("backend.credentials", backend.get("credentials"))?);
            let name = python_text::str(name);
            write(&module.join("backend.tf.json"), &json!({"terraform": {"backend": {name: options}}}))?;
        }
        let required = section("required_providers")?;
        if let Some(providers) =
            required.get("required_providers").filter(|providers| python_text::is_truthy(*providers))
        {
            write(&module.join("versions.tf.json"), &json!({"terraform": {"required_providers": providers}}))?;
        }
        let provider = section("provider")?;
        let providers: Vec<Value> =
            provider.get("providers").and_then(Value::as_array).into_iter().flatten().map(one).collect();
        if !providers.is_empty() {
            write(&module.join("provider.tf.json"), &json!({"provider": providers}))?;
        }
        Ok(())
    }

    /// Gives the state to the manager, unless a backend of the module's own keeps it, and removes the folder.
    /// If the manager does not take it, the folder stays with the state alone.
    pub(super) async fn close(&self, task: &Task) -> Result<(), Failure> {
        let (module, left) = (self.module()?, self.folder.join(state::FILE));
        let _ = fs::remove_file(self.folder.join(VARIABLES));
        if self.is_loaded.load(Ordering::Relaxed) && keeps_own_state(&module) {
            state::keep(task, &module.join(state::FILE)).await?;
        } else if left.exists() {
            // An operation before this one left it, and the manager has not been heard about it.
            return Ok(());
        }
        fs::remove_dir_all(&self.folder).map_err(|error| unwritable(&self.folder, &error))
    }

    /// The folder that the program runs in.
    fn module(&self) -> Result<PathBuf, Failure> {
        Ok(self.folder.join(MODULE).join(inside(&self.text("source_path").unwrap_or_default())?))
    }

    fn text(&self, name: &str) -> Option<String> {
        let text = self.config.get(name).filter(|text| !text.is_null()).map(python_text::str);
        text.filter(|text| !text.is_empty())
    }
}

/// Whether the state is in the module's folder: with a backend, that is noted there instead.
fn keeps_own_state(module: &Path) -> bool {
    let text = fs::read_to_string(module.join(".terraform/terraform.tfstate"));
    let backend = text.ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
    backend.is_none_or(|backend| !backend["backend"]["type"].is_string())
}

/// A provider's settings, by its name.
fn one(provider: &Value) -> Value {
    let name = provider["name"].as_str().unwrap_or_default();
    json!({name: provider["configuration_options"]})
}
