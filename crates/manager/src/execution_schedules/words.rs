//! The plain words of a schedule: `2 weeks`, `MO`, `L-FR`.

use nephele_model::{Error, Result};
use serde_json::Value;

/// Units with the words for them.
const UNITS: [(&str, &str); 14] = [
    ("second", "SECONDLY"),
    ("sec", "SECONDLY"),
    ("minute", "MINUTELY"),
    ("min", "MINUTELY"),
    ("hour", "HOURLY"),
    ("h", "HOURLY"),
    ("day", "DAILY"),
    ("d", "DAILY"),
    ("week", "WEEKLY"),
    ("w", "WEEKLY"),
    ("month", "MONTHLY"),
    ("mo", "MONTHLY"),
    ("year", "YEARLY"),
    ("y", "YEARLY"),
];
const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// Every so many units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recurrence {
    interval: u16,
    /// The unit as it was written, without the plural's `s`.
    unit: &'static str,
    frequency: &'static str,
}

impl Recurrence {
    /// Reads `<number> <unit>`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let words = text.strip_suffix('s').unwrap_or(text);
        let read = UNITS.iter().find_map(|(unit, frequency)| {
            let number = words.strip_suffix(unit)?;
            let number = number.strip_suffix(' ').unwrap_or(number);
            let interval = number.parse::<u16>().ok().filter(|interval| *interval > 0)?;
            Some(Self { interval, unit, frequency })
        });
        read.ok_or_else(|| {
            Error::bad_parameters(format!(
                "`{text}` is not a legal recurrence expression. Supported format is: <number> \
                 seconds|minutes|hours|days|weeks|months|years"
            ))
        })
    }

    /// The rules of RFC 5545 that mean this, one for each of the days.
    pub(super) fn rules(&self, weekdays: Option<&[String]>) -> Vec<String> {
        let plain = format!("RRULE:FREQ={};INTERVAL={}", self.frequency, self.interval);
        let Some(weekdays) = weekdays.filter(|days| !days.is_empty()) else { return vec![plain] };
        let on = |day: &String| {
            let (place, day) = day.split_at(day.len().saturating_sub(2));
            match place {
                "" => format!("{plain};BYDAY={day}"),
                "L-" => format!("{plain};BYDAY={day};BYSETPOS=-1"),
                place => format!("{plain};BYDAY={day};BYSETPOS={place}"),
            }
        };
        weekdays.iter().map(on).collect()
    }

    /// The length of a step in seconds, where all are alike.
    pub(super) fn seconds(&self) -> Option<i64> {
        let unit = match self.frequency {
            "SECONDLY" => 1,
            "MINUTELY" => 60,
            "HOURLY" => 3600,
            "DAILY" => 86_400,
            "WEEKLY" => 604_800,
            _ => return None,
        };
        Some(unit * i64::from(self.interval))
    }
}

/// Reads a list of days; places in the month (`2TU`, `L-FR`) go with months and years only.
pub(super) fn weekdays(value: &Value, recurrence: Option<&Recurrence>) -> Result<Option<Vec<String>>> {
    let list = match value {
        Value::Null => return Ok(None),
        Value::Array(list) if list.is_empty() => return Ok(None),
        Value::Array(list) => list,
        other => return Err(Error::bad_parameters(format!("weekdays: expected a list, but got: {other}"))),
    };
    let day = |day: &Value| {
        let day = day.as_str().map_or_else(|| day.to_string(), str::to_uppercase);
        let place = DAYS.iter().find_map(|name| day.strip_suffix(name));
        match place {
            Some("") => Ok(day),
            Some("1" | "2" | "3" | "4" | "L-") if recurrence.is_some_and(|every| every.seconds().is_none()) => Ok(day),
            Some(place @ ("1" | "2" | "3" | "4" | "L-")) => Err(Error::bad_parameters(format!(
                "complex weekday expression {place} can only be used with a months|years recurrence, but got {}.",
                recurrence.map_or("None", |every| every.unit)
            ))),
            _ => Err(Error::bad_parameters(format!(
                "weekdays list contains an invalid weekday `{day}`. Valid weekdays are: {} or their lowercase values, \
                 optionally prefixed by 1-4 or l-/L-.",
                DAYS.join("|")
            ))),
        }
    };
    list.iter().map(day).collect::<Result<Vec<_>>>().map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_units_are_read() {
        for (text, interval, frequency) in [
            ("1 days", 1, "DAILY"),
            ("2 weeks", 2, "WEEKLY"),
            ("30min", 30, "MINUTELY"),
            ("5 sec", 5, "SECONDLY"),
            ("1 mo", 1, "MONTHLY"),
            ("3 y", 3, "YEARLY"),
            ("4 hs", 4, "HOURLY"),
        ] {
            let read = Recurrence::parse(text).unwrap();
            assert_eq!((read.interval, read.frequency), (interval, frequency), "{text}");
        }
        for bad in ["zz", "days", "0 days", "-1 days", "1 fortnight", "1.5 h", "99999 sec", ""] {
            assert!(Recurrence::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn places_go_with_months_only() {
        let monthly = Recurrence::parse("1 month").unwrap();
        let daily = Recurrence::parse("1 day").unwrap();
        assert_eq!(weekdays(&json!(["mo", "l-fr"]), Some(&monthly)).unwrap().unwrap(), ["MO", "L-FR"]);
        for bad in [json!(["2tu"]), json!(["zz"]), json!(["MONDAY"]), json!("mo"), json!([1])] {
            assert!(weekdays(&bad, Some(&daily)).is_err(), "{bad}");
        }
        assert_eq!(monthly.rules(Some(&["L-FR".to_owned()])), ["RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=FR;BYSETPOS=-1"]);
    }
}
