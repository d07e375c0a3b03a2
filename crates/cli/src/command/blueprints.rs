//! `nephele blueprints ...`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use nephele_client::resource::Upload;

use super::show;
use crate::connection::Connection;
use crate::{output, pack, validation};

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
    /// Check a blueprint here, without a manager, and show everything that is wrong
    Validate {
        /// The blueprint's file, or the folder or archive that it lies in
        #[arg(default_value = ".")]
        path: PathBuf,
        /// The blueprint's file inside a folder or archive
        #[arg(short = 'n', long, value_name = "FILE", default_value = "blueprint.yaml")]
        blueprint_filename: String,
        /// Where imports such as `plugin:NAME` are looked for: NAME.yaml or NAME/plugin.yaml in this folder
        #[arg(long, value_name = "DIR")]
        plugins: Option<PathBuf>,
        #[arg(long, hide = true, env = "NO_COLOR")]
        no_color: Option<String>,
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
            Action::Validate { path, blueprint_filename, plugins, no_color } => {
                return validation::run(&validation::Request {
                    path,
                    main_file: blueprint_filename,
                    plugins,
                    json: connection.json,
                    colours: no_color.is_none_or(|value| value.is_empty()) && std::io::stderr().is_terminal(),
                });
            }
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
