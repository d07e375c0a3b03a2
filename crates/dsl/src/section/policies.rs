//! Policy types, triggers, scaling policies, and the instance counts that they and nodes share (spec
//! dsl.md sections 4.1 and 4.4).

use nephele_model::json::{Map, Text, Value, object};
use nephele_model::python_text;

use super::refused::Section;
use super::{Scope, properties};
use crate::diagnostic::{Diagnostic, Fault, suggestion};
use crate::element::Element;
use crate::function;

/// The only policy type that exists.
pub(crate) const SCALING: &str = "cloudify.policies.scaling";

/// Policy types (`properties`) or triggers (`parameters`) with their `source`.
pub(crate) fn parse_types(section: &Element<'_, '_>, schema_key: &'static str, scope: &mut Scope<'_>) -> Map {
    let mut types = Map::new();
    for element in section.entries() {
        let name = element.name().into_owned();
        if element.node().is_none() {
            types.insert(name, Value::Object(Map::new()));
            continue;
        }
        let schema = properties::parse(&element.get(schema_key), &name, scope).schema;
        let mut shown = Map::new();
        shown.insert(schema_key.to_owned(), Value::Object(schema));
        shown.insert("source".to_owned(), element.get("source").json());
        types.insert(name, Value::Object(shown));
    }
    types
}

/// The policies; `groups` are the groups as plans show them.
pub(crate) fn parse(section: &Element<'_, '_>, groups: &Map, scope: &mut Scope<'_>) -> Map {
    let mut policies = Map::new();
    for element in section.entries() {
        match one(&element, groups, scope) {
            Ok(policy) => {
                policies.insert(element.name().into_owned(), policy);
            }
            Err(found) => scope.problems.report(found),
        }
    }
    policies
}

fn one(element: &Element<'_, '_>, groups: &Map, scope: &Scope<'_>) -> Result<Value, Vec<Diagnostic>> {
    let type_element = element.get("type");
    let type_name = type_element.text().unwrap_or_default();
    let mut found = Vec::new();
    if type_name != SCALING {
        let message =
            format!("'{type_name}' policy type is not implemented. Only '{SCALING}' policy type is supported.");
        let hint = suggestion(type_name, [SCALING]);
        found.push(type_element.problem(Fault::UnsupportedPolicyType, message).with_hint(hint));
    }
    let targets = element.get("targets");
    for target in targets.items() {
        let name = target.text().unwrap_or("None");
        let known = groups.keys().map(Text::as_str);
        if !groups.contains_key(name) && !scope.refused.excuses(Section::Groups, name, known.clone()) {
            let shown = python_text::repr(&Value::Object(groups.clone()));
            let message = format!(
                "'{name}' is not a valid policy target. Only groups are valid policy targets. Defined groups are {shown}."
            );
            let known = known.chain(scope.refused.names(Section::Groups));
            let hint = suggestion(name, known);
            let brief = format!("'{name}' is not a group, and only groups are valid policy targets");
            found.push(target.problem(Fault::TargetNotGroup, message).with_brief(brief).with_hint(hint));
        }
    }
    if targets.len() == 0 {
        let message = format!(
            "Policy '{}' has no targets groups defined for it. At least one target group is required.",
            element.name()
        );
        found.push(targets.problem(Fault::PolicyWithoutTargets, message));
    }
    match counts(&element.get("properties")) {
        Ok(properties) if found.is_empty() => {
            Ok(object! {"type": type_name, "properties": properties, "targets": targets.json()})
        }
        counts => {
            found.extend(counts.err());
            Err(found)
        }
    }
}

/// Counts when nothing, or only `instances.deploy`, is written.
pub(crate) fn default_counts(deploy: Option<Value>) -> Value {
    let count = deploy.unwrap_or(Value::from(1));
    object! {
        "min_instances": 0,
        "max_instances": -1,
        "default_instances": &count,
        "current_instances": &count,
        "planned_instances": &count,
    }
}

/// Counts as written. Errors: 207, 208, 210.
pub(crate) fn counts(element: &Element<'_, '_>) -> Result<Value, Diagnostic> {
    let least = count(&element.get("min_instances"), 0, 0)?;
    let most = count(&element.get("max_instances"), -1, 1)?;
    let initial = count(&element.get("default_instances"), 1, 0)?;
    check_order(element, &least, &most, &initial)?;
    let current = initial.clone();
    if element.node().is_none() {
        return Ok(object! {
            "default_instances": initial,
            "min_instances": least,
            "max_instances": most,
            "current_instances": &current,
            "planned_instances": &current,
        });
    }
    Ok(object! {
        "min_instances": least,
        "max_instances": most,
        "default_instances": initial,
        "current_instances": &current,
        "planned_instances": &current,
    })
}

fn count(element: &Element<'_, '_>, absent: i64, smallest: i64) -> Result<Value, Diagnostic> {
    let name = element.name();
    match element.json() {
        Value::Null => Ok(Value::from(absent)),
        value @ Value::Object(_) => match function::recognise(&value) {
            Some(_) => Ok(value),
            None => Err(element
                .problem(Fault::CountNotFunction, format!("{name} should be a valid intrinsic function or a value."))),
        },
        Value::String(text) if text == "UNBOUNDED" => Ok(Value::from(-1)),
        Value::String(_) => {
            Err(element.problem(Fault::MaxInstancesText, format!("The only valid string for {name} is UNBOUNDED.")))
        }
        value => {
            let number = number(&value);
            if number < smallest && !(smallest == 1 && number == -1) {
                let kind = if smallest == 1 { "positive" } else { "non negative" };
                return Err(element.problem(Fault::InstanceCounts, format!("{name} should be a {kind} value.")));
            }
            Ok(value)
        }
    }
}

fn check_order(element: &Element<'_, '_>, least: &Value, most: &Value, initial: &Value) -> Result<(), Diagnostic> {
    let order = |smaller: (&str, &Value), larger: (&str, &Value), swap: bool| {
        if smaller.1.is_object() || larger.1.is_object() || number(smaller.1) <= number(larger.1) {
            return Ok(());
        }
        let (first, verb, second) = if swap { (larger, "smaller", smaller) } else { (smaller, "greater", larger) };
        let message = format!(
            "{} ({}) cannot be {verb} than {} ({})",
            first.0,
            python_text::str(first.1),
            second.0,
            python_text::str(second.1)
        );
        Err(Diagnostic::new(Fault::InstanceCounts, message))
    };
    let unbounded = number(most) == -1 && !most.is_object();
    let checked = order(("min_instances", least), ("default_instances", initial), true).and_then(|()| {
        if unbounded {
            return Ok(());
        }
        order(("min_instances", least), ("max_instances", most), false)?;
        order(("default_instances", initial), ("max_instances", most), false)
    });
    checked.map_err(|problem| element.quoted(problem))
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| i64::from(value.as_bool().unwrap_or(false)))
}
