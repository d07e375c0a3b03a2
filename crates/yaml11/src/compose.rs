//! Events to nodes: anchors and aliases, merge keys, duplicate keys, explicit tags.
//!
//! An alias shares the node it names. Two limits keep a small text from becoming a huge tree: how deep
//! it may nest, and how many nodes it may stand for once every alias is written out.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::Arc;

use crate::error::{Error, Stage};
use crate::event::{Event, Events, Kind};
use crate::node::{Entry, Node, Value};
use crate::resolve;
use crate::span::{Mark, Span};

/// How deep lists and mappings may nest. Plans travel as JSON, whose readers stop at 128.
pub const DEEPEST: u32 = 100;

/// How many nodes a text may stand for.
pub const MOST_NODES: u64 = 5_000_000;

/// A node with what the limits need: its height and its size with aliases written out.
#[derive(Clone)]
struct Sized {
    node: Arc<Node>,
    height: u32,
    size: u64,
}

pub(crate) struct Composer<'text> {
    events: Events<'text>,
    source: u32,
    anchors: HashMap<String, Option<Sized>>,
}

impl<'text> Composer<'text> {
    pub(crate) fn new(text: &'text str, source: u32) -> Self {
        Self { events: Events::new(text), source, anchors: HashMap::new() }
    }

    /// The only document of the text; `None` if there is none.
    pub(crate) fn document(mut self) -> Result<Option<Arc<Node>>, Error> {
        loop {
            match self.events.next()?.kind {
                Kind::StreamEnd => return Ok(None),
                Kind::DocumentStart => break,
                _ => {}
            }
        }
        let event = self.events.next()?;
        let start = event.span.start;
        let root = self.node(event, 0)?;
        loop {
            let event = self.events.next()?;
            match event.kind {
                Kind::StreamEnd => return Ok(Some(root.node)),
                Kind::DocumentStart => {
                    return Err(refuse(
                        Stage::Composer,
                        Some(("expected a single document in the stream", start)),
                        "but found another document",
                        event.span.start,
                    ));
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, event: Event, depth: u32) -> Result<Sized, Error> {
        let start = event.span.start;
        if depth > DEEPEST {
            return Err(too_deep(start));
        }
        let (anchor, sized) = match event.kind {
            Kind::Alias(name) => return self.alias(&name, start, depth),
            Kind::Scalar { anchor, tag, text, plain } => {
                let value = scalar(tag.as_deref(), text, plain, start)?;
                self.open(anchor.as_ref());
                (anchor, self.sized(event.span, value, 0, 1))
            }
            Kind::SequenceStart { anchor, tag } => {
                collection_tag(tag.as_deref(), &["seq", "omap", "pairs"], start)?;
                self.open(anchor.as_ref());
                (anchor, self.sequence(start, depth)?)
            }
            Kind::MappingStart { anchor, tag } => {
                collection_tag(tag.as_deref(), &["map", "set"], start)?;
                self.open(anchor.as_ref());
                (anchor, self.mapping(start, depth)?)
            }
            _ => return Err(refuse(Stage::Parser, None, "did not find expected node content", start)),
        };
        if sized.size > MOST_NODES {
            return Err(refuse(Stage::Composer, None, "aliases make the document too large", start));
        }
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, Some(sized.clone()));
        }
        Ok(sized)
    }

    /// Marks an anchor as begun, so that a node cannot contain itself.
    fn open(&mut self, anchor: Option<&String>) {
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor.clone(), None);
        }
    }

    fn alias(&self, name: &str, mark: Mark, depth: u32) -> Result<Sized, Error> {
        match self.anchors.get(name) {
            None => Err(refuse(Stage::Composer, None, &format!("found undefined alias '{name}'"), mark)),
            Some(None) => Err(refuse(Stage::Constructor, None, "found unconstructable recursive node", mark)),
            Some(Some(sized)) if depth + sized.height > DEEPEST => Err(too_deep(mark)),
            Some(Some(sized)) => Ok(sized.clone()),
        }
    }

    fn sized(&self, span: Span, value: Value, height: u32, size: u64) -> Sized {
        Sized { node: Arc::new(Node { span, source: self.source, value }), height, size }
    }

    fn sequence(&mut self, start: Mark, depth: u32) -> Result<Sized, Error> {
        let (mut items, mut height, mut size) = (Vec::new(), 0, 1_u64);
        loop {
            let event = self.events.next()?;
            if matches!(event.kind, Kind::SequenceEnd) {
                let span = Span { start, end: event.span.end };
                return Ok(self.sized(span, Value::Sequence(items), height + 1, size));
            }
            let item = self.node(event, depth + 1)?;
            height = height.max(item.height);
            size = size.saturating_add(item.size);
            items.push(item.node);
        }
    }

    fn mapping(&mut self, start: Mark, depth: u32) -> Result<Sized, Error> {
        let (mut merged, mut own) = (Vec::new(), Vec::new());
        let (mut height, mut size) = (0, 1_u64);
        loop {
            let event = self.events.next()?;
            if matches!(event.kind, Kind::MappingEnd) {
                let span = Span { start, end: event.span.end };
                let entries = unique(merged, own, start)?;
                return Ok(self.sized(span, Value::Mapping(entries), height + 1, size));
            }
            let is_merge = matches!(&event.kind, Kind::Scalar { tag, text, plain, .. }
                if (tag.is_none() && *plain && text == "<<") || tag.as_deref() == Some("tag:yaml.org,2002:merge"));
            let key = self.node(event, depth + 1)?;
            let event = self.events.next()?;
            let value_start = event.span.start;
            let value = self.node(event, depth + 1)?;
            height = height.max(key.height).max(value.height);
            size = size.saturating_add(key.size).saturating_add(value.size);
            if is_merge {
                merge(&value.node, start, value_start, &mut merged)?;
            } else {
                own.push(Entry { key: key.node, value: value.node });
            }
        }
    }
}

