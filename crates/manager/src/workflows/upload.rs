//! `upload_blueprint`: from a stored archive to a blueprint that can be deployed.
//!
//! Invariant: the blueprint's row always says how far it came, and nothing is published under
//! `/resources/blueprints` before everything was in order. The workflow may be run again from its
//! beginning after a crash.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use nephele_dsl::{Diagnostic, Fault, Options, Parsed, Plan, Resolver, Rule, Source};
use nephele_model::blueprint::BlueprintState;
use nephele_model::id::BlueprintId;
use nephele_model::{Code, Error, Result, json};
use nephele_store::blueprints::{self, Blueprint, BlueprintChanges};
use nephele_store::executions::Execution;
use nephele_store::labels::{self, Labeled};
use nephele_store::{Json, Scope, provider_context};
use serde_json::{Map, Value};

use crate::archive::{self, Limits};
use crate::blueprints::upload::kind;
use crate::fetch::fetch;
use crate::workflows::catalog::{Catalog, Choice};
use crate::workflows::source::Folder;
use crate::workflows::source_plugins;
use crate::{Manager, files, rows};

const DEFAULT_MAIN_FILE: &str = "blueprint.yaml";

/// Why an upload ended, and the state that says so.
struct Refusal {
    state: BlueprintState,
    message: String,
}

impl Manager {
    /// Reads the archive of the blueprint that the execution names.
    pub(super) async fn upload(self: &Arc<Self>, execution: &Execution) -> Result<()> {
        let parameters = parameters(execution)?;
        let id = BlueprintId::new(text(&parameters, "blueprint_id").unwrap_or_default());
        let scope = internal_scope(execution);
        let Some(blueprint) = blueprints::find(&*self.store, &scope, &id).await.map_err(rows::failed)? else {
            return Err(Error::not_found("Blueprint", id));
        };
        let validate_only = parameters.get("validate_only").and_then(Value::as_bool).unwrap_or_default();
        let main_file = text(&parameters, "app_file_name").unwrap_or_else(|| DEFAULT_MAIN_FILE.to_owned());
        if let Some(url) = text(&parameters, "url") {
            self.fetch_archive(&blueprint, &url, validate_only).await?;
        }
        let read = self.read(execution, &blueprint, main_file.clone(), validate_only).await?;
        match read {
            Ok((folder, parsed)) if !validate_only => {
                self.log(execution, vec![("info", "Storing the plan".to_owned())]).await?;
                self.publish(&blueprint, folder).await?;
                self.keep(&blueprint, main_file, parsed, &parameters).await
            }
            Ok(_) => {
                blueprints::delete(&*self.store, blueprint.storage_id).await.map_err(rows::failed)?;
                self.discard(&blueprint).await
            }
            Err(refusal) => {
                self.refuse(&blueprint, &refusal, validate_only).await?;
                Err(Error::new(Code::InvalidBlueprint, refusal.message))
            }
        }
    }

    /// Fetches the archive, unless an earlier run of the execution did.
    async fn fetch_archive(&self, blueprint: &Blueprint, url: &str, validate_only: bool) -> Result<()> {
        if self.files.find_blueprint_archive(&blueprint.tenant_name, &blueprint.id).is_some() {
            return Ok(());
        }
        if !validate_only {
            self.enter_state(blueprint, BlueprintState::Uploading).await?;
        }
        let archive =
            tempfile::NamedTempFile::new_in(self.files.uploading()).map_err(Error::internal)?.into_temp_path();
        let fetched = match fetch(url, &archive, self.settings.archive_limit).await {
            Ok(()) => kind(&archive).map_err(|error| error.message().to_owned()),
            Err(message) => Err(message),
        };
        match fetched {
            Ok(kind) => self.place_archive(&blueprint.tenant_name, &blueprint.id, archive, kind).await,
            Err(message) => {
                let refusal = Refusal { state: BlueprintState::FailedUploading, message };
                self.refuse(blueprint, &refusal, validate_only).await?;
                Err(Error::new(Code::InvalidBlueprint, refusal.message))
            }
        }
    }

    /// Unpacks and parses. The outer error is the machinery's, the inner one the user's.
    async fn read(
        self: &Arc<Self>,
        execution: &Execution,
        blueprint: &Blueprint,
        main_file: String,
        validate_only: bool,
    ) -> Result<std::result::Result<(Unpacked, Parsed), Refusal>> {
        let enter = async |state| if validate_only { Ok(()) } else { self.enter_state(blueprint, state).await };
        self.log(execution, vec![("info", "Unpacking the archive".to_owned())]).await?;
        enter(BlueprintState::Extracting).await?;
        let Some(archive) = self.files.find_blueprint_archive(&blueprint.tenant_name, &blueprint.id) else {
            let message = "the blueprint's archive is not there; upload it again".to_owned();
            return Ok(Err(Refusal { state: BlueprintState::FailedUploading, message }));
        };
        let uploading = self.files.uploading();
        let unpacked = match blocking(move || unpack(&archive, &uploading)).await? {
            Ok(unpacked) => unpacked,
            Err(message) => return Ok(Err(Refusal { state: BlueprintState::FailedExtracting, message })),
        };
        self.log(execution, vec![("info", "Reading the blueprint".to_owned())]).await?;
        enter(BlueprintState::Parsing).await?;
        let folder = unpacked.folder.clone();
        let (resolution, scope) = (self.resolution().await?, internal_scope(execution));
        let folder = Folder::new(&folder).map_err(Error::internal)?;
        let catalog = Catalog::new(self.clone(), scope, folder, Choice::default());
        let parsed = blocking(move || parse(catalog, resolution, &main_file)).await?;
        Ok(parsed.map(|parsed| (unpacked, parsed)))
    }

