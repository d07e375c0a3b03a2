//! `!!int` and `!!float`, with all that the original's language takes for a number once a tag says that
//! it is one.

use super::scalar::Fault;
use crate::error::Stage;
use crate::node::Value;
use crate::quoting::quoted;

/// How many decimal digits the original's language converts.
const MOST_DIGITS: usize = 4300;

/// Whole numbers: decimal, octal, hexadecimal, binary, counted in sixties; underscores anywhere.
///
/// Numbers of more than 4300 decimal digits are refused in every notation; the original takes them in
/// binary ones, and fails when it is to print them.
pub(super) fn integer(text: &str) -> Result<Value, Fault> {
    let text = text.replace('_', "");
    let (negative, body) = signed(&text)?;
    let number = if body == "0" {
        Large::default()
    } else if let Some(digits) = body.strip_prefix("0b") {
        literal(digits, 2)?
    } else if let Some(digits) = body.strip_prefix("0x") {
        literal(digits, 16)?
    } else if body.is_empty() {
        return Err(out_of_range());
    } else if body.starts_with('0') {
        literal(body, 8)?
    } else if body.contains(':') {
        return sixties(body, negative);
    } else {
        literal(body, 10)?
    };
    Ok(number.value(negative))
}

/// Numbers with a dot, infinities, not-a-number, sixties with a dot.
pub(super) fn float(text: &str) -> Result<f64, Fault> {
    let text = text.replace('_', "").to_lowercase();
    let (negative, body) = signed(&text)?;
    let size = match body {
        ".inf" => f64::INFINITY,
        ".nan" => return Ok(f64::NAN),
        _ if body.contains(':') => {
            let parts = body.split(':').map(decimal).collect::<Result<Vec<_>, _>>()?;
            let mut sum = 0.0;
            for (power, part) in parts.into_iter().rev().enumerate() {
                sum += part * power_of_sixty(power)?;
            }
            sum
        }
        _ => decimal(body)?,
    };
    Ok(if negative { -size } else { size })
}

/// Why a number has too many digits.
pub(crate) fn too_many_digits(digits: usize) -> String {
    format!(
        "Exceeds the limit ({MOST_DIGITS} digits) for integer string conversion: value has {digits} digits; \
         use sys.set_int_max_str_digits() to increase the limit"
    )
}

fn out_of_range() -> Fault {
    Fault::new(Stage::Index, "string index out of range")
}

fn too_large() -> Fault {
    let problem = format!(
        "Exceeds the limit ({MOST_DIGITS} digits) for integer string conversion; \
         use sys.set_int_max_str_digits() to increase the limit"
    );
    Fault::new(Stage::Value, problem)
}

/// Splits a sign off.
fn signed(text: &str) -> Result<(bool, &str), Fault> {
    match text.as_bytes().first() {
        None => Err(out_of_range()),
        Some(b'-') => Ok((true, &text[1..])),
        Some(b'+') => Ok((false, &text[1..])),
        Some(_) => Ok((false, text)),
    }
}

/// `12:30:45`, where each part may be any whole number.
fn sixties(text: &str, negative: bool) -> Result<Value, Fault> {
    let parts = text.split(':').map(|part| literal(part, 10)).collect::<Result<Vec<_>, _>>()?;
    if parts.iter().all(|part| !part.negative) {
        let mut sum = Large::default();
        for part in parts {
            sum.times(60)?;
            sum.plus(&part)?;
        }
        return Ok(sum.value(negative));
    }
    let mut sum = 0_i64;
    for part in parts {
        let Value::Int(part) = part.value(false) else { return Err(too_large()) };
        sum = sum.checked_mul(60).and_then(|sum| sum.checked_add(part)).ok_or_else(too_large)?;
    }
    Ok(Value::Int(if negative { -sum } else { sum }))
}

/// A whole number as the original's language writes it: blanks around it, a sign, a prefix that fits the
/// base.
fn literal(text: &str, base: u32) -> Result<Large, Fault> {
    let refuse = || {
        let quoted: String = quoted(text).chars().take(200).collect();
        Fault::new(Stage::Value, format!("invalid literal for int() with base {base}: {quoted}"))
    };
    let body = text.trim();
    let (negative, body) = match body.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, body.strip_prefix('+').unwrap_or(body)),
    };
    let digits = match base {
        2 => body.strip_prefix("0b").or_else(|| body.strip_prefix("0B")),
        8 => body.strip_prefix("0o").or_else(|| body.strip_prefix("0O")),
        16 => body.strip_prefix("0x").or_else(|| body.strip_prefix("0X")),
        _ => None,
    };
    let digits = digits.unwrap_or(body);
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(base)) {
        return Err(refuse());
    }
    if base == 10 && digits.len() > MOST_DIGITS {
        return Err(Fault::new(Stage::Value, too_many_digits(digits.len())));
    }
    let mut number = Large { negative, ..Large::default() };
    // As many digits at once as fit into a limb for every base.
    for chunk in digits.as_bytes().chunks(7) {
        let mut value = 0;
        for digit in chunk {
            value = value * base + char::from(*digit).to_digit(base).unwrap_or(0);
        }
        number.times_plus(base.pow(u32::try_from(chunk.len()).unwrap_or(0)), value)?;
    }
    Ok(number)
}

