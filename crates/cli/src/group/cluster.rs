//! `cluster ...`, `managers list`, `db-nodes ...`: the machines that work together.

use std::process::ExitCode;

use anyhow::{Context, bail};
use nephele_client::Method;
use serde_json::{Value, json};

use super::command;
use crate::call::Call;
use crate::output;
use crate::profile::Profiles;
use crate::table::Act::Own;
use crate::table::{Columns, Command, Outcome};

const MANAGER: Columns = Columns::of(&[
    "hostname",
    "private_ip",
    "public_ip",
    "version",
    "edition",
    "distribution",
    "distro_release",
    "last_seen",
    "networks",
]);
const BROKER: Columns = Columns::of(&["name", "port", "networks", "is_external", "host"]);
const DATABASE: Columns = Columns::of(&["name", "host", "is_external"]);

pub(super) static COMMANDS: &[Command] = &[
    command(
        "brokers add",
        "NAME ADDRESS --port=int -n,--networks=*",
        "Add a broker",
        Own(|call| Box::pin(add_broker(call))),
    ),
    command("brokers get", "NAME", "Show a broker", Own(|call| Box::pin(broker(call)))),
    command("brokers list", "", "List brokers", Own(|call| Box::pin(brokers(call)))),
    command("brokers remove", "NAME", "Remove a broker", Own(|call| Box::pin(remove_broker(call)))),
    command(
        "brokers update",
        "NAME -n,--networks=*!",
        "Change a broker's networks",
        Own(|call| Box::pin(update_broker(call))),
    ),
    command("db-nodes list", "", "List machines of the database", Own(|call| Box::pin(databases(call)))),
    command(
        "db-nodes update",
        "",
        "Have managers look at the database's machines anew",
        Own(|call| Box::pin(update_databases(call))),
    ),
    command("managers list", "", "List managers", Own(|call| Box::pin(managers(call)))),
    command("remove", "HOSTNAME", "Remove a manager", Own(|call| Box::pin(remove(call)))),
    command("status", "", "Tell how the cluster is doing", Own(|call| Box::pin(status(call)))),
    command("update-profile", "", "Note the cluster's machines in the profile", Own(|call| Box::pin(note(call)))),
];

pub(super) static MANAGERS: &[Command] = &[command("list", "", "List managers", Own(|call| Box::pin(managers(call))))];

pub(super) static DB_NODES: &[Command] = &[
    command("list", "", "List machines of the database", Own(|call| Box::pin(databases(call)))),
    command(
        "update",
        "",
        "Have managers look at the database's machines anew",
        Own(|call| Box::pin(update_databases(call))),
    ),
];

async fn managers(call: &Call) -> Outcome {
    let found = call.list(&["managers"], &[]).await?.items;
    call.print.rows(&MANAGER, found)?;
    Ok(ExitCode::SUCCESS)
}

async fn databases(call: &Call) -> Outcome {
    let found = call.list(&["db-nodes"], &[]).await?.items;
    call.print.rows(&DATABASE, found)?;
    Ok(ExitCode::SUCCESS)
}

async fn update_databases(call: &Call) -> Outcome {
    let found = call.send(Method::POST, &["db-nodes"], &json!({"action": "update"})).await?;
    call.print.rows(&DATABASE, found["items"].as_array().cloned().unwrap_or_default())?;
    Ok(ExitCode::SUCCESS)
}

/// A broker as it is shown: with the port that is meant where none is set.
fn shown(mut broker: Value) -> Value {
    if broker["port"].as_u64().unwrap_or_default() == 0 {
        broker["port"] = 5671.into();
    }
    broker
}

async fn brokers(call: &Call) -> Outcome {
    let found = call.list(&["brokers"], &[]).await?.items;
    call.print.rows(&BROKER, found.into_iter().map(shown).collect())?;
    Ok(ExitCode::SUCCESS)
}

/// The broker of this name. Errors: there is none.
async fn known(call: &Call, name: &str) -> anyhow::Result<Value> {
    let found = call.list(&["brokers"], &[]).await?.items;
    let names: Vec<String> = found.iter().map(|broker| output::text(&broker["name"])).collect();
    found
        .into_iter()
        .find(|broker| broker["name"] == name)
        .with_context(|| format!("{name} is not a broker of the cluster; those are {}", names.join(", ")))
}

