//! Which workflows of a deployment may be run in its present state.

use std::collections::HashMap;

use nephele_model::instance::InstanceState;
use nephele_model::{Code, Error, Result};
use nephele_store::deployments::Deployment;
use nephele_store::{Db, node_instances, nodes};
use serde_json::{Map, Value, json};

use crate::rows::failed;

/// What availability rules look at.
#[derive(Default)]
pub(crate) struct Present {
    states: Vec<InstanceState>,
    types: Vec<String>,
}

impl Present {
    /// Reads it from the deployment's rows.
    pub(crate) async fn of(db: &dyn Db, deployment_fk: i64) -> Result<Self> {
        Ok(Self::of_each(db, &[deployment_fk]).await?.remove(&deployment_fk).unwrap_or_default())
    }

    /// Reads it for many deployments at once. One that has no nodes is left out.
    pub(crate) async fn of_each(db: &dyn Db, deployment_fks: &[i64]) -> Result<HashMap<i64, Self>> {
        let mut present: HashMap<i64, Self> = HashMap::new();
        for (deployment, state) in node_instances::states_of_deployments(db, deployment_fks).await.map_err(failed)? {
            present.entry(deployment).or_default().states.push(state);
        }
        for (deployment, kind, hierarchy) in nodes::types_of_deployments(db, deployment_fks).await.map_err(failed)? {
            let types = &mut present.entry(deployment).or_default().types;
            match hierarchy {
                Some(hierarchy) => types.extend(hierarchy.parse::<Vec<String>>().map_err(failed)?),
                None => types.push(kind),
            }
        }
        Ok(present)
    }

    /// Why a workflow with these rules cannot be run now; `None` when it can.
    fn obstacle(&self, rules: &Value) -> Option<String> {
        if rules["available"] == false {
            return Some("it is declared as not available".to_owned());
        }
        if let Some(wanted) = rules["node_instances_active"].as_array() {
            let wanted: Vec<&str> = wanted.iter().filter_map(Value::as_str).collect();
            if !wanted.iter().any(|wanted| self.are_active(wanted)) {
                let present: Vec<&str> =
                    ["all", "partial", "none"].into_iter().filter(|part| self.are_active(part)).collect();
                return Some(format!(
                    "its node instances must be active: {}; they are: {}",
                    wanted.join(" or "),
                    present.join(" and ")
                ));
            }
        }
        let wanted = rules["node_types_required"].as_array()?;
        let found = wanted.iter().filter_map(Value::as_str).any(|wanted| self.types.iter().any(|kind| kind == wanted));
        let names: Vec<&str> = wanted.iter().filter_map(Value::as_str).collect();
        (!found && !wanted.is_empty()).then(|| format!("it needs a node of the type {}", names.join(" or ")))
    }

    /// Whether `part` of the node instances are active: `all`, `partial` or `none`. A deployment
    /// without instances is both of the extremes, and one whose instances are on their way is both of
    /// the others.
    fn are_active(&self, part: &str) -> bool {
        let started = |state: &InstanceState| *state == InstanceState::STARTED;
        match part {
            "all" => self.states.iter().all(started),
            "partial" => !self.states.iter().all(started) && !self.states.iter().all(InstanceState::is_absent),
            "none" => !self.states.iter().any(started),
            _ => false,
        }
    }
}

/// Refuses a workflow whose rules do not hold.
pub(super) async fn demand(db: &dyn Db, deployment: &Deployment, workflow: &str, declared: &Value) -> Result<()> {
    let rules = &declared["availability_rules"];
    if !rules.is_object() {
        return Ok(());
    }
    match Present::of(db, deployment.storage_id).await?.obstacle(rules) {
        None => Ok(()),
        Some(obstacle) => Err(Error::new(
            Code::UnavailableWorkflow,
            format!("Workflow {workflow} is not available for the deployment {}: {obstacle}", deployment.id),
        )),
    }
}

/// The workflows of a plan as clients see them. `present` is `None` where availability is not asked for.
pub(crate) fn describe(workflows: &Map<String, Value>, present: Option<&Present>) -> Value {
    let describe = |(name, declared): (&String, &Value)| {
        let rules = &declared["availability_rules"];
        let available = present.is_none_or(|present| !rules.is_object() || present.obstacle(rules).is_none());
        json!({
            "name": name,
            "plugin": declared["plugin"],
            "operation": declared["operation"],
            "parameters": declared.get("parameters").cloned().unwrap_or_else(|| json!({})),
            "is_cascading": declared["is_cascading"].as_bool().unwrap_or(false),
            "is_available": available,
            "availability_rules": rules,
        })
    };
    workflows.iter().map(describe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn present(states: &[&str]) -> Present {
        Present { states: states.iter().map(|state| InstanceState::new(*state)).collect(), types: vec!["t.A".into()] }
    }

    #[test]
    fn rules_look_at_states_and_types() {
        let rules = json!({"node_instances_active": ["none", "partial"]});
        assert!(present(&["uninitialized", "deleted"]).obstacle(&rules).is_none());
        assert!(present(&["started", "created"]).obstacle(&rules).is_none());
        assert!(present(&["started"]).obstacle(&rules).is_some());
        assert!(present(&[]).obstacle(&rules).is_none());
        assert!(present(&["created"]).obstacle(&json!({"node_instances_active": ["none"]})).is_none());
        assert!(present(&[]).obstacle(&json!({"node_types_required": ["t.B"]})).is_some());
        assert!(present(&[]).obstacle(&json!({"node_types_required": ["t.A"]})).is_none());
        assert!(present(&[]).obstacle(&json!({"available": false})).is_some());
    }
}
