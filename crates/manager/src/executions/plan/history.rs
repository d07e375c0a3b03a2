//! How long operations took before: of this deployment, and of others of its blueprint, whose nodes have the same names.

use std::collections::HashMap;

use nephele_engine::task::Task;
use nephele_model::Result;
use nephele_model::operation::{Attempt, Context, Related};
use nephele_store::deployments::Deployment;
use nephele_store::operations::{self, Took};
use serde::Deserialize;

use crate::Manager;
use crate::rows::failed;

/// Operations that are looked at, the latest first.
const DEPTH: i64 = 5000;
/// Of one operation so many times count.
const TIMES: usize = 20;

/// What runs where: node, operation, and for one of a relationship its other node.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    node: String,
    operation: String,
    related: Option<(String, Option<String>)>,
}

impl Key {
    fn of(node: Option<&str>, operation: &Attempt, related: Option<&Related>) -> Option<Self> {
        Some(Self {
            node: node?.to_owned(),
            operation: operation.name.clone(),
            related: related.map(|related| (related.node_name.clone(), operation.relationship.clone())),
        })
    }
}

/// The seconds that operations are expected to take.
#[derive(Default)]
pub(super) struct History(HashMap<Key, f64>);

impl History {
    /// How long the task will take; `None` when nobody knows. What needs no worker takes no time.
    pub(super) fn expected(&self, task: &Task) -> Option<f64> {
        let Some(call) = task.work.call() else { return Some(0.0) };
        let Context { node_name, operation, related, .. } = &call.context;
        let key = Key::of(node_name.as_deref(), operation, related.as_ref())?;
        self.0.get(&key).copied()
    }
}

impl Manager {
    /// What is known of the deployment's operations.
    pub(super) async fn history(&self, deployment: &Deployment) -> Result<History> {
        let found = operations::durations(&*self.store, deployment, DEPTH).await.map_err(failed)?;
        let mut times: HashMap<Key, Vec<f64>> = HashMap::new();
        for took in found {
            let Some(key) = key(&took) else { continue };
            let times = times.entry(key).or_default();
            if times.len() < TIMES {
                times.push(took.seconds());
            }
        }
        Ok(History(times.into_iter().map(|(key, times)| (key, median(times))).collect()))
    }
}

/// As much of a task's parameters as tells which operation it is.
#[derive(Deserialize)]
struct Stored {
    task_kwargs: Arguments,
}

#[derive(Deserialize)]
struct Arguments {
    kwargs: Inputs,
}

#[derive(Deserialize)]
struct Inputs {
    #[serde(rename = "__cloudify_context")]
    context: Place,
}

#[derive(Deserialize)]
struct Place {
    node_name: Option<String>,
    operation: Attempt,
    related: Option<Related>,
}

fn key(took: &Took) -> Option<Key> {
    let stored: Stored = took.parameters.parse().ok()?;
    let Place { node_name, operation, related } = stored.task_kwargs.kwargs.context;
    Key::of(node_name.as_deref(), &operation, related.as_ref())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_slow_day_does_not_count() {
        assert!((super::median(vec![1.0, 90.0, 2.0]) - 2.0).abs() < f64::EPSILON);
    }
}
