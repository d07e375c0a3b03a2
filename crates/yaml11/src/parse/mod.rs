//! Tokens to events: the grammar, as states.
//!
//! Where the grammar nests, the state to go on with afterwards waits on a stack, so that depth costs
//! memory and no call stack. `document` has the states around a document, `node` what a node may begin
//! with, `block` and `flow` the collections.

mod block;
mod document;
mod flow;
mod node;

use crate::error::{Error, Stage};
use crate::event::{Event, Kind, Properties};
use crate::scan::Scanner;
use crate::span::Point;
use crate::token::{self, Style};
use document::Handles;

/// What the grammar expects next.
#[derive(Clone, Copy, Debug)]
enum State {
    StreamStart,
    ImplicitDocumentStart,
    DocumentStart,
    DocumentContent,
    DocumentEnd,
    BlockNode,
    BlockSequenceEntry,
    IndentlessSequenceEntry,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequence(Entry),
    FlowPairKey,
    FlowPairValue,
    FlowPairEnd,
    FlowMapping(Entry),
    FlowMappingValue,
    FlowMappingNoValue,
    End,
}

/// Whether a comma must come before the next entry of a flow collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    First,
    Next,
}

/// The events of a text, one after the other, until the end or the first error.
pub struct Events<'text> {
    scanner: Scanner<'text>,
    state: State,
    /// Where to go on after the node at hand.
    states: Vec<State>,
    /// Where the collections at hand begin.
    begins: Vec<Point>,
    handles: Handles<'text>,
}

impl<'text> Events<'text> {
    pub(crate) fn new(text: &'text str) -> Result<Self, Error> {
        Ok(Self {
            scanner: Scanner::new(text)?,
            state: State::StreamStart,
            states: Vec::new(),
            begins: Vec::new(),
            handles: Handles::default(),
        })
    }

    pub(crate) const fn text(&self) -> &'text str {
        self.scanner.text()
    }

    /// The next event; behind the end of the stream, that end again.
    pub(crate) fn step(&mut self) -> Result<Event<'text>, Error> {
        match self.state {
            State::StreamStart => {
                self.state = State::ImplicitDocumentStart;
                let place = Point::default();
                Ok(Event { start: place, end: place, kind: Kind::StreamStart })
            }
            State::ImplicitDocumentStart => self.implicit_document_start(),
            State::DocumentStart | State::End => self.document_start(),
            State::DocumentContent => self.document_content(),
            State::DocumentEnd => self.document_end(),
            State::BlockNode => self.block_node(),
            State::BlockSequenceEntry => self.block_sequence_entry(),
            State::IndentlessSequenceEntry => self.indentless_sequence_entry(),
            State::BlockMappingKey => self.block_mapping_key(),
            State::BlockMappingValue => self.block_mapping_value(),
            State::FlowSequence(entry) => self.flow_sequence_entry(entry),
            State::FlowPairKey => self.flow_pair_key(),
            State::FlowPairValue => self.flow_pair_value(),
            State::FlowPairEnd => self.flow_pair_end(),
            State::FlowMapping(entry) => self.flow_mapping_key(entry),
            State::FlowMappingValue => self.flow_mapping_value(),
            State::FlowMappingNoValue => self.flow_mapping_no_value(),
        }
    }

    /// Goes on with the state that waits.
    fn resume(&mut self) {
        self.state = self.states.pop().unwrap_or(State::DocumentEnd);
    }

    /// Ends a collection with the token that stands here.
    fn close(&mut self, kind: Kind<'text>) -> Result<Event<'text>, Error> {
        let token = self.scanner.take()?;
        self.begins.pop();
        self.resume();
        Ok(Event { start: token.start, end: token.end, kind })
    }

    /// A scalar where nothing is written; `next` goes on.
    fn empty(&mut self, place: Point, next: State) -> Event<'text> {
        self.state = next;
        let (properties, text) = (Properties::default(), "".into());
        Event { start: place, end: place, kind: Kind::Scalar { properties, text, style: Style::Plain } }
    }

    /// Whether the next token is one of some kinds.
    fn next_is(&mut self, is_wanted: fn(&token::Kind<'text>) -> bool) -> Result<bool, Error> {
        Ok(is_wanted(self.scanner.peek()?.kind))
    }

    /// A refusal of the token that stands here.
    #[cold]
    fn refuse(&mut self, context: &str, begin: Option<Point>, expected: &str) -> Error {
        let (found, start) = match self.scanner.peek() {
            Ok(token) => (token.kind.name(), token.start),
            Err(error) => return error,
        };
        let error = self.refuse_at(format!("{expected} '{found}'"), start);
        error.within(context, self.text(), begin.unwrap_or(start))
    }

    #[cold]
    fn refuse_at(&self, problem: impl Into<String>, place: Point) -> Error {
        Error::new(Stage::Parser, problem, self.text(), place)
    }
}

impl<'text> Iterator for Events<'text> {
    type Item = Result<Event<'text>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if matches!(self.state, State::End) {
            return None;
        }
        let step = self.step();
        if step.is_err() {
            self.state = State::End;
        }
        Some(step)
    }
}
