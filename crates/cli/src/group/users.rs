//! `users ...` and `user-groups ...`.

use std::process::ExitCode;

use nephele_client::Method;
use serde_json::{Value, json};

use super::command;
use crate::call::Call;
use crate::pythonic::repr_bare;
use crate::table::Act::{List, Own, Send, Show};
use crate::table::{Columns, Command, Outcome, Verb, list, send, show};
use crate::{connection, paging};

const USER: &[&str] =
    &["username", "groups", "role", "group_system_roles", "active", "last_login_at", "is_locked", "tenants"];
const USER_DATA: &[&str] = &[
    "username",
    "groups",
    "role",
    "group_system_roles",
    "active",
    "last_login_at",
    "is_locked",
    "user_tenants",
    "group_tenants",
];
const LABELS: &[(&str, &str)] = &[("role", "system wide role"), ("group_system_roles", "system wide roles via groups")];
const GROUP: Columns = Columns::of(&["name", "role", "tenants", "users"]);

pub(super) static COMMANDS: &[Command] = &[
    command(
        "activate",
        "USERNAME",
        "Let a user log in again",
        Send(
            send(Verb::Post, "users/active/{USERNAME}", "User {USERNAME} is active")
                .body("action=\"activate\"")
                .forgives(&[409]),
        ),
    ),
    command(
        "create",
        "USERNAME -r,--security-role=(default) -p,--password=! -t,--tenant-name= -l,--user-tenant-role=",
        "Make a user",
        Own(|call| Box::pin(create(call))),
    ),
    command(
        "deactivate",
        "USERNAME",
        "Let a user log in no more",
        Send(
            send(Verb::Post, "users/active/{USERNAME}", "User {USERNAME} is not active")
                .body("action=\"deactivate\"")
                .forgives(&[409]),
        ),
    ),
    command(
        "delete",
        "USERNAME",
        "Delete a user",
        Send(send(Verb::Delete, "users/{USERNAME}", "User {USERNAME} is deleted")),
    ),
    command("get", "[USERNAME] --get-data", "Show a user", Own(|call| Box::pin(get(call)))),
    command("list", "SORT(username) --get-data SEARCH PAGES", "List users", Own(|call| Box::pin(all(call)))),
    command(
        "set-password",
        "USERNAME -p,--password=!",
        "Give a user another password",
        Send(send(Verb::Post, "users/{USERNAME}", "User {USERNAME} has a new password").body("password")),
    ),
    command(
        "set-role",
        "USERNAME -r,--security-role=(default)",
        "Give a user another role",
        Send(
            send(Verb::Post, "users/{USERNAME}", "User {USERNAME} has the role {security-role}")
                .body("role:security-role"),
        ),
    ),
    command(
        "unlock",
        "USERNAME",
        "Let a user try to log in again",
        Send(send(Verb::Post, "users/unlock/{USERNAME}", "User {USERNAME} is unlocked").forgives(&[409])),
    ),
];

pub(super) static GROUPS: &[Command] = &[
    command(
        "add-user",
        "USERNAME -g,--group-name=!",
        "Put a user into a group",
        Send(
            send(Verb::Put, "user-groups/users", "User {USERNAME} is added to user group {group-name}")
                .body("username:USERNAME group_name")
                .forgives(&[409]),
        ),
    ),
    command(
        "create",
        "USER_GROUP_NAME -l,--ldap-distinguished-name= -r,--security-role=(default)",
        "Make a group of users",
        Send(
            send(Verb::Post, "user-groups", "User group {USER_GROUP_NAME} is created")
                .body("group_name:USER_GROUP_NAME ?ldap_group_dn:ldap-distinguished-name role:security-role"),
        ),
    ),
    command(
        "delete",
        "USER_GROUP_NAME",
        "Delete a group of users",
        Send(send(Verb::Delete, "user-groups/{USER_GROUP_NAME}", "User group {USER_GROUP_NAME} is deleted")),
    ),
    command(
        "get",
        "USER_GROUP_NAME --get-data",
        "Show a group of users",
        Show(show("user-groups/{USER_GROUP_NAME}", GROUP).query("_get_data:get-data").shape(described_group)),
    ),
    command(
        "list",
        "SORT(name) --get-data SEARCH PAGES",
        "List groups of users",
        List(list("user-groups", "user groups", GROUP).query("_get_data:get-data").shape(described_group)),
    ),
    command(
        "remove-user",
        "USERNAME -g,--group-name=!",
        "Take a user out of a group",
        Send(
            send(Verb::Delete, "user-groups/users", "User {USERNAME} is removed from user group {group-name}")
                .body("username:USERNAME group_name")
                .forgives(&[404]),
        ),
    ),
    command(
        "set-role",
        "USER_GROUP_NAME -r,--security-role=(default)",
        "Give a group another role",
        Send(
            send(
                Verb::Post,
                "user-groups/{USER_GROUP_NAME}",
                "User group {USER_GROUP_NAME} has the role {security-role}",
            )
            .body("role:security-role"),
        ),
    ),
];

