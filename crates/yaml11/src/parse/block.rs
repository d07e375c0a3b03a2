//! Collections that are held together by indentation.

use super::{Events, State};
use crate::error::Error;
use crate::event::{Event, Kind};
use crate::token;

impl<'text> Events<'text> {
    pub(super) fn block_sequence_entry(&mut self) -> Result<Event<'text>, Error> {
        match self.scanner.peek()?.kind {
            token::Kind::BlockEntry => {
                let end = self.scanner.take()?.end;
                if self.next_is(|kind| matches!(kind, token::Kind::BlockEntry | token::Kind::BlockEnd))? {
                    return Ok(self.empty(end, State::BlockSequenceEntry));
                }
                self.states.push(State::BlockSequenceEntry);
                self.block_node()
            }
            token::Kind::BlockEnd => self.close(Kind::SequenceEnd),
            _ => Err(self.no_block_end("while parsing a block collection")),
        }
    }

    /// A list whose dashes stand in the column of the mapping around it: any other token ends it.
    pub(super) fn indentless_sequence_entry(&mut self) -> Result<Event<'text>, Error> {
        let token = self.scanner.peek()?;
        if !matches!(token.kind, token::Kind::BlockEntry) {
            let start = token.start;
            self.resume();
            return Ok(Event { start, end: start, kind: Kind::SequenceEnd });
        }
        let end = self.scanner.take()?.end;
        if self.next_is(|kind| matches!(kind, token::Kind::BlockEntry) || ends_entry(kind))? {
            return Ok(self.empty(end, State::IndentlessSequenceEntry));
        }
        self.states.push(State::IndentlessSequenceEntry);
        self.block_node()
    }

    pub(super) fn block_mapping_key(&mut self) -> Result<Event<'text>, Error> {
        match self.scanner.peek()?.kind {
            token::Kind::Key => self.block_mapping_part(State::BlockMappingValue),
            token::Kind::BlockEnd => self.close(Kind::MappingEnd),
            _ => Err(self.no_block_end("while parsing a block mapping")),
        }
    }

    pub(super) fn block_mapping_value(&mut self) -> Result<Event<'text>, Error> {
        let token = self.scanner.peek()?;
        if matches!(token.kind, token::Kind::Value) {
            return self.block_mapping_part(State::BlockMappingKey);
        }
        let start = token.start;
        Ok(self.empty(start, State::BlockMappingKey))
    }

    /// The node behind `?` or `:`, which may be missing; `next` follows it.
    fn block_mapping_part(&mut self, next: State) -> Result<Event<'text>, Error> {
        let end = self.scanner.take()?.end;
        if self.next_is(ends_entry)? {
            return Ok(self.empty(end, next));
        }
        self.states.push(next);
        self.block_node_or_indentless_sequence()
    }

    #[cold]
    fn no_block_end(&mut self, context: &str) -> Error {
        let begin = self.begins.last().copied();
        self.refuse(context, begin, "expected <block end>, but found")
    }
}

const fn ends_entry(kind: &token::Kind<'_>) -> bool {
    matches!(kind, token::Kind::Key | token::Kind::Value | token::Kind::BlockEnd)
}
