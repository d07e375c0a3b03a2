//! Plain scalars to values: the YAML 1.1 rules for null, bool, int, float and timestamp.
//!
//! `010` is octal 8, `0o17` is text, `1_000` is a number, `12:30:45` counts in sixties, `1e3` is text
//! because a float needs a dot. Source: YAML 1.1 type repository as `PyYAML` reads it.

use crate::node::Value;

/// The value of an untagged plain scalar.
pub(crate) fn plain(text: &str) -> Value {
    let Some(first) = text.bytes().next() else { return Value::Null };
    match first {
        b'~' | b'n' | b'N' | b'y' | b'Y' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' => {
            if null(text) {
                return Value::Null;
            }
            if let Some(truth) = boolean(text) {
                return Value::Bool(truth);
            }
        }
        b'0'..=b'9' | b'+' | b'-' | b'.' => {
            if let Some(number) = integer(text).or_else(|| float(text).map(Value::Float)) {
                return number;
            }
            if timestamp(text) {
                return Value::Timestamp(text.to_owned());
            }
        }
        _ => {}
    }
    Value::String(text.into())
}

/// The words for nothing.
pub(crate) fn null(text: &str) -> bool {
    matches!(text, "~" | "null" | "Null" | "NULL" | "")
}

/// The words for true and false.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Whole numbers: decimal, octal, hexadecimal, binary, counted in sixties; underscores anywhere.
pub(crate) fn integer(text: &str) -> Option<Value> {
    let (negative, body) = signed(text);
    let first = *body.as_bytes().first()?;
    if !first.is_ascii_digit() {
        return None;
    }
    let (radix, digits) = if let Some(binary) = body.strip_prefix("0b") {
        (2, binary)
    } else if let Some(hexadecimal) = body.strip_prefix("0x") {
        (16, hexadecimal)
    } else if first == b'0' && body.len() > 1 {
        (8, &body[1..])
    } else if body.contains(':') {
        return sixties(body).map(|number| Value::Int(if negative { -number } else { number }));
    } else {
        (10, body)
    };
    let allowed = |byte: u8| byte == b'_' || (byte as char).is_digit(radix);
    if digits.is_empty() || !digits.bytes().all(allowed) {
        return None;
    }
    let clean: String = digits.chars().filter(|character| *character != '_').collect();
    if clean.is_empty() {
        // `0_` is the number nought; `0x_` and `0b_` are no numbers.
        return (radix == 8).then_some(Value::Int(0));
    }
    let signed_digits = if negative { format!("-{clean}") } else { clean };
    match i64::from_str_radix(&signed_digits, radix) {
        Ok(number) => Some(Value::Int(number)),
        Err(_) if radix == 10 => Some(Value::BigInt(signed_digits)),
        Err(_) => i128::from_str_radix(&signed_digits, radix).ok().map(|number| Value::BigInt(number.to_string())),
    }
}

/// Numbers with a dot, infinities, not-a-number, sixties with a dot.
pub(crate) fn float(text: &str) -> Option<f64> {
    let (negative, body) = signed(text);
    let sign = if negative { -1.0 } else { 1.0 };
    match body {
        ".inf" | ".Inf" | ".INF" => return Some(sign * f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" => return (body == text).then_some(f64::NAN),
        _ => {}
    }
    let (whole, rest) = body.split_once('.')?;
    if whole.contains(':') {
        let fraction = rest.replace('_', "");
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "the language adds whole and fraction as floats")]
        let whole = sixties(whole)? as f64;
        return Some(sign * (whole + format!("0.{fraction}0").parse::<f64>().ok()?));
    }
    let (fraction, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let starts = |part: &str| part.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    let shape = if whole.is_empty() { body == text && starts(fraction) } else { starts(whole) };
    let power = exponent.is_none_or(|power| {
        power
            .strip_prefix(['+', '-'])
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    });
    if !shape || !power || !digits(whole) || !digits(fraction) {
        return None;
    }
    let clean = body.replace('_', "");
    let clean = if clean.starts_with('.') { format!("0{clean}") } else { clean };
    clean.replace(".e", ".0e").replace(".E", ".0E").parse::<f64>().ok().map(|number| sign * number)
}

