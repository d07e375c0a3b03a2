//! The walk through a value that replaces functions by what they yield (spec dsl.md section 6.3).
//!
//! Arguments are evaluated before their function; what a function yields is evaluated again, as long as
//! that changes anything. Two bounds end what would not end: a depth of nested values, and a function
//! that yields what it yielded before.

use nephele_model::python_text;
use std::borrow::Cow;
use std::cell::Cell;
use std::fmt::Write;

use nephele_model::json::{List, Map, Value};

use super::property::{self, Way};
use super::world::{Part, View, World};
use super::{BEFORE_RUN, Lookup, Stop, arguments, attribute, extension, failure, is_anywhere_in, recognise, text};
use crate::diagnostic::{Diagnostic, Fault};
use crate::{limit, value};

/// How deep values may nest while functions are evaluated.
const DEEPEST: usize = 50;
/// How many functions may yield functions in a row.
const LONGEST_CHAIN: usize = 1_000;

/// How much may be made of one plan or payload, in bytes: of texts what they have, of other values [`VALUE`].
const MOST_MADE: usize = 100_000_000;
/// What a value counts for.
const VALUE: usize = 16;

/// Evaluates values in a world.
pub(crate) struct Evaluator<'w> {
    world: &'w dyn World,
    made: Cell<usize>,
    /// Functions are called, not what they yield: inputs have no values yet.
    only_once: bool,
}

impl<'w> Evaluator<'w> {
    /// Evaluates everything.
    pub(crate) const fn new(world: &'w dyn World) -> Self {
        Self { world, made: Cell::new(0), only_once: false }
    }

    /// Tries whether functions can be evaluated.
    pub(crate) const fn trying(world: &'w dyn World) -> Self {
        Self { world, made: Cell::new(0), only_once: true }
    }

