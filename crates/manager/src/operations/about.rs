//! What a stored task is about, read from its row: rows of the engine and of Python workflows alike.
//!
//! Invariant: a row that is not understood is a task without details, never an error.

use nephele_model::task::TaskKind;
use nephele_store::Json;
use nephele_store::operations::Progress;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// A task's description, as far as it is shown.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct About {
    pub(crate) containing_subgraph: Option<String>,
    pub(crate) retried_task: Option<String>,
    current_retries: i64,
    total_retries: Option<i64>,
    /// Set when it failed for good.
    error: Option<IgnoredAny>,
    on_failure: Value,
    info: Value,
    task_kwargs: Arguments,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Arguments {
    node_instance_id: Option<String>,
    kwargs: Keywords,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Keywords {
    #[serde(rename = "__cloudify_context")]
    context: Context,
}

/// As much of an operation's context as is shown.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Context {
    pub(crate) node_id: Option<String>,
    pub(crate) node_name: Option<String>,
    pub(crate) operation: Named,
    pub(crate) related: Option<Related>,
    pub(crate) plugin: Plugin,
    pub(crate) timeout: Option<f64>,
    pub(crate) host_id: Option<String>,
    pub(crate) task_target: Option<String>,
}

/// An operation.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    pub(crate) name: Option<String>,
    pub(crate) relationship: Option<String>,
}

/// The other end of a relationship.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Related {
    pub(crate) node_id: Option<String>,
}

/// A plugin.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Plugin {
    pub(crate) name: Option<String>,
}

impl About {
    pub(crate) fn of(task: &Progress) -> Self {
        Self::read(&task.parameters)
    }

    /// The same from the task's description.
    pub(crate) fn read(parameters: &Json) -> Self {
        parameters.parse::<Option<Self>>().ok().flatten().unwrap_or_default()
    }

    /// The context of an operation.
    pub(crate) const fn context(&self) -> &Context {
        &self.task_kwargs.kwargs.context
    }

    /// The node instance that the task is for.
    pub(crate) fn node_instance(&self) -> Option<&str> {
        let of_container = || self.info["instance_id"].as_str().or_else(|| self.on_failure["instance_id"].as_str());
        let own = self.context().node_id.as_deref().or(self.task_kwargs.node_instance_id.as_deref());
        own.or_else(of_container)
    }

    /// Which attempt the task is, from 1, and how many there may be; `None` without a limit.
    pub(crate) fn attempt(&self, task: &Progress) -> (i64, Option<i64>) {
        let total = self.total_retries.unwrap_or_default();
        (task.attempt.max(self.current_retries.saturating_add(1)), (total >= 0).then(|| total.saturating_add(1)))
    }

    /// Whether the task failed and nothing was tried in its place.
    pub(crate) const fn failed_for_good(&self) -> bool {
        self.error.is_some()
    }

    /// What people call the task: `create of web_x1`.
    pub(crate) fn called(&self, task: &Progress) -> String {
        let operation = match task.kind {
            TaskKind::Operation | TaskKind::DryRun => self.context().operation.name.as_deref(),
            _ => None,
        };
        let name = operation.map_or(task.name.as_str(), |name| name.rsplit('.').next().unwrap_or(name));
        let related = self.context().related.as_ref().and_then(|related| related.node_id.as_deref());
        match (operation.and(self.node_instance()), related) {
            (Some(instance), Some(related)) => format!("`{name}` of {instance} with {related}"),
            (Some(instance), None) => format!("`{name}` of {instance}"),
            (None, _) => format!("`{name}`"),
        }
    }
}
