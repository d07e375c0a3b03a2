//! Follows the arguments of a `ctx` call from object to object (spec workflows.md section 4).
//!
//! Each argument is an attribute of what the ones before it led to (`-` stands for `_`), or the
//! start of a path into a mapping, or the start of a call's arguments.

use nephele_model::python_text;
use serde_json::{Map, Value};

use super::mapping::Access;
use super::objects::{Current, Object, attribute, method};
use super::proxy::Answer;
use super::raised::Raised;
use super::session::{Session, State};

/// Carries out one call.
pub(super) async fn walk(session: &Session, arguments: Vec<Value>) -> Result<Answer, Raised> {
    let mut state = session.state.lock().await;
    let state = &mut *state;
    let mut current = Current::Object(Object::Context);
    let mut index = 0;
    while index < arguments.len() {
        if let Some(next) = named(session, state, &current, &arguments[index]).await? {
            current = next;
            index += 1;
            continue;
        }
        let rest = arguments[index..].to_vec();
        return match current {
            Current::RuntimeProperties(side) => {
                let instance = state.subject(side)?.instance(&session.operation.client).await?;
                let (value, changed) = Access::of(rest)?.apply(&mut instance.properties)?;
                instance.is_dirty |= changed;
                Ok(Answer::Value(value))
            }
            Current::Properties(Value::Object(mut fields)) => match Access::of(rest)? {
                Access::Write(..) => Err(Raised::fatal("Cannot override read only properties")),
                read @ Access::Read(_) => read.apply(&mut fields).map(|(value, _)| Answer::Value(value)),
            },
            Current::Value(Value::Object(mut fields)) => {
                Access::of(rest)?.apply(&mut fields).map(|(value, _)| Answer::Value(value))
            }
            Current::Call(call) => {
                let (rest, named) = keywords(rest);
                call.run(session, state, rest, named).await
            }
            _ => Err(Raised::runtime(format!(
                "{} cannot be processed in {}",
                python_text::str(&arguments[index]),
                python_text::repr(&Value::Array(arguments))
            ))),
        };
    }
    finish(session, state, current).await
}

/// What stands at the end of the arguments is the answer, or is called for it.
async fn finish(session: &Session, state: &mut State, current: Current) -> Result<Answer, Raised> {
    Ok(Answer::Value(match current {
        Current::Call(call) => return call.run(session, state, Vec::new(), Map::new()).await,
        Current::Value(value) | Current::Properties(value) => value,
        Current::RuntimeProperties(side) => {
            let instance = state.subject(side)?.instance(&session.operation.client).await?;
            Value::Object(instance.properties.clone())
        }
        Current::Object(Object::Plugin) => Value::String(session.context().plugin.name.clone()),
        Current::Object(object) => {
            let class = object.class();
            return Err(Raised::new("TypeError", format!("Object of type {class} is not JSON serializable")));
        }
    }))
}

/// The attribute or method of `current` that an argument names, as it is or with `_` for `-`.
async fn named(
    session: &Session,
    state: &mut State,
    current: &Current,
    argument: &Value,
) -> Result<Option<Current>, Raised> {
    let Value::String(name) = argument else { return Ok(None) };
    let underscored = name.replace('-', "_");
    match current {
        Current::Object(object) => attribute(session, state, *object, &underscored).await,
        other => Ok(method(other, &underscored).map(Current::Call)),
    }
}

/// A mapping at the end of a call's arguments holds keyword arguments.
fn keywords(mut arguments: Vec<Value>) -> (Vec<Value>, Map<String, Value>) {
    match arguments.pop() {
        Some(Value::Object(named)) => (arguments, named),
        Some(other) => {
            arguments.push(other);
            (arguments, Map::new())
        }
        None => (arguments, Map::new()),
    }
}
