//! What can go wrong in the engine itself (an operation that fails is not one of these).

use nephele_model::id::TaskId;

/// The result of a step, a build or a restore.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A refusal of the engine. The messages are for people.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An event about a task that the run does not have.
    #[error("the run has no task {0}")]
    UnknownTask(TaskId),
    /// An event before `Start` or `Resumed`.
    #[error("the run has not been started")]
    NotStarted,
    /// A second `Start` or `Resumed`.
    #[error("the run was started before")]
    AlreadyStarted,
    /// A row that cannot be a task of this engine.
    #[error("stored task {id} cannot be restored: {reason}")]
    Restore {
        /// The row.
        id: TaskId,
        /// What is wrong with it.
        reason: String,
    },
    /// A parameter of the workflow is missing or has the wrong type.
    #[error("parameter `{name}` of the workflow must be {expected}")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// An instance of a node that is not there.
    #[error("node instance {instance} belongs to the node {node}, which the deployment does not have")]
    UnknownNode {
        /// The instance.
        instance: String,
        /// The missing node.
        node: String,
    },
    /// A parameter names an instance that is not there. The wording is the reference's.
    #[error("No node instance with id `{0}` was found")]
    NoInstance(String),
    /// What a workflow was asked for makes no sense.
    #[error("{0}")]
    Refused(String),
    /// A relationship to an instance that is not there.
    #[error("node instance {source_id} is related to {target_id}, which the deployment does not have")]
    UnknownInstance {
        /// The instance with the relationship.
        source_id: String,
        /// The missing one.
        target_id: String,
    },
    /// An operation names a plugin that its node does not use. The wording is the reference's.
    #[error("Plugin not found: {0}")]
    UnknownPlugin(String),
    /// An argument would replace an input. The wording is the reference's.
    #[error(
        "Duplicate definition of {0} in operation properties and in kwargs. To allow redefinition, pass \
         \"allow_kwargs_override\" to \"execute_operation\""
    )]
    DuplicateArgument(String),
    /// The journal refused a batch again and again; the run can be resumed from its rows.
    #[error("the run's progress cannot be written: {0}")]
    Journal(#[source] nephele_model::Error),
    /// Everything that could send events to the driver is gone while tasks are running.
    #[error("nobody can report to the run any more")]
    Abandoned,
}
