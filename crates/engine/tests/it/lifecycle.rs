//! The graphs of the built-in workflows, as text.

use nephele_engine::lifecycle::{Parameters, Workflow};
use nephele_engine::{Finish, Topology};
use nephele_model::operation::{Outcome, Request};
use serde_json::{Value, json};

use crate::shop::{instance, lifecycle, node, relationship, shop, topology};
use crate::world::World;

fn parameters(values: &Value) -> Parameters {
    Parameters { values: values.as_object().cloned().unwrap_or_default(), ..Parameters::default() }
}

fn text(workflow: Workflow, topology: &Topology, values: &Value) -> String {
    let graphs = workflow.foresee(topology, &parameters(values)).expect("graphs");
    graphs.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn install_of_three_tiers() {
    insta::assert_snapshot!(text(Workflow::Install, &shop("uninitialized"), &json!({})));
}

#[test]
fn uninstall_of_three_tiers() {
    insta::assert_snapshot!(text(Workflow::Uninstall, &shop("started"), &json!({})));
}

#[test]
fn uninstall_that_ignores_failures() {
    let values = json!({"ignore_failure": true, "node_ids": ["app"]});
    insta::assert_snapshot!(text(Workflow::Uninstall, &shop("started"), &values));
}

#[test]
fn install_of_one_tier_leaves_stubs_for_the_rest() {
    insta::assert_snapshot!(text(Workflow::Install, &shop("uninitialized"), &json!({"type_names": ["app"]})));
}

#[test]
fn uninstall_of_what_is_not_there() {
    let values = json!({"node_instance_ids": ["db_1"]});
    insta::assert_snapshot!(text(Workflow::Uninstall, &shop("uninitialized"), &values));
}

#[test]
fn reinstall_begins_where_uninstall_ends() {
    let values = json!({"node_instance_ids": ["app_1"]});
    insta::assert_snapshot!(text(Workflow::Reinstall, &shop("started"), &values));
}

#[test]
fn restart_is_stop_and_then_start() {
    let values = json!({"stop_parms": {"force": true}, "node_ids": ["db", "app"]});
    insta::assert_snapshot!(text(Workflow::Restart, &shop("started"), &values));
}

#[test]
fn execute_operation_runs_one_operation() {
    let values = json!({
        "operation": "cloudify.interfaces.lifecycle.create", "operation_kwargs": {"x": [1, "a", null]},
        "node_ids": ["app"],
    });
    insta::assert_snapshot!(text(Workflow::ExecuteOperation, &shop("started"), &values));
}

#[test]
fn hosts_get_their_agents() {
    let mut host = node("vm", &["cloudify.nodes.Compute"], &lifecycle(&["create", "start", "stop"]), &json!([]));
    host["properties"] = json!({"agent_config": {"install_method": "init_script"}});
    let agent = lifecycle(&["x"])["cloudify.interfaces.lifecycle.x"].clone();
    for name in ["cloudify_agent.create", "cloudify_agent.start", "cloudify_agent.stop_amqp", "host.get_state"] {
        host["operations"][format!("cloudify.interfaces.{name}")] = agent.clone();
    }
    let of = |state| topology(&json!([host]), &json!([instance("vm_1", state, &[])]));
    let install = text(Workflow::Install, &of("uninitialized"), &json!({}));
    let uninstall = text(Workflow::Uninstall, &of("started"), &json!({}));
    insta::assert_snapshot!(format!("{install}\n{uninstall}"));
}

#[test]
fn a_relationship_may_let_its_source_begin_early() {
    let mut early = relationship("db", "t", &[], &[]);
    early["properties"] = json!({"operation": "create"});
    let nodes = json!([
        node("db", &[], &lifecycle(&["create", "start"]), &json!([])),
        node("app", &[], &lifecycle(&["start"]), &json!([early])),
    ]);
    let instances =
        json!([instance("db_1", "uninitialized", &[]), instance("app_1", "uninitialized", &[("db_1", "t")])]);
    insta::assert_snapshot!(text(Workflow::Install, &topology(&nodes, &instances), &json!({})));
}

#[test]
fn an_argument_must_not_replace_an_input() {
    let values = json!({"operation": "cloudify.interfaces.lifecycle.start", "operation_kwargs": {"script_path": "x"}});
    let refused = Workflow::ExecuteOperation.foresee(&shop("started"), &parameters(&values));
    assert_eq!(
        refused.map(|_| ()),
        Err("Duplicate definition of script_path in operation properties and in kwargs. To allow redefinition, pass \
             \"allow_kwargs_override\" to \"execute_operation\""
            .to_owned())
    );
    let values = json!({
        "operation": "cloudify.interfaces.lifecycle.start", "operation_kwargs": {"script_path": "x"},
        "allow_kwargs_override": true,
    });
    let graphs = Workflow::ExecuteOperation.foresee(&shop("started"), &parameters(&values)).expect("graphs");
    let inputs =
        graphs[0].tasks.iter().filter_map(|task| task.work.call()).map(|call| call.inputs["script_path"].clone());
    assert_eq!(inputs.collect::<Vec<_>>(), vec![json!("x"); 3]);
}

#[test]
fn parameters_of_the_wrong_kind_are_refused() {
    for values in [json!({"node_ids": "app"}), json!({"type_names": [1]}), json!({"ignore_failure": "yes"})] {
        let refused = Workflow::Uninstall.foresee(&shop("started"), &parameters(&values));
        assert!(refused.is_err(), "{values}");
    }
}

/// What the reference's recording of this deployment shows: its events, and 22 stored operations.
#[test]
fn the_hello_deployment_installs_as_the_reference_does() {
    let nodes = json!([
        node(
            "app",
            &[],
            &lifecycle(&["create", "start", "stop"]),
            &json!([relationship("db", "depends_on", &[], &[])])
        ),
        node("db", &[], &json!({}), &json!([])),
    ]);
    let instances = json!([
        instance("app_1", "uninitialized", &[("db_1", "depends_on"), ("db_2", "depends_on")]),
        instance("db_1", "uninitialized", &[]),
        instance("db_2", "uninitialized", &[]),
    ]);
    let mut graphs = Workflow::Install.foresee(&topology(&nodes, &instances), &Parameters::default()).expect("graphs");
    let mut world = World::new(graphs.remove(0));
    assert_eq!(world.run.total_operations(), 22);
    assert_eq!(world.play(&mut |_: &Request| Outcome::Done(Value::Null)), Finish::Succeeded);
    assert_eq!(world.rows.states["app_1"], ["initializing", "creating", "created", "starting", "started"]);
    assert_eq!(world.rows.states["db_1"], ["started"]);
    insta::assert_snapshot!(world.rows.messages().join("\n"));
    assert!(world.rows.events.is_sorted_by(|one, next| one.timestamp < next.timestamp));
    let kinds = world.rows.events.iter().map(|event| event.event_type.as_str());
    assert_eq!(kinds.filter(|kind| *kind == "sending_task").count(), 2);
}
