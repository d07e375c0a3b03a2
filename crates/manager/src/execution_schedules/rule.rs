//! How a schedule recurs, and the instants that follow from it.
//!
//! Two kinds: a recurrence in plain words with weekdays and a count, and a rule of RFC 5545. Both become
//! a set of RFC 5545 rules, in UTC unless the rule names a zone of its own. Invariant: no rule, however
//! hostile, makes the search for its next instant long: a distant beginning is skipped by arithmetic, and
//! what is looked through one by one is bounded. Source: spec rest-api.md section 2.4; the words of
//! refusals are those that clients know.

use std::str::FromStr;

use chrono::{DateTime, Duration, TimeZone, Utc};
use nephele_model::python_text::is_truthy;
use nephele_model::{Error, Result, Timestamp};
use rrule::{Frequency, RRuleSet, Tz};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::words::{Recurrence, weekdays};

/// How many instants are looked through, as in the original.
const SEARCH: usize = 100_000;
const LONGEST: usize = 4096;

/// A rule as it stands in a schedule's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Rule {
    /// A rule of RFC 5545.
    Calendar {
        /// Its text.
        rrule: String,
    },
    /// Plain words. Without a recurrence it is due once.
    Words {
        /// `<number> <unit>`.
        recurrence: Option<String>,
        /// How often in all.
        count: Option<u32>,
        /// Only on these days, such as `MO`, `2TU`, `L-FR`.
        weekdays: Option<Vec<String>>,
    },
}

/// What a request says of a rule.
#[derive(Clone, Debug, Default)]
pub struct RuleWords {
    /// A rule of RFC 5545; excludes the others.
    pub rrule: Option<String>,
    /// `<number> <unit>`.
    pub recurrence: Option<String>,
    /// How often in all: a number, or one as text.
    pub count: Option<Value>,
    /// Only on these days.
    pub weekdays: Option<Value>,
}

impl Rule {
    /// Due once.
    pub(super) const ONCE: Self = Self::Words { recurrence: None, count: Some(1), weekdays: None };

    /// The rule of a setting: plain words such as `1 day`, or a rule of RFC 5545.
    pub(crate) fn of_text(text: &str) -> Result<Self> {
        let text = Some(text.to_owned());
        let words = if text.as_ref().is_some_and(|text| text.contains('=')) {
            RuleWords { rrule: text, ..RuleWords::default() }
        } else {
            RuleWords { recurrence: text, ..RuleWords::default() }
        };
        Self::read(words, None)
    }

    /// The rule that a request describes; what it leaves out is as in the `present` one.
    pub(super) fn read(words: RuleWords, present: Option<&Self>) -> Result<Self> {
        if let Some(rrule) = words.rrule.filter(|text| !text.is_empty()) {
            // Clients send empty lists and texts for what was not given.
            let is_given = |value: &Option<Value>| value.as_ref().is_some_and(is_truthy);
            let recurs = words.recurrence.is_some_and(|text| !text.is_empty());
            if recurs || is_given(&words.weekdays) || is_given(&words.count) {
                return Err(Error::bad_parameters(
                    "`rrule` cannot be provided together with `recurrence`, `weekdays` or `count`.",
                ));
            }
            if rrule.len() > LONGEST {
                return Err(Error::bad_parameters(format!("An RRULE has no more than {LONGEST} characters")));
            }
            let rule = Self::Calendar { rrule };
            rule.set(Timestamp::from_micros(0))
                .map_err(|reason| Error::bad_parameters(format!("invalid RRULE string provided: {reason}")))?;
            return Ok(rule);
        }
        let count = words.count.as_ref().map(count).transpose()?;
        let recurrence = words.recurrence.filter(|text| !text.is_empty());
        let parsed = recurrence.as_deref().map(Recurrence::parse).transpose()?;
        let weekdays = words.weekdays.as_ref().map(|days| weekdays(days, parsed.as_ref())).transpose()?.flatten();
        let (mut recurrence, mut count, mut weekdays) = (recurrence, count.filter(|count| *count > 0), weekdays);
        if let Some(Self::Words { recurrence: old, count: old_count, weekdays: old_days }) = present {
            recurrence = recurrence.or_else(|| old.clone());
            count = count.or(*old_count);
            weekdays = weekdays.or_else(|| old_days.clone());
        }
        if recurrence.is_none() && count != Some(1) {
            return Err(Error::bad_parameters("recurrence must be specified for execution count larger than 1"));
        }
        Ok(Self::Words { recurrence, count, weekdays })
    }

