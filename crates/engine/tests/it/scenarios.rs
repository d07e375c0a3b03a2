//! What the simulation plays: every workflow, on deployments that give it something to do.

use nephele_engine::Topology;
use nephele_engine::lifecycle::{Parameters, Workflow};
use nephele_engine::phases::{Modification, Touched};
use serde_json::{Value, json};

use crate::shop::{bigger_shop, building, clinic, hosts, shop};

/// A workflow on a deployment.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) workflow: Workflow,
    pub(crate) topology: Topology,
    pub(crate) parameters: Parameters,
    /// The deployment while it is being modified, and what is modified.
    pub(crate) during: Option<Topology>,
    pub(crate) made: Modification,
    /// Another execution began that modification and left it.
    pub(crate) left: bool,
    /// What an update changes.
    pub(crate) touched: Touched,
}

fn scenario(workflow: Workflow, topology: Topology, values: &Value) -> Scenario {
    let values = values.as_object().cloned().unwrap_or_default();
    let parameters = Parameters { execution: "e1".to_owned(), values, task_retries: 3, ..Parameters::default() };
    let (made, touched) = (Modification::default(), Touched::default());
    Scenario { workflow, topology, parameters, during: None, made, left: false, touched }
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

/// The shop gets a third application server, or loses its second.
fn scaled(entity: &'static str, delta: i64) -> Scenario {
    let scaled = scenario(Workflow::Scale(entity), shop("started"), &json!({entity: "app", "delta": delta}));
    let made = if delta > 0 {
        Modification { added: ids(&["app_3"]), added_related: ids(&["web_1", "db_1"]), ..Modification::default() }
    } else {
        Modification { removed: ids(&["app_2"]), removed_related: ids(&["web_1", "db_1"]), ..Modification::default() }
    };
    let during = if delta > 0 { bigger_shop("started") } else { shop("started") };
    Scenario { during: Some(during), made: Modification { id: "m".to_owned(), ..made }, ..scaled }
}

/// What was left of another one's attempt goes first.
fn scaled_again() -> Scenario {
    let mut scaled = scaled("scalable_entity_name", 1);
    scaled.parameters.values.insert("abort_started".to_owned(), true.into());
    Scenario { left: true, ..scaled }
}

fn update(values: &Value) -> Scenario {
    let pair = |source: &str, target: &str| (source.to_owned(), target.to_owned());
    let touched = Touched {
        added: ids(&["new_1"]),
        added_related: ids(&["door_1"]),
        removed: ids(&["old_1"]),
        removed_related: ids(&["door_1"]),
        extended: vec![pair("door_1", "wall_1")],
        reduced: vec![pair("roof_1", "wall_1")],
        changed_nodes: ids(&["wall"]),
    };
    Scenario { touched, ..scenario(Workflow::Update, building("started"), values) }
}

pub(crate) fn scenarios() -> Vec<Scenario> {
    const SCALED: &str = "scalable_entity_name";
    let none = json!({});
    vec![
        scenario(Workflow::Install, shop("uninitialized"), &none),
        scenario(Workflow::Install, hosts("uninitialized"), &none),
        scenario(Workflow::Uninstall, shop("started"), &json!({"ignore_failure": true})),
        scenario(Workflow::Uninstall, hosts("started"), &json!({"recursive": true})),
        scenario(Workflow::Reinstall, shop("started"), &none),
        scenario(Workflow::Start, shop("started"), &none),
        scenario(Workflow::Stop, shop("started"), &json!({"run_by_dependency_order": false})),
        scenario(Workflow::Restart, shop("started"), &none),
        scenario(
            Workflow::ExecuteOperation,
            shop("started"),
            &json!({"operation": "cloudify.interfaces.lifecycle.stop"}),
        ),
        scenario(Workflow::Pull, clinic("started"), &none),
        scenario(Workflow::CheckStatus, clinic("started"), &none),
        scenario(Workflow::CheckDrift, clinic("started"), &none),
        scenario(Workflow::Heal, clinic("started"), &none),
        scenario(Workflow::Heal, clinic("started"), &json!({"node_instance_id": "app_1"})),
        scenario(Workflow::Heal, clinic("started"), &json!({"force_reinstall": true})),
        scenario(Workflow::Rollback, shop("starting"), &none),
        scenario(Workflow::Rollback, shop("starting"), &json!({"full_rollback": true})),
        scenario(Workflow::InstallNewAgents, hosts("started"), &none),
        scenario(Workflow::ValidateAgents, hosts("started"), &none),
        scaled(SCALED, 1),
        scaled(SCALED, -1),
        scaled("node_id", 1),
        scaled_again(),
        update(&none),
        update(&json!({"install_first": true, "force_reinstall": true, "skip_drift_check": true})),
        update(&json!({"workflow_id": "own"})),
        update(&json!({"preview": true})),
    ]
}

/// A number for each workflow, without gaps: one that is added has to be played as well.
pub(crate) const fn number(workflow: Workflow) -> usize {
    match workflow {
        Workflow::Install => 0,
        Workflow::Uninstall => 1,
        Workflow::Reinstall => 2,
        Workflow::Start => 3,
        Workflow::Stop => 4,
        Workflow::Restart => 5,
        Workflow::ExecuteOperation => 6,
        Workflow::Pull => 7,
        Workflow::CheckStatus => 8,
        Workflow::CheckDrift => 9,
        Workflow::Heal => 10,
        Workflow::Scale(_) => 11,
        Workflow::Rollback => 12,
        Workflow::InstallNewAgents => 13,
        Workflow::ValidateAgents => 14,
        Workflow::Update => 15,
    }
}
