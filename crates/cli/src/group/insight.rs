//! What the original does not have: pictures and order of blueprints, and what sets deployments apart.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};

use super::{at_once, command};
use crate::call::Call;
use crate::graph::Graph;
use crate::output;
use crate::table::Act::Own;
use crate::table::{Command, Outcome};
use crate::{paging, tidy, validation};

pub(super) static BLUEPRINTS: &[Command] = &[
    command(
        "fmt",
        "BLUEPRINT_PATH... --check",
        "Put the text of blueprints in order; comments stay",
        Own(|call| at_once(order(call))),
    ),
    command(
        "graph",
        "BLUEPRINT_PATH --as=(dot) -n,--blueprint-filename=(blueprint.yaml)",
        "Draw a blueprint: dot, mermaid or svg",
        Own(|call| at_once(draw(call))),
    ),
];

pub(super) static DEPLOYMENTS: &[Command] = &[command(
    "diff",
    "DEPLOYMENT_ID OTHER_DEPLOYMENT_ID",
    "Show what sets two deployments apart; fail if something does",
    Own(|call| Box::pin(diff(call))),
)];

fn order(call: &Call) -> Outcome {
    let mut number = 0;
    for path in call.many("BLUEPRINT_PATH").into_iter().map(PathBuf::from) {
        let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let made = tidy::tidied(&text).map_err(|error| anyhow::anyhow!("{} is not YAML: {error}", path.display()))?;
        if made == text {
            continue;
        }
        number += 1;
        output::line(path.display().to_string())?;
        if !call.flag("check") {
            std::fs::write(&path, made).with_context(|| format!("{} cannot be written", path.display()))?;
        }
    }
    Ok(if number > 0 && call.flag("check") { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn draw(call: &Call) -> Outcome {
    let plan = validation::plan(Path::new(call.needed("BLUEPRINT_PATH")), call.needed("blueprint-filename"))?;
    let graph = Graph::of(&plan);
    output::line(match call.needed("as") {
        "dot" => graph.dot(),
        "mermaid" => graph.mermaid(),
        "svg" => graph.svg(),
        other => bail!("`{other}` is no way to draw: dot, mermaid or svg"),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What a deployment is, under names that say where.
async fn described(call: &Call, id: &str) -> anyhow::Result<Map<String, Value>> {
    let deployment = call.get(&["deployments", id], &[]).await?;
    let mut found = Map::new();
    for key in ["blueprint_id", "site_name", "installation_status", "deployment_status"] {
        found.insert(key.to_owned(), deployment[key].clone());
    }
    for (name, value) in deployment["inputs"].as_object().into_iter().flatten() {
        found.insert(format!("inputs.{name}"), value.clone());
    }
    for (key, value) in crate::labels::of(&deployment) {
        found.insert(format!("labels.{key}={value}"), true.into());
    }
    let query = [("deployment_id", id), ("_instance_counts", "true"), ("_sort", "id")];
    for node in paging::all(call, "nodes", &query).await? {
        let name = output::text(&node["id"]);
        found.insert(format!("nodes.{name}.type"), node["type"].clone());
        found.insert(format!("nodes.{name}.instances"), node["actual_number_of_instances"].clone());
        for (property, value) in node["properties"].as_object().into_iter().flatten() {
            found.insert(format!("nodes.{name}.properties.{property}"), value.clone());
        }
    }
    Ok(found)
}

async fn diff(call: &Call) -> Outcome {
    let (left, right) = (call.needed("DEPLOYMENT_ID"), call.needed("OTHER_DEPLOYMENT_ID"));
    let (one, other) = (described(call, left).await?, described(call, right).await?);
    let mut rows = Vec::new();
    let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
    for name in names {
        let (before, after) = (one.get(name), other.get(name));
        if before != after {
            rows.push(json!({"what": name, left: before, right: after}));
        }
    }
    let is_same = rows.is_empty();
    call.print.rows_of(&["what", left, right], &[], rows)?;
    Ok(if is_same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
