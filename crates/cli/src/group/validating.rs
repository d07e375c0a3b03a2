//! Checks blueprints on this machine.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::call::Call;
use crate::validation;

/// Checks one and shows what is wrong; the code tells whether it is in order.
pub(super) fn check(call: &Call, path: &Path) -> anyhow::Result<ExitCode> {
    validation::run(&validation::Request {
        path: path.to_owned(),
        main_file: call.text("blueprint-filename").unwrap_or("blueprint.yaml").to_owned(),
        plugins: call.text("plugins").map(PathBuf::from),
        json: call.print.is_data(),
        colours: call.settings.has_colours && std::io::stderr().is_terminal(),
    })
}

/// The Python packages that a blueprint's plugins need, as pip takes them.
pub(super) fn requirements(path: &Path) -> anyhow::Result<Vec<String>> {
    let plan = validation::plan(path, "blueprint.yaml")?;
    let mut found = Vec::new();
    for key in ["deployment_plugins_to_install", "workflow_plugins_to_install", "host_agent_plugins_to_install"] {
        for plugin in plan[key].as_array().into_iter().flatten() {
            let line = match (
                plugin["source"].as_str(),
                plugin["package_name"].as_str(),
                plugin["package_version"].as_str(),
            ) {
                (Some(source), _, _) if source.contains("://") => source.to_owned(),
                (Some(source), _, _) => {
                    let folder = path.parent().unwrap_or(Path::new("."));
                    folder.join("plugins").join(source).display().to_string()
                }
                (None, Some(name), Some(version)) => format!("{name}=={version}"),
                (None, Some(name), None) => name.to_owned(),
                _ => continue,
            };
            if !found.contains(&line) {
                found.push(line);
            }
        }
    }
    Ok(found)
}
