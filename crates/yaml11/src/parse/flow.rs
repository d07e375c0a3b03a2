//! Collections in brackets and braces.

use super::{Entry, Events, State};
use crate::error::Error;
use crate::event::{Event, Kind, Properties};
use crate::token;

impl<'text> Events<'text> {
    pub(super) fn flow_sequence_entry(&mut self, entry: Entry) -> Result<Event<'text>, Error> {
        const CLOSES: fn(&token::Kind<'_>) -> bool = |kind| matches!(kind, token::Kind::FlowSequenceEnd);
        if self.next_is(CLOSES)? {
            return self.close(Kind::SequenceEnd);
        }
        self.comma(entry, "while parsing a flow sequence", "expected ',' or ']', but got")?;
        let token = self.scanner.peek()?;
        match token.kind {
            // `[key: value]` holds a mapping of one entry.
            token::Kind::Key => {
                let (start, end) = (token.start, token.end);
                self.state = State::FlowPairKey;
                let properties = Properties::default();
                Ok(Event { start, end, kind: Kind::MappingStart { properties, flow: true } })
            }
            token::Kind::FlowSequenceEnd => self.close(Kind::SequenceEnd),
            _ => {
                self.states.push(State::FlowSequence(Entry::Next));
                self.flow_node()
            }
        }
    }

    pub(super) fn flow_pair_key(&mut self) -> Result<Event<'text>, Error> {
        self.flow_part(State::FlowPairValue, |kind| {
            matches!(kind, token::Kind::Value | token::Kind::FlowEntry | token::Kind::FlowSequenceEnd)
        })
    }

    pub(super) fn flow_pair_value(&mut self) -> Result<Event<'text>, Error> {
        let token = self.scanner.peek()?;
        if !matches!(token.kind, token::Kind::Value) {
            let start = token.start;
            return Ok(self.empty(start, State::FlowPairEnd));
        }
        self.flow_part(State::FlowPairEnd, |kind| matches!(kind, token::Kind::FlowEntry | token::Kind::FlowSequenceEnd))
    }

    pub(super) fn flow_pair_end(&mut self) -> Result<Event<'text>, Error> {
        let start = self.scanner.peek()?.start;
        self.state = State::FlowSequence(Entry::Next);
        Ok(Event { start, end: start, kind: Kind::MappingEnd })
    }

    pub(super) fn flow_mapping_key(&mut self, entry: Entry) -> Result<Event<'text>, Error> {
        const CLOSES: fn(&token::Kind<'_>) -> bool = |kind| matches!(kind, token::Kind::FlowMappingEnd);
        if self.next_is(CLOSES)? {
            return self.close(Kind::MappingEnd);
        }
        self.comma(entry, "while parsing a flow mapping", "expected ',' or '}', but got")?;
        match self.scanner.peek()?.kind {
            token::Kind::Key => self.flow_part(State::FlowMappingValue, |kind| {
                matches!(kind, token::Kind::Value | token::Kind::FlowEntry | token::Kind::FlowMappingEnd)
            }),
            token::Kind::FlowMappingEnd => self.close(Kind::MappingEnd),
            _ => {
                self.states.push(State::FlowMappingNoValue);
                self.flow_node()
            }
        }
    }

    pub(super) fn flow_mapping_value(&mut self) -> Result<Event<'text>, Error> {
        if !self.next_is(|kind| matches!(kind, token::Kind::Value))? {
            return self.flow_mapping_no_value();
        }
        self.flow_part(State::FlowMapping(Entry::Next), |kind| {
            matches!(kind, token::Kind::FlowEntry | token::Kind::FlowMappingEnd)
        })
    }

    pub(super) fn flow_mapping_no_value(&mut self) -> Result<Event<'text>, Error> {
        let start = self.scanner.peek()?.start;
        Ok(self.empty(start, State::FlowMapping(Entry::Next)))
    }

    /// Takes the comma before every entry but the first.
    fn comma(&mut self, entry: Entry, context: &str, expected: &str) -> Result<(), Error> {
        if entry == Entry::Next {
            if !self.next_is(|kind| matches!(kind, token::Kind::FlowEntry))? {
                let begin = self.begins.last().copied();
                return Err(self.refuse(context, begin, expected));
            }
            self.scanner.take()?;
        }
        Ok(())
    }

    /// The node behind `?` or `:`, which is missing if the entry ends there; `next` follows it.
    fn flow_part(&mut self, next: State, ends: fn(&token::Kind<'text>) -> bool) -> Result<Event<'text>, Error> {
        let end = self.scanner.take()?.end;
        if self.next_is(ends)? {
            return Ok(self.empty(end, next));
        }
        self.states.push(next);
        self.flow_node()
    }
}
