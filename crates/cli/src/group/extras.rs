//! Commands of one word: `status`, and what the original does not have.

use std::process::ExitCode;

use super::{at_once, command, status};
use crate::call::Call;
use crate::output;
use crate::table::Act::Own;
use crate::table::{Command, Outcome};
use crate::{completions, doctor, lsp, mcp};

pub(super) static COMMANDS: &[Command] = &[
    command("status", "", "Tell how the manager is doing", Own(|call| Box::pin(status::status(call)))),
    command(
        "leftovers",
        "--repair",
        "List what crashes left behind; fail while something is",
        Own(|call| Box::pin(leftovers(call))),
    ),
    command(
        "doctor",
        "",
        "Look for what keeps this machine from working with a manager",
        Own(|call| Box::pin(doctor::examine(call))),
    ),
    command(
        "completions",
        "SHELL",
        "Print a script with completions: bash, zsh, fish, elvish or powershell",
        Own(|call| at_once(completions::script(call))),
    ),
    command(
        "lsp",
        "--stdio",
        "Serve an editor: blueprints checked and completed while they are written",
        Own(|call| Box::pin(lsp::serve(call))),
    ),
    command(
        "mcp",
        "--allow-changes --listen= --allow-origin=*",
        "Serve a model over the Model Context Protocol; it may only look, unless told otherwise",
        Own(|call| Box::pin(mcp::serve(call))),
    ),
    command("man", "[FOLDER]", "Write manual pages into a folder", Own(|call| at_once(completions::manual(call)))),
];

async fn leftovers(call: &Call) -> Outcome {
    let client = call.client()?;
    let found =
        if call.flag("repair") { client.manager().repair().await? } else { client.manager().leftovers().await? };
    let items = found["items"].as_array().cloned().unwrap_or_default();
    if call.print.is_data() {
        call.print.value(&found)?;
    } else if items.is_empty() {
        output::line("Nothing was left behind")?;
    }
    for item in items.iter().filter(|_| !call.print.is_data()) {
        let [kind, id, problem] = ["kind", "id", "problem"].map(|key| output::text(&item[key]));
        let done = if item["repaired"] == true { " (repaired)" } else { "" };
        output::line(format!("{kind} {id}: {problem}{done}"))?;
    }
    let is_clean = items.iter().all(|item| item["repaired"] == true);
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
