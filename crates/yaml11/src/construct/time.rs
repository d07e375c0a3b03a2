//! Dates and points in time: their shape, whether they exist, and which are the same.

use super::scalar::Fault;
use crate::error::Stage;

/// A timestamp as it is written.
pub(crate) struct Written {
    year: u16,
    month: u8,
    day: u8,
    /// Whether month and day have two digits each.
    is_padded: bool,
    time: Option<Time>,
}

struct Time {
    hour: u8,
    minute: u8,
    second: u8,
    microsecond: u32,
    zone: Option<Zone>,
}

/// The distance from UTC.
struct Zone {
    is_west: bool,
    hours: u8,
    minutes: u8,
}

/// When it is. Points in time with a zone are the same if they are the same in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Instant {
    /// A day, counted from the beginning of 1970.
    Day(i64),
    /// Microseconds on an unknown clock.
    Local(i64),
    /// Microseconds in UTC.
    Absolute(i64),
}

impl Written {
    /// Reads `2020-01-31`, or a date with a time and perhaps a zone.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text.as_bytes() };
        let year = reader.number(4, 4)?;
        reader.sign(b"-")?;
        let before_month = reader.rest.len();
        let month = reader.small(1)?;
        reader.sign(b"-")?;
        let day = reader.small(1)?;
        let is_padded = before_month - reader.rest.len() == 5;
        let time = if reader.rest.is_empty() { None } else { Some(reader.time()?) };
        Some(Self { year, month, day, is_padded, time })
    }

    /// Whether it is a timestamp without saying so: a date alone needs two digits for month and day.
    pub(crate) const fn is_implicit(&self) -> bool {
        self.is_padded || self.time.is_some()
    }

    /// When it is. Errors: there is no such day, time or zone, in the words of the original.
    pub(super) fn instant(&self) -> Result<Instant, Fault> {
        let refuse = |problem: &str| Err(Fault::new(Stage::Value, problem));
        let offset = match self.time.as_ref().and_then(|time| time.zone.as_ref()) {
            Some(zone) => Some(zone.seconds()?),
            None => None,
        };
        if self.year == 0 {
            return refuse("year 0 is out of range");
        }
        if !(1..=12).contains(&self.month) {
            return refuse("month must be in 1..12");
        }
        if self.day == 0 || i64::from(self.day) > days_in_month(self.year, self.month) {
            return refuse("day is out of range for month");
        }
        let day = days_since_1970(self.year, self.month, self.day);
        let Some(time) = &self.time else { return Ok(Instant::Day(day)) };
        if time.hour > 23 {
            return refuse("hour must be in 0..23");
        }
        if time.minute > 59 {
            return refuse("minute must be in 0..59");
        }
        if time.second > 59 {
            return refuse("second must be in 0..59");
        }
        let hours = day * 24 + i64::from(time.hour);
        let seconds = (hours * 60 + i64::from(time.minute)) * 60 + i64::from(time.second);
        let microseconds = |seconds: i64| seconds * 1_000_000 + i64::from(time.microsecond);
        Ok(match offset {
            None => Instant::Local(microseconds(seconds)),
            Some(offset) => Instant::Absolute(microseconds(seconds - offset)),
        })
    }
}

impl Zone {
    fn seconds(&self) -> Result<i64, Fault> {
        const DAY: i64 = 24 * 60 * 60;
        let distance = (i64::from(self.hours) * 60 + i64::from(self.minutes)) * 60;
        let seconds = if self.is_west { -distance } else { distance };
        if distance < DAY {
            return Ok(seconds);
        }
        let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        let rest = if rest == 0 { String::new() } else { format!(", seconds={rest}") };
        Err(Fault::new(
            Stage::Value,
            format!(
                "offset must be a timedelta strictly between -timedelta(hours=24) and timedelta(hours=24), \
                 not datetime.timedelta(days={days}{rest})."
            ),
        ))
    }
}

struct Reader<'text> {
    rest: &'text [u8],
}

impl Reader<'_> {
    fn time(&mut self) -> Option<Time> {
        if self.sign(b"Tt").is_none() && !self.blanks() {
            return None;
        }
        let hour = self.small(1)?;
        self.sign(b":")?;
        let minute = self.small(2)?;
        self.sign(b":")?;
        let second = self.small(2)?;
        let microsecond = self.sign(b".").map_or(0, |_| self.fraction());
        let has_blanks = self.blanks();
        let zone = match self.sign(b"Z+-") {
            None if has_blanks => return None,
            None => None,
            Some(b'Z') => Some(Zone { is_west: false, hours: 0, minutes: 0 }),
            Some(sign) => {
                let hours = self.small(1)?;
                let minutes = if self.sign(b":").is_some() { self.small(2)? } else { 0 };
                Some(Zone { is_west: sign == b'-', hours, minutes })
            }
        };
        self.rest.is_empty().then_some(Time { hour, minute, second, microsecond, zone })
    }

    /// Takes one of several signs.
    fn sign(&mut self, signs: &[u8]) -> Option<u8> {
        let (first, rest) = self.rest.split_first().filter(|(first, _)| signs.contains(first))?;
        self.rest = rest;
        Some(*first)
    }

    /// Takes as many digits as there are, within bounds.
    fn number(&mut self, least: usize, most: usize) -> Option<u16> {
        let length = self.rest.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        if length < least {
            return None;
        }
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(digits.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0')))
    }

    /// Takes at most two digits.
    fn small(&mut self, least: usize) -> Option<u8> {
        self.number(least, 2).and_then(|number| number.try_into().ok())
    }

    /// Takes the digits behind the dot; those after the sixth count for nothing.
    fn fraction(&mut self) -> u32 {
        let length = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        let padded = digits.iter().copied().chain(std::iter::repeat(b'0')).take(6);
        padded.fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
    }

    fn blanks(&mut self) -> bool {
        let before = self.rest.len();
        while self.sign(b" \t").is_some() {}
        self.rest.len() < before
    }
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: u16, month: u8) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year.into())),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_1970(year: u16, month: u8, day: u8) -> i64 {
    let past = i64::from(year) - 1;
    let years = past * 365 + past / 4 - past / 100 + past / 400;
    let months: i64 = (1..month).map(|month| days_in_month(year, month)).sum();
    years + months + i64::from(day) - 719_163
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> Result<Instant, Fault> {
        Written::parse(text).unwrap().instant()
    }

    #[test]
    fn days_are_counted() {
        assert_eq!(instant("1970-01-01"), Ok(Instant::Day(0)));
        assert_eq!(instant("2000-03-01"), Ok(Instant::Day(11_017)));
        assert_eq!(instant("1970-01-01 00:00:01.5"), Ok(Instant::Local(1_500_000)));
        assert_eq!(instant("1970-1-1t1:00:00 +01:00"), Ok(Instant::Absolute(0)));
        assert_eq!(instant("1969-12-31T23:59:59Z"), Ok(Instant::Absolute(-1_000_000)));
    }

    #[test]
    fn what_does_not_exist_is_refused() {
        for text in [
            "0000-01-01",
            "2020-13-01",
            "2021-02-29",
            "2020-01-01 24:00:00",
            "2020-01-01 00:60:00",
            "2020-01-01 00:00:60",
            "2020-01-01 00:00:00 -24:00",
        ] {
            assert!(instant(text).is_err(), "{text}");
        }
        for text in
            ["2020-01-01x", "2020-01-01 ", "2020-01-01 1:2:03", "2020-01-01 00:00:00 ", "2020-01-01 0:00:00+1:0"]
        {
            assert!(Written::parse(text).is_none(), "{text}");
        }
    }
}
