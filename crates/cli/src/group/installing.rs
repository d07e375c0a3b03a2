//! `install`, `uninstall`, `apply`, `init`: several steps in one, with a manager or without.

use std::process::ExitCode;

use anyhow::bail;
use nephele_client::{Method, Request};
use serde_json::{Value, json};

use super::blueprint_ways::upload;
use super::{command, deployment_groups, deployment_updates, deployments, execution_groups, executions, validating};
use crate::call::Call;
use crate::locally;
use crate::source::{self, Packed};
use crate::table::Act::Own;
use crate::table::{Command, Outcome};

/// Without a manager this is a command of its own; with one, the group of that name.
const INSTANCES: &str = "node-instances";

pub(super) static COMMANDS: &[Command] = &[
    command(
        "install",
        "BLUEPRINT_PATH -b,--blueprint-id= -n,--blueprint-filename=(blueprint.yaml) --validate -d,--deployment-id= \
        -g,--deployment-group-id= --count=int -i,--inputs=* -w,--workflow-id=(install) -f,--force VISIBILITY \
        --skip-plugins-validation -p,--parameters=* --allow-custom-parameters --timeout=int(900) WATCH --blueprint-labels= \
        --deployment-labels= --install-plugins --task-retries=int(5) --task-retry-interval=int(3) \
        --task-thread-pool-size=int(1)",
        "Upload a blueprint, create a deployment and install it; without a manager in this process",
        Own(|call| Box::pin(install(call))),
    ),
    command(
        "uninstall",
        "[DEPLOYMENT_ID] -b,--blueprint-id= -w,--workflow-id=(uninstall) -f,--force --recursive -p,--parameters=* \
        --allow-custom-parameters --timeout=int(900) WATCH RETRIES",
        "Uninstall a deployment, and delete it and its blueprint",
        Own(|call| Box::pin(uninstall(call))),
    ),
    command(
        "apply",
        "--blueprint-path= -d,--deployment-id= -n,--blueprint-filename=(blueprint.yaml) -b,--blueprint-id= -i,--inputs=* \
        -r,--reinstall-list=* -w,--workflow-id= --skip-install --skip-uninstall --dont-skip-reinstall --ignore-failure \
        --install-first --preview --dont-update-plugins -f,--force VISIBILITY --validate WATCH --runtime-only-evaluation \
        --auto-correct-types --reevaluate-active-statuses --skip-plugins-validation -p,--parameters=* \
        --allow-custom-parameters --blueprint-labels= --deployment-labels= --timeout=int(900)",
        "Install a blueprint, or bring its deployment to it",
        Own(|call| Box::pin(apply(call))),
    ),
    command(
        INSTANCES,
        "[NODE_ID] -b,--blueprint-id=",
        "Without a manager: show the instances of a blueprint's nodes",
        Own(|call| Box::pin(locally::instances(call))),
    ),
    command(
        "init",
        "[BLUEPRINT_PATH] -n,--blueprint-filename=(blueprint.yaml) -b,--blueprint-id= -r,--reset-context -i,--inputs=* \
        --install-plugins --hard --enable-colors",
        "Make ready to work without a manager",
        Own(|call| Box::pin(locally::init(call))),
    ),
];

async fn packed(call: &Call, path: &str) -> anyhow::Result<(Packed, String)> {
    let packed = source::pack(call, path, call.needed("blueprint-filename"), None, true).await?;
    let id = call.text("blueprint-id").map_or_else(|| packed.default_id(), |id| Ok(id.to_owned()))?;
    Ok((packed, id))
}

async fn install(call: &Call) -> Outcome {
    if locally::may_begin(call) {
        return locally::install(call).await;
    }
    install_from(call, call.needed("BLUEPRINT_PATH")).await
}

