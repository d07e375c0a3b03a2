//! What tags are made of: a few ASCII characters, and `%` with two hexadecimal digits for the rest.

use std::borrow::Cow;
use std::fmt::Write;

use super::Scanner;
use crate::error::{Error, Stage};
use crate::span::Point;

impl<'text> Scanner<'text> {
    /// Passes a URI of at least one character, as a part of `what`.
    pub(super) fn uri(&mut self, what: &str, start: Point) -> Result<Cow<'text, str>, Error> {
        let mut uri = Cow::Borrowed("");
        loop {
            let mut length = 0;
            while is_uri_byte(self.cursor.byte(length)) {
                length += 1;
            }
            uri += self.cursor.pass(length);
            if self.cursor.byte(0) != b'%' {
                break;
            }
            uri.to_mut().push_str(&self.uri_escapes(what, start)?);
        }
        if uri.is_empty() {
            return Err(self.refuse_character(&format!("while parsing a {what}"), start, "expected URI", 0));
        }
        Ok(uri)
    }

    /// Decodes all `%xx` that stand here in a row, as UTF-8.
    fn uri_escapes(&mut self, what: &str, start: Point) -> Result<String, Error> {
        let context = format!("while scanning a {what}");
        let begin = self.cursor.point();
        let mut bytes = Vec::new();
        while self.cursor.byte(0) == b'%' {
            self.cursor.pass_ascii(1);
            let mut byte = 0;
            for ahead in 0..2 {
                let Some(digit) = char::from(self.cursor.byte(ahead)).to_digit(16) else {
                    let expected = "expected URI escape sequence of 2 hexadecimal numbers";
                    return Err(self.refuse_character(&context, start, expected, ahead));
                };
                byte = byte << 4 | digit;
            }
            bytes.extend(u8::try_from(byte));
            self.cursor.pass_ascii(2);
        }
        String::from_utf8(bytes).map_err(|error| {
            let problem = undecodable(error.as_bytes(), error.utf8_error());
            Error::new(Stage::Scanner, problem, self.text(), begin).within(context, self.text(), start)
        })
    }
}

const fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b';'
                | b'/'
                | b'?'
                | b':'
                | b'@'
                | b'&'
                | b'='
                | b'+'
                | b'$'
                | b','
                | b'_'
                | b'.'
                | b'!'
                | b'~'
                | b'*'
                | b'\''
                | b'('
                | b')'
                | b'['
                | b']'
        )
}

/// Why bytes are not UTF-8, in the words of the original's language.
fn undecodable(bytes: &[u8], error: std::str::Utf8Error) -> String {
    let from = error.valid_up_to();
    let to = error.error_len().map_or(bytes.len(), |length| from + length);
    let reason = match error.error_len() {
        None => "unexpected end of data",
        Some(_) if matches!(bytes[from], 0xC2..=0xF4) => "invalid continuation byte",
        Some(_) => "invalid start byte",
    };
    let mut text = String::from("'utf-8' codec can't decode ");
    let _ = if to - from == 1 {
        write!(text, "byte 0x{:02x} in position {from}: {reason}", bytes[from])
    } else {
        write!(text, "bytes in position {from}-{}: {reason}", to - 1)
    };
    text
}
