//! `config ...`, `ldap ...` and `idp get`: settings of the manager.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, bail};
use nephele_client::Method;
use serde_json::json;

use super::command;
use crate::call::Call;
use crate::output;
use crate::table::Act::Own;
use crate::table::{Columns, Command, Outcome};

pub(super) static CONFIG: &[Command] = &[
    command("list", "", "List settings of the manager", Own(|call| Box::pin(settings(call)))),
    command("update", "[INPUTS]...", "Change settings of the manager: name=value", Own(|call| Box::pin(update(call)))),
];

pub(super) static IDP: &[Command] =
    &[command("get", "", "Tell who vouches for users", Own(|call| Box::pin(plain(call, "idp"))))];

pub(super) static LDAP: &[Command] = &[
    command(
        "set",
        "-s,--ldap-server=! -u,--ldap-username= -p,--ldap-password= -d,--ldap-domain= -a,--ldap-is-active-directory \
        -e,--ldap-dn-extra= -c,--ldap-ca-path= --ldap-base-dn= --ldap-group-dn= --ldap-bind-format= --ldap-user-filter= \
        --ldap-group-member-filter= --ldap-attribute-email= --ldap-attribute-first-name= --ldap-attribute-last-name= \
        --ldap-attribute-uid= --ldap-attribute-group-membership= --ldap-nested-levels=",
        "Let users of a directory log in",
        Own(|call| Box::pin(set(call))),
    ),
    command("status", "", "Tell whether users of a directory can log in", Own(|call| Box::pin(plain(call, "ldap")))),
];

async fn settings(call: &Call) -> Outcome {
    let found = call.list(&["config"], &[]).await?.items;
    call.print.rows(&Columns::of(&["name", "value", "scope", "updated_at", "is_editable", "admin_only"]), found)?;
    Ok(ExitCode::SUCCESS)
}

async fn update(call: &Call) -> Outcome {
    let given = call.inputs("INPUTS")?;
    for (name, value) in given.as_object().into_iter().flatten() {
        let updated = call.send(Method::PUT, &["config", name], &json!({"value": value, "force": false})).await?;
        call.print.say(format!("{name} is {}", output::text(value)))?;
        if updated["scope"] == "agent" {
            call.print.say("Agents that are there already keep the old value")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn plain(call: &Call, path: &'static str) -> Outcome {
    let found = call.get(&[path], &[]).await?;
    if call.print.is_data() {
        call.print.value(&found)?;
    } else {
        output::line(output::text(&found))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn set(call: &Call) -> Outcome {
    if call.text("ldap-username").is_some() != call.text("ldap-password").is_some() {
        bail!("--ldap-username and --ldap-password go together");
    }
    let mut body = call.object(
        "ldap_server ldap_is_active_directory ?ldap_domain ?ldap_dn_extra ?ldap_username ?ldap_password ?ldap_base_dn \
         ?ldap_group_dn ?ldap_bind_format ?ldap_user_filter ?ldap_group_member_filter ?ldap_attribute_email \
         ?ldap_attribute_first_name ?ldap_attribute_last_name ?ldap_attribute_uid ?ldap_attribute_group_membership \
         ?ldap_nested_levels",
    )?;
    if let Some(file) = call.text("ldap-ca-path") {
        body["ldap_ca_cert"] = fs::read_to_string(file).with_context(|| format!("{file} cannot be read"))?.into();
    }
    call.send(Method::POST, &["ldap"], &body).await?;
    call.print.say("Users of the directory can log in")?;
    Ok(ExitCode::SUCCESS)
}
