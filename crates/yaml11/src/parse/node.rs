//! What a node may begin with: an alias, or properties and then a scalar or a collection.

use std::borrow::Cow;

use super::{Entry, Events, State};
use crate::error::Error;
use crate::event::{Event, Kind, Properties};
use crate::quoting::quoted;
use crate::span::Point;
use crate::token::{self, Style, Tag, Token};

/// Which collections may begin at a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Flow,
    Block,
    /// As in a block, and a list that is no further right than the mapping around it.
    BlockOrIndentlessSequence,
}

/// Properties and where they stand.
struct Placed<'text> {
    properties: Properties<'text>,
    span: Option<(Point, Point)>,
}

impl<'text> Events<'text> {
    pub(super) fn block_node(&mut self) -> Result<Event<'text>, Error> {
        self.node(Context::Block)
    }

    pub(super) fn block_node_or_indentless_sequence(&mut self) -> Result<Event<'text>, Error> {
        self.node(Context::BlockOrIndentlessSequence)
    }

    pub(super) fn flow_node(&mut self) -> Result<Event<'text>, Error> {
        self.node(Context::Flow)
    }

    fn node(&mut self, context: Context) -> Result<Event<'text>, Error> {
        let first = self.scanner.peek()?;
        if let token::Kind::Alias(name) = *first.kind {
            let (start, end) = (first.start, first.end);
            self.scanner.take()?;
            self.resume();
            return Ok(Event { start, end, kind: Kind::Alias(name) });
        }
        let Placed { properties, span } = self.properties()?;
        let token = self.scanner.peek()?;
        let start = span.map_or(token.start, |(start, _)| start);
        let (end, flow, state) = match token.kind {
            token::Kind::BlockEntry if context == Context::BlockOrIndentlessSequence => {
                (token.end, false, State::IndentlessSequenceEntry)
            }
            token::Kind::Scalar(..) => {
                let token = self.scanner.take()?;
                self.resume();
                return Ok(scalar(token, start, properties));
            }
            token::Kind::FlowSequenceStart => (token.end, true, State::FlowSequence(Entry::First)),
            token::Kind::FlowMappingStart => (token.end, true, State::FlowMapping(Entry::First)),
            token::Kind::BlockSequenceStart if context != Context::Flow => {
                (token.start, false, State::BlockSequenceEntry)
            }
            token::Kind::BlockMappingStart if context != Context::Flow => (token.start, false, State::BlockMappingKey),
            _ => return self.no_content(context, properties, span),
        };
        if !matches!(state, State::IndentlessSequenceEntry) {
            let begin = self.scanner.take()?.start;
            self.begins.push(begin);
        }
        self.state = state;
        let kind = match state {
            State::BlockMappingKey | State::FlowMapping(_) => Kind::MappingStart { properties, flow },
            _ => Kind::SequenceStart { properties, flow },
        };
        Ok(Event { start, end, kind })
    }

    /// Properties alone make an empty scalar; without them there is no node here.
    fn no_content(
        &mut self,
        context: Context,
        properties: Properties<'text>,
        span: Option<(Point, Point)>,
    ) -> Result<Event<'text>, Error> {
        let Some((start, end)) = span else {
            let context = if context == Context::Flow { "flow" } else { "block" };
            let context = format!("while parsing a {context} node");
            return Err(self.refuse(&context, None, "expected the node content, but found"));
        };
        self.resume();
        Ok(Event { start, end, kind: Kind::Scalar { properties, text: "".into(), style: Style::Plain } })
    }

    /// An anchor, a tag, or both in either order.
    fn properties(&mut self) -> Result<Placed<'text>, Error> {
        let (mut anchor, mut tag) = (None, None);
        let mut span = None;
        // With both at hand nothing more is looked at before the tag is.
        while anchor.is_none() || tag.is_none() {
            let wanted = match self.scanner.peek()?.kind {
                token::Kind::Anchor(_) => anchor.is_none(),
                token::Kind::Tag(_) => tag.is_none(),
                _ => false,
            };
            if !wanted {
                break;
            }
            let token = self.scanner.take()?;
            span = Some((span.map_or(token.start, |(start, _)| start), token.end));
            match token.kind {
                token::Kind::Anchor(name) => anchor = Some(name),
                token::Kind::Tag(found) => tag = Some((found, token.start)),
                _ => {}
            }
        }
        let tag = match (tag, span) {
            (Some((tag, place)), Some((start, _))) => Some(self.whole_tag(tag, place, start)?),
            _ => None,
        };
        Ok(Placed { properties: Properties { anchor, tag }, span })
    }

    /// A tag with its handle replaced by what it stands for.
    fn whole_tag(&self, tag: Tag<'text>, place: Point, start: Point) -> Result<Cow<'text, str>, Error> {
        let Some(handle) = tag.handle else { return Ok(tag.suffix) };
        match self.handles.prefix(handle) {
            Some(prefix) => Ok(format!("{prefix}{}", tag.suffix).into()),
            None => Err(self.refuse_at(format!("found undefined tag handle {}", quoted(handle)), place).within(
                "while parsing a node",
                self.text(),
                start,
            )),
        }
    }
}

fn scalar<'text>(token: Token<'text>, start: Point, properties: Properties<'text>) -> Event<'text> {
    let (text, style) = match token.kind {
        token::Kind::Scalar(text, style) => (text, style),
        _ => ("".into(), Style::Plain),
    };
    Event { start, end: token.end, kind: Kind::Scalar { properties, text, style } }
}
