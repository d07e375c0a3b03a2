//! Schedules that a blueprint gives its deployments (`deployment_settings.default_schedules`).

use chrono::{DateTime, Days, Months, TimeDelta, Timelike as _, Utc};
use nephele_model::json::{Map, Value};
use nephele_model::{Error, Result, Timestamp};
use nephele_store::deployments::Deployment;
use nephele_store::execution_schedules as rows;

use super::{NewSchedule, RuleWords, ScheduleUpdate, arguments};
use crate::rows::failed;
use crate::{Ctx, Manager};

impl Manager {
    /// Makes the schedules that the settings of a plan name, and changes those that are there. Others stay: users may
    /// have made them.
    pub(crate) async fn renew_schedules(&self, ctx: &Ctx, deployment: &Deployment, settings: &Map) -> Result<()> {
        let Some(schedules) = settings.get("default_schedules").and_then(Value::as_object) else { return Ok(()) };
        let scope = self.scope(ctx, false).await?;
        for (id, given) in schedules {
            let known = rows::find(&*self.store, &scope, id, deployment.id.as_str()).await.map_err(failed)?;
            if known.is_some() {
                let update = self.changed(given)?;
                self.update_schedule(ctx, id, deployment.id.as_str(), update).await?;
            } else {
                let new = self.planned(deployment, id, given)?;
                self.create_schedule(ctx, new).await?;
            }
        }
        Ok(())
    }

    fn planned(&self, deployment: &Deployment, id: &str, given: &Value) -> Result<NewSchedule> {
        let run = &given["execution_arguments"];
        let flag = |part: &Value| part.as_bool().unwrap_or_default();
        let execution_arguments = if run.is_null() {
            serde_json::Map::new()
        } else {
            let (custom, force) = (flag(&run["allow_custom_parameters"]), flag(&run["force"]));
            arguments(custom, force, flag(&run["is_dry_run"]), run["wait_after_fail"].as_f64())
        };
        Ok(NewSchedule {
            id: id.to_owned(),
            deployment_id: deployment.id.to_string(),
            workflow_id: given["workflow"].as_str().unwrap_or_default().to_owned(),
            parameters: given["workflow_parameters"].as_object().map(Into::into),
            execution_arguments,
            since: self.instant(&given["since"])?,
            until: self.instant(&given["until"])?,
            rule: words(given),
            slip: given["slip"].as_i64().unwrap_or_default(),
            stop_on_fail: flag(&given["stop_after_fail"]),
            enabled: given["default_enabled"].as_bool().unwrap_or(true),
            created_by: None,
            created_at: None,
        })
    }

    fn changed(&self, given: &Value) -> Result<ScheduleUpdate> {
        Ok(ScheduleUpdate {
            workflow_id: given["workflow"].as_str().map(str::to_owned),
            since: self.instant(&given["since"])?,
            until: self.instant(&given["until"])?,
            rule: words(given),
            slip: given["slip"].as_i64(),
            stop_on_fail: given["stop_after_fail"].as_bool(),
            enabled: given["default_enabled"].as_bool(),
        })
    }

    /// A time of a plan: in full, or reckoned from now, such as `+1d +4 hours`.
    fn instant(&self, given: &Value) -> Result<Option<Timestamp>> {
        let Some(text) = given.as_str().filter(|text| !text.is_empty()) else { return Ok(None) };
        let found = match text.strip_prefix('+') {
            Some(deltas) => relative(deltas, self.clock.now()),
            None => Timestamp::parse(text),
        };
        found.map(Some).ok_or_else(|| Error::bad_parameters(format!("{text} is not a legal time format")))
    }
}

fn words(given: &Value) -> RuleWords {
    let part = |key: &str| given.get(key).filter(|value| !value.is_null()).map(serde_json::Value::from);
    RuleWords {
        rrule: None,
        recurrence: given["recurrence"].as_str().map(str::to_owned),
        count: part("count"),
        weekdays: part("weekdays"),
    }
}

/// Deltas such as `1d +4 hours`, added to the full minute of `now`.
fn relative(deltas: &str, now: Timestamp) -> Option<Timestamp> {
    let start = DateTime::<Utc>::from_timestamp_micros(now.micros())?.with_second(0)?.with_nanosecond(0)?;
    let later = deltas.split('+').map(str::trim).filter(|delta| !delta.is_empty()).try_fold(start, |at, delta| {
        let digits = delta.bytes().take_while(u8::is_ascii_digit).count();
        let count: u32 = delta[..digits].parse().ok()?;
        let period = delta[digits..].trim();
        match period.strip_suffix('s').unwrap_or(period) {
            "min" | "minute" => at.checked_add_signed(TimeDelta::minutes(count.into())),
            "h" | "hour" => at.checked_add_signed(TimeDelta::hours(count.into())),
            "d" | "day" => at.checked_add_days(Days::new(count.into())),
            "w" | "week" => at.checked_add_days(Days::new(u64::from(count) * 7)),
            "mo" | "month" => at.checked_add_months(Months::new(count)),
            "y" | "year" => at.checked_add_months(Months::new(count.checked_mul(12)?)),
            _ => None,
        }
    })?;
    Some(Timestamp::from_micros(later.timestamp_micros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_times_are_reckoned_from_the_full_minute() {
        let now = Timestamp::parse("2026-01-31T10:20:30.500Z").unwrap();
        let later = |deltas| relative(deltas, now).map(|time| time.to_string());
        assert_eq!(later("1d +4 hours").as_deref(), Some("2026-02-01T14:20:00.000Z"));
        assert_eq!(later("1mo").as_deref(), Some("2026-02-28T10:20:00.000Z"));
        assert_eq!(later("2 weeks"), later("14days"));
        assert_eq!((later("soon"), later("1 eon")), (None, None));
    }
}
