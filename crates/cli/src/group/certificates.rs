//! `certificates ...`: what the original needs to replace certificates on its machines.

use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};

use super::{at_once, command};
use crate::call::Call;
use crate::table::Act::Own;
use crate::table::{Command, Outcome};
use crate::yaml;

const FILE: &str = "certificates_replacement_config.yaml";

pub(super) static COMMANDS: &[Command] = &[
    command(
        "generate-replace-config",
        "-o,--output-path=",
        "Write a file in which new certificates can be named",
        Own(|call| Box::pin(generate(call))),
    ),
    command(
        "replace",
        "-i,--input-path=",
        "Nothing: certificates lie in the data directory",
        Own(|call| at_once(replace(call))),
    ),
];

/// Empty settings with these names.
fn empty(names: &str) -> Value {
    Value::Object(names.split_ascii_whitespace().map(|name| (name.to_owned(), "".into())).collect::<Map<_, _>>())
}

async fn generate(call: &Call) -> Outcome {
    let (managers, brokers, databases) = (
        call.list(&["managers"], &[]).await?,
        call.list(&["brokers"], &[]).await?,
        call.list(&["db-nodes"], &[]).await?,
    );
    let node = "new_internal_cert new_internal_key new_external_cert new_external_key new_postgresql_client_cert \
        new_postgresql_client_key new_prometheus_cert new_prometheus_key new_prometheus_ca_cert new_prometheus_ca_key";
    let authorities = "new_ca_cert new_ca_key new_external_ca_cert new_external_ca_key new_ldap_ca_cert";
    let is_single = [&managers, &brokers, &databases].iter().all(|list| list.items.len() < 2);
    let settings = if is_single {
        json!({
            "manager": empty(&format!("{node} {authorities}")),
            "postgresql_server": empty("new_postgresql_server_cert new_postgresql_server_key new_postgresql_server_ca_cert \
                new_postgresql_server_ca_key"),
            "rabbitmq": empty("new_rabbitmq_cert new_rabbitmq_key"),
        })
    } else {
        let members = |list: &[Value], key: &str, names: &str| -> Value {
            let member = |one: &Value| {
                let mut member = empty(names);
                member["host_ip"] = one[key].clone();
                member
            };
            list.iter().map(member).collect()
        };
        let other =
            "new_cert new_key new_prometheus_cert new_prometheus_key new_prometheus_ca_cert new_prometheus_ca_key";
        let section = |members: Value, names: &str| {
            let mut section = empty(names);
            section["cluster_members"] = members;
            section
        };
        json!({
            "manager": section(members(&managers.items, "private_ip", node), authorities),
            "postgresql_server": section(members(&databases.items, "host", other), "new_ca_cert new_ca_key"),
            "rabbitmq": section(members(&brokers.items, "host", other), "new_ca_cert new_ca_key"),
        })
    };
    let file = call.text("output-path").unwrap_or(FILE);
    std::fs::write(file, yaml::write(&settings) + "\n").with_context(|| format!("{file} cannot be written"))?;
    call.print.say(format!("The file is {file}"))?;
    Ok(ExitCode::SUCCESS)
}

fn replace(call: &Call) -> Outcome {
    bail!(
        "a manager's certificates lie in the folder `tls` of its data directory: put others there and start it anew \
         ({} would change nothing)",
        call.text("input-path").unwrap_or(FILE)
    )
}
