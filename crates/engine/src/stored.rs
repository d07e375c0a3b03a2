//! Tasks as rows: the `parameters` that tools read through `/operations`, and the way back.
//!
//! The shape and the dotted paths are the reference's (spec workflows.md section 5.2): a graph that
//! is stored here reads the same through REST, and each row alone is enough to make its task again.

use nephele_model::id::{NodeInstanceId, TaskId};
use nephele_model::operation::{Context, Failure, Outcome};
use nephele_model::task::{StoredTask, TaskKind};
use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::run_info::address;
use crate::task::{Aspect, Call, Check, OnFailure, OnSuccess, Remedy, Retry, Task, Work};

const LIFECYCLE: &str = "cloudify.plugins.lifecycle.";
const GRAPH_FAILS: &str = "cloudify.workflows.tasks_graph._on_failure_handler_fail";
const WORKFLOWS: &str = "cloudify.plugins.workflows.";
const HOST_STARTED: &str = "_node_get_state_handler";

/// The `parameters` of a task.
pub(crate) fn parameters(task: &Task, container: Option<&TaskId>, retried: Option<&TaskId>) -> Value {
    let shown = matches!(task.work, Work::Operation(_) | Work::Subgraph { .. } | Work::Nop | Work::DryRun(_));
    json!({
        "on_success": on_success(&task.on_success),
        "on_failure": on_failure(task),
        "retried_task": retried,
        "current_retries": task.retry.current,
        "send_task_events": shown,
        "retry_interval": number(task.retry.interval),
        "total_retries": task.retry.total,
        "info": info(task),
        "error": null,
        "containing_subgraph": container,
        "task_kwargs": arguments(&task.work),
    })
}

/// What `parameters.error` says about a failure.
pub(crate) fn error(failure: &Failure) -> Value {
    Outcome::Failed(failure.clone()).to_wire()["error"].take()
}

/// The failure in `parameters.error`, if there is one.
pub(crate) fn failure(row: &StoredTask) -> Option<Failure> {
    let error = row.parameters.get("error").filter(|error| error.is_object())?;
    match Outcome::from_wire(&json!({"ok": false, "error": error})) {
        Outcome::Failed(failure) => Some(failure),
        Outcome::Done(_) => None,
    }
}

/// The id in `parameters.containing_subgraph` or `parameters.retried_task`.
pub(crate) fn id_in(row: &StoredTask, key: &str) -> Option<TaskId> {
    row.parameters.get(key)?.as_str().map(TaskId::from)
}

/// The task of a row, without its edges.
pub(crate) fn task(row: &StoredTask) -> Result<Task> {
    let parameters = &row.parameters;
    let current = parameters["current_retries"].as_u64().and_then(|count| u32::try_from(count).ok());
    Ok(Task {
        retry: Retry {
            total: parameters["total_retries"].as_i64().unwrap_or_default(),
            interval: parameters["retry_interval"].as_f64().unwrap_or(Retry::ONCE.interval),
            current: current.unwrap_or_default(),
        },
        on_failure: on_failure_of(&parameters["on_failure"], &parameters["info"]),
        on_success: on_success_of(&parameters["on_success"], &parameters["info"]),
        ..Task::new(work(row)?)
    })
}

/// Whole seconds without a fraction, as the reference writes them.
#[expect(clippy::cast_possible_truncation, reason = "the value was found to be whole and small")]
fn number(seconds: f64) -> Value {
    if seconds.fract() == 0.0 && seconds.abs() < 1e15 { json!(seconds as i64) } else { json!(seconds) }
}

fn on_success(handler: &OnSuccess) -> Value {
    match handler {
        OnSuccess::Continue => Value::Null,
        OnSuccess::HostStarted => json!({"path": format!("{LIFECYCLE}{HOST_STARTED}")}),
        OnSuccess::Check(check) => json!({"path": format!("{}_on_success", check_path(check))}),
        OnSuccess::Remedy(Remedy::Heal, _) => json!({"path": format!("{LIFECYCLE}_on_heal_success")}),
        OnSuccess::Remedy(Remedy::Update, _) => json!({"path": format!("{LIFECYCLE}_on_update_success")}),
    }
}

fn check_path(check: &Check) -> String {
    format!("{WORKFLOWS}{}", if check.aspect == Aspect::Status { "check_status" } else { "check_drift" })
}

