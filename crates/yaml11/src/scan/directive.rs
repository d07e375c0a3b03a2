//! `%YAML` and `%TAG`.

use super::Scanner;
use crate::error::{Error, Stage};
use crate::span::Point;
use crate::token::{Directive, Kind};

const CONTEXT: &str = "while scanning a directive";

/// How many digits the original's language takes for a number.
const MOST_DIGITS: usize = 4300;

impl<'text> Scanner<'text> {
    pub(super) fn directive(&mut self) -> Result<(), Error> {
        self.unwind(-1);
        self.drop_key()?;
        self.key_allowed = false;
        let start = self.cursor.point();
        self.cursor.pass_ascii(1);
        let name = self.name(CONTEXT, start)?;
        if !self.cursor.is_space_or_line_end(0) {
            return Err(self.no_name(CONTEXT, start));
        }
        let directive = match name {
            "YAML" => self.version(start)?,
            "TAG" => self.tag_handle_and_prefix(start)?,
            _ => {
                self.cursor.rest_of_line();
                Directive::Unknown
            }
        };
        self.push(Kind::Directive(directive), start);
        self.ignored_line(CONTEXT, start)
    }

    /// Passes letters, digits, `-` and `_`, at least one.
    pub(super) fn name(&mut self, context: &str, start: Point) -> Result<&'text str, Error> {
        match self.name_length(0) {
            0 => Err(self.no_name(context, start)),
            length => Ok(self.cursor.pass(length)),
        }
    }

    /// How many letters, digits, `-` and `_` are so many bytes ahead.
    pub(super) fn name_length(&self, ahead: usize) -> usize {
        let mut length = 0;
        while matches!(self.cursor.byte(ahead + length), b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_') {
            length += 1;
        }
        length
    }

    #[cold]
    pub(super) fn no_name(&self, context: &str, start: Point) -> Error {
        self.refuse_character(context, start, "expected alphabetic or numeric character", 0)
    }

    fn version(&mut self, start: Point) -> Result<Directive<'text>, Error> {
        self.cursor.spaces();
        let major = self.version_number(start)?;
        if self.cursor.byte(0) != b'.' {
            return Err(self.refuse_character(CONTEXT, start, "expected a digit or '.'", 0));
        }
        self.cursor.pass_ascii(1);
        self.version_number(start)?;
        if !self.cursor.is_space_or_line_end(0) {
            return Err(self.refuse_character(CONTEXT, start, "expected a digit or ' '", 0));
        }
        Ok(Directive::Yaml { supported: major.trim_start_matches('0') == "1" })
    }

    fn version_number(&mut self, start: Point) -> Result<&'text str, Error> {
        let mut length = 0;
        while self.cursor.byte(length).is_ascii_digit() {
            length += 1;
        }
        match length {
            0 => Err(self.refuse_character(CONTEXT, start, "expected a digit", 0)),
            1..=MOST_DIGITS => Ok(self.cursor.pass(length)),
            _ => Err(Error::unplaced(Stage::Value, crate::construct::too_many_digits(length), self.cursor.mark())),
        }
    }

    fn tag_handle_and_prefix(&mut self, start: Point) -> Result<Directive<'text>, Error> {
        self.cursor.spaces();
        let handle = self.tag_handle(CONTEXT, start)?;
        if self.cursor.byte(0) != b' ' {
            return Err(self.refuse_character(CONTEXT, start, "expected ' '", 0));
        }
        self.cursor.spaces();
        let prefix = self.uri("directive", start)?;
        if !self.cursor.is_space_or_line_end(0) {
            return Err(self.refuse_character(CONTEXT, start, "expected ' '", 0));
        }
        Ok(Directive::Tag { handle, prefix })
    }
}