    /// The instants from `from` on, the earliest first; none after `until`.
    pub(super) fn instants(
        &self,
        since: Timestamp,
        until: Option<Timestamp>,
        from: Timestamp,
    ) -> Box<dyn Iterator<Item = Timestamp>> {
        let since = whole_seconds(since);
        let within = move |instant: &Timestamp| until.is_none_or(|until| *instant <= until);
        let Self::Words { recurrence, count, weekdays } = self else {
            return Box::new(upcoming(skip(self.set(since).ok(), from), SEARCH, from).take_while(within));
        };
        let Some(recurrence) = recurrence else {
            return Box::new(Some(since).into_iter().filter(move |instant| *instant >= from).take_while(within));
        };
        let step = Recurrence::parse(recurrence).ok().and_then(|every| every.seconds());
        let passed = match step.filter(|_| count.is_none() || weekdays.is_none()) {
            Some(step) => passed(seconds(since), seconds(from), step),
            None => 0,
        };
        let begin = since.plus_micros(passed * step.unwrap_or_default() * 1_000_000);
        let left = count.map_or(SEARCH, |count| usize::try_from(i64::from(count) - passed).unwrap_or_default());
        Box::new(upcoming(self.set(begin).ok(), left.min(SEARCH), from).take_while(within))
    }

    /// The rules of the set, from `since` on. The error says what is wrong with the text.
    fn set(&self, since: Timestamp) -> Result<RRuleSet, String> {
        let text = match self {
            Self::Calendar { rrule } => calendar(rrule, since),
            Self::Words { recurrence, weekdays, .. } => {
                let recurrence = recurrence.as_deref().unwrap_or("1 day");
                let recurrence = Recurrence::parse(recurrence).map_err(|error| error.message().to_owned())?;
                format!("DTSTART:{}\n{}", ical(since), recurrence.rules(weekdays.as_deref()).join("\n"))
            }
        };
        RRuleSet::from_str(&text).map_err(|error| error.to_string())
    }
}

fn count(value: &Value) -> Result<u32> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        // Clients send whole numbers with a point as well; the point and what follows count for nothing.
        #[expect(clippy::cast_possible_truncation, reason = "what is out of range is refused below")]
        value => value.as_i64().or_else(|| value.as_f64().map(|number| number as i64)),
    };
    number.and_then(|number: i64| u32::try_from(number).ok()).ok_or_else(|| {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Error::bad_parameters(format!("invalid parameter, should be int, got: {shown}"))
    })
}

/// The text of a rule as the parser wants it: a beginning, one property a line, instants in UTC where
/// they name no zone.
fn calendar(text: &str, since: Timestamp) -> String {
    let mut lines = Vec::new();
    let mut begins = false;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').map_or(("RRULE", line), |(name, value)| (name, value));
        let property = name.split(';').next().unwrap_or(name).to_ascii_uppercase();
        let rest = name.get(property.len()..).unwrap_or_default();
        let value = match property.as_str() {
            "RRULE" => value.to_ascii_uppercase().split(';').map(until_in_utc).collect::<Vec<_>>().join(";"),
            _ if rest.is_empty() => value.split(',').map(in_utc).collect::<Vec<_>>().join(","),
            _ => value.to_owned(),
        };
        begins |= property == "DTSTART";
        lines.push(format!("{property}{rest}:{value}"));
    }
    if !begins {
        lines.insert(0, format!("DTSTART:{}", ical(since)));
    }
    lines.join("\n")
}

fn until_in_utc(part: &str) -> String {
    part.strip_prefix("UNTIL=").map_or_else(|| part.to_owned(), |until| format!("UNTIL={}", in_utc(until)))
}

/// `20300105` and `20300105T080000` as instants in UTC.
fn in_utc(text: &str) -> String {
    let midnight = if text.contains('T') { "" } else { "T000000" };
    let zone = if text.ends_with('Z') { "" } else { "Z" };
    format!("{text}{midnight}{zone}")
}

fn ical(instant: Timestamp) -> String {
    utc(instant).format("%Y%m%dT%H%M%SZ").to_string()
}

fn utc(instant: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(instant.micros()).unwrap_or_default()
}

fn whole_seconds(instant: Timestamp) -> Timestamp {
    Timestamp::from_micros(seconds(instant) * 1_000_000)
}

const fn seconds(instant: Timestamp) -> i64 {
    instant.micros().div_euclid(1_000_000)
}

/// The first `most` instants of a set, of which those from `from` on.
fn upcoming(set: Option<RRuleSet>, most: usize, from: Timestamp) -> impl Iterator<Item = Timestamp> + use<> {
    let mut last = None;
    set.into_iter()
        .flat_map(|set| set.limit().into_iter().map(|instant| Timestamp::from_micros(instant.timestamp_micros())))
        // Rules of one set may meet in an instant.
        .filter(move |instant| last.replace(*instant) != Some(*instant))
        .take(most)
        .filter(move |instant| *instant >= from)
}