/// The check of a task, from its handler's name and its `info`.
fn check_of(name: &str, info: &Value) -> Check {
    let text = |key: &str| info[key].as_str().map(str::to_owned);
    let aspect = match (text("relationship_target"), text("relationship_source")) {
        _ if name.starts_with("check_status") => Aspect::Status,
        (Some(target), _) => Aspect::SourceDrift(target),
        (None, Some(source)) => Aspect::TargetDrift(source),
        (None, None) => Aspect::Drift,
    };
    Check { instance: instance_of(info), aspect }
}

fn instance_of(info: &Value) -> NodeInstanceId {
    NodeInstanceId::new(info["instance_id"].as_str().unwrap_or_default())
}

fn on_success_of(handler: &Value, info: &Value) -> OnSuccess {
    match handler_name(handler) {
        Some(HOST_STARTED) => OnSuccess::HostStarted,
        Some("_on_heal_success") => OnSuccess::Remedy(Remedy::Heal, instance_of(info)),
        Some("_on_update_success") => OnSuccess::Remedy(Remedy::Update, instance_of(info)),
        Some(name @ ("check_status_on_success" | "check_drift_on_success")) => OnSuccess::Check(check_of(name, info)),
        _ => OnSuccess::Continue,
    }
}

fn on_failure(task: &Task) -> Value {
    let subgraph = task.work.is_subgraph();
    let path = |name: &str| format!("{LIFECYCLE}{name}");
    match &task.on_failure {
        OnFailure::Decide if subgraph => json!({"path": GRAPH_FAILS}),
        OnFailure::Decide => Value::Null,
        OnFailure::Ignore if subgraph => json!({"path": path("_ignore_subgraph_failure")}),
        OnFailure::Ignore => json!({"path": path("_ignore_task_failure")}),
        OnFailure::IgnoreWithEvent(instance) => {
            json!({"path": path("_SendNodeEventHandler"), "instance_id": instance})
        }
        OnFailure::Lifecycle { instance, on_retry } => {
            json!({"path": path("_SubgraphOnFailure"), "instance_id": instance, "on_retry": on_retry})
        }
        OnFailure::Relationship => json!({"path": path("_relationship_subgraph_on_failure")}),
        OnFailure::Check(check) => json!({"path": format!("{}_on_failure", check_path(check))}),
        OnFailure::CheckIgnored(check) => json!({"path": format!("{}_on_failure_ignore_failure", check_path(check))}),
        OnFailure::Remedy(Remedy::Heal, _) => json!({"path": path("_on_heal_failure")}),
        OnFailure::Remedy(Remedy::Update, _) => json!({"path": path("_on_update_failure")}),
    }
}

fn on_failure_of(handler: &Value, info: &Value) -> OnFailure {
    let text = |key: &str| handler[key].as_str().unwrap_or_default().to_owned();
    match handler_name(handler) {
        Some("_ignore_subgraph_failure" | "_ignore_task_failure") => OnFailure::Ignore,
        Some("_SendNodeEventHandler") => OnFailure::IgnoreWithEvent(text("instance_id").into()),
        Some("_SubgraphOnFailure") => {
            OnFailure::Lifecycle { instance: text("instance_id").into(), on_retry: text("on_retry") }
        }
        Some("_relationship_subgraph_on_failure") => OnFailure::Relationship,
        Some("_on_heal_failure") => OnFailure::Remedy(Remedy::Heal, instance_of(info)),
        Some("_on_update_failure") => OnFailure::Remedy(Remedy::Update, instance_of(info)),
        Some(name) if name.ends_with("_on_failure_ignore_failure") => OnFailure::CheckIgnored(check_of(name, info)),
        Some(name @ ("check_status_on_failure" | "check_drift_on_failure")) => OnFailure::Check(check_of(name, info)),
        _ => OnFailure::Decide,
    }
}

/// The last part of a handler's path, if it is one of the workflows' own.
fn handler_name(handler: &Value) -> Option<&str> {
    let path = handler["path"].as_str()?;
    path.strip_prefix(LIFECYCLE).or_else(|| path.strip_prefix(WORKFLOWS))
}