    /// Parses an uploaded blueprint once more, with these versions of its plugins.
    ///
    /// Error: `invalid_blueprint_error`.
    pub(crate) async fn parse_again(
        self: &Arc<Self>,
        blueprint: &Blueprint,
        scope: Scope,
        choice: Choice,
    ) -> Result<Parsed> {
        let folder = self.files.blueprint(&blueprint.tenant_name, &blueprint.id);
        let folder = Folder::new(&folder).map_err(|error| {
            let message = format!("The files of blueprint `{}` cannot be read: {error}", blueprint.id);
            Error::new(Code::InvalidBlueprint, message)
        })?;
        let catalog = Catalog::new(self.clone(), scope, folder, choice);
        let main_file = blueprint.main_file_name.clone().unwrap_or_else(|| DEFAULT_MAIN_FILE.to_owned());
        let resolution = self.resolution().await?;
        let parsed = blocking(move || parse(catalog, resolution, &main_file)).await?;
        parsed.map_err(|refusal| Error::new(Code::InvalidBlueprint, refusal.message))
    }

    async fn enter_state(&self, blueprint: &Blueprint, state: BlueprintState) -> Result<()> {
        let changes = BlueprintChanges { state: Some(state), ..BlueprintChanges::default() };
        blueprints::update(&*self.store, blueprint.storage_id, changes).await.map_err(rows::failed)
    }

    /// Moves the unpacked tree to where the file server shows it.
    async fn publish(&self, blueprint: &Blueprint, unpacked: Unpacked) -> Result<()> {
        let place = self.files.blueprint(&blueprint.tenant_name, &blueprint.id);
        let work =
            move || source_plugins::pack(&unpacked.folder).and_then(|()| files::replace(&unpacked.folder, &place));
        blocking(work).await?.map_err(Error::internal)
    }

    async fn keep(
        &self,
        blueprint: &Blueprint,
        main_file: String,
        parsed: Parsed,
        parameters: &Map<String, Value>,
    ) -> Result<()> {
        let plan = parsed.plan;
        let wanted = match parameters.get("labels").and_then(Value::as_array) {
            Some(given) if !given.is_empty() => given_labels(given),
            _ => declared_labels(plan.blueprint_labels()),
        };
        let changes = BlueprintChanges {
            state: Some(BlueprintState::Uploaded),
            main_file_name: Some(Some(main_file)),
            description: Some(plan.0.get("description").and_then(|text| text.as_str()).map(str::to_owned)),
            requirements: Some(plan.0.get("requirements").map(Json::of)),
            imported_blueprints: Some(imports(&plan)),
            plan: Some(Some(Json::of(&plan))),
            updated_at: Some(self.clock.now()),
            error: Some(None),
            ..BlueprintChanges::default()
        };
        let tx = self.begin_write().await?;
        blueprints::update(&tx, blueprint.storage_id, changes).await.map_err(rows::failed)?;
        labels::replace(&tx, Labeled::Blueprint, blueprint.storage_id, blueprint.creator_id, &wanted)
            .await
            .map_err(rows::failed)?;
        tx.commit().await.map_err(rows::failed)
    }

    /// Notes why the upload failed. A failed archive is of no use to anyone.
    async fn refuse(&self, blueprint: &Blueprint, refusal: &Refusal, validate_only: bool) -> Result<()> {
        if validate_only {
            blueprints::delete(&*self.store, blueprint.storage_id).await.map_err(rows::failed)?;
        } else {
            let changes = BlueprintChanges {
                state: Some(refusal.state),
                error: Some(Some(refusal.message.clone())),
                updated_at: Some(self.clock.now()),
                ..BlueprintChanges::default()
            };
            blueprints::update(&*self.store, blueprint.storage_id, changes).await.map_err(rows::failed)?;
        }
        self.discard(blueprint).await
    }

    async fn discard(&self, blueprint: &Blueprint) -> Result<()> {
        let folder = self.files.blueprint_archive_folder(&blueprint.tenant_name, &blueprint.id);
        match tokio::fs::remove_dir_all(folder).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::internal(error)),
            _ => Ok(()),
        }
    }
}

/// What an execution looks at: everything of its tenant.
pub(crate) fn internal_scope(execution: &Execution) -> Scope {
    Scope {
        tenant_id: execution.tenant_id,
        tenant_name: execution.tenant_name.clone(),
        user_id: execution.creator_id,
        is_administrator: true,
        all_tenants: Vec::new(),
    }
}

