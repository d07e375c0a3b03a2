//! The message that asks a worker to run an operation, and its answer.
//!
//! Both are wire format, shared with Python agents and workers: spec workflows.md sections 1.5(b),
//! 1.5(c) and 2.6. The engine makes requests without tokens; the manager adds them when it sends.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The exchange of operations that run beside the manager.
pub const CENTRAL: &str = "cloudify.management";

/// A request to run one operation once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The task's id, which is also the message's correlation id.
    pub id: String,
    /// What to run and for whom.
    pub context: Context,
    /// The operation's inputs.
    pub inputs: Map<String, Value>,
}

impl Request {
    /// The body on the wire: inputs and context side by side.
    pub fn to_wire(&self) -> Value {
        let mut kwargs = self.inputs.clone();
        kwargs.insert("__cloudify_context".to_owned(), json!(self.context));
        json!({"id": self.id, "cloudify_task": {"kwargs": kwargs}})
    }

    /// Reads a body from the wire. Errors say what is missing.
    pub fn from_wire(mut body: Value) -> Result<Self, serde_json::Error> {
        let mut inputs: Map<String, Value> = serde_json::from_value(body["cloudify_task"]["kwargs"].take())?;
        let context: Context = serde_json::from_value(inputs.remove("__cloudify_context").unwrap_or_default())?;
        let id = body["id"].as_str().unwrap_or(&context.task_id).to_owned();
        Ok(Self { id, context, inputs })
    }
}

/// `__cloudify_context`: everything around an operation except its inputs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are wire names, explained in workflows.md section 2.4")]
pub struct Context {
    #[serde(rename = "type")]
    pub kind: String,
    pub task_id: String,
    /// The plugin's function, such as `script_runner.tasks.run`.
    pub task_name: String,
    pub execution_id: String,
    pub workflow_id: String,
    pub tenant: TenantRef,
    /// Seconds after which the operation is killed.
    #[serde(serialize_with = "seconds")]
    pub timeout: Option<f64>,
    pub timeout_recoverable: Option<bool>,
    /// The node instance (sic) that the operation runs for.
    pub node_id: Option<String>,
    pub node_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub related: Option<Related>,
    pub plugin: Plugin,
    pub operation: Attempt,
    pub has_intrinsic_functions: bool,
    pub host_id: Option<String>,
    pub executor: Option<String>,
    pub execution_env: Map<String, Value>,
    /// Set when an earlier attempt of this very task may have run.
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "truth")]
    pub resume: bool,
    pub rest_host: Vec<String>,
    pub rest_port: Option<u16>,
    pub rest_token: Option<String>,
    pub execution_token: Option<String>,
    pub bypass_maintenance: Option<bool>,
    pub workflow_parameters: Map<String, Value>,
    pub execution_creator_username: Option<String>,
    pub blueprint_id: Option<String>,
    pub deployment_id: Option<String>,
    pub deployment_display_name: Option<String>,
    pub deployment_creator: Option<String>,
    pub deployment_resource_tags: Option<Value>,
    pub task_queue: String,
    pub task_target: String,
}

/// Seconds as they were written: whole ones without a point.
#[expect(clippy::ref_option, reason = "serde gives the field")]
fn seconds<S: serde::Serializer>(seconds: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match seconds {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
        Some(whole) if whole.fract() == 0.0 && whole.abs() < 1e15 => serializer.serialize_some(&(*whole as i64)),
        other => other.serialize(serializer),
    }
}

/// A truth value that may be null.
fn truth<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Option::<bool>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The tenant, as contexts carry it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TenantRef {
    /// The tenant's name.
    pub name: String,
}

/// The other end of a relationship operation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Related {
    /// Its node instance id.
    pub node_id: String,
    /// Its node's name.
    pub node_name: String,
    /// Whether the other end is the target.
    pub is_target: bool,
}

/// The plugin that holds the operation's code.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are wire names")]
pub struct Plugin {
    pub name: String,
    pub package_name: Option<String>,
    pub package_version: Option<String>,
    pub visibility: Option<String>,
    pub tenant_name: Option<String>,
    pub source: Option<String>,
    /// What `pip` is told beside what to install. Not in the original's messages, so only where there is any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install_arguments: Option<String>,
    pub properties: Option<Value>,
}