fn info(task: &Task) -> Value {
    match &task.work {
        Work::Operation(_) | Work::DryRun(_) => match &task.on_success {
            OnSuccess::Check(check) => match &check.aspect {
                Aspect::Status | Aspect::Drift => json!({"instance_id": check.instance}),
                Aspect::SourceDrift(target) => json!({"instance_id": check.instance, "relationship_target": target}),
                Aspect::TargetDrift(source) => json!({"instance_id": check.instance, "relationship_source": source}),
            },
            _ => Value::Null,
        },
        Work::Nop => Value::Null,
        Work::Subgraph { name } => match &task.on_success {
            OnSuccess::Remedy(_, instance) => json!({"name": name, "instance_id": instance}),
            _ => json!({"name": name}),
        },
        Work::SetState { state, .. } => json!(state),
        Work::NodeEvent { text, .. } | Work::WorkflowEvent { text, .. } => json!(text),
    }
}

pub(crate) fn arguments(work: &Work) -> Value {
    match work {
        Work::Operation(call) | Work::DryRun(call) => json!({"kwargs": call_arguments(call)}),
        Work::Subgraph { .. } | Work::Nop => json!({}),
        Work::SetState { instance, state } => json!({"node_instance_id": instance, "state": state}),
        Work::NodeEvent { instance, text } => {
            json!({"node_instance_id": instance, "event": text, "additional_context": null})
        }
        Work::WorkflowEvent { text, event_type } => {
            json!({"event": text, "event_type": event_type, "event_args": null, "additional_context": null})
        }
    }
}

/// Inputs and context side by side, without the tokens: those must not rest in the database.
fn call_arguments(call: &Call) -> Map<String, Value> {
    let mut arguments = call.inputs.clone();
    let mut context = json!(call.context);
    if let Some(fields) = context.as_object_mut() {
        fields.remove("execution_token");
        fields.remove("rest_token");
    }
    arguments.insert("__cloudify_context".to_owned(), context);
    arguments
}

fn work(row: &StoredTask) -> Result<Work> {
    let arguments = &row.parameters["task_kwargs"];
    let text = |key: &str| {
        arguments[key].as_str().map(str::to_owned).ok_or_else(|| refused(row, &format!("task_kwargs.{key} is missing")))
    };
    Ok(match row.kind {
        TaskKind::Operation => Work::Operation(Box::new(call(row)?)),
        TaskKind::DryRun => Work::DryRun(Box::new(call(row)?)),
        TaskKind::Subgraph => Work::Subgraph { name: row.name.clone() },
        TaskKind::Nop => Work::Nop,
        TaskKind::SetState => Work::SetState {
            instance: text("node_instance_id")?.into(),
            state: nephele_model::instance::InstanceState::new(text("state")?),
        },
        TaskKind::NodeEvent => Work::NodeEvent { instance: text("node_instance_id")?.into(), text: text("event")? },
        TaskKind::WorkflowEvent => Work::WorkflowEvent { text: text("event")?, event_type: text("event_type")? },
        TaskKind::Local | TaskKind::GetState | TaskKind::ExecutionStatus => {
            return Err(refused(row, "only the Python workflow that made it can run it"));
        }
    })
}

fn call(row: &StoredTask) -> Result<Call> {
    let mut arguments = row.parameters["task_kwargs"]["kwargs"]
        .as_object()
        .cloned()
        .ok_or_else(|| refused(row, "task_kwargs.kwargs is missing"))?;
    let context = arguments.shift_remove("__cloudify_context").unwrap_or_default();
    let mut context: Context = serde_json::from_value(context).map_err(|error| refused(row, &error.to_string()))?;
    // The original addresses operations when they are sent: its rows, which a restore brings, have no address.
    if context.task_target.is_empty() {
        address(&mut context);
    }
    Ok(Call { context, inputs: arguments })
}

