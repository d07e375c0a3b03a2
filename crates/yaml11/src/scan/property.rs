//! Anchors, aliases and tags.

use super::Scanner;
use crate::error::Error;
use crate::span::Point;
use crate::token::{Kind, Tag};

const CONTEXT: &str = "while scanning a tag";

impl<'text> Scanner<'text> {
    /// `&name` or `*name`.
    pub(super) fn reference(&mut self) -> Result<(), Error> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.cursor.point();
        let is_alias = self.cursor.byte(0) == b'*';
        let context = if is_alias { "while scanning an alias" } else { "while scanning an anchor" };
        self.cursor.pass_ascii(1);
        let name = self.name(context, start)?;
        let ends = matches!(self.cursor.byte(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if !ends && !self.cursor.is_blank_or_line_end(0) {
            return Err(self.no_name(context, start));
        }
        self.push(if is_alias { Kind::Alias(name) } else { Kind::Anchor(name) }, start);
        Ok(())
    }

    /// `!<uri>`, `!handle!suffix`, `!suffix` or a lone `!`.
    pub(super) fn tag(&mut self) -> Result<(), Error> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.cursor.point();
        let tag = if self.cursor.byte(1) == b'<' {
            self.cursor.pass_ascii(2);
            let suffix = self.uri("tag", start)?;
            if self.cursor.byte(0) != b'>' {
                return Err(self.refuse_character("while parsing a tag", start, "expected '>'", 0));
            }
            self.cursor.pass_ascii(1);
            Tag { handle: None, suffix }
        } else if self.cursor.is_blank_or_line_end(1) {
            Tag { handle: None, suffix: self.cursor.pass(1).into() }
        } else {
            let handle = if self.has_long_handle() { self.tag_handle(CONTEXT, start)? } else { self.cursor.pass(1) };
            Tag { handle: Some(handle), suffix: self.uri("tag", start)? }
        };
        if !self.cursor.is_space_or_line_end(0) {
            return Err(self.refuse_character(CONTEXT, start, "expected ' '", 0));
        }
        self.push(Kind::Tag(tag), start);
        Ok(())
    }

    /// Whether a second `!` follows in the same word.
    fn has_long_handle(&self) -> bool {
        let mut ahead = 1;
        while self.cursor.byte(ahead) != b'!' && !self.cursor.is_space_or_line_end(ahead) {
            ahead += 1;
        }
        self.cursor.byte(ahead) == b'!'
    }

    /// `!`, `!!` or `!name!`.
    pub(super) fn tag_handle(&mut self, context: &str, start: Point) -> Result<&'text str, Error> {
        if self.cursor.byte(0) != b'!' {
            return Err(self.refuse_character(context, start, "expected '!'", 0));
        }
        if self.cursor.byte(1) == b' ' {
            return Ok(self.cursor.pass(1));
        }
        let length = 1 + self.name_length(1);
        if self.cursor.byte(length) != b'!' {
            self.cursor.pass_ascii(length);
            return Err(self.refuse_character(context, start, "expected '!'", 0));
        }
        Ok(self.cursor.pass(length + 1))
    }
}
