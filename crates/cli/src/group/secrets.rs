//! `secrets ...`.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, bail};
use nephele_client::{Method, Request};
use serde_json::{Value, json};

use super::{command, visibility};
use crate::act::forgive;
use crate::call::Call;
use crate::output;
use crate::paging::{self, Asked};
use crate::table::Act::{List, Own, Send, Show};
use crate::table::{Columns, Command, Outcome, Verb, details, list, send};

const COLUMNS: Columns = Columns::of(&[
    "key",
    "created_at",
    "updated_at",
    "visibility",
    "tenant_name",
    "created_by",
    "is_hidden_value",
    "provider_name",
]);
const PROVIDER: Columns = Columns::of(&["name", "type", "visibility", "tenant_name", "created_by", "created_at"]);
const HIDDEN: &str = "*********";

pub(super) static COMMANDS: &[Command] = &[
    command(
        "create",
        "KEY -s,--secret-string= -f,--secret-file= -u,--update-if-exists VISIBILITY --hidden-value --schema= --dict \
        --list -p,--provider= -o,--provider-options=*",
        "Keep a secret",
        Own(|call| Box::pin(create(call))),
    ),
    command(
        "delete",
        "KEY",
        "Delete a secret",
        Send(send(Verb::Delete, "secrets/{KEY}", "Secret {KEY} is removed").forgives(&[404])),
    ),
    command(
        "export",
        "-p,--passphrase= -l,--visibility= --non-encrypted ALL_TENANTS --filter-by= -o,--output-path=",
        "Write secrets into a file",
        Own(|call| Box::pin(export(call))),
    ),
    command("get", "KEY", "Show a secret with its value", Show(details("secrets/{KEY}").shape(shown).forgives(&[404]))),
    command(
        "import",
        "-p,--passphrase= -i,--input-path=! --non-encrypted --override-collisions -m,--tenant-map=",
        "Read secrets from a file",
        Own(|call| Box::pin(import(call))),
    ),
    command(
        "list",
        "SORT(key) ALL_TENANTS SEARCH PAGES -p,--provider=*",
        "List secrets, without their values",
        Own(|call| Box::pin(all(call))),
    ),
    command(
        "providers create",
        "SECRETS_PROVIDER_NAME -y,--type=! -s,--skip-check -c,--connection-parameters=* VISIBILITY",
        "Add a place that keeps secrets",
        Own(|call| Box::pin(provide(call))),
    ),
    command(
        "providers delete",
        "SECRETS_PROVIDER_NAME",
        "Delete a provider",
        Send(
            send(
                Verb::Delete,
                "secrets-providers/{SECRETS_PROVIDER_NAME}",
                "Secrets provider {SECRETS_PROVIDER_NAME} is removed",
            )
            .forgives(&[404]),
        ),
    ),
    command(
        "providers get",
        "SECRETS_PROVIDER_NAME",
        "Show a provider",
        Show(details("secrets-providers/{SECRETS_PROVIDER_NAME}").forgives(&[404])),
    ),
    command("providers list", "", "List providers", List(list("secrets-providers", "Secrets Providers", PROVIDER))),
    command(
        "providers test",
        "[SECRETS_PROVIDER_NAME] -y,--type= -c,--connection-parameters=* VISIBILITY",
        "Try whether a provider answers",
        Send(
            send(Verb::Put, "secrets-providers", "The secrets provider answers")
                .body("name:SECRETS_PROVIDER_NAME type test=true connection_parameters:@connection-parameters"),
        ),
    ),
    command(
        "providers update",
        "SECRETS_PROVIDER_NAME -y,--type= -c,--connection-parameters=* VISIBILITY",
        "Change a provider",
        Send(
            send(
                Verb::Patch,
                "secrets-providers/{SECRETS_PROVIDER_NAME}",
                "Secrets provider {SECRETS_PROVIDER_NAME} is updated",
            )
            .body("name:SECRETS_PROVIDER_NAME type connection_parameters:@connection-parameters visibility"),
        ),
    ),
    command(
        "set-global",
        "KEY",
        "Show a secret to all tenants",
        Own(|call| Box::pin(visibility::set(call, "secrets", call.needed("KEY"), "global"))),
    ),
    command(
        "set-owner",
        "KEY -s,--username=!",
        "Give a secret to another user",
        Own(|call| Box::pin(visibility::give(call, "secrets", call.needed("KEY")))),
    ),
    command(
        "set-visibility",
        "KEY -l,--visibility=!",
        "Show a secret to more people",
        Own(|call| Box::pin(visibility::set(call, "secrets", call.needed("KEY"), call.needed("visibility")))),
    ),
    command(
        "update",
        "KEY -s,--secret-string= -f,--secret-file= --hidden-value/--not-hidden-value -l,--visibility= -p,--provider= \
        -o,--provider-options=*",
        "Change a secret",
        Own(|call| Box::pin(update(call))),
    ),
];