/// Adds the entries that `<<` brings: of one mapping, or of a list where the first mapping wins.
fn merge(value: &Node, start: Mark, at: Mark, into: &mut Vec<Entry>) -> Result<(), Error> {
    let context = Some(("while constructing a mapping", start));
    match &value.value {
        Value::Mapping(entries) => into.extend(entries.iter().cloned()),
        Value::Sequence(items) => {
            for item in items.iter().rev() {
                let Value::Mapping(entries) = &item.value else {
                    let problem = "expected a mapping for merging, but found another kind of node";
                    return Err(refuse(Stage::Constructor, context, problem, item.span.start));
                };
                into.extend(entries.iter().cloned());
            }
        }
        _ => {
            let problem = "expected a mapping or list of mappings for merging, but found scalar";
            return Err(refuse(Stage::Constructor, context, problem, at));
        }
    }
    Ok(())
}

/// One entry a key: the place of the first, the value of the last.
fn unique(merged: Vec<Entry>, own: Vec<Entry>, start: Mark) -> Result<Vec<Entry>, Error> {
    let mut entries: Vec<Entry> = Vec::with_capacity(merged.len() + own.len());
    let mut places: HashMap<String, usize> = HashMap::with_capacity(entries.capacity());
    for entry in merged.into_iter().chain(own) {
        let Some(identity) = identity(&entry.key.value) else {
            let context = Some(("while constructing a mapping", start));
            return Err(refuse(Stage::Constructor, context, "found unhashable key", entry.key.span.start));
        };
        match places.entry(identity) {
            Slot::Occupied(place) => entries[*place.get()].value = entry.value,
            Slot::Vacant(place) => {
                place.insert(entries.len());
                entries.push(entry);
            }
        }
    }
    Ok(entries)
}

/// What makes two keys the same key; nothing for collections, which cannot be keys.
fn identity(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => "n".to_owned(),
        Value::Bool(truth) => format!("i{}", u8::from(*truth)),
        Value::Int(number) => format!("i{number}"),
        Value::BigInt(digits) => format!("i{digits}"),
        Value::Float(number) if number.fract() == 0.0 => format!("i{number}"),
        Value::Float(number) => format!("f{number}"),
        Value::String(text) => format!("s{text}"),
        Value::Timestamp(text) => format!("t{text}"),
        Value::Binary(text) => format!("b{text}"),
        Value::Sequence(_) | Value::Mapping(_) => return None,
    })
}

fn scalar(tag: Option<&str>, text: String, plain: bool, mark: Mark) -> Result<Value, Error> {
    let Some(tag) = tag else {
        return Ok(if plain { resolve::plain(&text) } else { Value::String(text.into()) });
    };
    let value = match tag.strip_prefix("tag:yaml.org,2002:") {
        Some("str" | "merge") => Some(Value::String(text.as_str().into())),
        Some("null") => Some(Value::Null),
        Some("bool") => resolve::boolean(&text).map(Value::Bool),
        Some("int") => resolve::integer(&text),
        Some("float") => resolve::float(&text).or_else(|| text.parse().ok()).map(Value::Float),
        Some("binary") => Some(Value::Binary(text)),
        Some("timestamp") if resolve::timestamp(&text) => Some(Value::Timestamp(text)),
        None if tag == "!" => Some(Value::String(text.as_str().into())),
        _ => None,
    };
    value.ok_or_else(|| unknown_tag(tag, mark))
}

fn collection_tag(tag: Option<&str>, known: &[&str], mark: Mark) -> Result<(), Error> {
    match tag {
        Some(tag) if tag != "!" && !tag.strip_prefix("tag:yaml.org,2002:").is_some_and(|tag| known.contains(&tag)) => {
            Err(unknown_tag(tag, mark))
        }
        _ => Ok(()),
    }
}

fn unknown_tag(tag: &str, mark: Mark) -> Error {
    refuse(Stage::Constructor, None, &format!("could not determine a constructor for the tag '{tag}'"), mark)
}

fn too_deep(mark: Mark) -> Error {
    refuse(Stage::Composer, None, &format!("the document is nested more than {DEEPEST} levels deep"), mark)
}

fn refuse(stage: Stage, context: Option<(&str, Mark)>, problem: &str, mark: Mark) -> Error {
    Error { stage, context: context.map(|(text, mark)| (text.to_owned(), mark)), problem: problem.to_owned(), mark }
}
