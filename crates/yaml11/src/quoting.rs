//! Texts as refusals quote them: in quotes, with escapes for what cannot be seen.

use std::fmt::Write;

/// A text in the notation of the original's language.
///
/// What counts as visible follows the Unicode version of the Rust toolchain.
pub(crate) fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for character in text.chars() {
        let code = u32::from(character);
        let _ = match character {
            '\t' => out.write_str("\\t"),
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\\' => out.write_str("\\\\"),
            _ if character == quote => write!(out, "\\{quote}"),
            ' '..='~' => out.write_char(character),
            _ if is_visible(character) => out.write_char(character),
            _ if code < 0x100 => write!(out, "\\x{code:02x}"),
            _ if code < 0x1_0000 => write!(out, "\\u{code:04x}"),
            _ => write!(out, "\\U{code:08x}"),
        };
    }
    out.push(quote);
    out
}

/// One character, quoted.
pub(crate) fn quoted_character(character: char) -> String {
    quoted(character.encode_utf8(&mut [0; 4]))
}

/// Behind a letter `escape_debug` writes combining marks as they are, as the original does.
fn is_visible(character: char) -> bool {
    let pair: String = ['a', character].into_iter().collect();
    pair.escape_debug().eq(pair.chars())
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn what_cannot_be_seen_is_escaped() {
        for (text, expected) in [
            ("a", "'a'"),
            ("it's", "\"it's\""),
            ("'\"", "'\\'\"'"),
            ("\0\t\n\u{7f}", "'\\x00\\t\\n\\x7f'"),
            ("\\", "'\\\\'"),
            ("é\u{301}", "'é\u{301}'"),
            ("\u{85}\u{200b}\u{2028}\u{a0}", "'\\x85\\u200b\\u2028\\xa0'"),
            ("😀\u{e0001}", "'😀\\U000e0001'"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