/// How many whole steps can be left out on the way from `start` to `from`, in seconds. One step less than
/// fits, so that nothing is missed.
const fn passed(start: i64, from: i64, step: i64) -> i64 {
    let steps = (from - start).div_euclid(step) - 1;
    if steps > 0 { steps } else { 0 }
}

/// Moves the beginning of a single rule without a count close to `from`, by steps that change nothing of
/// what comes later.
fn skip(set: Option<RRuleSet>, from: Timestamp) -> Option<RRuleSet> {
    let set = set?;
    let [rule] = set.get_rrule().as_slice() else { return Some(set) };
    let start = *set.get_dt_start();
    let step = match rule.get_freq() {
        // Below a day, steps are of real time, which the clock of a zone does not follow.
        Frequency::Secondly if start.timezone() == Tz::UTC => 1,
        Frequency::Minutely if start.timezone() == Tz::UTC => 60,
        Frequency::Hourly if start.timezone() == Tz::UTC => 3600,
        Frequency::Daily => 86_400,
        Frequency::Weekly => 604_800,
        _ => return Some(set),
    };
    let step = step * i64::from(rule.get_interval());
    let steps = passed(start.timestamp(), seconds(from), step);
    let wall = start.naive_local().checked_add_signed(Duration::seconds(steps * step));
    let moved = wall.and_then(|wall| start.timezone().from_local_datetime(&wall).earliest());
    match moved {
        Some(begin) if steps > 0 && rule.get_count().is_none() => Some(
            RRuleSet::new(begin)
                .set_rrules(set.get_rrule().clone())
                .set_rdates(set.get_rdate().clone())
                .set_exdates(set.get_exdate().clone()),
        ),
        _ => Some(set),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn words(recurrence: &str, count: Option<i64>, days: &[&str]) -> Rule {
        let weekdays = (!days.is_empty()).then(|| json!(days));
        let words = RuleWords {
            recurrence: Some(recurrence.to_owned()),
            count: count.map(Value::from),
            weekdays,
            ..RuleWords::default()
        };
        Rule::read(words, None).unwrap()
    }

    fn calendar_rule(text: &str) -> Rule {
        Rule::read(RuleWords { rrule: Some(text.to_owned()), ..RuleWords::default() }, None).unwrap()
    }

    fn shown(rule: &Rule, since: &str, from: &str, most: usize) -> Vec<String> {
        rule.instants(at(since), None, at(from))
            .take(most)
            .map(|instant| instant.to_string()[..16].to_owned())
            .collect()
    }

    #[test]
    fn days_of_the_week_are_counted_as_one_list() {
        let rule = words("1 days", Some(3), &["mo", "tu"]);
        let found = shown(&rule, "2030-01-01", "2026-01-01", 9);
        assert_eq!(found, ["2030-01-01T00:00", "2030-01-07T00:00", "2030-01-08T00:00"]);
    }

    #[test]
    fn places_in_the_month() {
        let rule = words("1 month", None, &["1MO", "L-FR"]);
        let found = shown(&rule, "2030-01-01", "2030-02-01", 3);
        assert_eq!(found, ["2030-02-04T00:00", "2030-02-22T00:00", "2030-03-04T00:00"]);
    }

    #[test]
    fn months_without_the_day_are_left_out() {
        let rule = words("1 month", Some(3), &[]);
        let found = shown(&rule, "2030-01-31T08:30:00", "2030-01-01", 9);
        assert_eq!(found, ["2030-01-31T08:30", "2030-03-31T08:30", "2030-05-31T08:30"]);
    }

    #[test]
    fn calendar_rules_bring_their_own_zone_and_end() {
        let rule = calendar_rule("FREQ=DAILY;INTERVAL=2;COUNT=4");
        assert_eq!(shown(&rule, "2030-01-01", "2030-01-04", 9), ["2030-01-05T00:00", "2030-01-07T00:00"]);
        let rule = calendar_rule("DTSTART;TZID=Europe/Berlin:20300330T090000\nRRULE:FREQ=DAILY");
        // The clocks go forward on the 31st.
        assert_eq!(shown(&rule, "2020-01-01", "2030-01-01", 2), ["2030-03-30T08:00", "2030-03-31T07:00"]);
        let rule = calendar_rule("rrule:freq=daily;until=20300102");
        assert_eq!(shown(&rule, "2030-01-01", "2030-01-01", 9), ["2030-01-01T00:00", "2030-01-02T00:00"]);
        let beside = |weekdays: Value, recurrence: &str| RuleWords {
            rrule: Some("FREQ=DAILY".to_owned()),
            recurrence: Some(recurrence.to_owned()),
            weekdays: Some(weekdays),
            count: Some(Value::Null),
        };
        assert_eq!(Rule::read(beside(json!([]), ""), None).unwrap(), calendar_rule("FREQ=DAILY"));
        for (weekdays, recurrence) in [(json!(["MO"]), ""), (json!([]), "1 day")] {
            let refused = Rule::read(beside(weekdays, recurrence), None).unwrap_err();
            assert!(refused.message().starts_with("`rrule` cannot be provided together with"), "{refused}");
        }
        for bad in ["FREQ=OFTEN", "", "x", "FREQ=DAILY;COUNT=x"] {
            let words = RuleWords { rrule: Some(bad.to_owned()), ..RuleWords::default() };
            assert!(Rule::read(words, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_distant_beginning_costs_nothing() {
        let rule = words("1 sec", Some(2_000_000_000), &[]);
        assert_eq!(shown(&rule, "2000-01-01", "2030-01-01T00:00:00", 1), ["2030-01-01T00:00"]);
        let rule = calendar_rule("FREQ=MINUTELY;INTERVAL=7;BYDAY=SA");
        assert_eq!(shown(&rule, "1990-01-01", "2030-01-05", 1), ["2030-01-05T00:03"]);
        assert_eq!(
            shown(&calendar_rule("FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"), "1990-01-01", "2030-01-05", 1),
            [""; 0]
        );
    }

    #[test]
    fn what_is_left_out_stays_as_it_was() {
        let present = words("1 days", Some(3), &["mo"]);
        let merged = Rule::read(RuleWords { count: Some(json!("5")), ..RuleWords::default() }, Some(&present)).unwrap();
        assert_eq!(merged, words("1 days", Some(5), &["mo"]));
        let refused = Rule::read(RuleWords::default(), None).unwrap_err();
        assert_eq!(refused.message(), "recurrence must be specified for execution count larger than 1");
    }

    /// What the library that the original uses gives for the same words.
    #[test]
    #[rustfmt::skip]
    fn words_mean_what_they_always_meant() {
        type Case = (&'static str, &'static str, Option<i64>, &'static [&'static str], Option<&'static str>, &'static [&'static str]);
        let cases: &[Case] = &[
            ("2030-01-01T00:00:00", "1 days", Some(3), &["MO", "TU"], None, &["2030-01-01T00:00:00", "2030-01-07T00:00:00", "2030-01-08T00:00:00"]),
            ("2030-01-15T10:20:30", "2 weeks", None, &["MO", "FR"], None, &["2030-01-18T10:20:30", "2030-01-28T10:20:30", "2030-02-01T10:20:30", "2030-02-11T10:20:30"]),
            ("2030-01-31T08:00:00", "1 month", None, &[], None, &["2030-01-31T08:00:00", "2030-03-31T08:00:00", "2030-05-31T08:00:00", "2030-07-31T08:00:00"]),
            ("2032-02-29T08:00:00", "1 year", None, &[], None, &["2032-02-29T08:00:00", "2036-02-29T08:00:00", "2040-02-29T08:00:00", "2044-02-29T08:00:00"]),
            ("2030-01-10T08:00:00", "1 months", None, &["1SU", "L-FR"], None, &["2030-01-25T08:00:00", "2030-02-03T08:00:00", "2030-02-22T08:00:00", "2030-03-03T08:00:00"]),
            ("2030-01-10T08:00:00", "2 mo", Some(5), &["2TU"], None, &["2030-03-12T08:00:00", "2030-05-14T08:00:00", "2030-07-09T08:00:00", "2030-09-10T08:00:00"]),
            ("2030-01-10T08:00:00", "1 y", None, &["1MO"], None, &["2031-01-06T08:00:00", "2032-01-05T08:00:00", "2033-01-03T08:00:00", "2034-01-02T08:00:00"]),
            ("2030-01-10T08:00:00", "1 month", None, &["WE"], Some("2030-02-10T00:00:00"), &["2030-01-16T08:00:00", "2030-01-23T08:00:00", "2030-01-30T08:00:00", "2030-02-06T08:00:00"]),
            ("2030-01-05T23:00:00", "7 hours", None, &["SU"], None, &["2030-01-06T06:00:00", "2030-01-06T13:00:00", "2030-01-06T20:00:00", "2030-01-13T06:00:00"]),
            ("2030-01-05T23:59:50", "7 sec", Some(4), &["SU"], None, &["2030-01-06T00:00:04", "2030-01-06T00:00:11", "2030-01-06T00:00:18", "2030-01-06T00:00:25"]),
            ("2030-01-05T23:59:50", "90 min", None, &[], Some("2030-01-06T05:00:00"), &["2030-01-05T23:59:50", "2030-01-06T01:29:50", "2030-01-06T02:59:50", "2030-01-06T04:29:50"]),
            ("2030-01-05T12:00:00.500", "1 day", Some(2), &[], None, &["2030-01-05T12:00:00", "2030-01-06T12:00:00"]),
            ("2030-01-05T12:00:00", "3 days", None, &["SA", "SU"], None, &["2030-01-05T12:00:00", "2030-01-20T12:00:00", "2030-01-26T12:00:00", "2030-02-10T12:00:00"]),
        ];
        for (since, recurrence, count, days, until, expected) in cases {
            let rule = words(recurrence, *count, days);
            let found = rule.instants(at(since), until.map(at), at("2000-01-01"));
            let found: Vec<String> = found.take(4).map(|instant| instant.to_string()[..19].to_owned()).collect();
            assert_eq!(found, *expected, "{recurrence} {days:?}");
        }
    }

    /// The same for rules of RFC 5545.
    #[test]
    #[rustfmt::skip]
    fn calendar_rules_mean_what_they_always_meant() {
        let cases: &[(&str, &str, &[&str])] = &[
            ("2030-01-01T09:30:00", "FREQ=MONTHLY;BYDAY=-1FR", &["2030-01-25T09:30:00", "2030-02-22T09:30:00", "2030-03-29T09:30:00", "2030-04-26T09:30:00"]),
            ("2030-01-01T09:30:00", "RRULE:FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,SU", &["2030-01-01T09:30:00", "2030-01-13T09:30:00", "2030-01-15T09:30:00", "2030-01-27T09:30:00"]),
            ("2030-01-01T09:30:00", "FREQ=YEARLY;BYMONTH=3;BYDAY=2SU;COUNT=3", &["2030-03-10T09:30:00", "2031-03-09T09:30:00", "2032-03-14T09:30:00"]),
            ("2030-01-01T09:30:00", "FREQ=DAILY;BYHOUR=9,17;BYMINUTE=0", &["2030-01-01T17:00:00", "2030-01-02T09:00:00", "2030-01-02T17:00:00", "2030-01-03T09:00:00"]),
            ("2030-01-01T09:30:00", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", &["2030-01-31T09:30:00", "2030-02-28T09:30:00", "2030-03-29T09:30:00", "2030-04-30T09:30:00"]),
            ("2030-01-01T09:30:00", "FREQ=MONTHLY;BYMONTHDAY=31", &["2030-01-31T09:30:00", "2030-03-31T09:30:00", "2030-05-31T09:30:00", "2030-07-31T09:30:00"]),
            ("2030-01-01T09:30:00", "FREQ=HOURLY;INTERVAL=5;BYDAY=WE", &["2030-01-02T00:30:00", "2030-01-02T05:30:00", "2030-01-02T10:30:00", "2030-01-02T15:30:00"]),
            ("2030-01-01T09:30:00", "DTSTART:20290101T000000\nRRULE:FREQ=YEARLY;COUNT=2", &["2029-01-01T00:00:00", "2030-01-01T00:00:00"]),
        ];
        for (since, text, expected) in cases {
            let found = calendar_rule(text).instants(at(since), None, at("2000-01-01"));
            let found: Vec<String> = found.take(4).map(|instant| instant.to_string()[..19].to_owned()).collect();
            assert_eq!(found, *expected, "{text}");
        }
    }

    proptest! {
        /// Whatever is left out on the way, what comes is what counting from the beginning gives.
        #[test]
        fn skipping_changes_nothing(
            interval in 1_u16..50, unit in 0_usize..5, later in 0_i64..5_000_000, count in proptest::option::of(1_i64..500),
        ) {
            let unit = ["sec", "min", "hours", "days", "weeks"][unit];
            let rule = words(&format!("{interval} {unit}"), count, &[]);
            let since = at("2024-02-28T23:59:30");
            let from = since.plus_micros(later * 1_000_000);
            let direct = Recurrence::parse(&format!("{interval} {unit}")).unwrap().seconds().unwrap();
            let first = (later + direct - 1) / direct;
            let expected: Vec<_> = (first..count.unwrap_or(i64::MAX)).take(3)
                .map(|step| since.plus_micros(step * direct * 1_000_000)).collect();
            let found: Vec<_> = rule.instants(since, None, from).take(3).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
