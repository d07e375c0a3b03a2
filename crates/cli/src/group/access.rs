//! `tokens ...` and `permissions ...`.

use std::process::ExitCode;

use nephele_client::Method;
use serde_json::{Map, Value, json};

use super::command;
use crate::call::Call;
use crate::table::Act::{Own, Send};
use crate::table::{Columns, Command, Outcome, Verb, send};

const TOKEN: &[&str] = &["id", "role", "description", "expiration_date", "last_used"];

pub(super) static TOKENS: &[Command] = &[
    command(
        "create",
        "-e,--expiry= -d,--description=",
        "Make a token; it is shown this once",
        Own(|call| Box::pin(create(call))),
    ),
    command(
        "delete",
        "TOKEN_ID",
        "Make a token useless",
        Send(send(Verb::Delete, "tokens/{TOKEN_ID}", "Token {TOKEN_ID} is deleted")),
    ),
    command("get", "[TOKEN_ID]", "Show a token, but not its value", Own(|call| Box::pin(get(call)))),
    command("list", "", "List tokens", Own(|call| Box::pin(tokens(call)))),
];

pub(super) static PERMISSIONS: &[Command] = &[
    command(
        "allow",
        "--role= --permission=",
        "Give a role a permission",
        Send(send(Verb::Put, "permissions/{role}/{permission}", "Role {role} has the permission {permission}")),
    ),
    command(
        "disallow",
        "--role= --permission=",
        "Take a permission from a role",
        Send(send(
            Verb::Delete,
            "permissions/{role}/{permission}",
            "Role {role} has the permission {permission} no more",
        )),
    ),
    command(
        "list",
        "--role=",
        "List permissions and the roles that have them",
        Own(|call| Box::pin(permissions(call))),
    ),
];

async fn create(call: &Call) -> Outcome {
    let body = call.object("description expiration_date:expiry")?;
    let made = call.send(Method::POST, &["tokens"], &body).await?;
    let columns = [TOKEN, &["value"]].concat();
    call.print.row_of(&columns, &[], made)?;
    Ok(ExitCode::SUCCESS)
}

async fn get(call: &Call) -> Outcome {
    let Some(id) = call.text("TOKEN_ID") else {
        anyhow::bail!("which token? `tokens list` shows their ids; `tokens create` makes one")
    };
    call.print.row(&Columns::of(TOKEN), call.get(&["tokens", id], &[]).await?)?;
    Ok(ExitCode::SUCCESS)
}

async fn tokens(call: &Call) -> Outcome {
    let found = call.list(&["tokens"], &[]).await?;
    let (shown, total) = (found.items.len(), found.total());
    let mut columns = TOKEN.to_vec();
    if found.items.windows(2).any(|pair| pair[0]["username"] != pair[1]["username"]) {
        columns.push("username");
    }
    call.print.rows_of(&columns, &[], found.items)?;
    call.print.say(format!("Showing {shown} of {total} tokens"))?;
    Ok(ExitCode::SUCCESS)
}

async fn permissions(call: &Call) -> Outcome {
    let path = ["permissions"].into_iter().chain(call.text("role")).collect::<Vec<_>>();
    let mut roles: Map<String, Value> = Map::new();
    for item in call.list(&path, &[]).await?.items {
        let permission = item["permission"].as_str().unwrap_or_default().to_owned();
        if let Value::Array(roles) = roles.entry(permission).or_insert_with(|| json!([])) {
            roles.push(item["role"].clone());
        }
    }
    let rows = roles.into_iter().map(|(permission, roles)| json!({"permission": permission, "roles": roles}));
    call.print.rows(&Columns::of(&["permission", "roles"]), rows.collect())?;
    Ok(ExitCode::SUCCESS)
}
