//! `\` within double quotes.

use super::Scanner;
use crate::error::{Error, Stage};
use crate::span::Point;

const CONTEXT: &str = "while scanning a double-quoted scalar";

impl Scanner<'_> {
    /// The character that the text behind `\` stands for. Half of a surrogate pair is no character; it
    /// becomes U+FFFD, which is as little ASCII as it.
    pub(super) fn escape(&mut self, start: Point) -> Result<char, Error> {
        let meaning = match self.cursor.byte(0) {
            b'0' => '\0',
            b'a' => '\x07',
            b'b' => '\x08',
            b't' | b'\t' => '\t',
            b'n' => '\n',
            b'v' => '\x0B',
            b'f' => '\x0C',
            b'r' => '\r',
            b'e' => '\x1B',
            byte @ (b' ' | b'"' | b'\\' | b'/') => char::from(byte),
            b'N' => '\u{85}',
            b'_' => '\u{a0}',
            b'L' => '\u{2028}',
            b'P' => '\u{2029}',
            b'x' => return self.character_code(2, start),
            b'u' => return self.character_code(4, start),
            b'U' => return self.character_code(8, start),
            _ => {
                let found = crate::quoting::quoted_character(self.cursor.character_at(0));
                return Err(self.refuse_within(CONTEXT, start, format!("found unknown escape character {found}")));
            }
        };
        self.cursor.pass_ascii(1);
        Ok(meaning)
    }

    /// The character with the hexadecimal number behind the letter that stands here.
    fn character_code(&mut self, digits: usize, start: Point) -> Result<char, Error> {
        self.cursor.pass_ascii(1);
        let mut code = 0_u32;
        for ahead in 0..digits {
            let Some(digit) = char::from(self.cursor.byte(ahead)).to_digit(16) else {
                let expected = format!("expected escape sequence of {digits} hexadecimal numbers");
                return Err(self.refuse_character(CONTEXT, start, &expected, ahead));
            };
            code = code << 4 | digit;
        }
        // These two come from the original's language, not from its reader: they name no place.
        let out_of_range = |stage, problem: &str| Err(Error::unplaced(stage, problem.to_owned(), self.cursor.mark()));
        if code > i32::MAX.unsigned_abs() {
            return out_of_range(Stage::Overflow, "Python int too large to convert to C int");
        }
        if code > u32::from(char::MAX) {
            return out_of_range(Stage::Value, "chr() arg not in range(0x110000)");
        }
        self.cursor.pass_ascii(digits);
        Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }
}
