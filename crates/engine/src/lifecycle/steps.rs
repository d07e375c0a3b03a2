//! The tasks of one node instance.

use nephele_model::id::NodeInstanceId;
use nephele_model::instance::InstanceState;
use nephele_model::operation::{Attempt, Context, Plugin, Related};
use serde_json::{Map, Value, json};

use super::Parameters;
use crate::error::{Error, Result};
use crate::graph::Block;
use crate::task::{Call, Retry, Task, Work};
use crate::topology::{Instance, Node, Operation, Topology};

/// Makes tasks for one instance.
#[derive(Clone, Copy)]
pub(super) struct Steps<'a> {
    pub(super) topology: &'a Topology,
    pub(super) parameters: &'a Parameters,
    pub(super) position: usize,
}

/// Arguments beside an operation's inputs.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'a> {
    pub(super) values: &'a Map<String, Value>,
    /// Whether they may replace inputs.
    pub(super) replace: bool,
}

/// The other end of a relationship, and which end this one is.
#[derive(Clone, Copy)]
pub(super) struct OtherEnd<'a> {
    pub(super) instance: &'a Instance,
    pub(super) is_target: bool,
}

impl<'a> Steps<'a> {
    pub(super) fn instance(&self) -> &'a Instance {
        &self.topology.instances()[self.position]
    }

    pub(super) fn node(&self) -> &'a Node {
        self.topology.node(self.position)
    }

    pub(super) fn id(&self) -> NodeInstanceId {
        self.instance().id.as_str().into()
    }

    /// Whether the instance is in one of these states.
    pub(super) fn is_in(&self, states: &[InstanceState]) -> bool {
        states.contains(&self.instance().state)
    }

    pub(super) fn event(&self, text: impl Into<String>) -> Block {
        Block::Task(self.event_task(text))
    }

    fn event_task(&self, text: impl Into<String>) -> Task {
        Task::new(Work::NodeEvent { instance: self.id(), text: text.into() })
    }

    /// Sets the state, except in a dry run.
    pub(super) fn state(&self, state: InstanceState) -> Vec<Block> {
        self.state_task(state).map(Block::Task).into_iter().collect()
    }

    fn state_task(&self, state: InstanceState) -> Option<Task> {
        (!self.parameters.dry_run).then(|| Task::new(Work::SetState { instance: self.id(), state }))
    }

    /// Shows the text and sets the state at once.
    pub(super) fn event_and_state(&self, text: &str, state: InstanceState) -> Block {
        let mut tasks = vec![self.event_task(text)];
        tasks.extend(self.state_task(state));
        Block::Together(tasks)
    }

    /// The operation of the node, if it is implemented.
    pub(super) fn operation(&self, name: &str) -> Result<Option<Block>> {
        Ok(self.operation_task(name)?.map(Block::Task))
    }

    pub(super) fn operation_task(&self, name: &str) -> Result<Option<Task>> {
        self.operation_with(name, Arguments { values: &Map::new(), replace: false })
    }

    /// The same as steps of a sequence.
    pub(super) fn operations(&self, names: &[&str]) -> Result<Vec<Block>> {
        let steps = names.iter().map(|name| self.operation(name)).collect::<Result<Vec<_>>>()?;
        Ok(steps.into_iter().flatten().collect())
    }

    pub(super) fn operation_with(&self, name: &str, arguments: Arguments<'_>) -> Result<Option<Task>> {
        self.node().operation(name).map(|operation| self.call(name, operation, arguments, None)).transpose()
    }

    /// The task that runs `operation` here.
    pub(super) fn call(
        &self,
        name: &str,
        operation: &Operation,
        arguments: Arguments<'_>,
        other: Option<OtherEnd<'_>>,
    ) -> Result<Task> {
        let max_retries = operation.max_retries.unwrap_or(self.parameters.task_retries);
        let mut inputs = operation.inputs.clone();
        for (key, value) in arguments.values {
            if inputs.insert(key.clone(), value.clone()).is_some() && !arguments.replace {
                return Err(Error::DuplicateArgument(key.clone()));
            }
        }
        let side = other.map(|other| if other.is_target { "source" } else { "target" }.to_owned());
        let context = Context {
            task_name: operation.operation.clone(),
            timeout: operation.timeout,
            timeout_recoverable: operation.timeout_recoverable,
            node_id: Some(self.instance().id.clone()),
            node_name: Some(self.node().id.clone()),
            related: other.map(|other| Related {
                node_id: other.instance.id.clone(),
                node_name: other.instance.node_id.clone(),
                is_target: other.is_target,
            }),
            plugin: self.plugin(&operation.plugin)?,
            operation: Attempt { name: name.to_owned(), retry_number: 0, max_retries, relationship: side },
            has_intrinsic_functions: operation.has_intrinsic_functions,
            host_id: self.instance().host_id.clone(),
            executor: operation.executor.clone(),
            ..Context::default()
        };
        let call = Box::new(Call { context, inputs });
        let mut task = Task::new(if self.parameters.dry_run { Work::DryRun(call) } else { Work::Operation(call) });
        task.retry = Retry {
            total: max_retries,
            interval: operation.retry_interval.unwrap_or(self.parameters.task_retry_interval),
            current: 0,
        };
        Ok(task)
    }

    fn plugin(&self, name: &str) -> Result<Plugin> {
        let known = self.node().plugins.iter().find(|plugin| plugin.name == name);
        let mut plugin = known.cloned().ok_or_else(|| Error::UnknownPlugin(name.to_owned()))?;
        plugin.properties.get_or_insert_with(|| json!({}));
        Ok(plugin)
    }
}

/// The step with what goes before and after it; nothing at all without the step.
pub(super) fn around(before: Vec<Block>, step: Option<Block>, after: Vec<Block>) -> Vec<Block> {
    let Some(step) = step else { return Vec::new() };
    before.into_iter().chain([step]).chain(after).collect()
}
