//! A place in a blueprint: a node together with the way to it.
//!
//! Sections read through elements, so that every [`Diagnostic`] knows its path, its file and its line
//! without anything being copied while all goes well.

use nephele_model::python_text;
use std::borrow::Cow;
use std::sync::Arc;

use nephele_model::json::{Map, Number, Text, Value};
use nephele_yaml11::{Entry, Node, Span, Value as Yaml};

use crate::diagnostic::{Diagnostic, Fault, Kind, Place, Quote, Wording};
use crate::source::Sources;
use crate::value::Misfit;

/// What an element is called within its parent.
#[derive(Clone, Copy)]
enum Name<'n> {
    Root,
    Key(&'n Node),
    Absent(&'n str),
    Index(usize),
}

/// A node, or the absence of one, with its ancestors.
#[derive(Clone, Copy)]
pub(crate) struct Element<'p, 'n> {
    parent: Option<&'p Self>,
    name: Name<'n>,
    value: Option<&'n Arc<Node>>,
    sources: &'n Sources,
}

impl<'n> Element<'_, 'n> {
    pub(crate) fn root(value: &'n Arc<Node>, sources: &'n Sources) -> Element<'n, 'n> {
        Element { parent: None, name: Name::Root, value: Some(value), sources }
    }

    /// The name as text; list items are called by their number.
    pub(crate) fn name(&self) -> Cow<'n, str> {
        match self.name {
            Name::Root => Cow::Borrowed("root"),
            Name::Key(key) => key_text(key),
            Name::Absent(name) => Cow::Borrowed(name),
            Name::Index(index) => Cow::Owned(index.to_string()),
        }
    }

    /// The node, if there is one that is not null.
    pub(crate) fn node(&self) -> Option<&'n Arc<Node>> {
        self.value.filter(|node| !node.is_null())
    }

    /// Whether it is written, even as null.
    pub(crate) const fn is_written(&self) -> bool {
        self.value.is_some()
    }

    /// The text, if it is text.
    pub(crate) fn text(&self) -> Option<&'n str> {
        self.value?.as_str()
    }

    /// The value as JSON; null when absent.
    pub(crate) fn json(&self) -> Value {
        self.value.map_or(Value::Null, |node| json(node))
    }

    /// The value as a JSON object; empty when absent or something else.
    pub(crate) fn json_map(&self) -> Map {
        match self.json() {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    /// The element under a key, written or not.
    pub(crate) fn get<'s>(&'s self, key: &'n str) -> Element<'s, 'n> {
        let entry = self.value.and_then(|node| node.entry(key));
        Element {
            parent: Some(self),
            name: entry.map_or(Name::Absent(key), |entry| Name::Key(&entry.key)),
            value: entry.map(|entry| &entry.value),
            sources: self.sources,
        }
    }

    /// All elements of a mapping.
    pub(crate) fn entries<'s>(&'s self) -> impl Iterator<Item = Element<'s, 'n>> {
        self.value.and_then(|node| node.entries()).unwrap_or_default().iter().map(move |entry| Element {
            parent: Some(self),
            name: Name::Key(&entry.key),
            value: Some(&entry.value),
            sources: self.sources,
        })
    }

    /// All elements of a list.
    pub(crate) fn items<'s>(&'s self) -> impl Iterator<Item = Element<'s, 'n>> {
        self.value.and_then(|node| node.items()).unwrap_or_default().iter().enumerate().map(move |(index, item)| {
            Element { parent: Some(self), name: Name::Index(index), value: Some(item), sources: self.sources }
        })
    }

    /// How many entries or items there are.
    pub(crate) fn len(&self) -> usize {
        match self.value.map(|node| &node.value) {
            Some(Yaml::Mapping(entries)) => entries.len(),
            Some(Yaml::Sequence(items)) => items.len(),
            _ => 0,
        }
    }

    /// The blueprint that it belongs to.
    pub(crate) fn top(&self) -> &Self {
        self.parent.map_or(self, Element::top)
    }

    /// A problem here.
    pub(crate) fn problem(&self, fault: Fault, message: impl Into<String>) -> Diagnostic {
        let problem = self.placed(Diagnostic::new(fault, message));
        Diagnostic { quote: Some(Box::new(self.quote())), ..problem }
    }

    /// A problem that the reference meets here, unless it is known to meet it elsewhere; placed here as well
    /// if it has no place yet.
    pub(crate) fn quoted(&self, problem: Diagnostic) -> Diagnostic {
        let mut problem = self.placed(problem);
        if problem.quote.is_none() && problem.kind() != Kind::InvalidBlueprintImport {
            problem.quote = Some(Box::new(self.quote()));
        }
        problem
    }

    /// Places a problem here for people, if it has no place yet.
    pub(crate) fn placed(&self, mut problem: Diagnostic) -> Diagnostic {
        if problem.place.is_none() {
            problem.place = Some(Box::new(self.place(problem.fault)));
            problem.is_doubtful = self.is_doubtful();
        }
        problem
    }

    /// Places values that do not fit below this element: the reference names the element, behind the
    /// first of them; people see the value. The first `skipped` steps lead to the element itself.
    pub(crate) fn misfits(&self, misfits: Vec<Misfit>, skipped: usize) -> Vec<Diagnostic> {
        let place = |(index, misfit): (usize, Misfit)| {
            let mut problem = misfit.problem;
            problem.place =
                Some(Box::new(self.place_below(misfit.at.get(skipped..).unwrap_or_default(), problem.fault)));
            problem.is_doubtful = self.is_doubtful();
            if index == 0 { self.quoted(problem) } else { problem }
        };
        misfits.into_iter().enumerate().map(place).collect()
    }

    /// Where something about this element is shown to people.
    pub(crate) fn place(&self, fault: Fault) -> Place {
        let shown = self.shown(fault.is_of_key());
        Place {
            file: shown.and_then(|(node, _)| self.sources.name(node.source)).map(str::to_owned),
            span: shown.map(|(_, span)| span),
            path: self.path(),
        }
    }

    fn place_below(&self, steps: &[String], fault: Fault) -> Place {
        let Some((step, rest)) = steps.split_first() else { return self.place(fault) };
        if let Some(entry) = self.entries().find(|entry| entry.name() == step.as_str()) {
            return entry.place_below(rest, fault);
        }
        let place = self.place(fault);
        Place { path: format!("{}.{}", place.path, steps.join(".")), ..place }
    }

    /// The node to point at, and which part of the text that is: a plain value, else the key above it.
    fn shown(&self, key_is_wrong: bool) -> Option<(&'n Node, Span)> {
        let start_of = |node: &'n Node| (node, Span { start: node.span.start, end: node.span.start });
        match (self.name, self.value) {
            (Name::Key(key), _) if key_is_wrong => Some((key, key.span)),
            (_, Some(value)) if value.entries().is_none() && value.items().is_none() && !value.is_null() => {
                Some((value, value.span))
            }
            (Name::Key(key), _) => Some((key, key.span)),
            (Name::Root | Name::Index(_), Some(value)) => match value.entries().and_then(<[Entry]>::first) {
                Some(entry) => Some((&*entry.key, entry.key.span)),
                None => Some(start_of(value)),
            },
            _ => self.parent.and_then(|parent| parent.shown(true)),
        }
    }

    /// Whether a problem here may only follow from one that the grammar found.
    pub(crate) fn is_doubtful(&self) -> bool {
        match self.value {
            Some(value) => self.sources.is_refused(value),
            None => self.parent.is_some_and(Element::is_doubtful),
        }
    }

    fn quote(&self) -> Quote {
        let key = match self.name {
            Name::Key(key) => Some(key.span.start),
            _ => None,
        };
        let value = self.value.map(|node| node.span.start);
        Quote {
            file: self.value.and_then(|node| self.sources.name(node.source)).map(str::to_owned),
            wording: match (key, value) {
                (Some(mark), _) => Wording::Key(mark),
                (None, Some(mark)) => Wording::Value(mark),
                (None, None) => Wording::Unwritten,
            },
            path: self.path(),
            value: self.value.map_or_else(|| "None".to_owned(), |node| printed(node)),
        }
    }

    fn path(&self) -> String {
        match self.parent {
            Some(parent) if !matches!(parent.name, Name::Root) => format!("{}.{}", parent.path(), self.name()),
            _ => self.name().into_owned(),
        }
    }
}