/// The parameters of an execution.
pub(crate) fn parameters(execution: &Execution) -> Result<Map<String, Value>> {
    let parsed = execution.parameters.as_ref().map(Json::parse).transpose().map_err(rows::failed)?;
    Ok(parsed.unwrap_or_default())
}

fn text(parameters: &Map<String, Value>, name: &str) -> Option<String> {
    parameters.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Runs what blocks, such as unpacking and parsing, where it holds up nobody.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

/// A blueprint's tree in a folder that vanishes unless it is moved away.
struct Unpacked {
    folder: PathBuf,
    _around: tempfile::TempDir,
}

/// How imports are found, as the provider context says (`cloudify.import_resolver.parameters`,
/// `cloudify.validate_definitions_version`).
struct Resolution {
    rules: std::result::Result<Vec<Rule>, Diagnostic>,
    fallback: bool,
    validate_version: bool,
}

impl Manager {
    async fn resolution(&self) -> Result<Resolution> {
        let row = provider_context::get(&*self.store).await.map_err(rows::failed)?;
        let context: json::Value = row.and_then(|row| row.context.parse().ok()).unwrap_or_default();
        let cloudify = &context["cloudify"];
        let parameters = &cloudify["import_resolver"]["parameters"];
        let rules = &parameters["rules"];
        Ok(Resolution {
            rules: if rules.is_null() { Ok(Vec::new()) } else { Rule::list(rules) },
            fallback: parameters["fallback"] != false,
            validate_version: cloudify["validate_definitions_version"] != false,
        })
    }
}

fn unpack(archive: &Path, uploading: &Path) -> std::result::Result<Unpacked, String> {
    let around = tempfile::tempdir_in(uploading).map_err(|error| error.to_string())?;
    archive::unpack(archive, around.path(), Limits::default()).map_err(|error| error.to_string())?;
    let folder = archive::single_folder(around.path()).map_err(|error| error.to_string())?;
    let folder = folder.ok_or("Archive must contain exactly 1 directory")?;
    Ok(Unpacked { folder, _around: around })
}

fn parse(catalog: Catalog, resolution: Resolution, main_file: &str) -> std::result::Result<Parsed, Refusal> {
    let failed = |state, message| Refusal { state, message };
    let outside = |error: std::io::Error| failed(BlueprintState::FailedParsing, error.to_string());
    let rules = resolution.rules.map_err(|problem| failed(BlueprintState::FailedParsing, explain(&problem)))?;
    let location = Folder::location(main_file);
    let missing =
        || failed(BlueprintState::FailedExtracting, format!("{main_file} does not exist in the application directory"));
    let text = catalog.folder().read(&location).ok_or_else(missing)?.map_err(outside)?;
    let types = catalog.types();
    let resolver = Resolver::new(catalog).with_types(types).with_rules(rules, resolution.fallback);
    let options = Options { validate_version: resolution.validate_version, ..Options::default() };
    nephele_dsl::parse(&Source::new(location, text), &resolver, &options).map_err(|problems| {
        let Some(first) = problems.first() else {
            return failed(BlueprintState::FailedParsing, "the parser refused without a reason".to_owned());
        };
        if first.kind().is_invalid_blueprint() {
            failed(BlueprintState::Invalid, format!("Invalid blueprint - {}", explain(first)))
        } else {
            failed(BlueprintState::FailedParsing, format!("Failed parsing blueprint - {}", explain(first)))
        }
    })
}

/// The text that clients know. Broken YAML says nothing of the file there, so that is added.
fn explain(problem: &Diagnostic) -> String {
    let text = problem.reference_text();
    let file = problem.place.as_ref().and_then(|place| place.file.as_deref());
    match (problem.fault, file, problem.position()) {
        (Fault::YamlSyntax, Some(file), Some((line, column))) => {
            format!("{text}\n  in: {}:{line}:{column}", file.trim_start_matches("file:"))
        }
        _ => text,
    }
}

/// The blueprints that a plan imports, if there are any.
fn imports(plan: &Plan) -> Option<Json> {
    plan.0.get("imported_blueprints").filter(|list| list.as_array().is_some_and(|list| !list.is_empty())).map(Json::of)
}

/// Labels as uploads give them: `[{"key": ..., "value": ...}]`.
fn given_labels(given: &[Value]) -> Vec<(String, String)> {
    let label =
        |label: &Value| Some((label.get("key")?.as_str()?.to_lowercase(), label.get("value")?.as_str()?.to_owned()));
    given.iter().filter_map(label).collect()
}

/// Labels as plans declare them: `{key: {"values": [...]}}`.
pub(crate) fn declared_labels(declared: &json::Map) -> Vec<(String, String)> {
    let values = |(key, label): (&json::Text, &json::Value)| {
        let key = key.as_str().to_lowercase();
        let values = label.get("values").and_then(json::Value::as_array).cloned().unwrap_or_default();
        values.into_iter().map(move |value| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (key.clone(), value)
        })
    };
    declared.iter().flat_map(values).collect::<Vec<_>>()
}
