//! `profiles ...`: which managers this user works with.

use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::Value;

use super::{at_once, command};
use crate::call::Call;
use crate::connection;
use crate::profile::{LOCAL, Profile, Profiles};
use crate::table::Act::Own;
use crate::table::{Columns, Command, Outcome};

const COLUMNS: &[&str] = &[
    "name",
    "manager_ip",
    "manager_username",
    "manager_tenant",
    "ssh_user",
    "ssh_key",
    "ssh_port",
    "kerberos_env",
    "rest_port",
    "rest_protocol",
    "rest_certificate",
];
const OF_CLUSTER: &[&str] = &[
    "name",
    "hostname",
    "host_ip",
    "manager_username",
    "manager_tenant",
    "ssh_user",
    "ssh_key",
    "ssh_port",
    "kerberos_env",
    "rest_port",
    "rest_protocol",
    "rest_certificate",
];
const CLUSTER_LABELS: &[(&str, &str)] = &[("hostname", "Manager hostname"), ("host_ip", "Manager ip")];

pub(super) static COMMANDS: &[Command] = &[
    command("delete", "PROFILE_NAME", "Delete a profile", Own(|call| at_once(delete(call)))),
    command("list", "", "List profiles", Own(|call| at_once(list(call)))),
    command(
        "set",
        "--profile-name= -m,--manager-ip= -T,--manager-token= -u,--manager-username= -p,--manager-password= \
        -t,--manager-tenant= -s,--ssh-user= -k,--ssh-key= --ssh-port= --ssl= -c,--rest-certificate= --rest-port=int \
        --kerberos-env= --skip-credentials-validation",
        "Change the profile in use",
        Own(|call| Box::pin(set(call))),
    ),
    command(
        "set-cluster",
        "CLUSTER_NODE_NAME -s,--ssh-user= -k,--ssh-key= --ssh-port= -c,--rest-certificate=",
        "Change how a manager of the cluster is reached",
        Own(|call| at_once(set_cluster(call))),
    ),
    command("show-current", "", "Show the profile in use", Own(|call| at_once(show(call)))),
    command(
        "unset",
        "-u,--manager-username -p,--manager-password -t,--manager-tenant -s,--ssh-user -k,--ssh-key \
        -c,--rest-certificate --kerberos-env --skip-credentials-validation",
        "Take something out of the profile in use",
        Own(|call| Box::pin(unset(call))),
    ),
    command(
        "use",
        "MANAGER_IP --profile-name= -s,--ssh-user= -k,--ssh-key= --ssh-port= -T,--manager-token= -u,--manager-username= \
        -p,--manager-password= -t,--manager-tenant= --rest-port=int --ssl -c,--rest-certificate= --kerberos-env= \
        --skip-credentials-validation",
        "Work with a manager from now on; `local` stands for none",
        Own(|call| Box::pin(take(call))),
    ),
];

/// Options that are taken over as they are.
const PLAIN: &[(&str, &str)] = &[
    ("manager-ip", "manager_ip"),
    ("manager-tenant", "manager_tenant"),
    ("rest-certificate", "rest_certificate"),
    ("ssh-user", "ssh_user"),
    ("ssh-key", "ssh_key"),
    ("ssh-port", "ssh_port"),
];

fn active(call: &Call) -> anyhow::Result<(Profiles, Profile)> {
    let profiles = Profiles::of(&call.settings)?;
    let profile = profiles.active()?.context("no profile with a manager is in use: `profiles use` takes one")?;
    Ok((profiles, profile))
}

/// Asks the manager whether these credentials are good.
async fn check(call: &Call, profiles: &Profiles, profile: &Profile) -> anyhow::Result<()> {
    let client = connection::through(profile, profiles, &call.settings)?;
    client
        .manager()
        .status()
        .await
        .with_context(|| format!("the manager of profile {} cannot be used", profile.name))?;
    Ok(())
}