fn key_text(key: &Node) -> Cow<'_, str> {
    match key.as_str() {
        Some(text) => Cow::Borrowed(text),
        None => Cow::Owned(match json(key) {
            Value::String(text) => text.into(),
            other => other.to_string(),
        }),
    }
}

/// A node as Python prints it.
fn printed(node: &Node) -> String {
    match &node.value {
        Yaml::String(text) => text.to_string(),
        _ => printed_within(node),
    }
}

/// As [`printed`] within another value. Unlike in JSON, keys may be anything.
fn printed_within(node: &Node) -> String {
    match &node.value {
        Yaml::Sequence(items) => {
            format!("[{}]", items.iter().map(|item| printed_within(item)).collect::<Vec<_>>().join(", "))
        }
        Yaml::Mapping(entries) => {
            let entry = |entry: &Entry| format!("{}: {}", printed_within(&entry.key), printed_within(&entry.value));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        _ => python_text::repr(&json(node)),
    }
}

/// A node as JSON. Keys that are no text become the text that JSON writers make of them; what JSON
/// cannot hold (dates, binary data, infinities) becomes text.
pub(crate) fn json(node: &Node) -> Value {
    match &node.value {
        Yaml::Null => Value::Null,
        Yaml::Bool(truth) => Value::Bool(*truth),
        Yaml::Int(number) => Value::from(*number),
        Yaml::BigInt(digits) => digits
            .parse::<u64>()
            .map(Value::from)
            .ok()
            .or_else(|| Number::from_f64(digits.parse().ok()?).map(Value::Number))
            .unwrap_or_else(|| Value::from(&**digits)),
        Yaml::Float(number) => Number::from_f64(*number).map_or_else(
            || {
                Value::from(if number.is_nan() {
                    "NaN"
                } else if *number > 0.0 {
                    "Infinity"
                } else {
                    "-Infinity"
                })
            },
            Value::Number,
        ),
        Yaml::String(text) => Value::from(&**text),
        Yaml::Timestamp(text) | Yaml::Binary(text) => Value::from(&**text),
        Yaml::Sequence(items) | Yaml::Set(items) => Value::Array(items.iter().map(|item| json(item)).collect()),
        Yaml::Mapping(entries) => Value::Object(
            entries.iter().map(|entry| (Text::from(&*key_text(&entry.key)), json(&entry.value))).collect(),
        ),
    }
}
