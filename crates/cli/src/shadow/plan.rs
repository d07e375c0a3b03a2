//! The way over, tenant by tenant: what is still under way in the old manager, and what to do in which order.

use std::fmt;
use std::path::Path;

use serde_json::{Value, json};

use super::agents::handed_over;
use super::folder::Mirror;
use super::kinds::{EXECUTIONS, SECRETS};

/// An agent and whether it is handed over.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Its name.
    pub name: String,
    /// The deployment that it works for.
    pub deployment: String,
    /// How it got onto its host.
    pub install_method: String,
    /// Whether it looks for the new manager already.
    pub is_handed_over: bool,
}

/// A tenant before its way over.
#[derive(Clone, Debug, Default)]
pub struct Tenant {
    /// Its name.
    pub name: String,
    /// How many deployments it has, and how many of them are installed.
    pub deployments: (u64, u64),
    /// Executions under way: workflow, deployment and id.
    pub running: Vec<(String, String, String)>,
    /// Schedules that start something: id and deployment.
    pub schedules: Vec<(String, String)>,
    /// Agents on hosts.
    pub agents: Vec<Agent>,
    /// Secrets without a value: whoever made the mirror may not see it.
    pub hidden: Vec<String>,
    /// Deployments of other managers or tenants that some here depend on.
    pub outside: Vec<String>,
}

/// The way over.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The quietest first.
    pub tenants: Vec<Tenant>,
    archive: String,
    folder: String,
}

/// Reckons the way over from a mirror.
///
/// Error: the folder is no mirror.
pub fn plan(folder: &Path) -> anyhow::Result<Plan> {
    let mirror = Mirror::existing(folder)?;
    let handed = handed_over(folder)?;
    let names = mirror.tenants()?;
    let mut tenants = names
        .iter()
        .map(|name| tenant(&mirror, name, |agent| handed.contains(&format!("{name}/{agent}"))))
        .collect::<anyhow::Result<Vec<_>>>()?;
    tenants.sort_by_key(|tenant| (tenant.running.len(), tenant.agents.len(), tenant.deployments.1));
    let archive = folder.join("shadow.zip").display().to_string();
    Ok(Plan { tenants, archive, folder: folder.display().to_string() })
}

fn tenant(mirror: &Mirror, name: &str, is_handed_over: impl Fn(&str) -> bool) -> anyhow::Result<Tenant> {
    let mut found = Tenant { name: name.to_owned(), ..Tenant::default() };
    let text = |item: &Value, field: &str| item[field].as_str().unwrap_or_default().to_owned();
    mirror.each(Some(name), "deployments", |item| {
        found.deployments.0 += 1;
        found.deployments.1 += u64::from(item["installation_status"] == "active");
        Ok(())
    })?;
    mirror.each(Some(name), EXECUTIONS.name, |item| {
        if !["terminated", "failed", "cancelled", "scheduled"].contains(&text(&item, "status").as_str()) {
            found.running.push((text(&item, "workflow_id"), text(&item, "deployment_id"), text(&item, "id")));
        }
        Ok(())
    })?;
    mirror.each(Some(name), "execution_schedules", |item| {
        if item["enabled"] == true && !item["next_occurrence"].is_null() {
            found.schedules.push((text(&item, "id"), text(&item, "deployment_id")));
        }
        Ok(())
    })?;
    mirror.each(Some(name), "agents", |item| {
        let (agent, install_method) = (text(&item, "id"), text(&item, "install_method"));
        if install_method != "none" {
            let is_handed_over = is_handed_over(&agent);
            found.agents.push(Agent {
                name: agent,
                deployment: text(&item, "deployment"),
                install_method,
                is_handed_over,
            });
        }
        Ok(())
    })?;
    mirror.each(Some(name), SECRETS.name, |item| {
        if item["value"].is_null() {
            found.hidden.push(text(&item, "key"));
        }
        Ok(())
    })?;
    mirror.each(Some(name), "inter_deployment_dependencies", |item| {
        if !item["external_target"].is_null() || !item["external_source"].is_null() {
            found.outside.push(format!(
                "{} of {}",
                text(&item, "dependency_creator"),
                text(&item, "source_deployment_id")
            ));
        }
        Ok(())
    })?;
    Ok(found)
}

impl Plan {
    /// For programs.
    pub fn json(&self) -> Value {
        let agent = |agent: &Agent| {
            let Agent { name, deployment, install_method, is_handed_over } = agent;
            json!({"name": name, "deployment": deployment, "install_method": install_method, "handed_over": is_handed_over})
        };
        let tenants = self.tenants.iter().map(|tenant| {
            json!({
                "name": tenant.name, "deployments": tenant.deployments.0, "installed": tenant.deployments.1,
                "running": tenant.running, "schedules": tenant.schedules,
                "agents": tenant.agents.iter().map(agent).collect::<Vec<_>>(), "hidden_secrets": tenant.hidden,
                "outside": tenant.outside,
            })
        });
        json!({"tenants": tenants.collect::<Vec<_>>()})
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for tenant in &self.tenants {
            let Tenant { name, deployments: (all, installed), .. } = tenant;
            writeln!(formatter, "Tenant {name}: {all} deployments, {installed} of them installed")?;
            for (workflow, deployment, id) in &tenant.running {
                let of = if deployment.is_empty() { String::new() } else { format!(" of {deployment}") };
                writeln!(formatter, "  [ ] let `{workflow}`{of} end, or cancel it: execution {id}")?;
            }
            for (id, deployment) in &tenant.schedules {
                writeln!(formatter, "  [ ] switch the schedule {id} of {deployment} off in the old manager")?;
            }
            for key in &tenant.hidden {
                writeln!(
                    formatter,
                    "  [ ] set the secret {key} anew afterwards: its value is hidden from who made the mirror"
                )?;
            }
            for dependency in &tenant.outside {
                writeln!(
                    formatter,
                    "  [ ] look after the dependency {dependency}: its other end is in another manager"
                )?;
            }
            for Agent { name, deployment, install_method, is_handed_over } in &tenant.agents {
                let mark = if *is_handed_over { "x" } else { " " };
                writeln!(formatter, "  [{mark}] hand over the agent {name} of {deployment} ({install_method})")?;
            }
        }
        let Self { archive, folder, .. } = self;
        write!(
            formatter,
            "Then, for all of them:\n  1. put the old manager into maintenance mode\n  2. `nephele migrate shadow` once more\n  \
             3. `nephele migrate run {archive}`, and start the manager\n  4. `nephele migrate compare {folder}`\n  \
             5. leave maintenance mode, and hand over the agents one by one with `nephele migrate hand-over {folder}`"
        )
    }
}
