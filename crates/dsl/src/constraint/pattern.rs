//! Regular expressions as Python's `re` reads them.

use fancy_regex::Regex;

use super::violation;
use crate::diagnostic::Diagnostic;

/// Whether it compiles.
pub(crate) fn is_valid(pattern: &str) -> bool {
    compile(pattern).is_ok()
}

/// Whether a text begins with a match.
pub(crate) fn matches(pattern: &str, text: &str) -> Result<bool, Diagnostic> {
    let regex =
        compile(pattern).map_err(|error| violation(format!("The pattern '{pattern}' cannot be used: {error}")))?;
    regex.is_match(text).map_err(|error| violation(format!("The pattern '{pattern}' gave up: {error}")))
}

fn compile(pattern: &str) -> Result<Regex, fancy_regex::Error> {
    Regex::new(&format!("\\A(?:{})", translated(pattern)))
}

/// The same expression in the other notation: where the two differ is in ends of texts (`$`, `\Z`), in
/// repetitions without a lower bound (`{,3}`), and in brackets and operators within sets.
fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern.chars().peekable();
    let mut set: Option<usize> = None;
    while let Some(character) = rest.next() {
        let place = set;
        set = set.map(|place| place + 1);
        match (character, place) {
            ('\\', _) => match rest.next() {
                Some('Z') if place.is_none() => out.push_str("\\z"),
                Some(escaped) => out.extend(['\\', escaped]),
                None => out.push('\\'),
            },
            ('[', None) => {
                out.push('[');
                set = Some(0);
                if rest.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
            }
            // Directly after the opening bracket a closing one is meant as it is.
            (']', Some(0)) => out.push_str("\\]"),
            (']', Some(_)) => {
                out.push(']');
                set = None;
            }
            ('[' | '&' | '~', Some(_)) => out.extend(['\\', character]),
            ('-', Some(_)) if rest.peek() == Some(&'-') => out.push_str("\\-"),
            ('$', None) => out.push_str("(?=\\n?\\z)"),
            ('{', None) if rest.peek() == Some(&',') => {
                let bound: String = rest.clone().skip(1).take_while(char::is_ascii_digit).collect();
                let closes = rest.clone().nth(bound.len() + 1) == Some('}');
                out.push_str(if closes { "{0" } else { "\\{" });
            }
            ('{', None) if !rest.peek().is_some_and(char::is_ascii_digit) => out.push_str("\\{"),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `re.match` of Python 3.11 answers.
    #[test]
    fn patterns_match_as_in_python() {
        for (pattern, text, expected) in [
            ("abc$", "abc\n", true),
            ("abc$", "abc\n\n", false),
            ("abc\\Z", "abc\n", false),
            ("^[a-z]+$", "abc", true),
            ("a{,2}b", "aab", true),
            ("a{,2}b", "aaab", false),
            ("a{x}", "a{x}", true),
            ("a{,x", "a{,x", true),
            ("[]a]+", "]a", true),
            ("[^]a]+", "]", false),
            ("[[a]", "[", true),
            ("[a&&b]+$", "a&b", true),
            ("(?i)ABC", "abc", true),
            ("(?P<x>a)(?P=x)", "aa", true),
            ("(?!b)a", "a", true),
            ("(?<=x)a", "a", false),
            ("\\d{3}-\\d{4}", "123-4567", true),
            ("[\\w.-]+@x", "a.b-c@x", true),
            ("^(\\w+)-\\1$", "ab-ab", true),
            ("a|b", "xb", false),
        ] {
            assert_eq!(matches(pattern, text).unwrap(), expected, "{pattern} {text}");
        }
        for pattern in ["(", "[", "*a", "a**", "a{2,1}", "\\"] {
            assert!(!is_valid(pattern), "{pattern}");
        }
    }
}
