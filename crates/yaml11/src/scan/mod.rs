//! Characters to tokens.
//!
//! [`Scanner`] reads as far ahead as it must and no further: a text is refused at its first fault, and
//! which fault that is depends on who looks first. What may be the key of a mapping is known only when
//! `:` follows, so tokens wait in a queue until that is decided (`simple_key`). Every step takes time in
//! proportion to the characters it passes. The other files hold one kind of token each.

mod block;
mod block_scalar;
mod directive;
mod escape;
mod flow;
mod plain;
mod property;
mod quoted;
mod simple_key;
mod uri;

use std::collections::VecDeque;

use crate::cursor::Cursor;
use crate::error::{Error, Stage};
use crate::quoting::quoted_character;
use crate::span::Point;
use crate::token::{Kind, Style, Token};
use simple_key::{Opening, SimpleKey};

pub(crate) struct Scanner<'text> {
    cursor: Cursor<'text>,
    /// Tokens found and not yet taken, with what a `:` behind them made of them.
    queue: VecDeque<(Opening, Token<'text>)>,
    /// How many tokens were taken.
    taken: usize,
    /// Whether the first token of the queue is known to be final.
    settled: bool,
    finished: bool,
    /// How many `[` and `{` are open.
    flow_level: usize,
    /// The column of the innermost block collection; -1 outside of any.
    indent: i64,
    /// The columns of the collections around it.
    indents: Vec<i64>,
    /// Tokens that may turn out to be keys, the outermost first; at most one for a flow level.
    keys: VecDeque<SimpleKey>,
    /// Whether a key, or in a block a collection, may begin here.
    key_allowed: bool,
}

/// The next token, without taking it.
pub(crate) struct Peek<'queue, 'text> {
    pub(crate) kind: &'queue Kind<'text>,
    pub(crate) start: Point,
    pub(crate) end: Point,
}

impl<'text> Scanner<'text> {
    pub(crate) fn new(text: &'text str) -> Result<Self, Error> {
        let mut cursor = Cursor::new(text)?;
        cursor.byte_order_mark();
        Ok(Self {
            cursor,
            queue: VecDeque::new(),
            taken: 0,
            settled: false,
            finished: false,
            flow_level: 0,
            indent: -1,
            indents: Vec::new(),
            keys: VecDeque::new(),
            key_allowed: true,
        })
    }