fn shown(_: &Call, secret: &mut Value) {
    if secret["is_hidden_value"] == true && secret["value"] == "" {
        secret["value"] = HIDDEN.into();
    }
    if let Some(fields) = secret.as_object_mut() {
        fields.shift_remove("private_resource");
        fields.shift_remove("resource_availability");
    }
}

fn value(call: &Call) -> anyhow::Result<Option<String>> {
    match (call.text("secret-file"), call.text("secret-string")) {
        (Some(file), _) => Ok(Some(fs::read_to_string(file).with_context(|| format!("{file} cannot be read"))?)),
        (None, text) => Ok(text.map(str::to_owned)),
    }
}

async fn create(call: &Call) -> Outcome {
    let key = call.needed("KEY");
    let text = value(call)?;
    if text.is_none() && call.text("provider").is_none() {
        bail!("secret {key} has no value: give --secret-string, --secret-file or --provider");
    }
    let schema = match (call.text("schema"), call.flag("dict"), call.flag("list")) {
        (_, _, true) => Some(json!({"type": "array"})),
        (_, true, _) => Some(json!({"type": "object"})),
        (Some(text), _, _) => {
            let schema: Value =
                serde_json::from_str(text).with_context(|| format!("the schema `{text}` is not JSON"))?;
            if schema["type"].is_null() {
                bail!("the schema `{text}` has no type");
            }
            Some(schema)
        }
        _ => None,
    };
    let mut body = call.object("update_if_exists is_hidden_value:hidden-value visibility provider_name:provider provider_options:@provider-options")?;
    body["value"] = match (&schema, text) {
        (Some(_), Some(text)) => serde_json::from_str(&text).context("the value is not JSON, as its schema wants")?,
        (_, text) => text.into(),
    };
    if let Some(schema) = schema {
        body["schema"] = schema;
    }
    call.send(Method::PUT, &["secrets", key], &body).await?;
    call.print.say(format!("Secret {key} is created"))?;
    Ok(ExitCode::SUCCESS)
}

async fn update(call: &Call) -> Outcome {
    let key = call.needed("KEY");
    let path = ["secrets", key];
    let client = call.client()?;
    if let Some(provider) = call.text("provider") {
        client.ask(&Request::get(&["secrets-providers", provider])).await?;
    }
    let Some(secret) = forgive(call, &[404], client.ask(&Request::get(&path)).await)? else {
        return Ok(ExitCode::SUCCESS);
    };
    let mut body = call.object("visibility provider_name:provider provider_options:@provider-options")?;
    if let Some(text) = value(call)? {
        let is_typed = secret["schema"].as_object().is_some_and(|schema| !schema.is_empty());
        body["value"] = if is_typed {
            serde_json::from_str(&text).context("the value is not JSON, as its schema wants")?
        } else {
            text.into()
        };
    }
    if let Some(hidden) = call.toggle("hidden-value") {
        body["is_hidden_value"] = hidden.into();
    }
    call.send(Method::PATCH, &path, &body).await?;
    call.print.say(format!("Secret {key} is updated"))?;
    Ok(ExitCode::SUCCESS)
}

