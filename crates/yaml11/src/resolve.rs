//! What a scalar without a tag is: the YAML 1.1 rules for null, bool, int, float and timestamp.
//!
//! `010` is octal 8, `0o17` is text, `1_000` is a number, `12:30:45` counts in sixties, `1e3` is text
//! because a float needs a dot. Only the kind is decided here; `construct` makes the value.

use crate::construct::time;

/// What a node is to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    Null,
    Bool,
    Int,
    Float,
    Binary,
    Timestamp,
    Str,
    Seq,
    OrderedMap,
    Pairs,
    Map,
    Set,
    /// `<<`, which is a key and no value.
    Merge,
    /// `=`, which is a key and no value.
    Default,
    /// Nothing that a blueprint may hold.
    Unknown(Box<str>),
}

const STANDARD: &str = "tag:yaml.org,2002:";

impl Tag {
    /// An explicit tag.
    pub(crate) fn new(tag: &str) -> Self {
        match tag.strip_prefix(STANDARD) {
            Some("null") => Self::Null,
            Some("bool") => Self::Bool,
            Some("int") => Self::Int,
            Some("float") => Self::Float,
            Some("binary") => Self::Binary,
            Some("timestamp") => Self::Timestamp,
            Some("str") => Self::Str,
            Some("seq") => Self::Seq,
            Some("omap") => Self::OrderedMap,
            Some("pairs") => Self::Pairs,
            Some("map") => Self::Map,
            Some("set") => Self::Set,
            Some("merge") => Self::Merge,
            Some("value") => Self::Default,
            _ => Self::Unknown(tag.into()),
        }
    }

    /// The whole tag of a kind that has no values.
    pub(crate) fn without_values(&self) -> Option<&str> {
        match self {
            Self::Merge => Some("tag:yaml.org,2002:merge"),
            Self::Default => Some("tag:yaml.org,2002:value"),
            Self::Unknown(tag) => Some(tag),
            _ => None,
        }
    }
}

/// The kind of a plain scalar.
pub(crate) fn plain(text: &str) -> Tag {
    let Some(first) = text.bytes().next() else { return Tag::Null };
    // The rules let a line break pass at the end, which only a scalar with the tag `!` can have.
    let body = text.strip_suffix('\n').unwrap_or(text);
    match first {
        b'~' if body == "~" => Tag::Null,
        b'n' | b'N' if is_null(body) => Tag::Null,
        b'n' | b'N' | b'y' | b'Y' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' if is_bool(body) => Tag::Bool,
        b'0'..=b'9' | b'+' | b'-' | b'.' => numeric(body),
        b'<' if body == "<<" => Tag::Merge,
        b'=' if body == "=" => Tag::Default,
        b'!' | b'&' | b'*' if body.len() == 1 => Tag::Unknown("tag:yaml.org,2002:yaml".into()),
        _ => Tag::Str,
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "null" | "Null" | "NULL")
}

fn is_bool(text: &str) -> bool {
    matches!(
        text,
        "yes"
            | "Yes"
            | "YES"
            | "no"
            | "No"
            | "NO"
            | "true"
            | "True"
            | "TRUE"
            | "false"
            | "False"
            | "FALSE"
            | "on"
            | "On"
            | "ON"
            | "off"
            | "Off"
            | "OFF"
    )
}

fn numeric(text: &str) -> Tag {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_signed = unsigned.len() < text.len();
    if is_int(unsigned) {
        Tag::Int
    } else if is_float(unsigned, is_signed) {
        Tag::Float
    } else if !is_signed && time::Written::parse(text).is_some_and(|written| written.is_implicit()) {
        Tag::Timestamp
    } else {
        Tag::Str
    }
}

/// Decimal, octal, hexadecimal, binary, counted in sixties; underscores behind the first digit.
fn is_int(text: &str) -> bool {
    if let Some(digits) = text.strip_prefix("0b") {
        return has_only(digits, |byte| matches!(byte, b'0' | b'1' | b'_'));
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return has_only(digits, |byte| byte.is_ascii_hexdigit() || byte == b'_');
    }
    if let Some(digits) = text.strip_prefix('0') {
        return digits.bytes().all(|byte| matches!(byte, b'0'..=b'7' | b'_'));
    }
    match text.split_once(':') {
        None => is_digits(text),
        Some((head, groups)) => is_digits(head) && groups.split(':').all(is_sixtieth),
    }
}

