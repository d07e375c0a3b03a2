//! `nephele blueprints ...`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use nephele_client::resource::Upload;
use nephele_dsl::{Diagnostic, Fetch, Fetched, ImportError, Options, Resolver, Source, Version};

use super::show;
use crate::connection::Connection;
use crate::{output, pack};

/// Blueprints: what can be deployed.
#[derive(Debug, Args)]
pub struct Blueprints {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Upload a blueprint with the whole folder it lies in, or an archive
    Upload {
        /// The blueprint's file, or an archive with a `blueprint.yaml`
        path: PathBuf,
        /// Name on the manager; by default that of the folder or archive
        #[arg(short, long)]
        blueprint_id: Option<String>,
        /// The blueprint's file inside an archive
        #[arg(short = 'n', long, value_name = "FILE")]
        blueprint_filename: Option<String>,
    },
    /// List blueprints
    List,
    /// Delete a blueprint that no deployment uses
    Delete {
        /// Name on the manager
        blueprint_id: String,
        /// Also when other blueprints import it
        #[arg(short, long)]
        force: bool,
    },
    /// Check a blueprint here, without a manager
    Validate {
        /// The blueprint's file
        path: PathBuf,
    },
}

impl Blueprints {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let connection = &self.connection;
        match self.action {
            Action::Upload { path, blueprint_id, blueprint_filename } => {
                let id = blueprint_id.map_or_else(|| name_of(&path), Ok)?;
                let uploaded = upload(connection, &id, &path, blueprint_filename).await?;
                if connection.json {
                    output::json(&uploaded)?;
                } else {
                    output::line(format!("Blueprint {id} is {}", output::text(&uploaded["state"])))?;
                }
            }
            Action::List => {
                let fields = ("_include", "id,state,main_file_name,description,created_at,updated_at,error");
                let list = connection.client()?.blueprints().list(&[fields]).await?;
                let columns = [("id", "id"), ("state", "state"), ("file", "main_file_name"), ("updated", "updated_at")];
                show(connection, &list, &columns)?;
            }
            Action::Delete { blueprint_id, force } => {
                connection.client()?.blueprints().delete(&blueprint_id, force).await?;
                output::note(format!("Blueprint {blueprint_id} is deleted"))?;
            }
            Action::Validate { path } => return validate(&path),
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn upload(
    connection: &Connection,
    id: &str,
    path: &Path,
    inside: Option<String>,
) -> anyhow::Result<serde_json::Value> {
    let client = connection.client()?;
    let packed;
    let (archive, application_file_name) = if pack::is_archive(path) {
        (path.to_path_buf(), inside)
    } else {
        let (file, name) = pack::folder_of(path)?;
        packed = file;
        (packed.path().to_path_buf(), Some(name))
    };
    let upload = Upload { archive, application_file_name, ..Upload::default() };
    Ok(client.blueprints().upload(id, &upload).await?)
}

fn name_of(path: &Path) -> anyhow::Result<String> {
    let named = if pack::is_archive(path) { Some(path.to_path_buf()) } else { folder(path)? };
    let name = named.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let name = name.and_then(|name| name.split('.').next().map(str::to_owned)).filter(|name| !name.is_empty());
    name.with_context(|| format!("{} gives no name; use --blueprint-id", path.display()))
}

fn folder(path: &Path) -> anyhow::Result<Option<PathBuf>> {
    let path = path.canonicalize().with_context(|| format!("the blueprint {} cannot be read", path.display()))?;
    Ok(path.parent().map(Path::to_path_buf))
}

/// Prints every problem, one below the other.
fn validate(path: &Path) -> anyhow::Result<ExitCode> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("the blueprint {shown} cannot be read"))?;
    let location = format!("file:{}", path.canonicalize()?.display());
    let parsed = nephele_dsl::parse(&Source::new(location, text), &Resolver::new(Disk), &Options::default());
    match parsed {
        Ok(parsed) => {
            for warning in &parsed.warnings {
                output::note(format!("warning: {warning}"))?;
            }
            output::line(format!("{shown} is in order"))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(problems) => {
            for problem in &problems {
                output::note(describe(problem))?;
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

fn describe(problem: &Diagnostic) -> String {
    format!("error[{}]: {problem}", problem.fault.name())
}

/// Imports from files of this machine.
struct Disk;

impl Fetch for Disk {
    fn fetch(&self, location: &str, _: Version) -> Result<Fetched, ImportError> {
        let path =
            local(location).ok_or_else(|| ImportError::unreachable(location, "only local files are read here"))?;
        let text = std::fs::read_to_string(path);
        text.map(Fetched::Text).map_err(|error| ImportError::unreachable(location, &error.to_string()))
    }

    fn exists(&self, location: &str) -> bool {
        local(location).is_some_and(|path| path.exists())
    }
}

fn local(location: &str) -> Option<PathBuf> {
    let path = location.strip_prefix("file://").or_else(|| location.strip_prefix("file:"));
    path.or_else(|| (!location.contains(':')).then_some(location)).map(PathBuf::from)
}
