//! `!!binary`: base64, where anything that is no digit of it is passed over.

/// The bytes of a base64 text. Errors: padding that does not fit, in the words of the original.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    // How many digits of a group of four were seen, the bits of them that are still to be written, and
    // how many signs of padding followed.
    let (mut digits, mut bits, mut padding) = (0_u8, 0_u32, 0);
    for byte in text.bytes() {
        if byte == b'=' {
            if digits >= 2 {
                padding += 1;
                if digits + padding >= 4 {
                    return Ok(bytes);
                }
            }
            continue;
        }
        let Some(digit) = value(byte) else { continue };
        padding = 0;
        bits = bits << 6 | u32::from(digit);
        digits = (digits + 1) % 4;
        match digits {
            1 => {}
            rest => {
                let unused = if rest == 0 { 0 } else { 8 - 2 * u32::from(rest) };
                bytes.push((bits >> unused & 0xFF) as u8);
                bits &= (1 << unused) - 1;
            }
        }
    }
    match digits {
        0 => Ok(bytes),
        1 => Err(format!(
            "Invalid base64-encoded string: number of data characters ({}) cannot be 1 more than a multiple of 4",
            bytes.len() / 3 * 4 + 1
        )),
        _ => Err("Incorrect padding".to_owned()),
    }
}

const fn value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn reads_what_is_written_loosely() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("aGVsbG8=", b"hello"),
            ("aGVs\n bG8h", b"hello!"),
            ("aGU=aGU=", b"he"),
            ("aGk===", b"hi"),
            ("=aGk=", b"hi"),
            ("a=GVs", b"hel"),
        ] {
            assert_eq!(decode(text).as_deref(), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn refuses_wrong_padding() {
        assert_eq!(decode("aGU").unwrap_err(), "Incorrect padding");
        assert!(decode("aGVsbG8hYQ=x").unwrap_err().contains("Incorrect"));
        assert!(decode("aGVsb").unwrap_err().contains("characters (5) cannot"));
    }
}
