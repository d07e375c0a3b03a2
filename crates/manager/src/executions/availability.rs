//! Which workflows of a deployment may be run in its present state.

use indexmap::IndexMap;
use nephele_model::instance::InstanceState;
use nephele_model::{Code, Error, Result};
use nephele_store::Db;
use nephele_store::deployments::{self, Deployment};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::rows::failed;

/// How many of the node instances are to be active.
const PARTS: [&str; 3] = ["all", "partial", "none"];

/// What availability rules look at.
#[derive(Default, Deserialize)]
pub(crate) struct Present {
    /// The states that node instances are in, each once.
    states: Vec<InstanceState>,
    /// The types of nodes, each with those it derives from.
    types: Vec<Vec<String>>,
}

impl Present {
    /// Reads it from the deployment's rows.
    pub(crate) async fn of(db: &dyn Db, deployment_fk: i64) -> Result<Self> {
        deployments::present(db, deployment_fk).await.and_then(|present| present.parse()).map_err(failed)
    }

    /// Why a workflow with these rules cannot be run now; `None` when it can.
    fn obstacle(&self, rules: &Value) -> Option<String> {
        if rules["available"] == false {
            return Some("it is declared as not available".to_owned());
        }
        if let Some(wanted) = rules["node_instances_active"].as_array() {
            let wanted: Vec<&str> = wanted.iter().filter_map(Value::as_str).collect();
            if !wanted.iter().any(|wanted| self.are_active(wanted)) {
                let present: Vec<&str> = PARTS.into_iter().filter(|part| self.are_active(part)).collect();
                return Some(format!(
                    "its node instances must be active: {}; they are: {}",
                    wanted.join(" or "),
                    present.join(" and ")
                ));
            }
        }
        let wanted = rules["node_types_required"].as_array()?;
        let found = wanted
            .iter()
            .filter_map(Value::as_str)
            .any(|wanted| self.types.iter().flatten().any(|kind| kind == wanted));
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
    let mut parts = rules["node_instances_active"].as_array().into_iter().flatten();
    if let Some(wrong) = parts.find(|part| !PARTS.iter().any(|known| *part == known)) {
        return Err(Error::new(
            Code::InvalidWorkflowAvailabilityRule,
            format!(
                "Invalid value for the availability rule `node_instances_active` of workflow {workflow}: {wrong}; it is \
                 a list of {}",
                PARTS.join(", ")
            ),
        ));
    }
    match Present::of(db, deployment.storage_id).await?.obstacle(rules) {
        None => Ok(()),
        Some(obstacle) => Err(Error::new(
            Code::UnavailableWorkflow,
            format!("Workflow {workflow} is not available for the deployment {}: {obstacle}", deployment.id),
        )),
    }
}

/// A workflow as a plan has it; what is not looked at stays text.
#[derive(Deserialize)]
pub(crate) struct Declared<'a> {
    #[serde(borrow)]
    plugin: Option<&'a RawValue>,
    #[serde(borrow)]
    operation: Option<&'a RawValue>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
    #[serde(default)]
    is_cascading: Option<bool>,
    #[serde(default)]
    availability_rules: Option<Value>,
}

/// A workflow as clients see it.
#[derive(Serialize)]
struct Described<'a> {
    name: &'a str,
    plugin: Option<&'a RawValue>,
    operation: Option<&'a RawValue>,
    parameters: Option<&'a RawValue>,
    is_cascading: bool,
    is_available: bool,
    availability_rules: Option<&'a Value>,
}

/// JSON of each workflow of a plan as clients see it.
pub(crate) fn describe(
    workflows: &IndexMap<String, Declared<'_>>,
    present: &Present,
) -> serde_json::Result<Vec<Box<RawValue>>> {
    let describe = |(name, declared): (&String, &Declared<'_>)| {
        let rules = declared.availability_rules.as_ref();
        to_raw_value(&Described {
            name,
            plugin: declared.plugin,
            operation: declared.operation,
            parameters: declared.parameters.or(serde_json::from_str("{}").ok()),
            is_cascading: declared.is_cascading.unwrap_or_default(),
            is_available: rules.is_none_or(|rules| !rules.is_object() || present.obstacle(rules).is_none()),
            availability_rules: rules,
        })
    };
    workflows.iter().map(describe).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn present(states: &[&str]) -> Present {
        Present {
            states: states.iter().map(|state| InstanceState::new(*state)).collect(),
            types: vec![vec!["t.A".into()]],
        }
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
