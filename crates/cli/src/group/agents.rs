//! `agents ...`.

use std::collections::HashSet;
use std::process::ExitCode;

use anyhow::{Context, bail};
use nephele_client::{Client, Method, Request};
use nephele_model::id::TenantName;
use serde_json::{Map, Value, json};

use super::command;
use crate::call::Call;
use crate::follow::{self, Ended, Watch};
use crate::output;
use crate::paging::{self, Asked};
use crate::table::Act::Own;
use crate::table::{Columns, Command, Outcome, list};

const COLUMNS: Columns =
    Columns::of(&["id", "ip", "deployment", "state", "node", "system", "version", "install_method", "tenant_name"]);

pub(super) static COMMANDS: &[Command] = &[
    command(
        "install",
        "ALL_TENANTS --stop-old-agent --manager-ip= --manager_certificate= --all-states --deployment-id=* --node-id=* \
        --node-instance-id=* --install-method=* --wait/--no-wait --install-agent-timeout=int(300)",
        "Install agents anew",
        Own(|call| Box::pin(install(call))),
    ),
    command(
        "list",
        "--all-states --deployment-id=* --node-id=* --node-instance-id=* --install-method=* ALL_TENANTS",
        "List agents",
        Own(|call| Box::pin(all(call))),
    ),
    command(
        "validate",
        "--all-states --deployment-id=* --node-id=* --node-instance-id=* --install-method=* ALL_TENANTS --wait/--no-wait",
        "Check that agents answer",
        Own(|call| Box::pin(run(call, "validate_agents", Map::new()))),
    ),
];

/// Names that may be given one by one or with commas.
fn named<'a>(call: &'a Call, id: &str) -> Vec<&'a str> {
    call.many(id)
        .into_iter()
        .flat_map(|names| names.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect()
}

async fn all(call: &Call) -> Outcome {
    let mut query = Vec::new();
    for (id, key) in [
        ("deployment-id", "deployment_id"),
        ("node-id", "node_ids"),
        ("node-instance-id", "node_instance_ids"),
        ("install-method", "install_methods"),
    ] {
        query.extend(named(call, id).into_iter().map(|value| (key.to_owned(), value.to_owned())));
    }
    let state = if call.flag("all-states") { None } else { Some(("state".to_owned(), "started".to_owned())) };
    query.extend(state);
    let listing = list("agents", "", COLUMNS);
    let asked = Asked::of(&listing, call)?.with(query);
    paging::show_asked(asked, &listing, call, &call.print.keys(&COLUMNS), Some).await
}

async fn install(call: &Call) -> Outcome {
    let mut parameters = Map::new();
    if call.flag("stop-old-agent") {
        parameters.insert("stop_old_agent".to_owned(), true.into());
    }
    let certificate = match call.text("manager_certificate") {
        Some(file) => Some(std::fs::read_to_string(file).with_context(|| format!("{file} cannot be read"))?),
        None => None,
    };
    if call.text("manager-ip").is_some() || certificate.is_some() {
        parameters.insert("manager_ip".to_owned(), call.text("manager-ip").into());
        parameters.insert("manager_certificate".to_owned(), certificate.into());
    }
    parameters.insert("install_agent_timeout".to_owned(), call.integer("install-agent-timeout").into());
    run(call, "install_new_agents", parameters).await
}

/// A deployment and the parameters that its run gets.
type Target = (String, String, Map<String, Value>);

async fn rows(call: &Call, path: &str, ids: &[&str], include: &str, all_tenants: bool) -> anyhow::Result<Vec<Value>> {
    let mut query = vec![("_include", include), ("_sort", "id")];
    query.extend(ids.iter().map(|id| ("id", *id)));
    query.extend(all_tenants.then_some(("_all_tenants", "true")));
    paging::all(call, path, &query).await
}

/// The tenant and the deployment that a row is of.
fn place(row: &Value, key: &str) -> (String, String) {
    (output::text(&row["tenant_name"]), output::text(&row[key]))
}

fn missing(kind: &str, wanted: &[&str], found: &[Value]) -> anyhow::Result<()> {
    let gone: Vec<&str> = wanted.iter().copied().filter(|id| !found.iter().any(|row| row["id"] == *id)).collect();
    if gone.is_empty() { Ok(()) } else { bail!("{kind} that do not exist: {}", gone.join(", ")) }
}