fn refused(row: &StoredTask, reason: &str) -> Error {
    Error::Restore { id: row.id.clone(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use nephele_model::instance::InstanceState;
    use nephele_model::task::TaskState;

    use super::*;

    fn tasks() -> Vec<Task> {
        let mut call = Call::default();
        call.context.task_name = "p.run".into();
        address(&mut call.context);
        call.inputs.insert("x".into(), json!([1]));
        let event = Work::NodeEvent { instance: "n_1".into(), text: "t".into() };
        let subgraph = Work::Subgraph { name: "s".into() };
        let on_retry = "reinstall".to_owned();
        let with = |work: &Work, on_failure| Task { on_failure, ..Task::new(work.clone()) };
        let asked = Task { on_success: OnSuccess::HostStarted, ..Task::new(Work::Operation(Box::new(call))) };
        vec![
            Task { retry: Retry { total: -1, interval: 1.5, current: 3 }, ..asked },
            Task::new(Work::SetState { instance: "n_1".into(), state: InstanceState::CREATING }),
            Task::new(Work::WorkflowEvent { text: "t".into(), event_type: "workflow_stage".into() }),
            Task::new(Work::Nop),
            with(&event, OnFailure::IgnoreWithEvent("n_1".into())),
            with(&event, OnFailure::Ignore),
            with(&subgraph, OnFailure::Decide),
            with(&subgraph, OnFailure::Ignore),
            with(&subgraph, OnFailure::Relationship),
            with(&subgraph, OnFailure::Lifecycle { instance: "n_1".into(), on_retry }),
            remedied(Remedy::Heal),
            remedied(Remedy::Update),
            checked(Aspect::Status, OnFailure::Check),
            checked(Aspect::Drift, OnFailure::CheckIgnored),
            checked(Aspect::SourceDrift("n_2".into()), OnFailure::Check),
            checked(Aspect::TargetDrift("n_2".into()), OnFailure::Check),
        ]
    }

    fn remedied(remedy: Remedy) -> Task {
        let on_success = OnSuccess::Remedy(remedy, "n_1".into());
        let on_failure = OnFailure::Remedy(remedy, "n_1".into());
        Task { on_failure, on_success, ..Task::new(Work::Subgraph { name: "s".into() }) }
    }

    fn checked(aspect: Aspect, on_failure: impl Fn(Check) -> OnFailure) -> Task {
        let check = Check { instance: "n_1".into(), aspect };
        let on_success = OnSuccess::Check(check.clone());
        let mut call = Box::<Call>::default();
        address(&mut call.context);
        Task { on_success, on_failure: on_failure(check), ..Task::new(Work::Operation(call)) }
    }

    fn row(task: &Task) -> StoredTask {
        StoredTask {
            id: "t1".into(),
            graph: "g1".into(),
            name: task.name().to_owned(),
            kind: task.work.kind(),
            state: TaskState::Pending,
            dependencies: vec![],
            parameters: parameters(task, Some(&"t0".into()), None),
            attempt: 1,
            due_at: None,
            queued_at: None,
            started_at: None,
            ended_at: None,
        }
    }

    #[test]
    fn a_row_is_enough_to_make_its_task_again() -> Result<()> {
        for before in tasks() {
            let stored = row(&before);
            let after = task(&stored)?;
            assert_eq!(row(&after), stored);
            assert_eq!(
                (after.retry, &after.on_failure, &after.on_success),
                (before.retry, &before.on_failure, &before.on_success)
            );
        }
        Ok(())
    }

    #[test]
    fn a_row_without_an_address_goes_beside_the_manager_unless_it_is_for_a_host() -> Result<()> {
        let target = |executor: &str| -> Result<String> {
            let mut stored = row(&tasks()[0]);
            let context = &mut stored.parameters["task_kwargs"]["kwargs"]["__cloudify_context"];
            (context["task_target"], context["executor"], context["host_id"]) =
                (json!(""), json!(executor), json!("vm_1"));
            let Work::Operation(call) = task(&stored)?.work else { return Ok(String::new()) };
            Ok(call.context.task_target)
        };
        assert_eq!(target("central_deployment_agent")?, nephele_model::operation::CENTRAL);
        assert_eq!(target("host_agent")?, "");
        Ok(())
    }

    #[test]
    fn rows_read_as_the_references() {
        let set_state = &row(&tasks()[1]).parameters;
        let expected = r#"{"on_success":null,"on_failure":null,"retried_task":null,"current_retries":0,"send_task_events":false,"retry_interval":30,"total_retries":0,"info":"creating","error":null,"containing_subgraph":"t0","task_kwargs":{"node_instance_id":"n_1","state":"creating"}}"#;
        assert_eq!(set_state.to_string(), expected);
    }

    #[test]
    fn tokens_do_not_rest_in_rows_and_code_of_python_is_refused() {
        let mut task = tasks().swap_remove(0);
        if let Work::Operation(call) = &mut task.work {
            call.context.execution_token = Some("secret".into());
            call.context.rest_token = Some("secret".into());
        }
        let mut row = row(&task);
        assert!(!row.parameters.to_string().contains("secret"));
        row.kind = TaskKind::Local;
        assert!(super::task(&row).is_err());
    }
}
