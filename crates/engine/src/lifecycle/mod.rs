//! The built-in workflows. Nothing in here runs anything: a workflow says which graph comes next, made
//! of the topology and its parameters, and what the manager does in between (see [`crate::phases`]).
//!
//! `steps` makes the tasks of one node instance, `relationships` those between instances,
//! `order` joins the instances. The steps, their texts and their order are those of spec
//! workflows.md sections 6.1 to 6.4.

mod again;
mod agents;
mod checks;
mod execute_operation;
mod foresee;
mod heal;
mod host;
mod install;
mod order;
mod parameters;
mod relationships;
mod rollback;
mod scale;
mod selection;
mod steps;
mod uninstall;
mod update;

use crate::error::Result;
use crate::phases::{Flow, Past, Phases, Turn};
use crate::topology::Topology;
pub use again::again;
use execute_operation::Order;
pub use foresee::{Foreseen, Foresight};
pub use install::cleanup_before_resume;
pub use parameters::Parameters;
pub use selection::Selection;

/// The prefix of the built-in workflows' operations.
const MAPPING: &str = "cloudify.plugins.workflows.";
/// The operation of `update`, which the manager offers for every deployment.
pub const UPDATE: &str = "cloudify_system_workflows.deployment_update.workflow.update_deployment";
const START: &str = "cloudify.interfaces.lifecycle.start";
const STOP: &str = "cloudify.interfaces.lifecycle.stop";
const PULL: &str = "cloudify.interfaces.lifecycle.pull";

/// A workflow that the engine runs itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workflow {
    /// Brings instances up.
    Install,
    /// Takes instances down.
    Uninstall,
    /// Takes instances down and up again.
    Reinstall,
    /// Runs the `start` operation.
    Start,
    /// Runs the `stop` operation.
    Stop,
    /// Runs `stop`, then `start`.
    Restart,
    /// Runs an operation of the user's choice.
    ExecuteOperation,
    /// Runs the `pull` operation.
    Pull,
    /// Finds out how instances are.
    CheckStatus,
    /// Finds out how instances differ from what they should be.
    CheckDrift,
    /// Makes instances well again.
    Heal,
    /// Changes the number of instances; names the parameter that says of what.
    Scale(&'static str),
    /// Brings instances in the middle of something back.
    Rollback,
    /// Gives hosts new agents.
    InstallNewAgents,
    /// Asks whether agents can be reached.
    ValidateAgents,
    /// Makes the deployment follow another plan.
    Update,
}

impl Workflow {
    /// The workflow behind an operation of a plan, such as `cloudify.plugins.workflows.install`.
    pub fn of_operation(mapping: &str) -> Option<Self> {
        if mapping == UPDATE {
            return Some(Self::Update);
        }
        Some(match mapping.strip_prefix(MAPPING)? {
            "install" => Self::Install,
            "uninstall" => Self::Uninstall,
            "reinstall" => Self::Reinstall,
            "start" => Self::Start,
            "stop" => Self::Stop,
            "restart" => Self::Restart,
            "execute_operation" => Self::ExecuteOperation,
            "pull" => Self::Pull,
            "check_status" => Self::CheckStatus,
            "check_drift" => Self::CheckDrift,
            "auto_heal_reinstall_node_subgraph" => Self::Heal,
            "scale_entity" => Self::Scale("scalable_entity_name"),
            // Types of old versions name it so.
            "scale" => Self::Scale("node_id"),
            "rollback" => Self::Rollback,
            "install_new_agents" => Self::InstallNewAgents,
            "validate_agents" => Self::ValidateAgents,
            "update" => Self::Update,
            _ => return None,
        })
    }

    /// What comes next in an execution with this `past`.
    ///
    /// `present` is what there is now, read after the last phase ended; without it the answer may be
    /// that it is needed. `stopping` says that the execution was asked to stop. The workflow ends with an error for
    /// a parameter of the wrong kind, an operation of a plugin that its node does not use, an argument
    /// that would replace an input.
    pub fn next(self, past: &Past, present: Option<&Topology>, parameters: &Parameters, stopping: bool) -> Turn {
        Phases::new(past, present, parameters, stopping).turn(|phases| self.walk(phases))
    }

    fn walk(self, phases: &mut Phases<'_>) -> Flow {
        let parameters = phases.parameters();
        let run = |phases: &mut Phases<'_>, order: Order| execute_operation::run(phases, &order);
        match self {
            Self::Install => install::run(phases),
            Self::Uninstall => uninstall::run(phases),
            Self::Reinstall => reinstall(phases),
            Self::Start => run(phases, Order::fixed(START, "operation_parms", parameters)?),
            Self::Stop => run(phases, Order::fixed(STOP, "operation_parms", parameters)?),
            Self::Restart => {
                run(phases, Order::fixed(STOP, "stop_parms", parameters)?)?;
                run(phases, Order::fixed(START, "start_parms", parameters)?)
            }
            Self::ExecuteOperation => run(phases, Order::wanted(parameters)?),
            Self::Pull => run(phases, Order::fixed(PULL, "operation_parms", parameters)?),
            Self::CheckStatus => checks::status(phases),
            Self::CheckDrift => checks::drift(phases),
            Self::Heal => heal::run(phases),
            Self::Scale(entity) => scale::run(phases, entity),
            Self::Rollback => rollback::run(phases),
            Self::InstallNewAgents => agents::install(phases),
            Self::ValidateAgents => agents::validate(phases),
            Self::Update => update::run(phases),
        }
    }
}

fn reinstall(phases: &mut Phases<'_>) -> Flow {
    let parameters = phases.parameters();
    let ignore_failure = parameters.flag("ignore_failure", false)?;
    reinstall_chosen(phases, ignore_failure, |topology| Selection::filtered(topology, parameters))
}

/// Takes what is chosen down, then up again.
fn reinstall_chosen(
    phases: &mut Phases<'_>,
    ignore_failure: bool,
    selection: impl Fn(&Topology) -> Result<Selection>,
) -> Flow {
    reinstall_seen(phases, ignore_failure, Topology::clone, selection)
}

/// The same in what `view` makes of the deployment.
fn reinstall_seen(
    phases: &mut Phases<'_>,
    ignore_failure: bool,
    view: impl Fn(&Topology) -> Topology,
    selection: impl Fn(&Topology) -> Result<Selection>,
) -> Flow {
    let parameters = phases.parameters();
    phases.run("reinstall-uninstall", |topology| {
        let topology = view(topology);
        uninstall::graph(&topology, &selection(&topology)?, ignore_failure, parameters)
    })?;
    phases.run("reinstall-install", |topology| {
        let topology = view(topology);
        install::graph(&topology, &selection(&topology)?, parameters)
    })
}
