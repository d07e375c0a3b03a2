//! A place in the text that moves forward, and what stands there.
//!
//! Works on bytes. Characters are only counted where a line holds more than ASCII; columns and indexes
//! then differ from bytes by what [`Cursor`] has seen of wide characters. Invariant: it stands between
//! two characters. Behind the end stands a NUL, which a readable text does not contain.

use crate::error::{Error, Stage};
use crate::span::{Mark, Point};

const BYTE_ORDER_MARK: &str = "\u{feff}";

#[derive(Clone)]
pub(crate) struct Cursor<'text> {
    text: &'text str,
    offset: usize,
    line: u32,
    /// The byte where the line would have to begin for the column to be a difference of bytes.
    origin: usize,
    /// How many more bytes than characters were passed.
    surplus: usize,
}

impl<'text> Cursor<'text> {
    /// The start of a text. Errors: a character that may not stand in YAML, more than 4 GiB.
    pub(crate) fn new(text: &'text str) -> Result<Self, Error> {
        if u32::try_from(text.len()).is_err() {
            let problem = "the text is larger than 4 GiB".to_owned();
            return Err(Error::unplaced(Stage::Composer, problem, Mark::default()));
        }
        let cursor = Self { text, offset: 0, line: 0, origin: 0, surplus: 0 };
        match text.char_indices().find(|(_, character)| !is_readable(*character)) {
            None => Ok(cursor),
            Some((offset, character)) => Err(cursor.unreadable(offset, character)),
        }
    }

    fn unreadable(mut self, offset: usize, character: char) -> Error {
        let index = self.text[..offset].chars().count();
        let problem = format!(
            "unacceptable character #x{:04x}: special characters are not allowed\n  in \"<unicode string>\", position {index}",
            u32::from(character)
        );
        while self.offset < offset {
            if self.line_break().is_none() {
                self.pass(self.character_at(0).len_utf8());
            }
        }
        Error::unplaced(Stage::Reader, problem, self.mark())
    }

    pub(crate) const fn text(&self) -> &'text str {
        self.text
    }

    pub(crate) const fn offset(&self) -> usize {
        self.offset
    }

    /// How many characters stand before this place.
    pub(crate) const fn index(&self) -> usize {
        self.offset - self.surplus
    }

    #[expect(clippy::cast_possible_truncation, reason = "the text is shorter than 4 GiB")]
    pub(crate) const fn column(&self) -> u32 {
        (self.offset - self.origin) as u32
    }

    pub(crate) const fn line(&self) -> u32 {
        self.line
    }

    pub(crate) const fn mark(&self) -> Mark {
        Mark { line: self.line, column: self.column() }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the text is shorter than 4 GiB")]
    pub(crate) const fn point(&self) -> Point {
        Point { offset: self.offset as u32, mark: self.mark() }
    }

    /// The byte so many bytes ahead; 0 behind the end.
    #[inline]
    pub(crate) fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.offset + ahead).copied().unwrap_or(0)
    }

    pub(crate) const fn at_end(&self) -> bool {
        self.offset == self.text.len()
    }

    /// The character so many bytes ahead; NUL behind the end.
    pub(crate) fn character_at(&self, ahead: usize) -> char {
        self.text.get(self.offset + ahead..).and_then(|rest| rest.chars().next()).unwrap_or('\0')
    }

    pub(crate) fn starts_with(&self, prefix: &str) -> bool {
        self.text.as_bytes()[self.offset..].starts_with(prefix.as_bytes())
    }

    /// Passes ASCII characters that break no line.
    #[inline]
    pub(crate) const fn pass_ascii(&mut self, bytes: usize) {
        self.offset += bytes;
    }

    /// Passes whole characters that break no line, and gives them.
    pub(crate) fn pass(&mut self, bytes: usize) -> &'text str {
        let passed = &self.text[self.offset..self.offset + bytes];
        self.offset += bytes;
        if !passed.is_ascii() {
            let surplus = bytes - passed.chars().count();
            self.surplus += surplus;
            self.origin += surplus + passed.matches(BYTE_ORDER_MARK).count();
        }
        passed
    }

    /// Passes a byte order mark.
    pub(crate) fn byte_order_mark(&mut self) {
        if self.starts_with(BYTE_ORDER_MARK) {
            self.pass(BYTE_ORDER_MARK.len());
        }
    }

    /// Passes spaces and gives their number.
    #[inline]
    pub(crate) fn spaces(&mut self) -> usize {
        let from = self.offset;
        while self.byte(0) == b' ' {
            self.offset += 1;
        }
        self.offset - from
    }

    /// Passes spaces and tabs.
    pub(crate) fn blanks(&mut self) {
        while matches!(self.byte(0), b' ' | b'\t') {
            self.offset += 1;
        }
    }

    /// Passes the rest of the line and gives it.
    pub(crate) fn rest_of_line(&mut self) -> &'text str {
        let mut ahead = 0;
        while !self.is_line_end(ahead) {
            ahead += 1;
        }
        self.pass(ahead)
    }

    /// Passes one line break and gives what it stands for.
    #[inline]
    pub(crate) fn line_break(&mut self) -> Option<&'static str> {
        let (bytes, surplus, meaning) = match self.break_length(0) {
            0 => return None,
            3 if self.byte(2) == 0xA8 => (3, 2, "\u{2028}"),
            3 => (3, 2, "\u{2029}"),
            2 if self.byte(0) == 0xC2 => (2, 1, "\n"),
            bytes => (bytes, 0, "\n"),
        };
        self.offset += bytes;
        self.surplus += surplus;
        self.line += 1;
        self.origin = self.offset;
        Some(meaning)
    }

    /// The bytes of the line break that begins so many bytes ahead; 0 if none does.
    #[inline]
    fn break_length(&self, ahead: usize) -> usize {
        match self.byte(ahead) {
            b'\n' => 1,
            b'\r' => 1 + usize::from(self.byte(ahead + 1) == b'\n'),
            0xC2 if self.byte(ahead + 1) == 0x85 => 2,
            0xE2 if self.byte(ahead + 1) == 0x80 && matches!(self.byte(ahead + 2), 0xA8 | 0xA9) => 3,
            _ => 0,
        }
    }

    /// Whether a line break or the end of the text is so many bytes ahead.
    #[inline]
    pub(crate) fn is_line_end(&self, ahead: usize) -> bool {
        match self.byte(ahead) {
            0 => true,
            b' '..=b'~' => false,
            _ => self.break_length(ahead) > 0,
        }
    }

    /// Whether a space, a line break or the end of the text is so many bytes ahead.
    #[inline]
    pub(crate) fn is_space_or_line_end(&self, ahead: usize) -> bool {
        self.byte(ahead) == b' ' || self.is_line_end(ahead)
    }

    /// Whether a space, a tab, a line break or the end of the text is so many bytes ahead.
    #[inline]
    pub(crate) fn is_blank_or_line_end(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t') || self.is_line_end(ahead)
    }

    /// Whether `---` or `...` stands here on its own.
    #[inline]
    pub(crate) fn is_document_separator(&self) -> bool {
        matches!(self.byte(0), b'-' | b'.')
            && (self.starts_with("---") || self.starts_with("..."))
            && self.is_blank_or_line_end(3)
    }
}

const fn is_readable(character: char) -> bool {
    matches!(
        character,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}'
    )
}
