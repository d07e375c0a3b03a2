//! Workflows of several phases: what comes next, and that asking again comes to the same.

use nephele_engine::graph::Graph;
use nephele_engine::lifecycle::Parameters;
use nephele_engine::phases::{Act, End, Ended, Flow, Next, Past, Phases, Turn, failed};
use nephele_engine::topology::Topology;
use nephele_model::phase::{Phase, PhaseEnd, PhaseKind};
use serde_json::{Value, json};

/// Begins something, tries it twice, and undoes what it began if both fail.
fn stubborn(phases: &mut Phases<'_>) -> Flow {
    let count: usize = phases.decide("count", |topology| Ok(topology.instances().len()))?;
    phases.log("info", format!("Trying {count} instances"));
    let Ended::Failed(reason) = phases.graph("first", |_| Ok(Graph::default()))? else { return Ok(()) };
    phases.log("error", "Trying again");
    match phases.graph("second", |_| Ok(Graph::default()))? {
        Ended::Succeeded => Ok(()),
        ended => {
            phases.undo(Act::RollBackModification("m".to_owned()))?;
            if ended == Ended::Cancelled { Err(Next::End(End::Cancelled)) } else { failed(reason) }
        }
    }
}

fn turn(past: &Past, stopping: bool) -> Turn {
    let topology = Topology::default();
    Phases::new(past, Some(&topology), &Parameters::default(), stopping).turn(stubborn)
}

fn phase(name: &str, kind: PhaseKind, end: PhaseEnd, value: Value) -> Phase {
    Phase { name: name.to_owned(), kind, end, value }
}

fn past(phases: impl IntoIterator<Item = Phase>) -> Past {
    let mut past = Past::default();
    phases.into_iter().for_each(|phase| past.note(phase));
    past
}

fn count() -> Phase {
    phase("count", PhaseKind::Decision, PhaseEnd::Succeeded, json!(7))
}

fn lost(name: &str) -> Phase {
    phase(name, PhaseKind::Graph, PhaseEnd::Failed, json!(format!("{name} failed")))
}

#[test]
fn a_decision_is_kept_and_not_made_again() {
    assert!(matches!(turn(&past([]), false).next, Next::Keep(name, value) if name == "count" && value == 0));
    let decided = turn(&past([count()]), false);
    assert_eq!(decided.lines, [("info", "Trying 7 instances".to_owned())], "the count is the one that was kept");
    assert!(matches!(decided.next, Next::Begin(graph) if graph.name == "first"));
}

#[test]
fn without_a_look_at_the_deployment_the_workflow_asks_for_one() {
    let past = past([]);
    let turn = Phases::new(&past, None, &Parameters::default(), false).turn(stubborn);
    assert!(matches!(turn.next, Next::Look));
}

#[test]
fn a_graph_with_rows_goes_on() {
    let mut past = past([count()]);
    past.graphs.push("first".to_owned());
    assert!(matches!(turn(&past, false).next, Next::GoOn(name) if name == "first"));
}

#[test]
fn a_failed_phase_leads_to_another_before_the_workflow_fails() {
    let second = turn(&past([count(), lost("first")]), false);
    assert_eq!(second.lines, [("error", "Trying again".to_owned())], "what was said before a phase is not said again");
    assert!(matches!(second.next, Next::Begin(graph) if graph.name == "second"));
    let both = [count(), lost("first"), lost("second")];
    assert!(matches!(turn(&past(both.clone()), false).next, Next::Act(Act::RollBackModification(id)) if id == "m"));
    let undone = phase("roll_back_modification", PhaseKind::Act, PhaseEnd::Succeeded, Value::Null);
    let over = turn(&past(both.into_iter().chain([undone])), false);
    assert!(matches!(over.next, Next::End(End::Failed(reason)) if reason == "first failed"));
}

#[test]
fn a_workflow_that_is_to_stop_begins_nothing_and_undoes() {
    assert!(matches!(turn(&past([]), true).next, Next::End(End::Cancelled)));
    let begun = [count(), lost("first")];
    assert!(matches!(turn(&past(begun.clone()), true).next, Next::Act(Act::RollBackModification(_))));
    let undone = phase("roll_back_modification", PhaseKind::Act, PhaseEnd::Succeeded, Value::Null);
    let over = turn(&past(begun.into_iter().chain([undone])), true);
    assert!(matches!(over.next, Next::End(End::Cancelled)));
}
