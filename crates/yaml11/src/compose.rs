//! Events to a graph of nodes: anchors and aliases, one document only, and how deep it may nest.

use std::collections::HashMap;

use crate::error::{Error, Stage};
use crate::event::{Event, Kind, Properties, Style};
use crate::graph::{Content, Graph, Id, Raw};
use crate::parse::Events;
use crate::quoting::quoted;
use crate::resolve::{self, Tag};
use crate::span::Point;

/// How deep lists and mappings may nest. Plans travel as JSON, whose readers stop at 128.
pub const DEEPEST: usize = 100;

/// The document of a text, if it has one.
pub(crate) fn document<'text>(events: &mut Events<'text>) -> Result<(Graph<'text>, Option<Id>), Error> {
    let mut composer =
        Composer { text: events.text(), graph: Graph::default(), anchors: HashMap::new(), open: Vec::new() };
    let mut root = None;
    loop {
        let event = events.step()?;
        match (event.kind, root) {
            (Kind::StreamEnd, _) => return Ok((composer.graph, root)),
            (Kind::DocumentStart { .. }, Some(first)) => {
                let first = composer.graph[first].start;
                let error = composer.refuse("but found another document", event.start);
                return Err(error.within("expected a single document in the stream", composer.text, first));
            }
            (kind, _) => {
                if let Some(done) = composer.event(Event { kind, ..event })? {
                    root = Some(done);
                }
            }
        }
    }
}

struct Composer<'text> {
    text: &'text str,
    graph: Graph<'text>,
    anchors: HashMap<&'text str, Id>,
    /// The collections at hand, the outermost first.
    open: Vec<Open>,
}

/// A collection that has not ended. The last key of a mapping waits for its value.
enum Open {
    Sequence(Id),
    Mapping(Id, Option<Id>),
}

impl<'text> Composer<'text> {
    /// Takes an event; gives the root when it is complete.
    fn event(&mut self, event: Event<'text>) -> Result<Option<Id>, Error> {
        let start = event.start;
        let id = match event.kind {
            Kind::Alias(name) => match self.anchors.get(name) {
                Some(id) => *id,
                None => return Err(self.refuse(format!("found undefined alias {}", quoted(name)), start)),
            },
            Kind::Scalar { properties, text, style } => {
                let tag = match properties.tag.as_deref() {
                    None if style == Style::Plain => resolve::plain(&text),
                    None => Tag::Str,
                    Some("!") => resolve::plain(&text),
                    Some(tag) => Tag::new(tag),
                };
                self.add(properties.anchor, Raw { start, end: event.end.mark, tag, content: Content::Scalar(text) })?
            }
            Kind::SequenceStart { properties, .. } => {
                let id = self.collection(&properties, start, Tag::Seq, Content::Sequence(Vec::new()))?;
                self.open.push(Open::Sequence(id));
                return Ok(None);
            }
            Kind::MappingStart { properties, .. } => {
                let id = self.collection(&properties, start, Tag::Map, Content::Mapping(Vec::new()))?;
                self.open.push(Open::Mapping(id, None));
                return Ok(None);
            }
            Kind::SequenceEnd | Kind::MappingEnd => match self.open.pop() {
                Some(Open::Sequence(id) | Open::Mapping(id, _)) => {
                    self.graph[id].end = event.end.mark;
                    id
                }
                None => return Ok(None),
            },
            Kind::StreamStart | Kind::StreamEnd | Kind::DocumentStart { .. } | Kind::DocumentEnd { .. } => {
                return Ok(None);
            }
        };
        Ok(self.place(id))
    }

    fn collection(
        &mut self,
        properties: &Properties<'text>,
        start: Point,
        default: Tag,
        content: Content<'text>,
    ) -> Result<Id, Error> {
        if self.open.len() == DEEPEST {
            return Err(too_deep(self.text, start));
        }
        let tag = properties.tag.as_deref().filter(|tag| *tag != "!").map_or(default, Tag::new);
        self.add(properties.anchor, Raw { start, end: start.mark, tag, content })
    }

    fn add(&mut self, anchor: Option<&'text str>, node: Raw<'text>) -> Result<Id, Error> {
        let start = node.start;
        let id = self.graph.add(node);
        if let Some(name) = anchor
            && let Some(first) = self.anchors.insert(name, id)
        {
            let context = format!("found duplicate anchor {}; first occurrence", quoted(name));
            let first = self.graph[first].start;
            return Err(self.refuse("second occurrence", start).within(context, self.text, first));
        }
        Ok(id)
    }

    /// Puts a complete node where it belongs; gives it back if that is nowhere.
    fn place(&mut self, id: Id) -> Option<Id> {
        match self.open.last_mut() {
            None => return Some(id),
            Some(Open::Sequence(list)) => {
                if let Content::Sequence(items) = &mut self.graph[*list].content {
                    items.push(id);
                }
            }
            Some(Open::Mapping(_, key @ None)) => *key = Some(id),
            Some(Open::Mapping(mapping, key)) => {
                if let (Some(key), Content::Mapping(entries)) = (key.take(), &mut self.graph[*mapping].content) {
                    entries.push((key, id));
                }
            }
        }
        None
    }

    #[cold]
    fn refuse(&self, problem: impl Into<String>, place: Point) -> Error {
        Error::new(Stage::Composer, problem, self.text, place)
    }
}

/// A refusal of a text that nests too deep, written or by aliases.
#[cold]
pub(crate) fn too_deep(text: &str, place: Point) -> Error {
    Error::new(Stage::Composer, format!("the document is nested more than {DEEPEST} levels deep"), text, place)
}
