//! What stands in the way of taking a deployment down: others that need it.

use nephele_model::deployment::InstallationStatus;
use nephele_model::{Code, Error, Result};
use nephele_store::deployments::Deployment;
use nephele_store::labels::{self, Labeled};
use nephele_store::{Db, executions, inter_deployment_dependencies as dependencies};

use crate::rows::failed;

/// Workflows that may pull the ground from under others.
const TAKE_DOWN: [&str; 4] = ["stop", "uninstall", "update", "heal"];
/// How many are listed.
const SHOWN: usize = 3;

/// Who needs the deployment, as numbered lines; `None` when nobody does.
pub(crate) async fn of(db: &dyn Db, deployment: &Deployment) -> Result<Option<String>> {
    lines(db, deployment, services(db, deployment).await?, false).await
}

/// The deployments that are services in this one.
pub(crate) async fn services(db: &dyn Db, deployment: &Deployment) -> Result<Vec<String>> {
    let (tenant, id) = (deployment.tenant_id, deployment.id.as_str());
    labels::holders(db, Labeled::Deployment, tenant, "csys-obj-parent", id).await.map_err(failed)
}

/// An uninstallation takes nothing from deployments that only ask for capabilities and are not installed themselves.
async fn lines(
    db: &dyn Db,
    deployment: &Deployment,
    children: Vec<String>,
    uninstalls: bool,
) -> Result<Option<String>> {
    let mut reasons = Vec::new();
    for child in children {
        reasons.push(format!("Deployment `{}` is the parent of deployment {child}", deployment.id));
    }
    for row in dependencies::of_target(db, deployment.storage_id).await.map_err(failed)? {
        let Some(source) = row.source_deployment_id.filter(|source| *source != deployment.id) else { continue };
        let is_idle = row.source_installation_status.is_none_or(|status| status == InstallationStatus::Inactive);
        if uninstalls && is_idle && row.dependency_creator.ends_with(".get_capability") {
            continue;
        }
        if goes_down(db, row.source_deployment_fk).await? {
            continue;
        }
        let mut parts = row.dependency_creator.splitn(3, '.');
        let (kind, node) = (parts.next().unwrap_or_default(), parts.next().unwrap_or("<unknown node>"));
        reasons.push(match kind {
            "component" => format!("Deployment `{source}` contains the current deployment in its node `{node}`"),
            "sharedresource" => {
                format!("Deployment `{source}` uses a shared resource from the current deployment in its node `{node}`")
            }
            _ => format!("Deployment `{source}` uses capabilities of the current deployment in its node `{node}`"),
        });
    }
    if reasons.is_empty() {
        return Ok(None);
    }
    let mut lines: Vec<String> =
        reasons.iter().take(SHOWN).enumerate().map(|(index, reason)| format!("[{}] {reason}", index + 1)).collect();
    if reasons.len() > SHOWN {
        lines.push(format!("... and {} more dependencies.", reasons.len() - SHOWN));
    }
    Ok(Some(lines.join("\n")))
}

/// The deployments that are components of this one: they come and go with it.
async fn components(db: &dyn Db, deployment: &Deployment) -> Result<Vec<String>> {
    let needed = dependencies::of_source(db, deployment.storage_id).await.map_err(failed)?;
    let components = needed.into_iter().filter(|row| row.dependency_creator.starts_with("component."));
    Ok(components.filter_map(|row| Some(row.target_deployment_id?.to_string())).collect())
}

/// Whether a deployment is at a workflow that may take down what it needs, such as its components.
async fn goes_down(db: &dyn Db, deployment_fk: Option<i64>) -> Result<bool> {
    let Some(deployment) = deployment_fk else { return Ok(false) };
    let running = executions::unfinished_of_deployment(db, deployment).await.map_err(failed)?;
    Ok(running.iter().any(|run| !run.status.is_cancelling() && TAKE_DOWN.contains(&run.workflow_id.as_str())))
}

/// Refuses a workflow that would pull the ground from under others; a `recursive` one takes the services
/// down first.
pub(crate) async fn demand_none(db: &dyn Db, deployment: &Deployment, workflow: &str, recursive: bool) -> Result<()> {
    if !TAKE_DOWN.contains(&workflow) {
        return Ok(());
    }
    let mut children = if recursive { Vec::new() } else { services(db, deployment).await? };
    let own = components(db, deployment).await?;
    children.retain(|child| !own.contains(child));
    match lines(db, deployment, children, workflow == "uninstall").await? {
        None => Ok(()),
        Some(lines) => Err(Error::new(
            Code::DependentExists,
            format!(
                "Can't execute workflow `{workflow}` on deployment {} - existing installations depend on it:\n{lines}",
                deployment.id
            ),
        )),
    }
}