async fn install_from(call: &Call, path: &str) -> Outcome {
    let (packed, blueprint) = packed(call, path).await?;
    let workflow = call.text("workflow-id").unwrap_or("install");
    let parameters = call.inputs("parameters")?;
    let count = call.integer("count");
    if count.is_some_and(|count| count < 1) {
        bail!("--count takes a number from 1 on");
    }
    if count.is_none() && call.text("deployment-group-id").is_some() {
        bail!("a group needs to know how many: give --count as well");
    }
    if let Some(main) = packed.main.as_deref().filter(|_| call.flag("validate"))
        && validating::check(call, main)? != ExitCode::SUCCESS
    {
        return Ok(ExitCode::FAILURE);
    }
    upload(call, &blueprint, &packed, call.text("blueprint-labels"), false).await?;
    let Some(count) = count else {
        let id = call.text("deployment-id").unwrap_or(&blueprint);
        deployments::create(call, id, &blueprint, call.text("deployment-labels")).await?;
        return executions::start(call, workflow, id, parameters).await;
    };
    let group = call.text("deployment-group-id").unwrap_or(&blueprint);
    let body = json!({
        "visibility": "tenant", "blueprint_id": blueprint, "default_inputs": call.inputs("inputs")?,
    });
    call.send(Method::PUT, &["deployment-groups", group], &body).await?;
    deployment_groups::grow(call, group, count).await?;
    execution_groups::start(call, workflow, group, parameters).await
}

async fn uninstall(call: &Call) -> Outcome {
    if locally::is_meant(call) {
        return locally::uninstall(call).await;
    }
    let Some(id) = call.text("DEPLOYMENT_ID") else { bail!("which deployment?") };
    let mut parameters = call.inputs("parameters")?;
    if call.flag("recursive") {
        parameters["recursive"] = true.into();
    }
    let code = executions::start(call, call.needed("workflow-id"), id, parameters).await?;
    if code != ExitCode::SUCCESS {
        return Ok(code);
    }
    let blueprint = call.get(&["deployments", id], &[("_include", "blueprint_id")]).await?;
    deployments::delete(call, id, false).await?;
    call.print.say(format!("Deployment {id} is deleted"))?;
    let blueprint = crate::output::text(&blueprint["blueprint_id"]);
    let query = [("force".to_owned(), call.flag("force").to_string())];
    let path = ["blueprints", blueprint.as_str()];
    let request = Request { method: Method::DELETE, path: &path, query: &query, body: None };
    call.client()?.ask(&request).await?;
    call.print.say(format!("Blueprint {blueprint} is deleted"))?;
    Ok(ExitCode::SUCCESS)
}

async fn apply(call: &Call) -> Outcome {
    let path = call.text("blueprint-path").unwrap_or("blueprint.yaml");
    let (packed, blueprint) = packed(call, path).await?;
    let id = call.text("deployment-id").unwrap_or(&blueprint);
    let path_of = ["deployments", id];
    let found = call.client()?.ask(&Request::get(&path_of)).await;
    match found {
        Err(error) if error.is_not_found() => {
            call.print.say(format!("There is no deployment {id} yet: it is installed"))?;
            upload(call, &blueprint, &packed, call.text("blueprint-labels"), false).await?;
            deployments::create(call, id, &blueprint, call.text("deployment-labels")).await?;
            let workflow = call.text("workflow-id").unwrap_or("install");
            return executions::start(call, workflow, id, call.inputs("parameters")?).await;
        }
        other => other?,
    };
    let name = format!("{id}-{}", chrono::Local::now().format("%d-%m-%Y-%H-%M-%S"));
    let blueprint = call.text("blueprint-id").unwrap_or(&name);
    upload(call, blueprint, &packed, call.text("blueprint-labels"), false).await?;
    let code = deployment_updates::update(call, id, Some(blueprint), !call.flag("dont-skip-reinstall")).await?;
    if let Some(text) = call.text("deployment-labels").filter(|_| code == ExitCode::SUCCESS) {
        let mut all = crate::labels::of(&call.get(&path_of, &[("_include", "labels")]).await?);
        all.extend(crate::labels::read(text)?.into_iter().map(|(key, value)| (key, value.unwrap_or_default())));
        let labels: Value = all.iter().map(|(key, value)| json!({key.as_str(): value})).collect();
        call.send(Method::PATCH, &path_of, &json!({"labels": labels})).await?;
    }
    Ok(code)
}