/// `2020-01-01`, or a date with a time and perhaps a zone.
pub(crate) fn timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    let run = |at: &mut usize, least: usize, most: usize| {
        let from = *at;
        while *at < bytes.len() && *at - from < most && bytes[*at].is_ascii_digit() {
            *at += 1;
        }
        *at - from >= least
    };
    let one = |at: &mut usize, byte: u8| {
        let found = bytes.get(*at) == Some(&byte);
        *at += usize::from(found);
        found
    };
    if !(run(&mut at, 4, 4) && one(&mut at, b'-')) {
        return false;
    }
    let month = at;
    if !(run(&mut at, 1, 2) && one(&mut at, b'-')) {
        return false;
    }
    let day = at;
    if !run(&mut at, 1, 2) {
        return false;
    }
    if at == bytes.len() {
        return day - month == 3 && at - day == 2;
    }
    let blanks = |at: &mut usize| {
        let from = *at;
        while matches!(bytes.get(*at), Some(b' ' | b'\t')) {
            *at += 1;
        }
        *at > from
    };
    if !(one(&mut at, b'T') || one(&mut at, b't') || blanks(&mut at)) {
        return false;
    }
    if !(run(&mut at, 1, 2) && one(&mut at, b':') && run(&mut at, 2, 2) && one(&mut at, b':') && run(&mut at, 2, 2)) {
        return false;
    }
    if one(&mut at, b'.') {
        run(&mut at, 0, usize::MAX);
    }
    let before_zone = at;
    blanks(&mut at);
    if one(&mut at, b'Z') {
        return at == bytes.len();
    }
    if one(&mut at, b'+') || one(&mut at, b'-') {
        return run(&mut at, 1, 2)
            && (at == bytes.len() || (one(&mut at, b':') && run(&mut at, 2, 2) && at == bytes.len()));
    }
    before_zone == bytes.len()
}

fn signed(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// `12:30:45`: digits, then groups of up to two digits below sixty.
fn sixties(text: &str) -> Option<i64> {
    let mut groups = text.split(':');
    let head = groups.next()?;
    if !head.bytes().next()?.is_ascii_digit() || !head.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_') {
        return None;
    }
    let mut total: i64 = head.replace('_', "").parse().ok()?;
    for group in groups {
        let shape = match group.as_bytes() {
            [last] => last.is_ascii_digit(),
            [first, last] => (b'0'..=b'5').contains(first) && last.is_ascii_digit(),
            _ => false,
        };
        if !shape {
            return None;
        }
        total = total.checked_mul(60)?.checked_add(group.parse().ok()?)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_yaml_1_1() {
        for (text, number) in [
            ("010", 8),
            ("0x1F", 31),
            ("0b101", 5),
            ("1_000", 1000),
            ("12:30:45", 45045),
            ("-12", -12),
            ("+7", 7),
            ("0", 0),
            ("-0", 0),
        ] {
            assert_eq!(plain(text), Value::Int(number), "{text}");
        }
        for (text, number) in
            [("1.5", 1.5), ("1.", 1.0), (".5", 0.5), ("1.5e+3", 1500.0), ("1_0.2_5", 10.25), ("1:30.5", 90.5)]
        {
            assert_eq!(plain(text), Value::Float(number), "{text}");
        }
        assert_eq!(plain("99999999999999999999"), Value::BigInt("99999999999999999999".to_owned()));
    }

    #[test]
    fn what_looks_like_a_number_may_be_text() {
        for text in ["0o17", "1e3", "1.5e3", "-.5", "08", "1.2.3", "1:99", "1-2", "+", "-", ".", "0x", "192.168.0.1"] {
            assert_eq!(plain(text), Value::String(text.into()), "{text}");
        }
    }

    #[test]
    fn words_for_truth_and_nothing() {
        assert_eq!(plain("yes"), Value::Bool(true));
        assert_eq!(plain("Off"), Value::Bool(false));
        assert_eq!(plain("y"), Value::String("y".into()));
        assert_eq!(plain("~"), Value::Null);
        assert_eq!(plain("yEs"), Value::String("yEs".into()));
    }

    #[test]
    fn dates_are_timestamps() {
        for text in ["2020-01-01", "2020-1-1 1:02:03", "2020-01-01T10:00:00.5Z", "2020-01-01 10:00:00 +01:30"] {
            assert_eq!(plain(text), Value::Timestamp(text.to_owned()));
        }
        for text in ["2020-1-1", "2020-01-01T10:00", "2020-01", "2020-01-01 10:00:00 x"] {
            assert_eq!(plain(text), Value::String(text.into()), "{text}");
        }
    }
}
