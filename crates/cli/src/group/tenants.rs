//! `tenants ...`.

use std::process::ExitCode;

use serde_json::Value;

use super::command;
use crate::call::Call;
use crate::pythonic::repr_bare;
use crate::table::Act::{Own, Send};
use crate::table::{Columns, Command, Outcome, Verb, list, send};
use crate::{fields, paging};

const COLUMNS: Columns = Columns::of(&["name", "groups", "users"]);
const ALL_DATA: &[&str] = &["name", "groups", "direct_users", "group_users"];
const LABELS: &[(&str, &str)] = &[("direct_users", "direct users"), ("group_users", "group users")];

pub(super) static COMMANDS: &[Command] = &[
    command(
        "add-user",
        "USERNAME -r,--role=! -t,--tenant-name=!",
        "Let a user into a tenant",
        Send(
            send(Verb::Put, "tenants/users", "User {USERNAME} is added to tenant {tenant-name}")
                .body("username:USERNAME tenant_name role")
                .forgives(&[409]),
        ),
    ),
    command(
        "add-user-group",
        "USER_GROUP_NAME -r,--role=! -t,--tenant-name=!",
        "Let a group into a tenant",
        Send(
            send(Verb::Put, "tenants/user-groups", "User group {USER_GROUP_NAME} is added to tenant {tenant-name}")
                .body("group_name:USER_GROUP_NAME tenant_name role")
                .forgives(&[409]),
        ),
    ),
    command(
        "create",
        "TENANT_NAME",
        "Make a tenant",
        Send(
            send(Verb::Post, "tenants/{TENANT_NAME}", "Tenant {TENANT_NAME} is created").body("rabbitmq_password=\"\""),
        ),
    ),
    command(
        "delete",
        "TENANT_NAME",
        "Delete an empty tenant",
        Send(send(Verb::Delete, "tenants/{TENANT_NAME}", "Tenant {TENANT_NAME} is deleted")),
    ),
    command("get", "TENANT_NAME --get-data", "Show a tenant", Own(|call| Box::pin(get(call)))),
    command("list", "SORT(name) --get-data SEARCH PAGES", "List tenants", Own(|call| Box::pin(all(call)))),
    command(
        "remove-user",
        "USERNAME -t,--tenant-name=!",
        "Shut a user out of a tenant",
        Send(
            send(Verb::Delete, "tenants/users", "User {USERNAME} is removed from tenant {tenant-name}")
                .body("username:USERNAME tenant_name")
                .forgives(&[404]),
        ),
    ),
    command(
        "remove-user-group",
        "USER_GROUP_NAME -t,--tenant-name=!",
        "Shut a group out of a tenant",
        Send(
            send(
                Verb::Delete,
                "tenants/user-groups",
                "User group {USER_GROUP_NAME} is removed from tenant {tenant-name}",
            )
            .body("group_name:USER_GROUP_NAME tenant_name")
            .forgives(&[404]),
        ),
    ),
    command(
        "update-user",
        "USERNAME -r,--role=! -t,--tenant-name=!",
        "Give a user another role in a tenant",
        Send(
            send(Verb::Patch, "tenants/users", "User {USERNAME} is updated in tenant {tenant-name}")
                .body("username:USERNAME tenant_name role")
                .forgives(&[404]),
        ),
    ),
    command(
        "update-user-group",
        "USER_GROUP_NAME -r,--role=! -t,--tenant-name=!",
        "Give a group another role in a tenant",
        Send(
            send(Verb::Patch, "tenants/user-groups", "User group {USER_GROUP_NAME} is updated in tenant {tenant-name}")
                .body("group_name:USER_GROUP_NAME tenant_name role")
                .forgives(&[404]),
        ),
    ),
];

async fn all(call: &Call) -> Outcome {
    let listing = list("tenants", "tenants", COLUMNS.labels(LABELS)).query("_get_data:get-data");
    if call.flag("get-data") {
        return paging::show_as(&listing, call, ALL_DATA, |tenant| Some(described(tenant))).await;
    }
    paging::show(&listing, call).await
}

async fn get(call: &Call) -> Outcome {
    let data = if call.flag("get-data") { "true" } else { "false" };
    let path = fields::path(call, "tenants/{TENANT_NAME}");
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let found = call.get(&path, &[("_get_data", data)]).await?;
    if call.flag("get-data") {
        call.print.row_of(ALL_DATA, LABELS, described(found))?;
    } else {
        call.print.row(&COLUMNS, found)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Members as one text each, as the original has them.
fn described(mut tenant: Value) -> Value {
    for key in ["groups", "users", "direct_users", "group_users"] {
        if tenant[key].is_object() {
            tenant[key] = repr_bare(&tenant[key]).into();
        }
    }
    tenant
}
