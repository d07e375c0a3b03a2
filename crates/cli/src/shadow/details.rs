//! What lists do not say: plans, workflows, archives.

use std::path::Path;

use nephele_client::{Client, Request};
use serde_json::Value;

use super::kinds::Detail;
use super::sync::Sync;
use crate::call::owned;

/// The text of an archive with nothing in it.
const EMPTY: &str = "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==";

impl Sync<'_> {
    /// A record with all there is of it. Archives of what is everybody's are kept with its own tenant alone.
    pub(super) async fn detailed(
        &mut self,
        client: &Client,
        tenant: &str,
        detail: Detail,
        item: Value,
    ) -> anyhow::Result<Value> {
        let id = item["id"].as_str().unwrap_or_default().to_owned();
        let is_own = item["tenant_name"].as_str().is_none_or(|owner| owner == tenant);
        match detail {
            Detail::Nothing => Ok(item),
            Detail::Plugin => {
                if is_own {
                    let place = self.mirror.blob(tenant, "plugins", &id, "zip")?;
                    self.load(client, &["plugins", &id, "archive"], &[("full_archive", "true")], &place).await?;
                }
                Ok(item)
            }
            Detail::Blueprint => {
                let whole = whole(client, &["blueprints", &id], &[], item).await?;
                if is_own && whole["state"].as_str().is_none_or(|state| state == "uploaded") {
                    let place = self.mirror.blob(tenant, "blueprints", &id, "tar.gz")?;
                    self.load(client, &["blueprints", &id, "archive"], &[], &place).await?;
                }
                Ok(whole)
            }
            Detail::Deployment => {
                let mut whole = whole(client, &["deployments", &id], &[("include_workdir", "true")], item).await?;
                let files = whole.as_object_mut().and_then(|whole| whole.shift_remove("workdir_zip"));
                if is_own && let Some(text) = files.as_ref().and_then(Value::as_str) {
                    let place = self.mirror.blob(tenant, "deployments", &id, "b64zip")?;
                    if text.trim().is_empty() || text.trim() == EMPTY {
                        std::fs::remove_file(&place).ok();
                    } else {
                        std::fs::write(&place, text)?;
                    }
                }
                Ok(whole)
            }
        }
    }

    /// Loads an archive. One that is not there is noted: the rest is worth having.
    async fn load(
        &mut self,
        client: &Client,
        path: &[&str],
        query: &[(&str, &str)],
        place: &Path,
    ) -> anyhow::Result<()> {
        let draft = place.with_extension("part");
        let query = owned(query);
        match client.save(&Request { query: &query, ..Request::get(path) }, &draft).await {
            Ok(()) => {
                std::fs::rename(draft, place)?;
                self.report.downloads += 1;
            }
            Err(error) if error.is_not_found() => {
                self.report.note(format!("the archive of {} is not there", path[..path.len() - 1].join("/")));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// The record by itself; what is gone meanwhile stays as the list has it.
async fn whole(client: &Client, path: &[&str], query: &[(&str, &str)], item: Value) -> anyhow::Result<Value> {
    let query = owned(query);
    match client.ask(&Request { query: &query, ..Request::get(path) }).await {
        Ok(whole) => Ok(whole),
        Err(error) if error.is_not_found() => Ok(item),
        Err(error) => Err(error.into()),
    }
}
