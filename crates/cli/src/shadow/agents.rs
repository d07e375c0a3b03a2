//! Agents are handed over one by one: the old manager, which they listen to, has them make a successor that looks for
//! the new one.
//!
//! Invariant: no agent is begun before the one before has ended, and one that was handed over is not asked again. It is
//! the old manager's own workflow `install_new_agents` that does it; the old agent stays until it is stopped.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use nephele_client::{Client, Method, Request};
use nephele_model::id::TenantName;
use serde_json::{Value, json};

use super::Source;
use super::folder::Mirror;

/// Between two looks at the execution.
const PAUSE: Duration = Duration::from_secs(1);
/// The file of those that were handed over.
const DONE: &str = "handed-over.json";

/// What an agent is told of the new manager.
#[derive(Clone, Debug)]
pub struct HandOver {
    /// The tenant.
    pub tenant: String,
    /// This agent; else the first that is not handed over.
    pub agent: Option<String>,
    /// The new manager's address, as the agent's host sees it.
    pub manager_ip: String,
    /// The certificate of the new manager's authority, in PEM.
    pub certificate: String,
}

/// Agents that were handed over, as `TENANT/NAME`.
pub(super) fn handed_over(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let Ok(text) = fs::read(folder.join(DONE)) else { return Ok(BTreeSet::new()) };
    let names: Value = serde_json::from_slice(&text)?;
    Ok(names.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// Hands over one agent, and waits for the end. Gives its name; nothing if all are handed over.
///
/// Errors: the folder is no mirror of this manager; there is no such agent; the old manager refuses or fails.
pub async fn hand_over(source: &Source, folder: &Path, wish: &HandOver) -> anyhow::Result<Option<String>> {
    let mirror = Mirror::existing(folder)?;
    let mut done = handed_over(folder)?;
    let HandOver { tenant, agent, .. } = wish;
    let mut found = None;
    mirror.each(Some(tenant), "agents", |item| {
        let name = item["id"].as_str().unwrap_or_default();
        let is_wanted = match agent {
            Some(agent) => agent == name,
            None => item["install_method"] != "none" && !done.contains(&format!("{tenant}/{name}")),
        };
        if is_wanted && found.is_none() {
            found = Some(item);
        }
        Ok(())
    })?;
    let Some(found) = found else {
        return match agent {
            Some(agent) => {
                bail!("tenant {tenant} has no agent `{agent}`; the mirror has those that `nephele migrate plan` shows")
            }
            None => Ok(None),
        };
    };
    let name = found["id"].as_str().unwrap_or_default().to_owned();
    let marked = format!("{tenant}/{name}");
    if done.contains(&marked) {
        bail!("the agent {name} is handed over already");
    }
    let client = source.client()?.with_tenant(Some(TenantName::new(tenant.as_str())));
    install(&client, &found, wish).await.with_context(|| format!("the agent {name} is not handed over"))?;
    done.insert(marked);
    fs::write(folder.join(DONE), json!(done).to_string())?;
    Ok(Some(name))
}

async fn install(client: &Client, agent: &Value, wish: &HandOver) -> anyhow::Result<()> {
    let deployment = agent["deployment"].as_str().or(agent["deployment_id"].as_str()).unwrap_or_default();
    let body = json!({
        "deployment_id": deployment, "workflow_id": "install_new_agents", "allow_custom_parameters": true,
        "parameters": {
            "node_instance_ids": [agent["node_instance_id"]], "manager_ip": wish.manager_ip,
            "manager_certificate": wish.certificate, "stop_old_agent": false,
        },
    });
    let request = Request { method: Method::POST, path: &["executions"], query: &[], body: Some(&body) };
    let begun = client.ask(&request).await?;
    let id = begun["id"].as_str().unwrap_or_default().to_owned();
    loop {
        let now = client.ask(&Request::get(&["executions", &id])).await?;
        match now["status"].as_str() {
            Some("terminated") => return Ok(()),
            Some(status @ ("failed" | "cancelled")) => {
                let error =
                    now["error"].as_str().map(str::trim).filter(|error| !error.is_empty()).unwrap_or("no reason given");
                bail!("execution {id} of the old manager ended as {status}: {error}");
            }
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
}
