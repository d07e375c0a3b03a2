//! Times in default schedules: absolute ones become UTC, relative ones are checked (spec dsl.md 1.3).

use crate::diagnostic::{Diagnostic, Fault};

/// `2 weeks`, `10min`, `1h`: a number and a period.
pub(crate) fn check_delta(text: &str) -> Result<(), Diagnostic> {
    const PERIODS: [&str; 12] = ["min", "minute", "h", "hour", "d", "day", "w", "week", "mo", "month", "y", "year"];
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let period = text[digits..].strip_prefix(' ').unwrap_or(&text[digits..]);
    let period = period.strip_suffix('s').unwrap_or(period);
    if digits > 0 && PERIODS.contains(&period) {
        return Ok(());
    }
    Err(Diagnostic::new(Fault::ScheduleTime, format!("{text} is not a legal time delta")))
}

/// A relative time (`+1d +1h`) as it is; an absolute one (`2030-1-31 7:40`) in full.
///
/// Only UTC and fixed offsets (`+02:00`) are known as zones; other names are refused.
pub(crate) fn normalise(text: &str, zone: Option<&str>) -> Result<String, Diagnostic> {
    if text.starts_with('+') {
        for delta in text.split('+').map(str::trim).filter(|delta| !delta.is_empty()) {
            check_delta(delta)?;
        }
        return Ok(text.to_owned());
    }
    let refuse = || {
        let message = format!("{text} is not a legal time format. accepted formats are YYYY-MM-DD HH:MM | HH:MM");
        Diagnostic::new(Fault::ScheduleTime, message)
    };
    let (date, time) = text.trim().split_once(' ').ok_or_else(refuse)?;
    let numbers = |part: &str, separator: char| -> Option<Vec<i64>> {
        part.split(separator).map(|number| number.parse().ok()).collect()
    };
    let (date, time) = (numbers(date, '-').ok_or_else(refuse)?, numbers(time, ':').ok_or_else(refuse)?);
    let (&[year, month, day], &[hour, minute]) = (date.as_slice(), time.as_slice()) else { return Err(refuse()) };
    if !(1..=9999).contains(&year)
        || !(1..=12).contains(&month)
        || !(1..=days_in(year, month)).contains(&day)
        || !(0..24).contains(&hour)
        || !(0..60).contains(&minute)
    {
        return Err(refuse());
    }
    let minutes = days_before(year, month, day) * 1440 + hour * 60 + minute - offset(zone)?;
    let (mut days, minutes) = (minutes.div_euclid(1440), minutes.rem_euclid(1440));
    let (mut year, mut month) = (year - 1, 1);
    days -= days_before(year, 1, 1);
    while days >= days_in(year, month) {
        days -= days_in(year, month);
        (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    }
    Ok(format!("{year:04}-{month:02}-{:02} {:02}:{:02}:00", days + 1, minutes / 60, minutes % 60))
}

/// Minutes east of UTC.
fn offset(zone: Option<&str>) -> Result<i64, Diagnostic> {
    let Some(zone) = zone.filter(|zone| !zone.is_empty()) else { return Ok(0) };
    if matches!(zone, "UTC" | "GMT" | "Zulu" | "Etc/UTC" | "Etc/GMT" | "UCT") {
        return Ok(0);
    }
    if zone == "EST" {
        return Ok(-300);
    }
    let fixed = zone.strip_prefix(['+', '-']).and_then(|rest| {
        let (hours, minutes) = rest.split_once(':')?;
        let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
        Some(if zone.starts_with('-') { -minutes } else { minutes })
    });
    fixed.ok_or_else(|| Diagnostic::new(Fault::ScheduleTime, format!("{zone} is not a recognized timezone")))
}

const fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + is_leap(year) as i64,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the beginning of the calendar to this date.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let whole_years = before * 365 + before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    whole_years + (1..month).map(|month| days_in(year, month)).sum::<i64>() + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_times_are_written_in_full() {
        assert_eq!(normalise("2000-1-1 12:00", None).unwrap(), "2000-01-01 12:00:00");
        assert_eq!(normalise("2024-3-1 0:30", Some("+01:00")).unwrap(), "2024-02-29 23:30:00");
        assert_eq!(normalise("2023-12-31 23:00", Some("-02:00")).unwrap(), "2024-01-01 01:00:00");
        assert!(normalise("2023-2-29 1:00", None).is_err() && normalise("soon", None).is_err());
    }

    #[test]
    fn relative_times_are_checked() {
        assert_eq!(normalise("+1d +1h", None).unwrap(), "+1d +1h");
        assert!(check_delta("2 weeks").is_ok() && check_delta("blah").is_err());
    }
}
