//! Keys without `?`: known only when `:` follows on the same line, at most 1024 characters later.
//!
//! A token that may be such a key is remembered by its number. When the `:` comes, the token is marked
//! in the queue ([`Opening`]) instead of inserting others before it. Tokens of deeper flow levels begin
//! later, so the oldest candidate is always the first one, and it is the first one to become too old.

use super::Scanner;
use crate::error::Error;
use crate::span::Point;

/// What goes before a token in the stream, at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    None,
    /// It is a key.
    Key,
    /// It is the first key of a block mapping.
    MappingAndKey,
}

/// A token that may be a key.
pub(super) struct SimpleKey {
    /// How many tokens come before it.
    pub(super) number: usize,
    flow_level: usize,
    /// Whether it must be a key: it stands where a block mapping goes on.
    required: bool,
    index: usize,
    place: Point,
}

/// How far a key may reach, in characters.
const LONGEST: usize = 1024;

impl Scanner<'_> {
    /// Remembers that the token that begins here may be a key.
    pub(super) fn save_key(&mut self) -> Result<(), Error> {
        if self.key_allowed {
            let required = self.flow_level == 0 && self.indent == i64::from(self.cursor.column());
            self.drop_key()?;
            self.keys.push_back(SimpleKey {
                number: self.taken + self.queue.len(),
                flow_level: self.flow_level,
                required,
                index: self.cursor.index(),
                place: self.cursor.point(),
            });
        }
        Ok(())
    }

    /// Forgets the candidate of this flow level.
    pub(super) fn drop_key(&mut self) -> Result<(), Error> {
        match self.take_key() {
            Some(key) if key.required => Err(self.missing_value(&key)),
            _ => Ok(()),
        }
    }

    fn take_key(&mut self) -> Option<SimpleKey> {
        let level = self.flow_level;
        self.keys.pop_back_if(|key| key.flow_level == level)
    }

    /// Forgets candidates that are too far away for a `:` here.
    pub(super) fn drop_stale_keys(&mut self) -> Result<(), Error> {
        let (line, index) = (self.cursor.line(), self.cursor.index());
        let is_stale = |key: &mut SimpleKey| key.place.mark.line != line || index - key.index > LONGEST;
        while let Some(key) = self.keys.pop_front_if(is_stale) {
            if key.required {
                return Err(self.missing_value(&key));
            }
        }
        Ok(())
    }

    /// Makes the candidate of this flow level a key. Gives whether there was one.
    pub(super) fn confirm_key(&mut self) -> bool {
        let Some(key) = self.take_key() else { return false };
        let opens = self.flow_level == 0 && self.indent_to(i64::from(key.place.mark.column));
        if let Some((opening, _)) = self.queue.get_mut(key.number - self.taken) {
            *opening = if opens { Opening::MappingAndKey } else { Opening::Key };
        }
        true
    }

    #[cold]
    fn missing_value(&self, key: &SimpleKey) -> Error {
        self.refuse_within("while scanning a simple key", key.place, "could not find expected ':'")
    }
}
