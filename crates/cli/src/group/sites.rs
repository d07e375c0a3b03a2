//! `sites ...`.

use super::command;
use crate::table::Act::{List, Send, Show};
use crate::table::{Columns, Command, Verb, list, send, show};

const COLUMNS: Columns = Columns::of(&["name", "location", "visibility", "tenant_name", "created_at", "created_by"]);

pub(super) static COMMANDS: &[Command] = &[
    command(
        "create",
        "NAME --location= VISIBILITY",
        "Make a site",
        Send(send(Verb::Put, "sites/{NAME}", "Site {NAME} is created").body("location visibility")),
    ),
    command(
        "delete",
        "NAME",
        "Delete a site",
        Send(send(Verb::Delete, "sites/{NAME}", "Site {NAME} is deleted").forgives(&[404])),
    ),
    command("get", "NAME", "Show a site", Show(show("sites/{NAME}", COLUMNS).forgives(&[404]))),
    command("list", "SORT(name) SEARCH ALL_TENANTS PAGES", "List sites", List(list("sites", "sites", COLUMNS))),
    command(
        "update",
        "NAME --location= -l,--visibility= -n,--new-name=",
        "Change a site",
        Send(
            send(Verb::Post, "sites/{NAME}", "Site {NAME} is updated")
                .body("location visibility new_name")
                .forgives(&[404]),
        ),
    ),
];
