//! Who does operations beside a manager in these tests: at once, as the test says, and noting how often.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{Request as Call, StatusCode};
use nephele_bus::{Message, topology};
use nephele_model::operation::{Outcome, Request};
use serde_json::Value;
use tower::ServiceExt;

use crate::harness::Fresh;

/// How operations end.
pub(crate) type Script = fn(&Request) -> Outcome;

#[derive(Clone)]
pub(crate) struct Hands {
    script: Script,
    done: Arc<Mutex<Done>>,
}

#[derive(Default)]
struct Done {
    /// How often each operation was begun.
    begun: BTreeMap<String, usize>,
    /// The same as it was when the manager had noted its end: that may never change.
    noted: BTreeMap<String, usize>,
    /// The ends that were noted at first.
    before: Option<BTreeMap<String, usize>>,
}

impl Hands {
    pub(crate) fn new(script: Script) -> Self {
        Self { script, done: Arc::default() }
    }

    /// Does what there is to do for a manager.
    pub(crate) async fn take_up(&self, fresh: &Fresh) {
        let (hands, router, bus) = (self.clone(), fresh.router(), Arc::clone(&fresh.manager.bus));
        let mut orders = bus.subscribe(topology::operations(), 100).await.unwrap();
        tokio::spawn(async move {
            while let Some(order) = orders.next().await {
                let request = Request::from_wire(order.message.body.clone()).unwrap();
                // What an earlier life has asked for is not wanted any more.
                if counts(&router, &request).await {
                    *hands.done.lock().unwrap().begun.entry(key_of(&request)).or_default() += 1;
                    let answer = Message {
                        body: (hands.script)(&request).to_wire(),
                        reply_to: None,
                        correlation_id: Some(request.id.clone()),
                    };
                    let reply_to = order.message.reply_to.clone().unwrap();
                    bus.publish(topology::operations().answer(&reply_to), answer).await.unwrap();
                }
                order.ack().await.unwrap();
            }
        });
    }

    /// Learns what the manager knows to have ended.
    pub(crate) async fn learn(&self, fresh: &Fresh) {
        let events = fresh.items("/events?event_type=task_succeeded&type=cloudify_event&_size=10000").await;
        let mut ends: BTreeMap<String, usize> = BTreeMap::new();
        for event in &events {
            let about = ["node_instance_id", "source_id", "target_id"].map(|end| event[end].as_str());
            *ends.entry(key(event["operation"].as_str().unwrap_or_default(), about)).or_default() += 1;
        }
        let mut done = self.done.lock().unwrap();
        let before = done.before.get_or_insert_with(|| ends.clone()).clone();
        for (key, _) in ends.into_iter().filter(|(key, ends)| before.get(key) != Some(ends)) {
            let begun = done.begun.get(&key).copied().unwrap_or_default();
            done.noted.entry(key).or_insert(begun);
        }
    }

    /// What was begun again after its end had been noted.
    pub(crate) fn repeated(&self) -> Vec<String> {
        let done = self.done.lock().unwrap();
        done.noted
            .iter()
            .filter(|(key, noted)| done.begun.get(*key).copied().unwrap_or_default() != **noted)
            .map(|(key, _)| key.clone())
            .collect()
    }
}

/// Whether the execution still has the token of a request.
async fn counts(router: &Router, request: &Request) -> bool {
    let context = &request.context;
    let call = Call::get(format!("/api/v3.1/executions/{}", context.execution_id))
        .header("tenant", &context.tenant.name)
        .header("execution-token", context.execution_token.as_deref().unwrap_or_default())
        .body(Body::empty())
        .unwrap();
    router.clone().oneshot(call).await.unwrap().status() == StatusCode::OK
}

fn key_of(request: &Request) -> String {
    let context = &request.context;
    let related = context.related.as_ref().map(|related| related.node_id.as_str());
    key(&context.operation.name, [context.node_id.as_deref(), related, None])
}

/// An operation with the instances that it is about.
fn key(operation: &str, ends: [Option<&str>; 3]) -> String {
    let ends: BTreeSet<&str> = ends.into_iter().flatten().collect();
    format!("{operation} {ends:?}")
}

/// Every operation ends well.
pub(crate) fn well(_: &Request) -> Outcome {
    Outcome::Done(Value::Null)
}
