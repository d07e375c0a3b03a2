//! Scalars after `|` (line breaks stay) and `>` (line breaks fold).

use super::Scanner;
use crate::error::Error;
use crate::span::Point;
use crate::token::{Kind, Style, Token};

const CONTEXT: &str = "while scanning a block scalar";

/// What becomes of the line breaks at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    /// `-`: none stays.
    Strip,
    /// The first stays.
    Clip,
    /// `+`: all stay.
    Keep,
}

impl Scanner<'_> {
    pub(super) fn block_scalar(&mut self, style: Style) -> Result<(), Error> {
        self.key_allowed = true;
        self.drop_key()?;
        let start = self.cursor.point();
        self.cursor.pass_ascii(1);
        let (chomping, increment) = self.block_scalar_header(start)?;
        self.ignored_line(CONTEXT, start)?;

        let least = (self.indent + 1).max(1);
        let mut breaks = String::new();
        let mut end;
        let indent;
        if let Some(increment) = increment {
            indent = least + increment - 1;
            end = self.empty_lines(indent, &mut breaks);
        } else {
            let widest;
            (widest, end) = self.leading_lines(&mut breaks);
            indent = least.max(widest);
        }

        let mut value = String::new();
        let mut line_break = "";
        let mut goes_on = self.in_block_scalar(indent);
        while goes_on {
            value.push_str(&breaks);
            breaks.clear();
            let is_text = !matches!(self.cursor.byte(0), b' ' | b'\t');
            value.push_str(self.cursor.rest_of_line());
            line_break = self.cursor.line_break().unwrap_or_default();
            end = self.empty_lines(indent, &mut breaks);
            goes_on = self.in_block_scalar(indent);
            if goes_on {
                // Indented lines of a folded scalar keep their line breaks.
                let next_is_text = !matches!(self.cursor.byte(0), b' ' | b'\t');
                if style == Style::Folded && line_break == "\n" && is_text && next_is_text {
                    if breaks.is_empty() {
                        value.push(' ');
                    }
                } else {
                    value.push_str(line_break);
                }
            }
        }
        if chomping != Chomping::Strip {
            value.push_str(line_break);
        }
        if chomping == Chomping::Keep {
            value.push_str(&breaks);
        }
        let kind = Kind::Scalar(value.into(), style);
        self.queue.push_back((super::Opening::None, Token { kind, start, end }));
        Ok(())
    }

    fn in_block_scalar(&self, indent: i64) -> bool {
        i64::from(self.cursor.column()) == indent && !self.cursor.at_end()
    }

    /// `+` or `-`, and a digit, in either order.
    fn block_scalar_header(&mut self, start: Point) -> Result<(Chomping, Option<i64>), Error> {
        let (mut chomping, mut increment) = (None, None);
        loop {
            match self.cursor.byte(0) {
                b'+' if chomping.is_none() => chomping = Some(Chomping::Keep),
                b'-' if chomping.is_none() => chomping = Some(Chomping::Strip),
                b'0' if increment.is_none() => {
                    let problem = "expected indentation indicator in the range 1-9, but found 0";
                    return Err(self.refuse_within(CONTEXT, start, problem));
                }
                digit @ b'1'..=b'9' if increment.is_none() => increment = Some(i64::from(digit - b'0')),
                _ => break,
            }
            self.cursor.pass_ascii(1);
        }
        if !self.cursor.is_space_or_line_end(0) {
            return Err(self.refuse_character(CONTEXT, start, "expected chomping or indentation indicators", 0));
        }
        Ok((chomping.unwrap_or(Chomping::Clip), increment))
    }

    /// Passes a comment up to the next line; nothing else may stand there.
    pub(super) fn ignored_line(&mut self, context: &str, start: Point) -> Result<(), Error> {
        self.cursor.spaces();
        if self.cursor.byte(0) == b'#' {
            self.cursor.rest_of_line();
        }
        if !self.cursor.is_line_end(0) {
            return Err(self.refuse_character(context, start, "expected a comment or a line break", 0));
        }
        self.cursor.line_break();
        Ok(())
    }

    /// Passes the empty lines before the text and the text's indentation. Gives the widest indentation
    /// seen, and the place behind the last line break.
    fn leading_lines(&mut self, breaks: &mut String) -> (i64, Point) {
        let mut widest = 0;
        let mut end = self.cursor.point();
        loop {
            if self.cursor.spaces() > 0 {
                widest = widest.max(i64::from(self.cursor.column()));
            }
            match self.cursor.line_break() {
                Some(next) => breaks.push_str(next),
                None => return (widest, end),
            }
            end = self.cursor.point();
        }
    }

    /// Passes empty lines and the indentation behind them. Gives the place behind the last line break.
    fn empty_lines(&mut self, indent: i64, breaks: &mut String) -> Point {
        let mut end = self.cursor.point();
        loop {
            while i64::from(self.cursor.column()) < indent && self.cursor.byte(0) == b' ' {
                self.cursor.pass_ascii(1);
            }
            match self.cursor.line_break() {
                Some(next) => breaks.push_str(next),
                None => return end,
            }
            end = self.cursor.point();
        }
    }
}