/// With a dot, and perhaps an exponent with a sign; infinities, not-a-number, sixties with a dot.
fn is_float(text: &str, is_signed: bool) -> bool {
    match text {
        ".inf" | ".Inf" | ".INF" => return true,
        ".nan" | ".NaN" | ".NAN" => return !is_signed,
        _ => {}
    }
    let Some((whole, rest)) = text.split_once('.') else { return false };
    let is_fraction = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    if let Some((head, groups)) = whole.split_once(':') {
        return is_digits(head) && groups.split(':').all(is_sixtieth) && is_fraction(rest);
    }
    let (fraction, exponent) = match rest.split_once(['e', 'E']) {
        Some((fraction, exponent)) => (fraction, Some(exponent)),
        None => (rest, None),
    };
    let has_number =
        if whole.is_empty() { !is_signed && is_digits(fraction) } else { is_digits(whole) && is_fraction(fraction) };
    let is_exponent =
        |text: &str| text.strip_prefix(['+', '-']).is_some_and(|digits| has_only(digits, |byte| byte.is_ascii_digit()));
    has_number && exponent.is_none_or(is_exponent)
}

/// A digit, then digits and underscores.
fn is_digits(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_digit()) && bytes.all(|byte| byte.is_ascii_digit() || byte == b'_')
}

/// `0` to `59`, with one digit or two.
fn is_sixtieth(text: &str) -> bool {
    matches!(text.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9'])
}

fn has_only(text: &str, allows: fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(allows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn all_are(texts: &[&str], tag: &Tag) {
        for text in texts {
            assert_eq!(plain(text), *tag, "{text}");
        }
    }

    #[test]
    fn numbers_follow_yaml_1_1() {
        let whole = ["010", "0x1F", "0b101", "1_000", "12:30:45", "-12", "+7", "0", "-0", "0_", "0x_", "0b_", "9:59"];
        all_are(&whole, &Tag::Int);
        let dotted = ["1.5", "1.", ".5", "1.5e+3", "1_0.2_5", "1:30.5", "-.inf", ".NaN", "0.", "00.1", "1:2._"];
        all_are(&dotted, &Tag::Float);
    }

    #[test]
    fn what_looks_like_a_number_may_be_text() {
        let texts = [
            "0o17",
            "1e3",
            "1.5e3",
            "-.5",
            "08",
            "1.2.3",
            "1:99",
            "1-2",
            "+",
            "-",
            ".",
            "0x",
            "0b",
            "0:1",
            "_1",
            "192.168.0.1",
            "-.nan",
            "1.e5",
            "1:2:",
            ".5_e",
            "1:2.5e+1",
            "..",
        ];
        all_are(&texts, &Tag::Str);
    }

    #[test]
    fn words_for_truth_and_nothing() {
        all_are(&["yes", "Off", "TRUE", "n\u{6f}"], &Tag::Bool);
        all_are(&["", "~", "null", "NULL"], &Tag::Null);
        all_are(&["y", "yEs", "nULL", "~~", "tru"], &Tag::Str);
        all_are(&["<<"], &Tag::Merge);
        all_are(&["="], &Tag::Default);
    }

    #[test]
    fn dates_are_timestamps() {
        let dates = ["2020-01-01", "2020-1-1 1:02:03", "2020-01-01T10:00:00.5Z", "2020-01-01 10:00:00 +01:30"];
        all_are(&dates, &Tag::Timestamp);
        all_are(&["2020-1-1", "2020-01-01T10:00", "2020-01", "2020-01-01 10:00:00 x", "-2020-01-01"], &Tag::Str);
    }

    #[test]
    fn a_line_break_may_follow() {
        assert_eq!(plain("12\n"), Tag::Int);
        assert_eq!(plain("\n"), Tag::Str);
        assert_eq!(plain("12\n\n"), Tag::Str);
    }
}