fn described_group(call: &Call, group: &mut Value) {
    if call.flag("get-data") && group["tenants"].is_object() {
        group["tenants"] = repr_bare(&group["tenants"]).into();
    }
}

async fn create(call: &Call) -> Outcome {
    let (username, role) = (call.needed("USERNAME"), call.needed("security-role"));
    let body = json!({"username": username, "password": call.needed("password"), "role": role});
    call.send(Method::PUT, &["users"], &body).await?;
    call.print.say(format!("User {username} is created with the role {role}"))?;
    match (call.text("tenant-name"), call.text("user-tenant-role")) {
        (Some(tenant), Some(role)) => {
            let body = json!({"username": username, "tenant_name": tenant, "role": role});
            call.send(Method::PUT, &["tenants", "users"], &body).await?;
            call.print.say(format!("User {username} is added to tenant {tenant} with the role {role}"))?;
        }
        (Some(_), None) => call.print.say("The tenant counts for nothing without --user-tenant-role")?,
        (None, Some(_)) => call.print.say("The role in a tenant counts for nothing without --tenant-name")?,
        (None, None) => {}
    }
    Ok(ExitCode::SUCCESS)
}

async fn get(call: &Call) -> Outcome {
    let own = connection::username(&call.settings);
    let data = if call.flag("get-data") { "true" } else { "false" };
    let user = match call.text("USERNAME").or(own.as_deref()) {
        Some(name) if Some(name) != own.as_deref() => call.get(&["users", name], &[("_get_data", data)]).await?,
        _ => call.get(&["user"], &[("_get_data", data)]).await?,
    };
    let columns = if call.flag("get-data") { USER_DATA } else { USER };
    call.print.row_of(columns, LABELS, with_tenants(call, user))?;
    Ok(ExitCode::SUCCESS)
}

async fn all(call: &Call) -> Outcome {
    let listing = list("users", "users", Columns::of(USER).labels(LABELS)).query("_get_data:get-data");
    let columns = if call.flag("get-data") { USER_DATA } else { USER };
    let described = |mut user: Value| {
        user["group_system_roles"] = repr_bare(&user["group_system_roles"]).into();
        Some(with_tenants(call, user))
    };
    paging::show_as(&listing, call, columns, described).await
}

fn with_tenants(call: &Call, mut user: Value) -> Value {
    if call.flag("get-data") {
        // The original's client takes both out of the tenants' roles.
        let (mut direct, mut through) = (serde_json::Map::new(), serde_json::Map::new());
        for (tenant, roles) in user["tenants"].as_object().into_iter().flatten() {
            if let Some(role) = roles["tenant-role"].as_str() {
                direct.insert(tenant.clone(), role.into());
            }
            if roles["groups"].as_object().is_some_and(|groups| !groups.is_empty()) {
                through.insert(tenant.clone(), roles["groups"].clone());
            }
        }
        for (key, made) in [("user_tenants", direct), ("group_tenants", through)] {
            let found = if user[key].is_object() { user[key].clone() } else { Value::Object(made) };
            user[key] = repr_bare(&found).into();
        }
    }
    user
}