async fn broker(call: &Call) -> Outcome {
    let mut broker = shown(known(call, call.needed("NAME")).await?);
    if !call.print.is_data() {
        broker["networks"] = broker["networks"].to_string().into();
    }
    call.print.details(&broker)?;
    Ok(ExitCode::SUCCESS)
}

async fn add_broker(call: &Call) -> Outcome {
    let name = call.needed("NAME");
    if known(call, name).await.is_ok() {
        bail!("{name} is a broker of the cluster already");
    }
    let body = call.object("name:NAME address:ADDRESS port networks:@networks")?;
    call.send(Method::POST, &["brokers"], &body).await?;
    call.print.say(format!("Broker {name} is added"))?;
    Ok(ExitCode::SUCCESS)
}

async fn remove_broker(call: &Call) -> Outcome {
    let name = call.needed("NAME");
    known(call, name).await?;
    call.send(Method::DELETE, &["brokers", name], &Value::Null).await?;
    call.print.say(format!("Broker {name} is removed"))?;
    Ok(ExitCode::SUCCESS)
}

async fn update_broker(call: &Call) -> Outcome {
    let name = call.needed("NAME");
    known(call, name).await?;
    let networks = call.inputs("networks")?;
    call.send(Method::PUT, &["brokers", name], &json!({"networks": networks})).await?;
    call.print.say(format!("Broker {name} is updated"))?;
    Ok(ExitCode::SUCCESS)
}

async fn remove(call: &Call) -> Outcome {
    let name = call.needed("HOSTNAME");
    let found = call.list(&["managers"], &[]).await?.items;
    if !found.iter().any(|manager| manager["hostname"] == name) {
        let names: Vec<String> = found.iter().map(|manager| output::text(&manager["hostname"])).collect();
        bail!("{name} is not a manager of the cluster; those are {}", names.join(", "));
    }
    call.send(Method::DELETE, &["managers", name], &Value::Null).await?;
    call.print.say(format!("Manager {name} is removed"))?;
    Ok(ExitCode::SUCCESS)
}

async fn status(call: &Call) -> Outcome {
    let found = match call.get(&["cluster-status"], &[("summary", "false")]).await {
        // The original says so and is content.
        Err(error) if call.settings.is_strict => {
            call.print.say(format!("{error:#}"))?;
            return Ok(ExitCode::SUCCESS);
        }
        other => other?,
    };
    if call.print.is_data() {
        call.print.value(&found)?;
    } else {
        call.print.say(format!("The cluster is {}", output::text(&found["status"])))?;
        let services = found["services"].as_object().into_iter().flatten();
        let rows = services.map(|(name, service)| json!({"service": name, "status": service["status"]}));
        call.print.rows(&Columns::of(&["service", "status"]), rows.collect())?;
    }
    let is_fine = call.settings.is_strict || found["status"] == "OK";
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn note(call: &Call) -> Outcome {
    let profiles = Profiles::of(&call.settings)?;
    let mut profile = profiles.active()?.context("no profile with a manager is in use")?;
    let mut cluster = json!({});
    let mut number = 0;
    for (path, kind, address) in
        [("managers", "manager", "public_ip"), ("brokers", "broker", "host"), ("db-nodes", "db", "host")]
    {
        let mut nodes = Vec::new();
        for node in call.list(&[path], &[]).await?.items {
            let name = node["hostname"].as_str().or_else(|| node["name"].as_str());
            let earlier = profile.value("cluster")[kind].as_array().into_iter().flatten();
            if let Some(known) = earlier.clone().find(|known| known["hostname"].as_str() == name) {
                nodes.push(known.clone());
                continue;
            }
            let host = node[address].as_str().or_else(|| node["private_ip"].as_str());
            nodes.push(json!({"hostname": name, "host_type": kind, "host_ip": host}));
        }
        number += nodes.len();
        cluster[kind] = nodes.into();
    }
    profile.set("cluster", cluster);
    profiles.save(&profile)?;
    call.print.say(format!("The profile {} knows {number} machines", profile.name))?;
    Ok(ExitCode::SUCCESS)
}
