//! Scalars in quotes. Line breaks within them are folded; indentation does not matter.

use std::borrow::Cow;

use super::Scanner;
use super::plain::fold;
use crate::error::Error;
use crate::span::Point;
use crate::token::{Kind, Style};

const CONTEXT: &str = "while scanning a quoted scalar";

impl<'text> Scanner<'text> {
    pub(super) fn quoted_scalar(&mut self, style: Style) -> Result<(), Error> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.cursor.point();
        let quote = self.cursor.byte(0);
        self.cursor.pass_ascii(1);
        // What differs from the text so far, and where the text begins that does not.
        let mut changed = String::new();
        let mut from = self.cursor.offset();
        let value = loop {
            self.quoted_run(quote);
            match self.cursor.byte(0) {
                b'\'' if quote == b'\'' && self.cursor.byte(1) == b'\'' => {
                    self.cursor.pass_ascii(1);
                    changed.push_str(&self.text()[from..self.cursor.offset()]);
                    self.cursor.pass_ascii(1);
                }
                byte if byte == quote => {
                    let last: &'text str = &self.cursor.text()[from..self.cursor.offset()];
                    self.cursor.pass_ascii(1);
                    break if changed.is_empty() {
                        Cow::Borrowed(last)
                    } else {
                        changed.push_str(last);
                        Cow::Owned(changed)
                    };
                }
                b'\\' => {
                    changed.push_str(&self.text()[from..self.cursor.offset()]);
                    self.cursor.pass_ascii(1);
                    if self.cursor.line_break().is_some() {
                        self.quoted_breaks(start, &mut changed)?;
                    } else {
                        changed.push(self.escape(start)?);
                    }
                }
                _ => {
                    let before = self.cursor.offset();
                    self.cursor.blanks();
                    if self.cursor.at_end() {
                        return Err(self.refuse_within(CONTEXT, start, "found unexpected end of stream"));
                    }
                    let Some(first) = self.cursor.line_break() else { continue };
                    changed.push_str(&self.text()[from..before]);
                    let mut breaks = String::new();
                    self.quoted_breaks(start, &mut breaks)?;
                    fold(first, &mut breaks);
                    changed.push_str(&breaks);
                }
            }
            from = self.cursor.offset();
        };
        self.push(Kind::Scalar(value, style), start);
        Ok(())
    }

    /// Passes text without blanks, up to the quote or an escape.
    fn quoted_run(&mut self, quote: u8) {
        let is_double = quote == b'"';
        let mut length = 0;
        loop {
            let byte = self.cursor.byte(length);
            if byte == quote || (is_double && byte == b'\\') || self.cursor.is_blank_or_line_end(length) {
                break;
            }
            length += 1;
        }
        self.cursor.pass(length);
    }

    /// Passes blanks and line breaks at the beginning of a line, and writes the line breaks down.
    fn quoted_breaks(&mut self, start: Point, breaks: &mut String) -> Result<(), Error> {
        loop {
            if self.cursor.is_document_separator() {
                return Err(self.refuse_within(CONTEXT, start, "found unexpected document separator"));
            }
            self.cursor.blanks();
            match self.cursor.line_break() {
                Some(next) => breaks.push_str(next),
                None => return Ok(()),
            }
        }
    }
}
