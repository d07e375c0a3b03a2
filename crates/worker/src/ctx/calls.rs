//! What scripts can call through `ctx`.

use std::path::{Path, PathBuf};

use nephele_model::operation::{Failure, Severity};
use nephele_model::python_text;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::mapping::{Method, flag};
use super::proxy::Answer;
use super::raised::Raised;
use super::render;
use super::session::{Session, State, Verdict};
use super::subject::{Side, fetch};

use crate::resources;

/// Something callable.
pub(super) enum Call {
    Returns,
    Abort,
    Retry,
    OperationRetry,
    SendEvent,
    Log(&'static str),
    GetResource { render: bool },
    Download { render: bool },
    GetExecution,
    GetOperation,
    GetConfig,
    Update(Side),
    Refresh(Side),
    AllCapabilities,
    OfRuntimeProperties(Side, Method),
    OfProperties(Map<String, Value>, Method),
    OfValue(Map<String, Value>, Method),
}

impl Call {
    /// A method of `ctx` itself.
    pub(super) fn of_context(name: &str) -> Option<Self> {
        Some(match name {
            "returns" => Self::Returns,
            "abort_operation" => Self::Abort,
            "retry_operation" => Self::Retry,
            "send_event" => Self::SendEvent,
            "get_resource" => Self::GetResource { render: false },
            "get_resource_and_render" => Self::GetResource { render: true },
            "download_resource" => Self::Download { render: false },
            "download_resource_and_render" => Self::Download { render: true },
            "get_execution" => Self::GetExecution,
            "get_operation" => Self::GetOperation,
            "get_config" => Self::GetConfig,
            _ => return None,
        })
    }

    /// A method of the logger.
    pub(super) fn logging(name: &str) -> Option<Self> {
        Some(Self::Log(match name {
            "debug" => "debug",
            "info" => "info",
            "warning" | "warn" => "warning",
            "error" | "exception" => "error",
            "critical" | "fatal" => "critical",
            _ => return None,
        }))
    }

    /// Calls it. `named` are keyword arguments.
    pub(super) async fn run(
        self,
        session: &Session,
        state: &mut State,
        arguments: Vec<Value>,
        named: Map<String, Value>,
    ) -> Result<Answer, Raised> {
        let client = &session.operation.client;
        let context = session.context();
        let bind =
            |names: &'static [&'static str], required| Bound::new(names, required, arguments.clone(), named.clone());
        let value = match self {
            Self::Returns => {
                let value = bind(&["value"], 1)?.take("value");
                // Python cannot tell a null that was returned from no return.
                let verdict = if value.is_null() { Verdict::None } else { Verdict::Returned(value) };
                state.decide(verdict)?;
                Value::Null
            }
            Self::Abort => {
                let message = bind(&["message"], 0)?.text("message");
                state.decide(Verdict::Aborted(message.clone()))?;
                return Ok(Answer::Stop(message));
            }
            Self::Retry => {
                let bound = bind(&["message", "retry_after"], 0)?;
                state.decide(Verdict::Retried)?;
                state.retry = Some(retry(&bound)?);
                return Ok(Answer::Stop(bound.text("message")));
            }
            Self::OperationRetry => {
                state.retry = Some(retry(&bind(&["message", "retry_after"], 0)?)?);
                Value::Null
            }
            Self::SendEvent => {
                session.operation.logs.event(&python_text::str(&bind(&["event"], 1)?.take("event")));
                Value::Null
            }
            Self::Log(level) => {
                session.operation.logs.log(level, &log_text(&arguments)?);
                Value::Null
            }
            Self::GetResource { render } => {
                let bound = bind(&["resource_path", "template_variables"], 1)?;
                let content = fetch_resource(session, state, &bound, render).await?;
                Value::String(String::from_utf8_lossy(&content).into_owned())
            }
            Self::Download { render } => {
                let bound = bind(&["resource_path", "target_path", "template_variables"], 1)?;
                let content = fetch_resource(session, state, &bound, render).await?;
                json!(save(session, &bound, &content).await?)
            }
            Self::GetExecution => {
                let id = bind(&["execution_id"], 0)?.take("execution_id");
                client.executions().get(id.as_str().unwrap_or(&context.execution_id), &[]).await?
            }
            Self::GetOperation => client.operations().get(&context.task_id, &[]).await?,
            Self::GetConfig => {
                let bound = bind(&["name", "scope"], 0)?;
                client.manager().config(bound.take("scope").as_str()).await?
            }
            Self::Update(side) => {
                state.subject(side)?.update(client).await?;
                Value::Null
            }
            Self::Refresh(side) => {
                let force = flag(Some(&bind(&["force"], 0)?.take("force")));
                state.subject(side)?.refresh(client, force).await?;
                Value::Null
            }
            Self::AllCapabilities => all_capabilities(session, state).await?,
            Self::OfRuntimeProperties(side, method) => {
                let instance = state.subject(side)?.instance(client).await?;
                instance.is_dirty |= method.changes();
                method.call(&mut instance.properties, arguments, named)?
            }
            Self::OfProperties(_, method) if method.changes() => {
                return Err(Raised::fatal("Cannot override read only properties"));
            }
            Self::OfProperties(mut fields, method) | Self::OfValue(mut fields, method) => {
                method.call(&mut fields, arguments, named)?
            }
        };
        Ok(Answer::Value(value))
    }
}