async fn all(call: &Call) -> Outcome {
    let listing = list("secrets", "secrets", COLUMNS);
    let mut asked = Asked::of(&listing, call)?;
    let providers = call.many("provider");
    if !providers.is_empty() {
        let rule = json!({"key": "provider_name", "values": providers, "operator": "starts_with", "type": "attribute"});
        asked = asked.with_rule(rule);
    }
    paging::show_asked(asked, &listing, call, &call.print.keys(&COLUMNS), Some).await
}

/// Either of the two must be said.
fn passphrase(call: &Call) -> anyhow::Result<Option<&str>> {
    match (call.text("passphrase"), call.flag("non-encrypted")) {
        (Some(passphrase), false) => Ok(Some(passphrase)),
        (None, true) => Ok(None),
        _ => bail!("give either --passphrase or --non-encrypted"),
    }
}

async fn export(call: &Call) -> Outcome {
    let passphrase = passphrase(call)?;
    let mut query = Vec::new();
    query.extend(passphrase.map(|passphrase| ("_passphrase", passphrase)));
    query.extend(call.text("visibility").map(|visibility| ("visibility", visibility)));
    query.extend(call.text("filter-by").map(|text| ("_search", text)));
    query.extend(call.flag("all-tenants").then_some(("_all_tenants", "true")));
    let secrets = call.get(&["secrets", "share", "export"], &query).await?;
    let file = call.text("output-path").unwrap_or("secrets.json");
    fs::write(file, serde_json::to_string_pretty(&secrets)?).with_context(|| format!("{file} cannot be written"))?;
    let how = if passphrase.is_some() { "encrypted" } else { "not encrypted" };
    call.print.say(format!("The secrets are in {file}, {how}"))?;
    Ok(ExitCode::SUCCESS)
}

async fn import(call: &Call) -> Outcome {
    let read = |file: &str| -> anyhow::Result<Value> {
        let text = fs::read_to_string(file).with_context(|| format!("{file} cannot be read"))?;
        serde_json::from_str(&text).with_context(|| format!("{file} is not JSON"))
    };
    let mut body = json!({"secrets_list": read(call.needed("input-path"))?, "override_collisions": call.flag("override-collisions")});
    if let Some(passphrase) = passphrase(call)? {
        body["passphrase"] = passphrase.into();
    }
    if let Some(file) = call.text("tenant-map") {
        body["tenant_map"] = read(file)?;
    }
    let answer = call.send(Method::POST, &["secrets", "share", "import"], &body).await?;
    call.print.say("The secrets are imported")?;
    let collided = if call.flag("override-collisions") {
        "These were there before and are changed:"
    } else {
        "These were there before and stay:"
    };
    for (key, heading) in [("colliding_secrets", collided), ("secrets_errors", "These could not be imported:")] {
        if answer[key].as_object().is_some_and(|found| !found.is_empty()) {
            output::note(heading)?;
            for (name, value) in answer[key].as_object().into_iter().flatten() {
                output::note(format!("  {name}: {value}"))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn provide(call: &Call) -> Outcome {
    let name = call.needed("SECRETS_PROVIDER_NAME");
    let mut body = call.object("name:SECRETS_PROVIDER_NAME type visibility")?;
    if !call.many("connection-parameters").is_empty() {
        body["connection_parameters"] = call.inputs("connection-parameters")?;
    }
    call.send(Method::PUT, &["secrets-providers"], &body).await?;
    call.print.say(format!("Secrets provider {name} is created"))?;
    if !call.flag("skip-check") {
        call.send(Method::PUT, &["secrets-providers"], &json!({"name": name, "type": "", "test": true})).await?;
        call.print.say("It answers")?;
    }
    Ok(ExitCode::SUCCESS)
}
