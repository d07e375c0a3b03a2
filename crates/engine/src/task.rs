//! One task of a graph: what it does, how often it is tried, what its end means.
//!
//! What the reference calls handlers are closed enums here; the dotted paths under which they are
//! stored are in `stored`. See [`crate::graph`] for how tasks hang together.

use nephele_model::id::NodeInstanceId;
use nephele_model::instance::InstanceState;
use nephele_model::operation::Context;
use nephele_model::task::TaskKind;
use serde_json::{Map, Value};

/// A task's place in its graph, and later in its run.
pub type Index = usize;

/// A task and its edges.
#[derive(Clone, Debug)]
pub struct Task {
    /// What it does.
    pub work: Work,
    /// The subgraph that it is part of.
    pub container: Option<Index>,
    /// The tasks that must end well before it (its container is not among them).
    pub dependencies: Vec<Index>,
    /// How often it is tried.
    pub retry: Retry,
    /// What a failure means.
    pub on_failure: OnFailure,
    /// What a success means.
    pub on_success: OnSuccess,
}

impl Task {
    /// A task without edges that is tried once.
    pub const fn new(work: Work) -> Self {
        Self {
            work,
            container: None,
            dependencies: Vec::new(),
            retry: Retry::ONCE,
            on_failure: OnFailure::Decide,
            on_success: OnSuccess::Continue,
        }
    }

    /// The name that tools and events show.
    pub fn name(&self) -> &str {
        match &self.work {
            Work::Operation(call) | Work::DryRun(call) => &call.context.task_name,
            Work::Subgraph { name } => name,
            Work::Nop => "NOP",
            _ => self.work.kind().as_str(),
        }
    }
}

/// What a task does.
#[derive(Clone, Debug)]
pub enum Work {
    /// Runs an operation on a worker.
    Operation(Box<Call>),
    /// Shows the operation that would run.
    DryRun(Box<Call>),
    /// Contains other tasks: begins before them and ends when they have ended.
    Subgraph {
        /// Its name.
        name: String,
    },
    /// Nothing; a joint of many edges.
    Nop,
    /// Moves a node instance to a state.
    SetState {
        /// The instance.
        instance: NodeInstanceId,
        /// Its new state.
        state: InstanceState,
    },
    /// Shows an event about a node instance.
    NodeEvent {
        /// The instance.
        instance: NodeInstanceId,
        /// The text.
        text: String,
    },
    /// Shows an event about the workflow.
    WorkflowEvent {
        /// The text.
        text: String,
        /// Its type, such as `workflow_stage`.
        event_type: String,
    },
}

impl Work {
    /// The kind under which it is stored.
    pub const fn kind(&self) -> TaskKind {
        match self {
            Self::Operation(_) => TaskKind::Operation,
            Self::DryRun(_) => TaskKind::DryRun,
            Self::Subgraph { .. } => TaskKind::Subgraph,
            Self::Nop => TaskKind::Nop,
            Self::SetState { .. } => TaskKind::SetState,
            Self::NodeEvent { .. } => TaskKind::NodeEvent,
            Self::WorkflowEvent { .. } => TaskKind::WorkflowEvent,
        }
    }

    /// The operation, if it is one.
    pub const fn call(&self) -> Option<&Call> {
        match self {
            Self::Operation(call) | Self::DryRun(call) => Some(call),
            _ => None,
        }
    }

    pub(crate) const fn is_subgraph(&self) -> bool {
        matches!(self, Self::Subgraph { .. })
    }
}

/// An operation with its inputs, before it has an id.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Everything around it.
    pub context: Context,
    /// Its inputs.
    pub inputs: Map<String, Value>,
}

impl Call {
    /// Its name for error texts: task, instance and operation.
    pub(crate) fn description(&self) -> String {
        let context = &self.context;
        let instance = context.node_id.as_deref().unwrap_or("<unknown node>");
        format!("{} ({instance}:{})", context.task_name, context.operation.name)
    }
}

/// How often a task is tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// Tries after the first one; -1 means no limit.
    pub total: i64,
    /// Seconds between tries, where the failure does not say.
    pub interval: f64,
    /// Tries before this one.
    pub current: u32,
}

impl Retry {
    /// No second try.
    pub const ONCE: Self = Self { total: 0, interval: 30.0, current: 0 };

    /// Whether another try is allowed.
    pub fn may_retry(&self) -> bool {
        self.total < 0 || i64::from(self.current) < self.total
    }
}

/// What the failure of a task means.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum OnFailure {
    /// Try again if the failure is worth it and tries are left, else fail (a subgraph: fail).
    #[default]
    Decide,
    /// Go on as if it had succeeded.
    Ignore,
    /// Show an event about this instance and go on as if it had succeeded.
    IgnoreWithEvent(NodeInstanceId),
    /// Fail; names what the reference would run again if subgraphs were tried again.
    Lifecycle {
        /// The instance that the subgraph is for.
        instance: NodeInstanceId,
        /// `reinstall` or `uninstall`.
        on_retry: String,
    },
    /// Fail together with the containing subgraph: a subgraph of relationship operations.
    Relationship,
    /// Note the failure as what was found, and fail without another try.
    Check(Check),
    /// Note the failure as what was found, and go on.
    CheckIgnored(Check),
    /// Note that the instance is still not as it should be, and go on.
    Remedy(Remedy, NodeInstanceId),
}

impl OnFailure {
    pub(crate) const fn is_ignored(&self) -> bool {
        matches!(self, Self::Ignore | Self::IgnoreWithEvent(_) | Self::CheckIgnored(_) | Self::Remedy(..))
    }
}

/// What the success of a task means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OnSuccess {
    /// Go on.
    #[default]
    Continue,
    /// Go on if the result is true as Python understands it; else ask again, without limit.
    HostStarted,
    /// Note what was found, and go on.
    Check(Check),
    /// Note that the instance is as it should be, and go on.
    Remedy(Remedy, NodeInstanceId),
}

/// What an operation finds out about a node instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The instance.
    pub instance: NodeInstanceId,
    /// What about it.
    pub aspect: Aspect,
}

/// What an operation finds out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// How the instance is.
    Status,
    /// How it differs from what it should be.
    Drift,
    /// How its relationship to this instance differs.
    SourceDrift(String),
    /// How the relationship of this instance to it differs.
    TargetDrift(String),
}

/// What a subgraph does for a node instance that is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Makes it well.
    Heal,
    /// Makes it what it should be.
    Update,
}