async fn take(call: &Call) -> Outcome {
    let profiles = Profiles::of(&call.settings)?;
    let address = call.needed("MANAGER_IP");
    let name = call.text("profile-name").unwrap_or(address);
    if name == LOCAL {
        profiles.activate(LOCAL)?;
        call.print.say("Working without a manager")?;
        return Ok(ExitCode::SUCCESS);
    }
    if profiles.read(name)?.is_some() {
        profiles.activate(name)?;
        call.print
            .say(format!("Using profile {name}; options are for new profiles, `profiles set` changes this one"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut profile = Profile::new(name);
    profile.set("manager_ip", address);
    let is_ssl = call.flag("ssl") || call.text("rest-certificate").is_some();
    let (protocol, port) = if is_ssl { ("https", 443) } else { ("http", 80) };
    profile.set("rest_protocol", protocol);
    profile.set("rest_port", call.integer("rest-port").unwrap_or(port));
    for (option, key) in PLAIN.iter().chain(&[
        ("manager-username", "manager_username"),
        ("manager-password", "manager_password"),
        ("manager-token", "manager_token"),
    ]) {
        if let Some(value) = call.text(option) {
            profile.set(key, value);
        }
    }
    if !call.flag("skip-credentials-validation") {
        check(call, &profiles, &profile).await?;
        let client = connection::through(&profile, &profiles, &call.settings)?;
        let context = client.ask(&nephele_client::Request::get(&["provider", "context"])).await;
        profile.set("provider_context", context.map_or(Value::Null, |answer| answer["context"].clone()));
    }
    profiles.save(&profile)?;
    profiles.activate(name)?;
    call.print.say(format!("Using manager {address} at {}", profile.url(None).unwrap_or_default()))?;
    Ok(ExitCode::SUCCESS)
}

fn yes_or_no(text: &str) -> anyhow::Result<bool> {
    match text.to_lowercase().as_str() {
        "on" | "yes" | "true" | "1" => Ok(true),
        "off" | "no" | "false" | "0" => Ok(false),
        _ => bail!("`{text}` is neither on nor off"),
    }
}

async fn set(call: &Call) -> Outcome {
    let (profiles, mut profile) = active(call)?;
    let before = profile.clone();
    let old = profile.name.clone();
    if let Some(name) = call.text("profile-name") {
        if name == LOCAL || profiles.read(name)?.is_some() {
            bail!("a profile {name} is there already");
        }
        name.clone_into(&mut profile.name);
    }
    for (option, key) in PLAIN {
        if let Some(value) = call.text(option) {
            profile.set(key, value);
        }
    }
    if let Some(user) = call.text("manager-username") {
        profile.set("manager_username", user);
        profile.set("manager_token", Value::Null);
        profile.set("kerberos_env", Value::Null);
    }
    if let Some(password) = call.text("manager-password") {
        profile.set("manager_password", password);
    }
    if let Some(token) = call.text("manager-token") {
        profile.set("manager_token", token);
        for key in ["manager_username", "manager_password", "kerberos_env"] {
            profile.set(key, Value::Null);
        }
    }
    if let Some(kerberos) = call.text("kerberos-env") {
        profile.set("kerberos_env", yes_or_no(kerberos)?);
        for key in ["manager_username", "manager_password", "manager_token"] {
            profile.set(key, Value::Null);
        }
    }
    if let Some(ssl) = call.text("ssl") {
        let (protocol, port) = if yes_or_no(ssl)? { ("https", 443) } else { ("http", 80) };
        profile.set("rest_protocol", protocol);
        profile.set("rest_port", port);
    }
    if let Some(port) = call.integer("rest-port") {
        profile.set("rest_port", port);
    }
    if profile.to_value() == before.to_value()
        && PLAIN.iter().all(|(option, _)| call.text(option).is_none())
        && !is_touched(call)
    {
        bail!("nothing to change: give at least one option");
    }
    if !call.flag("skip-credentials-validation") {
        check(call, &profiles, &profile).await?;
    }
    profiles.save(&profile)?;
    if profile.name != old {
        profiles.activate(&profile.name)?;
        profiles.delete(&old)?;
    }
    call.print.say(format!("Profile {} is changed", profile.name))?;
    Ok(ExitCode::SUCCESS)
}

fn is_touched(call: &Call) -> bool {
    ["manager-username", "manager-password", "manager-token", "kerberos-env", "ssl", "rest-port"]
        .iter()
        .any(|option| call.text(option).is_some())
}

async fn unset(call: &Call) -> Outcome {
    let (profiles, mut profile) = active(call)?;
    let mut number = 0;
    for option in [
        "manager-username",
        "manager-password",
        "manager-tenant",
        "ssh-user",
        "ssh-key",
        "rest-certificate",
        "kerberos-env",
    ] {
        if call.flag(option) {
            profile.set(&option.replace('-', "_"), Value::Null);
            number += 1;
        }
    }
    if number == 0 {
        bail!("nothing to take out: give at least one option");
    }
    if !call.flag("skip-credentials-validation") {
        check(call, &profiles, &profile).await?;
    }
    profiles.save(&profile)?;
    call.print.say(format!("Profile {} is changed", profile.name))?;
    Ok(ExitCode::SUCCESS)
}

fn set_cluster(call: &Call) -> Outcome {
    let (profiles, mut profile) = active(call)?;
    let name = call.needed("CLUSTER_NODE_NAME");
    let mut cluster = profile.value("cluster").clone();
    let managers = cluster["manager"].as_array_mut().filter(|managers| !managers.is_empty());
    let Some(managers) = managers else { bail!("profile {} is not of a cluster", profile.name) };
    let Some(node) = managers.iter_mut().find(|node| node["hostname"] == name) else {
        bail!("the cluster has no manager {name}");
    };
    for (option, key) in [("ssh-user", "ssh_user"), ("ssh-key", "ssh_key"), ("ssh-port", "ssh_port")] {
        if let Some(value) = call.text(option) {
            node[key] = value.into();
        }
    }
    if let Some(certificate) = call.text("rest-certificate") {
        node["cert"] = certificate.into();
        node["trust_all"] = false.into();
        node["rest_protocol"] = "https".into();
    }
    profile.set("cluster", cluster);
    profiles.save(&profile)?;
    call.print.say(format!("Profile {} is changed", profile.name))?;
    Ok(ExitCode::SUCCESS)
}

fn show(call: &Call) -> Outcome {
    let profiles = Profiles::of(&call.settings)?;
    let Some(profile) = profiles.active()? else {
        call.print.say("Working without a manager; `profiles use ADDRESS` takes one")?;
        return Ok(ExitCode::SUCCESS);
    };
    let managers = profile.managers();
    if managers.is_empty() {
        call.print.row(&Columns::of(COLUMNS), profile.to_value())?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |manager: &&Value| {
        let mut row = profile.to_value();
        if let (Some(row), Some(manager)) = (row.as_object_mut(), manager.as_object()) {
            row.extend(manager.clone());
        }
        row
    };
    call.print.rows_of(OF_CLUSTER, CLUSTER_LABELS, managers.iter().map(row).collect())?;
    Ok(ExitCode::SUCCESS)
}

fn list(call: &Call) -> Outcome {
    let profiles = Profiles::of(&call.settings)?;
    let active = profiles.active_name();
    let mut rows = Vec::new();
    for name in profiles.names() {
        if let Some(profile) = profiles.read(&name)? {
            let mut row = profile.to_value();
            if active.as_deref() == Some(&name) {
                row["name"] = format!("*{name}").into();
            }
            rows.push(row);
        }
    }
    if rows.is_empty() {
        call.print.say("There are no profiles; `profiles use ADDRESS` makes one")?;
        return Ok(ExitCode::SUCCESS);
    }
    call.print.rows_of(COLUMNS, &[], rows)?;
    Ok(ExitCode::SUCCESS)
}

fn delete(call: &Call) -> Outcome {
    let name = call.needed("PROFILE_NAME");
    Profiles::of(&call.settings)?.delete(name)?;
    call.print.say(format!("Profile {name} is deleted"))?;
    Ok(ExitCode::SUCCESS)
}
