//! What a worker has told of the end of an operation is kept until the run has written it: a run that another manager carries
//! on, or the next process, takes it as the answer and does not ask for the operation again. On both databases.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request as Call;
use nephele_bus::{Delivery, Message, Subscription, topology};
use nephele_model::operation::{Failure, Outcome, Request, Severity};
use nephele_testkit::postgres::Database;
use serde_json::{Value, json};

use crate::deployed::{start, upload};
use crate::harness::Fresh;

/// Three that begin at once, and one that waits for the first of them.
const PARTS: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_types:
  part:
    derived_from: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: run.sh}
node_templates:
  done: {type: part}
  again: {type: part}
  begun: {type: part}
  next:
    type: part
    relationships: [{type: cloudify.relationships.connected_to, target: done}]
";

async fn next(orders: &mut Subscription) -> (Request, Delivery) {
    let order = orders.next().await.unwrap();
    (Request::from_wire(order.message.body.clone()).unwrap(), order)
}

fn node(request: &Request) -> &str {
    request.context.node_name.as_deref().unwrap()
}

/// What a worker tells of a task, with the login that came with it.
async fn tell(fresh: &Fresh, request: &Request, state: &str, outcome: Option<Outcome>) {
    let context = &request.context;
    let mut change = json!({"state": state, "manager_name": "first"});
    if let Some(outcome) = outcome {
        change["outcome"] = outcome.to_wire();
    }
    let call = Call::patch(format!("/api/v3.1/operations/{}", request.id))
        .header("tenant", &context.tenant.name)
        .header("execution-token", context.execution_token.as_deref().unwrap())
        .header("content-type", "application/json")
        .body(Body::from(change.to_string()))
        .unwrap();
    fresh.send(call).await.expect(200);
}

/// The first manager's worker: two of its operations end, which the run does not hear of.
async fn begin(first: &Fresh) -> (String, BTreeMap<String, String>) {
    upload(first, "parts", PARTS).await;
    first.put("/deployments/d", json!({"blueprint_id": "parts"})).await.expect(201);
    let mut orders = first.manager.bus.subscribe(topology::operations(), 100).await.unwrap();
    let execution = start(first, "d", "install", json!({})).await;
    // What is let go comes again.
    let (mut tasks, mut held) = (BTreeMap::new(), Vec::new());
    while tasks.len() < 3 {
        let (request, order) = next(&mut orders).await;
        held.push(order);
        tell(first, &request, "started", None).await;
        let again = Severity::Retry { retry_after: Some(0.0) };
        let outcome = match node(&request) {
            "done" => Some(Outcome::Done(json!("told once"))),
            "again" => Some(Outcome::Failed(Failure::new(again, "OperationRetry", "once more"))),
            _ => None,
        };
        if outcome.is_some() {
            tell(first, &request, "response-sent", outcome).await;
            tell(first, &request, "response-sent", Some(Outcome::Done(json!("told twice")))).await;
        }
        tasks.insert(node(&request).to_owned(), request.id);
    }
    (execution, tasks)
}

async fn end(fresh: &Fresh, execution: &str) -> Value {
    loop {
        let found = fresh.get(&format!("/executions/{execution}")).await.expect(200);
        if found["ended_at"].is_string() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Carries the run to its end, and gives what was asked for.
async fn carry_on(second: &Fresh, execution: &str) -> Vec<Request> {
    let bus = &second.manager.bus;
    let mut orders = bus.subscribe(topology::operations(), 100).await.unwrap();
    second.begin_runs();
    let mut asked = Vec::new();
    let mut ending = pin!(tokio::time::timeout(Duration::from_mins(1), end(second, execution)));
    loop {
        tokio::select! {
            ended = &mut ending => {
                let ended = ended.unwrap();
                assert_eq!(ended["status"], "terminated", "{ended:#}");
                return asked;
            }
            (request, order) = next(&mut orders) => {
                let (body, correlation_id) = (Outcome::Done(Value::Null).to_wire(), Some(request.id.clone()));
                let reply_to = topology::operations().answer(order.message.reply_to.as_deref().unwrap());
                bus.publish(reply_to, Message { body, reply_to: None, correlation_id }).await.unwrap();
                order.ack().await.unwrap();
                asked.push(request);
            }
        }
    }
}

async fn is_taken_as_the_answer(first: Fresh, second: impl Future<Output = Fresh>) {
    let (execution, tasks) = begin(&first).await;
    drop(first.die().await);
    let second = second.await;
    let asked = carry_on(&second, &execution).await;
    let ids = |name: &str| -> Vec<&Request> { asked.iter().filter(|request| node(request) == name).collect() };
    assert!(ids("done").is_empty(), "it had ended: {asked:#?}");
    let [again] = ids("again")[..] else { panic!("one more attempt: {asked:#?}") };
    assert!(again.id != tasks["again"] && again.context.operation.retry_number == 1, "{again:#?}");
    let [begun] = ids("begun")[..] else { panic!("nobody knows how it ended: {asked:#?}") };
    assert!(begun.id == tasks["begun"] && begun.context.resume, "{begun:#?}");
    assert_eq!(ids("next").len(), 1);
    let events = second.items(&format!("/events?execution_id={execution}&_size=1000")).await;
    let created = |event: &&Value| event["operation"] == "cloudify.interfaces.lifecycle.create";
    let of_type = |kind: &str| events.iter().filter(created).filter(|event| event["event_type"] == kind).count();
    assert_eq!((of_type("task_succeeded"), of_type("task_rescheduled")), (4, 1), "{events:#?}");
    let says = |text: &str| events.iter().any(|event| event["message"].as_str().unwrap().contains(text));
    assert!(says("told once") && !says("told twice"), "{events:#?}");
    let rows = second.get(&format!("/operations?execution_id={execution}&_size=1000")).await.expect(200);
    assert!(rows["items"].as_array().unwrap().iter().all(|row| row.get("outcome").is_none()), "{rows:#}");
}

#[tokio::test]
async fn the_next_process_takes_it_as_the_answer() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let first = Fresh::start_in(Arc::clone(&folder), None, "manager").await;
    Box::pin(is_taken_as_the_answer(first, Fresh::open_in(folder, None, "manager"))).await;
}

#[tokio::test]
async fn another_manager_takes_it_as_the_answer() {
    let database = Database::empty();
    let first = Fresh::start_on(Some(database.url())).await;
    let folder = Arc::new(tempfile::tempdir().unwrap());
    Box::pin(is_taken_as_the_answer(first, Fresh::open_in(folder, Some(database.url()), "second"))).await;
    assert_eq!(database.sql("SELECT count(*) FROM operations WHERE outcome IS NOT NULL"), "0");
}