    pub(crate) const fn text(&self) -> &'text str {
        self.cursor.text()
    }

    /// The next token; behind the end of the stream, that end again.
    #[inline]
    pub(crate) fn peek(&mut self) -> Result<Peek<'_, 'text>, Error> {
        if !self.settled {
            self.settle()?;
        }
        Ok(match self.queue.front() {
            Some((Opening::None, token)) => Peek { kind: &token.kind, start: token.start, end: token.end },
            Some((Opening::Key, token)) => Peek { kind: &Kind::Key, start: token.start, end: token.start },
            Some((Opening::MappingAndKey, token)) => {
                Peek { kind: &Kind::BlockMappingStart, start: token.start, end: token.start }
            }
            None => Peek { kind: &Kind::StreamEnd, start: self.cursor.point(), end: self.cursor.point() },
        })
    }

    /// Takes the next token.
    #[inline]
    pub(crate) fn take(&mut self) -> Result<Token<'text>, Error> {
        if !self.settled {
            self.settle()?;
        }
        let at_start = |kind, start| Token { kind, start, end: start };
        match self.queue.pop_front() {
            Some((Opening::None, token)) => {
                self.taken += 1;
                self.settled = false;
                Ok(token)
            }
            Some((Opening::Key, token)) => {
                let start = token.start;
                self.queue.push_front((Opening::None, token));
                Ok(at_start(Kind::Key, start))
            }
            Some((Opening::MappingAndKey, token)) => {
                let start = token.start;
                self.queue.push_front((Opening::Key, token));
                Ok(at_start(Kind::BlockMappingStart, start))
            }
            None => Ok(at_start(Kind::StreamEnd, self.cursor.point())),
        }
    }

    /// Reads on until the first token of the queue cannot become a key any more.
    fn settle(&mut self) -> Result<(), Error> {
        while !self.finished {
            if !self.queue.is_empty() {
                self.drop_stale_keys()?;
                if self.keys.front().is_none_or(|key| key.number != self.taken) {
                    break;
                }
            }
            self.scan()?;
        }
        self.settled = true;
        Ok(())
    }

    /// Reads one token of the text, and the ends of collections before it.
    fn scan(&mut self) -> Result<(), Error> {
        self.skip_to_token();
        self.drop_stale_keys()?;
        self.unwind(i64::from(self.cursor.column()));
        if self.cursor.at_end() {
            return self.stream_end();
        }
        let first = self.cursor.byte(0);
        if self.cursor.column() == 0 {
            if first == b'%' {
                return self.directive();
            }
            if self.cursor.is_document_separator() {
                return self.document_separator(first);
            }
        }
        let in_block = self.flow_level == 0;
        let alone = || self.cursor.is_blank_or_line_end(1);
        match first {
            b'[' => self.open_flow(Kind::FlowSequenceStart),
            b'{' => self.open_flow(Kind::FlowMappingStart),
            b']' => self.close_flow(Kind::FlowSequenceEnd),
            b'}' => self.close_flow(Kind::FlowMappingEnd),
            b',' => self.flow_entry(),
            b'-' if alone() => self.block_entry(),
            b'?' if !in_block || alone() => self.key(),
            b':' if !in_block || alone() => self.value(),
            b'*' | b'&' => self.reference(),
            b'!' => self.tag(),
            b'|' if in_block => self.block_scalar(Style::Literal),
            b'>' if in_block => self.block_scalar(Style::Folded),
            b'\'' => self.quoted_scalar(Style::SingleQuoted),
            b'"' => self.quoted_scalar(Style::DoubleQuoted),
            b'\t' | b'#' | b'|' | b'>' | b'%' | b'@' | b'`' => Err(self.no_token()),
            _ => self.plain_scalar(),
        }
    }

    #[cold]
    fn no_token(&self) -> Error {
        let found = quoted_character(self.cursor.character_at(0));
        self.refuse(format!("found character {found} that cannot start any token"))
            .during("while scanning for the next token")
    }

    /// Passes spaces, comments and line breaks.
    fn skip_to_token(&mut self) {
        loop {
            self.cursor.spaces();
            if self.cursor.byte(0) == b'#' {
                self.cursor.rest_of_line();
            }
            if self.cursor.line_break().is_none() {
                return;
            }
            if self.flow_level == 0 {
                self.key_allowed = true;
            }
        }
    }

    fn stream_end(&mut self) -> Result<(), Error> {
        self.unwind(-1);
        self.drop_key()?;
        self.keys.clear();
        self.key_allowed = false;
        self.finished = true;
        let here = self.cursor.point();
        self.push(Kind::StreamEnd, here);
        Ok(())
    }

    fn document_separator(&mut self, first: u8) -> Result<(), Error> {
        self.unwind(-1);
        self.drop_key()?;
        self.key_allowed = false;
        let kind = if first == b'-' { Kind::DocumentStart } else { Kind::DocumentEnd };
        self.push_indicator(kind, 3);
        Ok(())
    }

    /// Queues a token that ends here.
    #[inline]
    fn push(&mut self, kind: Kind<'text>, start: Point) {
        let end = self.cursor.point();
        self.queue.push_back((Opening::None, Token { kind, start, end }));
    }

    /// Queues a token of so many ASCII characters that begins here.
    fn push_indicator(&mut self, kind: Kind<'text>, length: usize) {
        let start = self.cursor.point();
        self.cursor.pass_ascii(length);
        self.push(kind, start);
    }

    /// A refusal of what stands here.
    #[cold]
    fn refuse(&self, problem: impl Into<String>) -> Error {
        Error::new(Stage::Scanner, problem, self.cursor.text(), self.cursor.point())
    }

    /// A refusal of what stands here while something that began earlier was being read.
    #[cold]
    fn refuse_within(&self, context: &str, begin: Point, problem: impl Into<String>) -> Error {
        self.refuse(problem).within(context, self.cursor.text(), begin)
    }

    /// A refusal of the character so many bytes ahead.
    #[cold]
    fn refuse_character(&self, context: &str, begin: Point, expected: &str, ahead: usize) -> Error {
        let found = quoted_character(self.cursor.character_at(ahead));
        self.refuse_within(context, begin, format!("{expected}, but found {found}"))
    }
}