    /// What it evaluates in.
    pub(crate) const fn world(&self) -> &'w dyn World {
        self.world
    }

    /// The value with functions replaced. `path` names its place and is left as it was.
    pub(crate) fn evaluate(&self, value: &Value, view: &View<'_>, path: &mut String, depth: usize) -> Lookup<Value> {
        if depth >= DEEPEST {
            return Err(endless(path).into());
        }
        self.make(value.as_str().map_or(VALUE, str::len), path)?;
        if !value.is_object() && !value.is_array() {
            return Ok(value.clone());
        }
        let mut view = Cow::Borrowed(view);
        // A function may be met again from another node.
        let mut seen: Vec<(Option<String>, Value)> = Vec::new();
        let mut current = Cow::Borrowed(value);
        let mut input: Option<Value> = None;
        loop {
            let scanned = self.children(&current, &view, path, depth + 1)?;
            if let Some(input) = input.take().filter(|_| scanned != *current) {
                self.world.settle_input(&input, &scanned);
            }
            let Some((function, argument)) = recognise(&scanned) else { return Ok(scanned) };
            arguments::check(function, argument)?;
            let result = if self.world.evaluates(function) {
                self.call(function, argument, &scanned, &mut view, path, depth)?
            } else {
                if let Some(waits) = view.waits {
                    waits.set(true);
                }
                scanned.clone()
            };
            if result == scanned {
                // It is looked at again, now with what its arguments have become.
                if let Some(waits) = view.waits.filter(|_| self.holds_waiting(argument)) {
                    waits.set(true);
                }
                return Ok(result);
            }
            let met = (view.node.clone(), result);
            if seen.contains(&met) || seen.len() > LONGEST_CHAIN {
                return Err(endless(path).into());
            }
            let result = met.1;
            if !result.is_object() && !result.is_array() {
                self.make(result.as_str().map_or(VALUE, str::len), path)?;
                return Ok(result);
            }
            input = (function == "get_input").then(|| argument.clone());
            seen.push((view.node.clone(), scanned));
            current = Cow::Owned(result);
        }
    }

    /// Takes note of a value of so many bytes. Errors: what functions make has become too large.
    fn make(&self, bytes: usize, path: &str) -> Lookup<()> {
        self.made.set(self.made.get().saturating_add(bytes));
        if self.made.get() <= MOST_MADE {
            return Ok(());
        }
        Err(limit::exceeded(format_args!("functions make more than {MOST_MADE} bytes, last at {path}")).into())
    }

    /// Whether a function that is not for now stands anywhere in a value.
    fn holds_waiting(&self, value: &Value) -> bool {
        match value {
            Value::Array(items) => items.iter().any(|item| self.holds_waiting(item)),
            Value::Object(map) => {
                recognise(value).is_some_and(|(function, _)| !self.world.evaluates(function))
                    || map.values().any(|value| self.holds_waiting(value))
            }
            _ => false,
        }
    }

    /// Calls one function without evaluating what it yields. Errors: as when it is evaluated.
    pub(crate) fn once(&self, value: &Value, view: &View<'_>, path: &mut String) -> Lookup<()> {
        let Some((function, argument)) = recognise(value) else { return Ok(()) };
        self.call(function, argument, value, &mut Cow::Borrowed(view), path, 0).map(drop)
    }

    /// The value with everything in it evaluated. What has to wait keeps nothing else from being
    /// looked at, so that all that is needed becomes known at once.
    pub(super) fn children(&self, value: &Value, view: &View<'_>, path: &mut String, depth: usize) -> Lookup<Value> {
        let length = path.len();
        let mut all = All::default();
        let result = match value {
            Value::Object(map) => {
                let mut evaluated = Map::with_capacity(map.len());
                for (key, value) in map {
                    path.push('.');
                    path.push_str(key);
                    let value = all.take(self.evaluate(value, view, path, depth))?;
                    path.truncate(length);
                    evaluated.insert(key.clone(), value);
                }
                Value::Object(evaluated)
            }
            Value::Array(items) => {
                let mut evaluated = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let _ = write!(path, "[{index}]");
                    evaluated.push(all.take(self.evaluate(item, view, path, depth))?);
                    path.truncate(length);
                }
                Value::from(evaluated)
            }
            plain => plain.clone(),
        };
        all.or_later(result)
    }

    fn call(
        &self,
        function: &str,
        argument: &Value,
        raw: &Value,
        view: &mut Cow<'_, View<'_>>,
        path: &mut String,
        depth: usize,
    ) -> Lookup<Value> {
        match function {
            "get_input" => self.get_input(argument, raw, path),
            "get_property" => self.get_property(argument, view, path, depth),
            "concat" => Ok(match argument.as_array() {
                Some(items) if items.iter().all(|item| recognise(item).is_none()) => {
                    Value::from(items.iter().map(python_text::str).collect::<String>())
                }
                _ => raw.clone(),
            }),
            "merge" => Ok(merge(argument, raw)?),
            _ if extension::find(function).is_some() && recognise(argument).is_some() => Ok(raw.clone()),
            _ if BEFORE_RUN.contains(&function) => Ok(text::evaluate(function, argument)?),
            _ => match extension::find(function) {
                Some(extension) => Ok((extension.evaluate)(argument).map_err(|message| failure(function, message))?),
                None => attribute::call(self, function, argument, view, path, depth),
            },
        }
    }

    fn get_input(&self, argument: &Value, raw: &Value, path: &str) -> Lookup<Value> {
        let unresolved = match argument {
            Value::Array(items) => items.iter().any(|item| recognise(item).is_some()),
            other => recognise(other).is_some(),
        };
        if unresolved {
            let message = format!("get_input: found an unresolved argument: {}", python_text::str(argument));
            return Err(bare(&message).into());
        }
        let result = match argument {
            Value::Array(items) => {
                let name = items.first().map(python_text::str).unwrap_or_default();
                property::of_input(&self.world.input(&name)?, items)?
            }
            other => self.world.input(&python_text::str(other))?,
        };
        let Some(type_name) = raw.get("type").and_then(Value::as_str) else { return Ok(result) };
        if value::is_primitive(type_name) && value::fits(&result, type_name) {
            return Ok(result);
        }
        let message = format!(
            "Value '{}' of input '{}' does not match data type declared for '{path}': '{type_name}'.",
            python_text::str(&result),
            python_text::str(argument)
        );
        Err(Diagnostic::new(Fault::InputEvaluation, message).into())
    }

    fn get_property(
        &self,
        argument: &Value,
        view: &mut Cow<'_, View<'_>>,
        path: &mut String,
        depth: usize,
    ) -> Lookup<Value> {
        let items = argument.as_array().map_or(&[][..], List::as_slice);
        let (node_name, property_path) = items.split_first().unwrap_or((&Value::Null, &[]));
        if items.iter().any(|item| recognise(item).is_some()) {
            let message = format!(
                "get_property: found an unresolved argument in path: {}, {}",
                python_text::str(node_name),
                python_text::repr(&Value::from(property_path.to_vec()))
            );
            return Err(bare(&message).into());
        }
        let node_name = python_text::str(node_name);
        let name = self.node_name(&node_name, view, path)?;
        let node = self.world.node(&name)?;
        if !matches!(node_name.as_str(), "SELF" | "SOURCE" | "TARGET") {
            // What that node's property holds is seen from that node, but in the part where the function stands:
            // outside of nodes it cannot speak of SELF.
            let view = view.to_mut();
            view.node = Some(name.clone());
            view.target = None;
            view.instances.self_id = None;
            view.waits = None;
        }
        let place = path.clone();
        let way = Way { function: "get_property", node: &name, path: property_path, place: &place, strict: true };
        property::descend(&way, &node.properties, |value, leads_on| self.on_the_way(value, leads_on, view, path, depth))
    }

    /// The node that `SELF`, `SOURCE`, `TARGET` or a name means.
    fn node_name(&self, name: &str, view: &View<'_>, path: &str) -> Lookup<String> {
        let refuse = |message: String| Err(Stop::from(Diagnostic::new(Fault::FunctionView, message)));
        let (node, instance) = match name {
            "SELF" if view.part != Part::Node => {
                return refuse(format!(
                    "SELF can only be used in a context of node template but appears in {}.",
                    view.part.as_str()
                ));
            }
            "SOURCE" | "TARGET" if view.part != Part::Relationship => {
                return refuse(format!("{name} can only be used within a relationship but is used in {path}"));
            }
            "SELF" => (&view.node, &view.instances.self_id),
            "SOURCE" => (&view.node, &view.instances.source_id),
            "TARGET" => (&view.target, &view.instances.target_id),
            name => return Ok(name.to_owned()),
        };
        match (node, instance) {
            (Some(node), _) => Ok(node.clone()),
            (None, Some(instance)) => Ok(self.world.storage()?.node_instance(instance)?.node_id.clone()),
            (None, None) => refuse(format!("{name} is unknown here")),
        }
    }

    /// What a path passes, evaluated where the world wants that, and a function that the path leads into.
    pub(crate) fn on_the_way(
        &self,
        value: &Value,
        leads_on: bool,
        view: &View<'_>,
        path: &mut String,
        depth: usize,
    ) -> Lookup<Value> {
        let wanted = self.world.evaluates_on_the_way() || (leads_on && !self.only_once);
        if wanted && is_anywhere_in(value) {
            return self.evaluate(value, view, path, depth + 1);
        }
        Ok(value.clone())
    }
}