/// Arguments by the names of the parameters that they fill.
struct Bound(Map<String, Value>);

impl Bound {
    fn new(
        names: &'static [&'static str],
        required: usize,
        arguments: Vec<Value>,
        named: Map<String, Value>,
    ) -> Result<Self, Raised> {
        let refuse = |what: String| Err(Raised::new("TypeError", what));
        if arguments.len() > names.len() {
            return refuse(format!("takes {} arguments but {} were given", names.len(), arguments.len()));
        }
        let mut bound: Map<String, Value> = names.iter().map(|name| (*name).to_owned()).zip(arguments).collect();
        for (name, value) in named {
            if !names.contains(&name.as_str()) {
                return refuse(format!("got an unexpected keyword argument '{name}'"));
            }
            bound.insert(name, value);
        }
        match names[..required].iter().find(|name| !bound.contains_key(**name)) {
            Some(missing) => refuse(format!("missing 1 required positional argument: '{missing}'")),
            None => Ok(Self(bound)),
        }
    }

    fn take(&self, name: &str) -> Value {
        self.0.get(name).cloned().unwrap_or_default()
    }

    /// An argument as text; none is empty.
    fn text(&self, name: &str) -> String {
        self.0.get(name).filter(|value| !value.is_null()).map(python_text::str).unwrap_or_default()
    }
}

/// A request to be run again. From a shell the seconds come as text.
fn retry(bound: &Bound) -> Result<Failure, Raised> {
    let seconds = match bound.take("retry_after") {
        Value::Null => None,
        Value::String(text) => Some(text.trim().parse().map_err(|_| not_seconds(&text))?),
        other => Some(other.as_f64().ok_or_else(|| not_seconds(&other.to_string()))?),
    };
    Ok(Failure::new(Severity::Retry { retry_after: seconds }, "OperationRetry", bound.text("message")))
}

fn not_seconds(text: &str) -> Raised {
    Raised::new("ValueError", format!("retry_after must be a number of seconds, and is {text}"))
}

/// A message, with Python's `%s` filled in when arguments follow it.
fn log_text(arguments: &[Value]) -> Result<String, Raised> {
    let mut arguments = arguments.iter();
    let Some(message) = arguments.next() else {
        return Err(Raised::new("TypeError", "missing 1 required positional argument: 'msg'"));
    };
    let text = python_text::str(message);
    if arguments.len() == 0 {
        return Ok(text);
    }
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut rest = part.chars();
        match (rest.next(), arguments.next()) {
            (Some('r'), Some(value)) => out.push_str(&python_text::repr(value)),
            (Some('s' | 'd' | 'i'), Some(value)) => out.push_str(&python_text::str(value)),
            _ => return Ok(text),
        }
        out.push_str(rest.as_str());
    }
    Ok(out)
}

async fn fetch_resource(session: &Session, state: &mut State, bound: &Bound, render: bool) -> Result<Vec<u8>, Raised> {
    let path = bound.text("resource_path");
    let content = resources::fetch(&session.operation, &path)
        .await
        .map_err(|error| Raised::new("HttpException", error.to_string()))?;
    if !render || !render::is_template(&content) {
        return Ok(content);
    }
    render::render(session, state, &path, content, bound.take("template_variables")).await
}

/// Writes a resource where the script wants it, or to a new folder, and returns its path.
async fn save(session: &Session, bound: &Bound, content: &[u8]) -> Result<String, Raised> {
    let resource = bound.text("resource_path");
    let target = match bound.text("target_path") {
        given if !given.is_empty() => given,
        _ => {
            let name = Path::new(&resource).file_name().unwrap_or_default();
            // It stays when the operation has ended: a service that the script started may need it.
            let folder = std::env::temp_dir().join(&Uuid::new_v4().simple().to_string()[..8]);
            std::fs::create_dir_all(&folder).map_err(|error| os_error(&folder, &error))?;
            folder.join(name).to_string_lossy().into_owned()
        }
    };
    let path = session.cwd.as_deref().map_or_else(|| PathBuf::from(&target), |cwd| cwd.join(&target));
    session.forks.write(&path, content, 0o644).await.map_err(|error| os_error(&path, &error))?;
    session.operation.logs.info(&format!("Downloaded {resource} to {target}"));
    Ok(target)
}

fn os_error(path: &Path, error: &std::io::Error) -> Raised {
    Raised::new("OSError", format!("{}: {error}", path.display()))
}

/// The runtime properties of all instances that the operation's instance is related to.
async fn all_capabilities(session: &Session, state: &mut State) -> Result<Value, Raised> {
    let client = &session.operation.client;
    let mut all = Map::new();
    let Some((_, subject)) = state.subjects.first_mut() else { return Ok(Value::Object(all)) };
    let relationships = subject.instance(client).await?.fields["relationships"].clone();
    for relationship in relationships.as_array().into_iter().flatten() {
        let target = relationship["target_id"].as_str().unwrap_or_default();
        all.insert(target.to_owned(), Value::Object(fetch(client, target).await?.properties));
    }
    Ok(Value::Object(all))
}