/// Which operation this is, and which attempt of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attempt {
    /// The full name, such as `cloudify.interfaces.lifecycle.create`.
    pub name: String,
    /// 0 for the first attempt.
    pub retry_number: u32,
    /// -1 means no limit.
    pub max_retries: i64,
    /// `source` or `target` for relationship operations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relationship: Option<String>,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It returned this value.
    Done(Value),
    /// It failed.
    Failed(Failure),
}

/// What a failure means for retries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Severity {
    /// Try again; after so many seconds, if it says.
    Recoverable {
        /// Seconds to wait; `None` means the task's own interval.
        retry_after: Option<f64>,
    },
    /// The operation asked to be run again: a wait, not a failure.
    Retry {
        /// Seconds to wait; `None` means the task's own interval.
        retry_after: Option<f64>,
    },
    /// Trying again is pointless.
    Fatal,
}

/// A failure with everything that its event shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Whether to try again.
    pub severity: Severity,
    /// The class name, such as `ProcessException` or `NonRecoverableError`.
    pub exception_type: String,
    /// The text for people.
    pub message: String,
    /// The frames of the operation's own code, if it has any.
    pub traceback: Option<String>,
    /// A list of `{message, type, traceback}`.
    pub causes: Vec<Value>,
}

impl Failure {
    /// A failure that makes retries pointless.
    pub fn fatal(message: impl Into<String>) -> Self {
        Self::new(Severity::Fatal, "NonRecoverableError", message)
    }

    /// A failure that is worth another try.
    pub fn recoverable(message: impl Into<String>) -> Self {
        Self::new(Severity::Recoverable { retry_after: None }, "RecoverableError", message)
    }

    /// A failure of this severity and class.
    pub fn new(severity: Severity, exception_type: &str, message: impl Into<String>) -> Self {
        Self {
            severity,
            exception_type: exception_type.to_owned(),
            message: message.into(),
            traceback: None,
            causes: Vec::new(),
        }
    }
}

impl Outcome {
    /// The response body on the wire.
    pub fn to_wire(&self) -> Value {
        let failure = match self {
            Self::Done(result) => return json!({"ok": true, "result": result}),
            Self::Failed(failure) => failure,
        };
        let (known, arguments) = match failure.severity {
            Severity::Recoverable { retry_after } => ("RecoverableError", vec![json!(retry_after)]),
            Severity::Retry { retry_after } => ("OperationRetry", vec![json!(retry_after)]),
            Severity::Fatal => ("NonRecoverableError", vec![]),
        };
        json!({"ok": false, "error": {
            "exception_type": failure.exception_type,
            "message": failure.message,
            "known_exception_type": known,
            "known_exception_type_args": arguments,
            "known_exception_type_kwargs": {"causes": failure.causes},
            "append_message": false,
            "traceback": failure.traceback,
        }})
    }

    /// Reads a response body. What is not understood becomes a recoverable failure that shows it.
    pub fn from_wire(body: &Value) -> Self {
        if body["ok"].as_bool() == Some(true) {
            return Self::Done(body["result"].clone());
        }
        let error = &body["error"];
        let text = |key: &str| error[key].as_str().map(str::to_owned);
        let retry_after = error["known_exception_type_args"][0].as_f64();
        let severity = match error["known_exception_type"].as_str() {
            Some("OperationRetry") => Severity::Retry { retry_after },
            Some("NonRecoverableError" | "HttpException" | "StopAgent" | "WorkflowFailed") => Severity::Fatal,
            _ => Severity::Recoverable { retry_after },
        };
        Self::Failed(Failure {
            severity,
            exception_type: text("exception_type").unwrap_or_else(|| "RecoverableError".to_owned()),
            message: text("message").unwrap_or_else(|| error.to_string()),
            traceback: text("traceback"),
            causes: error["known_exception_type_kwargs"]["causes"].as_array().cloned().unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_outcomes_survive_the_wire() -> Result<(), serde_json::Error> {
        let mut request = Request { id: "t1".into(), context: Context::default(), inputs: Map::new() };
        request.context.task_id = "t1".into();
        request.inputs.insert("x".into(), json!(7));
        assert_eq!(Request::from_wire(request.to_wire())?, request);

        let retry = Failure::new(Severity::Retry { retry_after: Some(3.0) }, "OperationRetry", "later");
        for outcome in [Outcome::Done(json!([1])), Outcome::Failed(retry), Outcome::Failed(Failure::fatal("no"))] {
            assert_eq!(Outcome::from_wire(&outcome.to_wire()), outcome);
        }
        Ok(())
    }
}
