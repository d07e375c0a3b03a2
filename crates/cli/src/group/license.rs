//! `license ...` and `community register`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use nephele_client::{Method, Request};
use serde_json::json;

use super::command;
use crate::call::Call;
use crate::output;
use crate::table::Act::{List, Own, Send};
use crate::table::{Columns, Command, Outcome, Verb, list, send};

const COLUMNS: Columns = Columns::of(&[
    "customer_id",
    "expiration_date",
    "license_edition",
    "trial",
    "cloudify_version",
    "capabilities",
    "expired",
]);
const ENVIRONMENT: Columns = Columns::of(&["id", "display_name", "tenant_name"])
    .labels(&[("id", "deployment_id"), ("display_name", "deployment_name")]);

pub(super) static COMMANDS: &[Command] = &[
    command("check", "", "Tell whether the manager has a licence", Own(|call| Box::pin(check(call)))),
    command("environments count", "", "Count environments", Own(|call| Box::pin(count(call)))),
    command(
        "environments list",
        "SORT(created_at) PAGES",
        "List environments",
        List(list("deployments", "environments", ENVIRONMENT).query("_all_tenants=true _environments_only=true")),
    ),
    command("list", "", "Show the licence", Own(|call| Box::pin(all(call)))),
    command("remove", "", "Remove the licence", Send(send(Verb::Delete, "license", "The licence is removed"))),
    command("upload", "LICENSE_PATH", "Upload a licence", Own(|call| Box::pin(upload(call)))),
];

pub(super) static COMMUNITY: &[Command] = &[command(
    "register",
    "-f,--first-name=! -l,--last-name=! -e,--email=! -p,--phone=! -a,--accept-eula",
    "Nothing: nobody has to register",
    Own(|call| Box::pin(register(call))),
)];

async fn check(call: &Call) -> Outcome {
    call.get(&["license-check"], &[]).await?;
    call.print.say("The manager is licensed")?;
    Ok(ExitCode::SUCCESS)
}

async fn count(call: &Call) -> Outcome {
    let query = [("_all_tenants", "true"), ("_environments_only", "true"), ("_include", "id"), ("_size", "1")];
    let total = call.list(&["deployments"], &query).await?.total();
    output::line(format!("Environments: {total}"))?;
    Ok(ExitCode::SUCCESS)
}

async fn all(call: &Call) -> Outcome {
    let found = call.list(&["license"], &[]).await?.items;
    call.print.rows(&COLUMNS, found)?;
    Ok(ExitCode::SUCCESS)
}

async fn upload(call: &Call) -> Outcome {
    let path = Path::new(call.needed("LICENSE_PATH"));
    if !path.is_file() {
        bail!("there is no file {}", path.display());
    }
    let request = Request { method: Method::PUT, path: &["license"], query: &[], body: None };
    call.client()?.send_file(&request, path).await?;
    call.print.say("The licence is uploaded")?;
    Ok(ExitCode::SUCCESS)
}

async fn register(call: &Call) -> Outcome {
    let mut contact = call.object("first_name last_name email phone")?;
    contact["is_eula"] = json!(call.flag("accept-eula"));
    let answer = call.send(Method::POST, &["contacts"], &contact).await?;
    call.print.say(format!("Registered as customer {}", output::text(&answer["customer_id"])))?;
    Ok(ExitCode::SUCCESS)
}
