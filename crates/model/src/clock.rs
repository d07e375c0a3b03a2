//! Time as the product sees it: one type for instants, one seam for "now".
//!
//! An instant is a whole number of microseconds since 1970 in UTC, in memory as in both databases,
//! so that order, ranges and indexes mean the same everywhere. On the wire it is text with exactly
//! three decimals (spec rest-api.md section 1.11).

use std::fmt;

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant in UTC, in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

const COMPACT: [&str; 4] = ["%Y%m%d%H%M%z", "%Y-%m-%d %H:%M%z", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%dT%H:%M%z"];
const ZONELESS: [&str; 3] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"];

impl Timestamp {
    /// From microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Reads ISO 8601 text with or without a zone; text without one is taken as UTC.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
            return Some(Self(instant.timestamp_micros()));
        }
        let naive = ZONELESS
            .iter()
            .find_map(|format| chrono::NaiveDateTime::parse_from_str(text, format).ok())
            .or_else(|| chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))?;
        Some(Self(naive.and_utc().timestamp_micros()))
    }

    /// Reads what [`Self::parse`] reads, and the shorter forms that people type, such as
    /// `201801012230-0500`.
    pub fn parse_typed(text: &str) -> Option<Self> {
        let short = || COMPACT.iter().find_map(|format| DateTime::parse_from_str(text, format).ok());
        let zoneless = || chrono::NaiveDateTime::parse_from_str(text, "%Y%m%d%H%M").ok();
        Self::parse(text)
            .or_else(|| short().map(|instant| Self(instant.timestamp_micros())))
            .or_else(|| zoneless().map(|instant| Self(instant.and_utc().timestamp_micros())))
    }

    /// This instant, `micros` later.
    #[must_use]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// The form of instants inside system properties: UTC without saying so, six decimals.
    pub fn zoneless(self) -> String {
        let instant = DateTime::<Utc>::from_timestamp_micros(self.0).unwrap_or_default();
        instant.format("%Y-%m-%dT%H:%M:%S%.6f").to_string()
    }

    /// Appends the text on the wire. Lists of events spend their time here, hence the digits by hand.
    pub fn push_to(self, text: &mut String) {
        let instant = DateTime::<Utc>::from_timestamp_micros(self.0).unwrap_or_default();
        let mut digits = |number: u32, width: u32, end: char| {
            for place in (0..width).rev() {
                text.push(char::from(b'0' + u8::try_from(number / 10_u32.pow(place) % 10).unwrap_or_default()));
            }
            text.push(end);
        };
        digits(u32::try_from(instant.year()).unwrap_or_default(), 4, '-');
        digits(instant.month(), 2, '-');
        digits(instant.day(), 2, 'T');
        digits(instant.hour(), 2, ':');
        digits(instant.minute(), 2, ':');
        digits(instant.second(), 2, '.');
        digits(instant.timestamp_subsec_millis(), 3, 'Z');
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(24);
        self.push_to(&mut text);
        formatter.write_str(&text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("{text} is not a legal time format")))
    }
}

/// Where "now" comes from, so that tests can hold time still.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The computer's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the computer")]
    fn now(&self) -> Timestamp {
        Timestamp(Utc::now().timestamp_micros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_format_has_three_decimals() {
        assert_eq!(Timestamp::from_micros(1_000_000_123_456).to_string(), "1970-01-12T13:46:40.123Z");
    }

    #[test]
    fn reads_zones_and_plain_dates() {
        let expected = Timestamp::parse("2024-05-01T10:00:00Z");
        assert!(expected.is_some());
        assert_eq!(Timestamp::parse("2024-05-01T12:00:00+02:00"), expected);
        assert_eq!(Timestamp::parse("2024-05-01 10:00:00"), expected);
        assert_eq!(Timestamp::parse("yesterday"), None);
        assert_eq!(Timestamp::parse_typed("202405010600-0400"), expected);
        assert_eq!(Timestamp::parse_typed("2024-05-01 12:00+0200"), expected);
        assert_eq!(Timestamp::parse_typed("tomorrow"), None);
    }
}
