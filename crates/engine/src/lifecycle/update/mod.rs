//! `update`: a deployment goes over to another plan (spec workflows.md section 9.1).
//!
//! The manager finds out what changes, makes the rows follow the new plan, and at the end drops those that went. In
//! between, what goes is taken down, what changed is updated or installed again ([`renew`]), and what is new is
//! brought up. Each of these is a phase, so that an update goes on where it stopped.

mod choice;
mod renew;

use serde_json::Value;

use super::{Parameters, Selection, install, order, uninstall};
use crate::error::Result;
use crate::phases::{Act, Flow, Phases, Touched};

/// What was asked for.
#[expect(clippy::struct_excessive_bools, reason = "they are the switches of the request")]
struct Wish {
    preview: bool,
    /// A workflow of the user's own in the place of everything between the rows.
    workflow: Option<String>,
    /// Bring up what is new before what goes is taken down.
    install_first: bool,
    skip_install: bool,
    skip_uninstall: bool,
    skip_reinstall: bool,
    /// Take it that nothing differs but what the update changes.
    skip_drift_check: bool,
    /// Do not look whether what is to be updated is well.
    skip_heal: bool,
    /// Install again what could be updated.
    force_reinstall: bool,
    ignore_failure: bool,
    /// Instances to install again, whatever else is said.
    reinstall: Vec<String>,
}

impl Wish {
    fn read(parameters: &Parameters) -> Result<Self> {
        let flag = |name| parameters.flag(name, false);
        Ok(Self {
            // A dry run must not change anything either.
            preview: flag("preview")? || parameters.dry_run,
            workflow: parameters.text("workflow_id")?.map(str::to_owned),
            install_first: flag("install_first")?,
            skip_install: flag("skip_install")?,
            skip_uninstall: flag("skip_uninstall")?,
            skip_reinstall: flag("skip_reinstall")?,
            skip_drift_check: flag("skip_drift_check")?,
            skip_heal: flag("skip_heal")?,
            force_reinstall: flag("force_reinstall")?,
            ignore_failure: flag("ignore_failure")?,
            reinstall: parameters.names("reinstall_list")?.into_iter().map(str::to_owned).collect(),
        })
    }
}

/// The workflow.
pub(super) fn run(phases: &mut Phases<'_>) -> Flow {
    let wish = Wish::read(phases.parameters())?;
    phases.act::<Value>(Act::PrepareUpdate)?;
    if wish.preview {
        return phases.act::<Value>(Act::EndPreview).map(drop);
    }
    let touched: Touched = phases.act(Act::ApplyUpdate)?;
    match &wish.workflow {
        Some(workflow) => {
            let execution: String = phases.act(Act::StartWorkflow(workflow.clone()))?;
            phases.act::<Value>(Act::AwaitExecution(execution))?;
        }
        None if wish.install_first => {
            bring_up(phases, &touched, &wish)?;
            take_down(phases, &touched, &wish)?;
            renew::run(phases, &touched, &wish)?;
        }
        None => {
            take_down(phases, &touched, &wish)?;
            renew::run(phases, &touched, &wish)?;
            bring_up(phases, &touched, &wish)?;
        }
    }
    phases.act::<Value>(Act::FinishUpdate).map(drop)
}

/// Unlinks relationships that go, and takes down instances that go.
fn take_down(phases: &mut Phases<'_>, touched: &Touched, wish: &Wish) -> Flow {
    let parameters = phases.parameters();
    if wish.skip_uninstall {
        return Ok(());
    }
    if !touched.reduced.is_empty() {
        phases.run("unlink-uninstall", |topology| {
            order::linked(topology, &touched.reduced, parameters, order::UNINSTALL)
        })?;
    }
    if !touched.removed.is_empty() {
        phases.run("uninstall", |topology| {
            let selection = Selection::among(topology, &touched.removed, &touched.removed_related);
            uninstall::graph(topology, &selection, wish.ignore_failure, parameters)
        })?;
    }
    Ok(())
}

/// Brings up new instances, and establishes new relationships between those that were there before.
fn bring_up(phases: &mut Phases<'_>, touched: &Touched, wish: &Wish) -> Flow {
    let parameters = phases.parameters();
    if wish.skip_install {
        return Ok(());
    }
    if !touched.added.is_empty() {
        phases.run("install", |topology| {
            let selection = Selection::among(topology, &touched.added, &touched.added_related);
            install::graph(topology, &selection, parameters)
        })?;
    }
    if !touched.extended.is_empty() {
        phases.run("establish-install", |topology| {
            order::linked(topology, &touched.extended, parameters, order::INSTALL)
        })?;
    }
    Ok(())
}
