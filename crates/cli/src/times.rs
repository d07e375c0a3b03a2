//! Times as people give them: dates with or without a time, seconds since 1970, `+2 hours`, `3 days ago`.

use anyhow::{Context, bail};
use chrono::{DateTime, Days, Local, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike};
use chrono_tz::Tz;
use nephele_model::clock::{Clock, SystemClock};

const WRITTEN: &str = "%Y-%m-%dT%H:%M:%S";

/// The present moment, in UTC.
fn now() -> NaiveDateTime {
    DateTime::from_timestamp_micros(SystemClock.now().micros()).unwrap_or_default().naive_utc()
}

/// When a schedule begins or ends, in UTC: a date and time in a zone, or such as `+1 day+2h` from now on.
pub(crate) fn planned(text: &str, zone: Option<&str>) -> anyhow::Result<String> {
    let moment = if text.starts_with('+') {
        let now = now();
        let start = now.with_second(0).and_then(|now| now.with_nanosecond(0)).unwrap_or(now);
        shifted(start, text, true)?
    } else {
        absolute(text, zone)?
    };
    Ok(moment.format(WRITTEN).to_string())
}

fn absolute(text: &str, zone: Option<&str>) -> anyhow::Result<NaiveDateTime> {
    let today = Local::now().date_naive();
    let time =
        |text: &str| ["%H:%M", "%H:%M:%S"].iter().find_map(|format| NaiveTime::parse_from_str(text, format).ok());
    let local = match dated(text) {
        Some(moment) => moment,
        None => today.and_time(
            time(text)
                .with_context(|| format!("`{text}` is no time: write YYYY-MM-DD HH:MM, HH:MM or such as +2 hours"))?,
        ),
    };
    if let Some(name) = zone {
        let zone: Tz = name.parse().map_err(|_| anyhow::anyhow!("`{name}` is no time zone, such as Europe/Berlin"))?;
        let there = zone.from_local_datetime(&local).earliest();
        return Ok(there.with_context(|| format!("there is no {local} in {name}"))?.naive_utc());
    }
    let here = Local.from_local_datetime(&local).earliest();
    Ok(here.with_context(|| format!("there is no {local} here"))?.naive_utc())
}

/// A date, perhaps with a time.
fn dated(text: &str) -> Option<NaiveDateTime> {
    let text = text.trim().trim_end_matches('Z').replace('T', " ");
    let formats = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S%.f"];
    formats
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(&text, format).ok())
        .or_else(|| Some(NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok()?.and_time(NaiveTime::MIN)))
}

/// A bound for events and executions: a date, seconds since 1970, or such as `3 days ago`.
pub(crate) fn bound(text: &str) -> anyhow::Result<String> {
    let moment = match (dated(text), text.parse::<i64>()) {
        (Some(moment), _) => moment,
        (None, Ok(seconds)) => {
            DateTime::from_timestamp(seconds, 0).with_context(|| format!("{seconds} is no time"))?.naive_utc()
        }
        _ => shifted(now(), text.trim().trim_end_matches("ago"), false)?,
    };
    Ok(moment.format(WRITTEN).to_string())
}

/// A bound for the audit log: `now`, such as `3d`, `@SECONDS`, or whatever the manager understands.
pub(crate) fn audited(text: &str) -> anyhow::Result<String> {
    if text == "now" {
        return Ok(now().format(WRITTEN).to_string());
    }
    if let Some(seconds) = text.strip_prefix('@') {
        return bound(seconds);
    }
    let unit = text.chars().last().unwrap_or_default().to_ascii_lowercase();
    match (text[..text.len().saturating_sub(unit.len_utf8())].parse::<f64>(), unit) {
        (Ok(number), 'h' | 'd' | 'w') => {
            let hours = match unit {
                'h' => 1.0,
                'd' => 24.0,
                _ => 168.0,
            };
            let milliseconds = format!("{:.0}", number * hours * 3_600_000.0).parse().unwrap_or_default();
            let moment = now() - TimeDelta::milliseconds(milliseconds);
            Ok(moment.format(WRITTEN).to_string())
        }
        _ => Ok(text.to_owned()),
    }
}

/// A moment some spans later or earlier, each a number and a unit.
fn shifted(start: NaiveDateTime, spans: &str, is_later: bool) -> anyhow::Result<NaiveDateTime> {
    let wrong = || format!("`{spans}` is no span of time, such as 3 days");
    let mut moment = start;
    let mut rest = spans.trim_start_matches('+').trim();
    if rest.is_empty() {
        bail!(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        let number: u32 = rest[..digits].parse().with_context(wrong)?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|character: char| !character.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = rest[..letters].trim_end_matches('s');
        rest = rest[letters..].trim_start().trim_start_matches('+');
        let months = |months: u32| {
            if is_later {
                moment.checked_add_months(Months::new(months))
            } else {
                moment.checked_sub_months(Months::new(months))
            }
        };
        let days = |days: u64| {
            if is_later { moment.checked_add_days(Days::new(days)) } else { moment.checked_sub_days(Days::new(days)) }
        };
        let minutes =
            |minutes: i64| moment.checked_add_signed(TimeDelta::minutes(if is_later { minutes } else { -minutes }));
        let moved = match unit {
            "y" | "year" => months(number.saturating_mul(12)),
            "mo" | "month" => months(number),
            "w" | "week" => days(u64::from(number) * 7),
            "d" | "day" => days(u64::from(number)),
            "h" | "hour" => minutes(i64::from(number) * 60),
            "min" | "minute" => minutes(i64::from(number)),
            _ => bail!(wrong()),
        };
        moment = moved.with_context(wrong)?;
    }
    Ok(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_taken_in_their_zone() {
        assert_eq!(planned("2026-01-02 10:00", Some("Asia/Jerusalem")).unwrap(), "2026-01-02T08:00:00");
        assert!(planned("2026-01-02 10:00", Some("Mars")).is_err());
        assert!(planned("soon", None).is_err());
        assert!(planned("+1 day+2h", None).is_ok());
    }

    #[test]
    fn spans_are_added_and_taken_away() {
        let start = NaiveDate::from_ymd_opt(2026, 3, 31).unwrap().and_time(NaiveTime::MIN);
        let at = |text, is_later| shifted(start, text, is_later).unwrap().format("%m-%d %H:%M").to_string();
        assert_eq!(at("+1 day+10min", true), "04-01 00:10");
        assert_eq!(at("1 month", false), "02-28 00:00");
        assert_eq!(at("2 weeks 3h", true), "04-14 03:00");
        assert!(shifted(start, "3 moons", true).is_err());
    }

    #[test]
    fn bounds_may_be_seconds() {
        assert_eq!(bound("0").unwrap(), "1970-01-01T00:00:00");
        assert_eq!(bound("2026-01-02").unwrap(), "2026-01-02T00:00:00");
        assert!(bound("3 days ago").is_ok());
        assert_eq!(audited("@0").unwrap(), "1970-01-01T00:00:00");
        assert!(audited("2w").is_ok());
    }
}
