//! What a model can do here: each tool is a few requests to the manager, and a text.
//!
//! Invariant: a tool asks the manager as the user who calls it, so it can do no more than that user.

use anyhow::{Context, bail};
use nephele_client::{Client, Credentials, Method, Request};
use nephele_model::id::TenantName;
use serde_json::{Map, Value, json};

use crate::call::owned;
use crate::follow;
use crate::output::text;
use crate::plan;

/// A tool: name, what it does, what it takes (names of texts; `?` for what may be left out), whether it changes something.
type Tool = (&'static str, &'static str, &'static [&'static str], bool);

const TOOLS: &[Tool] = &[
    ("search", "Finds blueprints, deployments and executions whose name has a text in it", &["text"], false),
    (
        "deployment",
        "Shows a deployment: its state, inputs, outputs, node instances and latest executions",
        &["deployment_id"],
        false,
    ),
    (
        "explain_execution",
        "Says what an execution waits for, or how it ended and why, with its last events",
        &["execution_id"],
        false,
    ),
    (
        "plan_workflow",
        "Shows what a workflow would do now on a deployment, and does nothing",
        &["deployment_id", "workflow_id"],
        false,
    ),
    ("start_workflow", "Starts a workflow on a deployment", &["deployment_id", "workflow_id", "parameters?"], true),
    ("cancel_execution", "Asks an execution to stop", &["execution_id"], true),
];

/// The tools that are offered, and the manager as the user who calls them sees it.
#[derive(Clone)]
pub(super) struct Tools {
    pub(super) client: Client,
    pub(super) allows_changes: bool,
}

impl Tools {
    /// The same for another user.
    pub(super) fn of(&self, credentials: Credentials, tenant: Option<TenantName>) -> Self {
        let tenant = tenant.or_else(|| self.client.tenant().cloned());
        Self { client: self.client.with(credentials, tenant), ..self.clone() }
    }

    fn offered(&self) -> impl Iterator<Item = &'static Tool> {
        let allows = self.allows_changes;
        TOOLS.iter().filter(move |(.., changes)| allows || !changes)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.offered().any(|(tool, ..)| *tool == name)
    }

    /// All of them, as the protocol describes tools.
    pub(super) fn described(&self) -> Value {
        self.offered().map(described).collect()
    }

    /// Uses one; what it says is for the model.
    pub(super) async fn run(&self, name: &str, given: &Value) -> anyhow::Result<String> {
        use_tool(&self.client, name, given).await
    }
}

fn described(tool: &Tool) -> Value {
    let (name, about, takes, changes) = tool;
    let properties: Map<String, Value> = takes
        .iter()
        .map(|word| {
            let kind = if word.starts_with("parameters") { "object" } else { "string" };
            (word.trim_end_matches('?').to_owned(), json!({"type": kind}))
        })
        .collect();
    let required: Vec<_> = takes.iter().filter(|word| !word.ends_with('?')).collect();
    json!({
        "name": name, "description": about,
        "inputSchema": {"type": "object", "properties": properties, "required": required},
        "annotations": {"readOnlyHint": !changes, "destructiveHint": changes},
    })
}

async fn use_tool(client: &Client, name: &str, given: &Value) -> anyhow::Result<String> {
    let word = |key: &str| given[key].as_str().with_context(|| format!("{key} is missing"));
    match name {
        "search" => search(client, word("text")?).await,
        "deployment" => deployment(client, word("deployment_id")?).await,
        "explain_execution" => explain(client, word("execution_id")?).await,
        "plan_workflow" => {
            let (deployment, workflow) = (word("deployment_id")?, word("workflow_id")?);
            let made = client.executions().plan(deployment, workflow, &json!({}), &json!({})).await?;
            Ok(plan::lines(&made).join("\n"))
        }
        "start_workflow" => {
            let parameters = if given["parameters"].is_object() { given["parameters"].clone() } else { json!({}) };
            let body = json!({"deployment_id": word("deployment_id")?, "workflow_id": word("workflow_id")?, "parameters": parameters});
            let started = post(client, &["executions"], &body).await?;
            Ok(format!("Execution {} is {}", text(&started["id"]), text(&started["status"])))
        }
        "cancel_execution" => {
            let id = word("execution_id")?;
            let stopped = post(client, &["executions", id], &json!({"action": "cancel"})).await?;
            Ok(format!("Execution {id} is {}", text(&stopped["status"])))
        }
        other => bail!("there is no tool {other}"),
    }
}

async fn get(client: &Client, path: &[&str], query: &[(&str, &str)]) -> anyhow::Result<Value> {
    Ok(client.ask(&Request { query: &owned(query), ..Request::get(path) }).await?)
}

async fn rows(client: &Client, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Vec<Value>> {
    let mut found = get(client, &[path], query).await?;
    Ok(found["items"].as_array_mut().map(std::mem::take).unwrap_or_default())
}

async fn post(client: &Client, path: &[&str], body: &Value) -> anyhow::Result<Value> {
    Ok(client.ask(&Request { method: Method::POST, path, query: &[], body: Some(body) }).await?)
}

async fn search(client: &Client, what: &str) -> anyhow::Result<String> {
    let mut found = Vec::new();
    let query = [("_search", what), ("_size", "50"), ("_include", "id")];
    for (path, kind) in [("blueprints", "blueprint"), ("deployments", "deployment")] {
        let items = rows(client, path, &query).await?;
        found.extend(items.iter().map(|item| format!("{kind} {}", text(&item["id"]))));
    }
    let latest =
        [("_sort", "-created_at"), ("_size", "200"), ("_include", "id,workflow_id,deployment_id,status,error")];
    for item in rows(client, "executions", &latest).await? {
        let line = format!(
            "execution {} of {} on {}: {} {}",
            text(&item["id"]),
            text(&item["workflow_id"]),
            text(&item["deployment_id"]),
            text(&item["status"]),
            text(&item["error"])
        );
        if line.contains(what) {
            found.push(line);
        }
    }
    Ok(if found.is_empty() { format!("nothing has `{what}` in its name") } else { found.join("\n") })
}

async fn deployment(client: &Client, id: &str) -> anyhow::Result<String> {
    let include = "id,blueprint_id,installation_status,deployment_status,inputs,labels,created_at,updated_at";
    let mut found = get(client, &["deployments", id], &[("_include", include)]).await?;
    found["outputs"] = get(client, &["deployments", id, "outputs"], &[])
        .await
        .map(|answer| answer["outputs"].clone())
        .unwrap_or_default();
    let instances = [("deployment_id", id), ("_include", "id,node_id,state"), ("_size", "200")];
    found["node_instances"] = rows(client, "node-instances", &instances).await?.into();
    let latest = [
        ("deployment_id", id),
        ("_sort", "-created_at"),
        ("_size", "5"),
        ("_include", "id,workflow_id,status,error,created_at"),
    ];
    found["latest_executions"] = rows(client, "executions", &latest).await?.into();
    Ok(serde_json::to_string_pretty(&found)?)
}

async fn explain(client: &Client, id: &str) -> anyhow::Result<String> {
    let why = client.executions().why(id).await?;
    let mut lines = vec![text(&why["summary"])];
    for wait in why["waits"].as_array().into_iter().flatten() {
        lines.push(format!("{}: {}", text(&wait["kind"]), text(&wait["reason"])));
    }
    let query = [("execution_id", id), ("_sort", "-reported_timestamp"), ("_size", "20")];
    let events = client.events().list(&query).await?.items;
    lines.push("Last events, the newest first:".to_owned());
    lines.extend(events.iter().map(|event| follow::describe(event, false)));
    Ok(lines.join("\n"))
}
