//! Log bundles: what helps to find out what went wrong, for people who may not see secrets.
//!
//! `logs/` has the manager's logs; `manager.json` says what runs; `config.json` the settings of `GET /config`
//! but those for administrators; `executions.json` the latest executions without their parameters;
//! `status.json` how many executions stand where.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use nephele_model::{Error, Result};
use nephele_store::{config, executions};
use serde_json::{Value, json};
use tempfile::{NamedTempFile, TempPath};

use super::add_folder;
use crate::Manager;
use crate::rows::failed;
use crate::workflows::upload::blocking;

/// How many executions are told of.
const EXECUTIONS: i64 = 1000;

impl Manager {
    /// Writes a log bundle into a file.
    pub(super) async fn write_log_bundle(&self) -> Result<TempPath> {
        let db = &*self.store;
        let settings = config::all(db).await.map_err(failed)?;
        let shown = settings.into_iter().filter(|setting| !setting.admin_only);
        let settings = shown
            .map(|setting| Ok((format!("{}.{}", setting.scope, setting.name), setting.value.value().map_err(failed)?)))
            .collect::<Result<BTreeMap<String, Value>>>()?;
        let latest: Vec<Value> = executions::latest(db, EXECUTIONS).await.map_err(failed)?.iter().map(brief).collect();
        let counts = executions::count_by_status(db).await.map_err(failed)?;
        let counts: BTreeMap<_, _> = counts.iter().map(|(status, count)| (status.as_str(), count)).collect();
        let (database, _) = self.settings.database_url.split_once(':').unwrap_or_default();
        let parts = [
            (
                "manager.json",
                json!({
                    "version": env!("CARGO_PKG_VERSION"), "created_at": self.clock.now(), "database": database,
                    "hostname": self.settings.hostname, "archive_limit": self.settings.archive_limit,
                }),
            ),
            ("config.json", json!(settings)),
            ("executions.json", json!(latest)),
            ("status.json", json!(counts)),
        ];
        let (logs, uploading) = (self.settings.data_dir.join("logs"), self.files.uploading());
        blocking(move || pack(&parts, &logs, &uploading)).await?.map_err(Error::internal)
    }
}

fn brief(execution: &executions::Brief) -> Value {
    let executions::Brief { id, workflow_id, status, tenant_name, created_at, started_at, ended_at, error } = execution;
    json!({
        "id": id, "workflow_id": workflow_id, "status": status.as_str(), "tenant_name": tenant_name,
        "created_at": created_at, "started_at": started_at, "ended_at": ended_at, "error": error,
    })
}

fn pack(parts: &[(&str, Value)], logs: &Path, uploading: &Path) -> std::io::Result<TempPath> {
    let target = NamedTempFile::new_in(uploading)?;
    let mut zip = zip::ZipWriter::new(target.as_file().try_clone()?);
    for (name, content) in parts {
        zip.start_file(*name, zip::write::SimpleFileOptions::default())?;
        zip.write_all(&serde_json::to_vec_pretty(content)?)?;
    }
    add_folder(&mut zip, logs, "logs")?;
    zip.finish()?;
    Ok(target.into_temp_path())
}