/// Several values of which some may have to wait.
#[derive(Default)]
pub(super) struct All {
    wait: bool,
}

impl All {
    /// A value, or a stand-in for one that has to wait. Errors: whatever cannot be helped by waiting.
    pub(super) fn take<T: Default>(&mut self, value: Lookup<T>) -> Lookup<T> {
        match value {
            Err(Stop::Later) => {
                self.wait = true;
                Ok(T::default())
            }
            value => value,
        }
    }

    /// What was made of the values, unless one has to wait.
    pub(super) fn or_later<T>(self, result: T) -> Lookup<T> {
        if self.wait { Err(Stop::Later) } else { Ok(result) }
    }
}

fn merge(argument: &Value, raw: &Value) -> Result<Value, Diagnostic> {
    let items = argument.as_array().map_or(&[][..], List::as_slice);
    if items.iter().any(|item| recognise(item).is_some()) {
        return Ok(raw.clone());
    }
    let mut merged = Map::new();
    for item in items {
        match item {
            Value::Object(map) => merged.extend(map.clone()),
            Value::String(text) => update(&mut merged, text.chars().map(|part| Value::from(part.to_string())))?,
            Value::Array(pairs) => update(&mut merged, pairs.iter().cloned())?,
            other => {
                let message = format!("'{}' object is not iterable", python_text::type_name(other));
                return Err(Diagnostic::new(Fault::MergeOfNoMapping, message));
            }
        }
    }
    Ok(Value::Object(merged))
}

/// Adds pairs of key and value, as Python does with everything that can be gone through.
fn update(map: &mut Map, pairs: impl Iterator<Item = Value>) -> Result<(), Diagnostic> {
    for (index, pair) in pairs.enumerate() {
        let parts: Vec<Value> = match pair {
            Value::String(text) => text.chars().map(|part| Value::from(part.to_string())).collect(),
            Value::Array(parts) => parts.into_iter().collect(),
            Value::Object(map) => map.into_iter().map(|(key, _)| Value::String(key)).collect(),
            _ => {
                let message = format!("cannot convert dictionary update sequence element #{index} to a sequence");
                return Err(Diagnostic::new(Fault::MergeOfNoMapping, message));
            }
        };
        let [key, value] = parts.as_slice() else {
            let length = parts.len();
            let message = format!("dictionary update sequence element #{index} has length {length}; 2 is required");
            return Err(Diagnostic::new(Fault::MergeOfNoPairs, message));
        };
        map.insert(python_text::str(key), value.clone());
    }
    Ok(())
}

fn bare(message: &str) -> Diagnostic {
    Diagnostic::new(Fault::FunctionEvaluation, format!("Unable to evaluate {message} function"))
}

fn endless(path: &str) -> Diagnostic {
    let message = format!(
        "The recursion limit ({DEEPEST}) has been reached while evaluating the deployment. Limit was reached with the \
         following path - {path}"
    );
    Diagnostic::new(Fault::RecursionLimit, message)
}
