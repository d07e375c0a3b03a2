//! Mappings that `ctx` reaches: what is in them, what may be changed, and the few methods of a
//! Python dictionary that scripts use.

use serde_json::{Map, Value};

use super::path;
use super::raised::Raised;
use nephele_model::python_text::is_truthy;

/// A method of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Pop,
    Update,
    Clear,
    Copy,
    SetDefault,
}

impl Method {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "get" => Self::Get,
            "pop" => Self::Pop,
            "update" => Self::Update,
            "clear" => Self::Clear,
            "copy" => Self::Copy,
            "setdefault" => Self::SetDefault,
            _ => return None,
        })
    }

    pub(super) const fn changes(self) -> bool {
        matches!(self, Self::Pop | Self::Update | Self::Clear | Self::SetDefault)
    }

    /// Calls the method. `named` are keyword arguments.
    pub(super) fn call(
        self,
        mapping: &mut Map<String, Value>,
        arguments: Vec<Value>,
        named: Map<String, Value>,
    ) -> Result<Value, Raised> {
        let mut arguments = arguments.into_iter();
        let mut key = || match arguments.next() {
            Some(Value::String(key)) => Ok(key),
            _ => Err(Raised::new("TypeError", "the method expects a key")),
        };
        Ok(match self {
            Self::Copy => Value::Object(mapping.clone()),
            Self::Clear => {
                mapping.clear();
                Value::Null
            }
            Self::Get => mapping.get(&key()?).cloned().or_else(|| arguments.next()).unwrap_or_default(),
            Self::Pop => mapping.shift_remove(&key()?).or_else(|| arguments.next()).unwrap_or_default(),
            Self::SetDefault => {
                let key = key()?;
                mapping.entry(key).or_insert_with(|| arguments.next().unwrap_or_default()).clone()
            }
            Self::Update => {
                if let Some(Value::Object(more)) = arguments.next() {
                    mapping.extend(more);
                }
                mapping.extend(named);
                Value::Null
            }
        })
    }
}

/// What remains of the arguments after a mapping: nothing, a path, or a path and a value.
pub(super) enum Access {
    Read(String),
    Write(String, Value),
}

impl Access {
    pub(super) fn of(arguments: Vec<Value>) -> Result<Self, Raised> {
        let mut arguments = arguments.into_iter();
        match (arguments.next(), arguments.next(), arguments.next()) {
            (Some(Value::String(path)), None, None) => Ok(Self::Read(path)),
            (Some(Value::String(path)), Some(value), None) => Ok(Self::Write(path, value)),
            _ => Err(Raised::runtime("Illegal argument while accessing dict")),
        }
    }

    /// Reads from or writes to a mapping. `true` when it was changed.
    pub(super) fn apply(self, mapping: &mut Map<String, Value>) -> Result<(Value, bool), Raised> {
        match self {
            Self::Read(path) => path::get(mapping, &path).map(|value| (value, false)),
            Self::Write(path, value) => path::set(mapping, &path, value).map(|()| (Value::Null, true)),
        }
    }
}

/// An argument that Python would take for true or false.
pub(super) fn flag(value: Option<&Value>) -> bool {
    value.is_some_and(is_truthy)
}