/// A number with or without a dot as the original's language writes it.
fn decimal(text: &str) -> Result<f64, Fault> {
    text.trim()
        .parse()
        .map_err(|_| Fault::new(Stage::Value, format!("could not convert string to float: {}", quoted(text))))
}

/// Exactly rounded, which repeated multiplication is not.
fn power_of_sixty(power: usize) -> Result<f64, Fault> {
    let overflow = || Fault::new(Stage::Overflow, "int too large to convert to float");
    // 60^174 is the first power beyond the range.
    if power > 173 {
        return Err(overflow());
    }
    let mut number = Large::default();
    number.plus(&Large { limbs: vec![1], negative: false })?;
    for _ in 0..power {
        number.times(60)?;
    }
    number.digits().parse().map_err(|_| overflow())
}

/// A whole number of up to 4300 decimal digits.
#[derive(Default)]
struct Large {
    negative: bool,
    /// Nine decimal digits each, the lowest first.
    limbs: Vec<u32>,
}

const LIMB: u64 = 1_000_000_000;

impl Large {
    fn times(&mut self, factor: u32) -> Result<(), Fault> {
        self.times_plus(factor, 0)
    }

    fn times_plus(&mut self, factor: u32, addend: u32) -> Result<(), Fault> {
        let mut carry = u64::from(addend);
        for limb in &mut self.limbs {
            let sum = u64::from(*limb) * u64::from(factor) + carry;
            (*limb, carry) = split(sum);
        }
        self.carry(carry)
    }

    /// Adds the size of another number.
    fn plus(&mut self, other: &Self) -> Result<(), Fault> {
        if self.limbs.len() < other.limbs.len() {
            self.limbs.resize(other.limbs.len(), 0);
        }
        let mut carry = 0;
        for (place, limb) in self.limbs.iter_mut().enumerate() {
            let sum = u64::from(*limb) + u64::from(other.limbs.get(place).copied().unwrap_or(0)) + carry;
            (*limb, carry) = split(sum);
        }
        self.carry(carry)
    }

    fn carry(&mut self, mut carry: u64) -> Result<(), Fault> {
        while carry > 0 {
            let limb;
            (limb, carry) = split(carry);
            self.limbs.push(limb);
        }
        if self.limbs.len() > MOST_DIGITS.div_ceil(9) { Err(too_large()) } else { Ok(()) }
    }

    fn digits(&self) -> String {
        let mut limbs = self.limbs.iter().rev().skip_while(|limb| **limb == 0);
        let first = limbs.next().map_or_else(|| "0".to_owned(), u32::to_string);
        limbs.fold(first, |digits, limb| digits + &format!("{limb:09}"))
    }

    /// The number, with its sign turned round or not.
    fn value(&self, opposite: bool) -> Value {
        let digits = self.digits();
        let digits = if self.negative != opposite && digits != "0" { format!("-{digits}") } else { digits };
        digits.parse().map_or_else(|_| Value::BigInt(digits.into()), Value::Int)
    }
}

const fn split(sum: u64) -> (u32, u64) {
    ((sum % LIMB) as u32, sum / LIMB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers() {
        for (text, number) in [
            ("010", 8),
            ("0x1F", 31),
            ("0b101", 5),
            ("1_000", 1000),
            ("12:30:45", 45045),
            ("-12", -12),
            ("+7", 7),
            ("-0", 0),
            ("0_", 0),
            ("0o17", 15),
            (" 12\n", 12),
            ("0x-1f", -31),
            ("--1", 1),
            ("1:-5", 55),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(integer(text), Ok(Value::Int(number)), "{text}");
        }
        let large = |digits: &str| Ok(Value::BigInt(digits.into()));
        assert_eq!(integer("-99999999999999999999"), large("-99999999999999999999"));
        assert_eq!(integer("0xFFFFFFFFFFFFFFFFFFFF"), large("1208925819614629174706175"));
        assert_eq!(integer("1000000000000000000:00"), large("60000000000000000000"));
        for text in ["", "-", "x", "08", "0x", "1:", "1 2", "0x_"] {
            assert!(integer(text).is_err(), "{text}");
        }
        assert!(integer(&"9".repeat(4300)).is_ok());
        assert!(integer(&"9".repeat(4301)).is_err());
        assert!(integer(&format!("0x{}", "f".repeat(100_000))).is_err());
    }

    #[test]
    fn numbers_with_a_dot() {
        let close = |text: &str, number: f64| assert!((float(text).unwrap() - number).abs() < f64::EPSILON, "{text}");
        close("1.5", 1.5);
        close("1_0.2_5", 10.25);
        close("1:30.5", 90.5);
        close("-1.5E+3", -1500.0);
        close("5", 5.0);
        assert_eq!(float("-.inf"), Ok(f64::NEG_INFINITY));
        assert!(float(".NaN").unwrap().is_nan());
        assert!(float("x").is_err());
        assert!(float(&format!("1{}.0", ":00".repeat(173))).is_ok());
        assert!(float(&format!("1{}.0", ":00".repeat(174))).is_err());
    }
}
