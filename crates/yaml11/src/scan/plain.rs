//! Scalars without quotes. They end at a blank, at `: ` and in flow collections at any of `,?[]{}`, and
//! at `:` before one of `,[]{}`.

use std::borrow::Cow;

use super::Scanner;
use crate::error::Error;
use crate::token::{Kind, Style};

/// How a byte counts within a plain scalar.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Text,
    /// Ends the scalar or not, depending on what follows.
    Colon,
    /// Ends it in a flow collection.
    Indicator,
    /// Ends it, or begins a character.
    Unclear,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Text; 256];
    let mut index = 0;
    while index < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "counts bytes")]
        let byte = index as u8;
        classes[index] = match byte {
            b':' => Class::Colon,
            b',' | b'?' | b'[' | b']' | b'{' | b'}' => Class::Indicator,
            0 | b' ' | b'\t' | b'\r' | b'\n' | 0xC2 | 0xE2 => Class::Unclear,
            _ => Class::Text,
        };
        index += 1;
    }
    classes
};

impl<'text> Scanner<'text> {
    pub(super) fn plain_scalar(&mut self) -> Result<(), Error> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.cursor.point();
        let mut end = start;
        let least_column = self.indent + 1;
        // What earlier lines hold, and where the line at hand begins.
        let mut folded = String::new();
        let mut from = self.cursor.offset();
        let mut to = from;
        let mut breaks = String::new();
        while self.cursor.byte(0) != b'#' {
            let length = self.plain_run();
            if length == 0 {
                break;
            }
            if !breaks.is_empty() {
                folded.push_str(&self.text()[from..to]);
                folded.push_str(&breaks);
                breaks.clear();
                from = self.cursor.offset();
            }
            self.key_allowed = false;
            self.cursor.pass(length);
            to = self.cursor.offset();
            end = self.cursor.point();
            if !self.plain_gap(&mut breaks) || (self.flow_level == 0 && i64::from(self.cursor.column()) < least_column)
            {
                break;
            }
        }
        let last: &'text str = &self.cursor.text()[from..to];
        let value = if folded.is_empty() {
            Cow::Borrowed(last)
        } else {
            folded.push_str(last);
            Cow::Owned(folded)
        };
        self.queue
            .push_back((super::Opening::None, super::Token { kind: Kind::Scalar(value, Style::Plain), start, end }));
        Ok(())
    }

    /// The length of the text without blanks that stands here, in bytes.
    fn plain_run(&self) -> usize {
        let in_flow = self.flow_level > 0;
        let mut length = 0;
        loop {
            let ends = match CLASSES[usize::from(self.cursor.byte(length))] {
                Class::Text => false,
                Class::Colon => {
                    self.cursor.is_blank_or_line_end(length + 1)
                        || (in_flow && matches!(self.cursor.byte(length + 1), b',' | b'[' | b']' | b'{' | b'}'))
                }
                Class::Indicator => in_flow,
                Class::Unclear => self.cursor.is_blank_or_line_end(length),
            };
            if ends {
                return length;
            }
            length += 1;
        }
    }

    /// Passes spaces and line breaks, and writes down what the line breaks stand for. Gives whether the
    /// scalar may go on.
    fn plain_gap(&mut self, breaks: &mut String) -> bool {
        let spaces = self.cursor.spaces();
        let Some(first) = self.cursor.line_break() else { return spaces > 0 };
        self.key_allowed = true;
        loop {
            if self.cursor.is_document_separator() {
                return false;
            }
            self.cursor.spaces();
            match self.cursor.line_break() {
                Some(next) => breaks.push_str(next),
                None => break,
            }
        }
        fold(first, breaks);
        true
    }
}

/// The first of several line breaks stands for nothing, a single one for a space; the exotic ones stand
/// for themselves.
pub(super) fn fold(first: &str, others: &mut String) {
    if first != "\n" {
        others.insert_str(0, first);
    } else if others.is_empty() {
        others.push(' ');
    }
}
