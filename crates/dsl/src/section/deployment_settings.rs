//! Settings of deployments: id template, display name, groups, schedules (spec dsl.md section 1.3).

use nephele_model::json::{Map, Value};

use super::Scope;
use crate::diagnostic::{Diagnostic, Fault};
use crate::element::Element;
use crate::schedule_time;

/// The section as plans show it.
pub(crate) fn parse(section: &Element<'_, '_>, scope: &mut Scope<'_>) -> Map {
    let mut settings = Map::new();
    for key in ["default_schedules", "default_groups", "id_template", "display_name"] {
        let element = section.get(key);
        // Schedules are there, if only empty, as soon as anything is set.
        if !element.is_written() && (key != "default_schedules" || section.node().is_none()) {
            continue;
        }
        if key != "default_schedules" {
            settings.insert(key.to_owned(), element.json());
            continue;
        }
        let mut schedules = Map::new();
        for schedule in element.entries() {
            let parsed = schedule_settings(&schedule);
            schedules.insert(
                schedule.name().into_owned(),
                Value::Object(parsed.unwrap_or_else(|found| {
                    scope.problems.report(found);
                    Map::new()
                })),
            );
        }
        settings.insert(key.to_owned(), Value::Object(schedules));
    }
    settings
}

fn schedule_settings(element: &Element<'_, '_>) -> Result<Map, Vec<Diagnostic>> {
    let mut found: Vec<Diagnostic> = check_parameters(&element.get("workflow_parameters")).err().into_iter().collect();
    found.extend(element.get("weekdays").items().filter_map(|weekday| check_weekday(&weekday).err()));
    let recurrence = element.get("recurrence");
    if let Some(text) = recurrence.text().filter(|text| !text.is_empty()) {
        found.extend(schedule_time::check_delta(text).map_err(|problem| recurrence.quoted(problem)).err());
    }
    let zone = element.get("timezone");
    let mut settings = element.json_map();
    for key in ["since", "until"] {
        let time = element.get(key);
        if let Some(text) = time.text().filter(|text| !text.is_empty()) {
            match schedule_time::normalise(text, zone.text()) {
                Ok(text) => {
                    settings.insert(key.to_owned(), Value::from(text));
                }
                Err(problem) => found.push(element.quoted(time.placed(problem))),
            }
        }
    }
    settings.shift_remove("timezone");
    if found.is_empty() { Ok(settings) } else { Err(found) }
}

fn check_parameters(element: &Element<'_, '_>) -> Result<(), Diagnostic> {
    let refuse = |verb: &str, place: &str| {
        let message = format!(
            "`workflow_parameters` cannot {verb} a runtime property. Please remove the `get_attribute` function{place}"
        );
        Err(element.problem(Fault::Schedule, message))
    };
    let parameters = element.json_map();
    if parameters.contains_key("get_attribute") {
        return refuse("be", "");
    }
    match parameters.iter().find(|(_, value)| value.get("get_attribute").is_some()) {
        Some((name, _)) => refuse("contain", &format!(" from the value of {name}")),
        None => Ok(()),
    }
}

fn check_weekday(element: &Element<'_, '_>) -> Result<(), Diagnostic> {
    const DAYS: [&str; 7] = ["su", "mo", "tu", "we", "th", "fr", "sa"];
    let text = element.text().unwrap_or_default().to_lowercase();
    let end: String = text.chars().skip(text.chars().count().saturating_sub(2)).collect();
    if DAYS.contains(&end.as_str()) {
        return Ok(());
    }
    let known = nephele_model::python_text::names(DAYS);
    Err(element.problem(Fault::Schedule, format!("{end} is not a valid weekday value. Accepted values: {known}")))
}