async fn targets(call: &Call) -> anyhow::Result<Vec<Target>> {
    let (deployments, nodes) = (named(call, "deployment-id"), named(call, "node-id"));
    let (instances, tenants) = (named(call, "node-instance-id"), call.flag("all-tenants"));
    if !instances.is_empty() {
        if !deployments.is_empty() || !nodes.is_empty() {
            bail!("node instances say which deployments are meant; --deployment-id and --node-id do not go with them");
        }
        let found = rows(call, "node-instances", &instances, "id,tenant_name,deployment_id", true).await?;
        missing("node instances", &instances, &found)?;
        let mut targets: Vec<Target> = Vec::new();
        for instance in found {
            let (tenant, deployment) =
                (output::text(&instance["tenant_name"]), output::text(&instance["deployment_id"]));
            let known = targets.iter_mut().find(|(of, id, _)| *of == tenant && *id == deployment);
            if let Some((_, _, parameters)) = known {
                if let Some(Value::Array(ids)) = parameters.get_mut("node_instance_ids") {
                    ids.push(instance["id"].clone());
                }
            } else {
                let ids = json!([instance["id"]]);
                targets.push((tenant, deployment, Map::from_iter([("node_instance_ids".to_owned(), ids)])));
            }
        }
        return Ok(targets);
    }
    let mut found = rows(call, "deployments", &deployments, "id,tenant_name", tenants).await?;
    missing("deployments", &deployments, &found)?;
    if !nodes.is_empty() {
        let with = rows(call, "nodes", &nodes, "id,deployment_id,tenant_name", tenants).await?;
        let with: HashSet<_> = with.iter().map(|node| place(node, "deployment_id")).collect();
        found.retain(|one| with.contains(&place(one, "id")));
    }
    if deployments.is_empty() {
        // Where a host does not run, nothing can be installed.
        let hosts = rows(call, "node-instances", &[], "id,host_id,deployment_id,state,tenant_name", tenants).await?;
        let rests = |host: &&Value| host["id"] == host["host_id"] && host["state"] != "started";
        let at_rest: HashSet<_> = hosts.iter().filter(rests).map(|host| place(host, "deployment_id")).collect();
        found.retain(|one| !at_rest.contains(&place(one, "id")));
    }
    let parameters =
        if nodes.is_empty() { Map::new() } else { Map::from_iter([("node_ids".to_owned(), json!(nodes))]) };
    Ok(found
        .iter()
        .map(|one| (output::text(&one["tenant_name"]), output::text(&one["id"]), parameters.clone()))
        .collect())
}

async fn run(call: &Call, workflow: &'static str, more: Map<String, Value>) -> Outcome {
    let targets = targets(call).await?;
    if targets.is_empty() {
        bail!("no deployment fits");
    }
    let client = call.client()?;
    let mut started = Vec::new();
    for (tenant, deployment, mut parameters) in targets {
        let methods = named(call, "install-method");
        if !methods.is_empty() {
            parameters.insert("install_methods".to_owned(), json!(methods));
        }
        parameters.extend(more.clone());
        let id = start(&client.with_tenant(Some(TenantName::new(tenant.as_str()))), &deployment, workflow, parameters)
            .await?;
        call.print.say(format!("Execution {id} is started for deployment {deployment} of tenant {tenant}"))?;
        started.push(id);
    }
    if call.toggle("wait") == Some(false) {
        return Ok(ExitCode::SUCCESS);
    }
    let mut code = ExitCode::SUCCESS;
    for id in started {
        if let Ended::With(execution) = follow::until_end(call, &id, &Watch::of(call).without_timeout()).await? {
            let ended = follow::conclude(call, &execution)?;
            if ended != ExitCode::SUCCESS {
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

async fn start(
    client: &Client,
    deployment: &str,
    workflow: &str,
    parameters: Map<String, Value>,
) -> anyhow::Result<String> {
    let body = json!({
        "deployment_id": deployment, "workflow_id": workflow, "parameters": parameters, "allow_custom_parameters": "true",
    });
    let request = Request { method: Method::POST, path: &["executions"], query: &[], body: Some(&body) };
    Ok(output::text(&client.ask(&request).await?["id"]))
}
