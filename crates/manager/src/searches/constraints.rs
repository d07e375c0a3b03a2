//! The constraints of inputs that name other objects, as rules and as patterns.
//!
//! Keys that say nothing of what is searched are passed over, as clients send a whole input's
//! constraints. Source: spec rest-api.md section 1.10.

use nephele_model::filter::{AttributeOperator, LabelOperator, Rule};
use nephele_model::{Error, Result};
use serde_json::{Map, Value, json};

use crate::filters::rules::refusal;

/// The attributes that a list of values can be for.
const VALUED: [&str; 4] = ["id", "key", "type", "operation_name"];
/// The attributes that a pattern can be for.
const PATTERNED: [&str; 4] = ["display_name", "id", "key", "type"];

/// Constraints in which the values and the pattern are for an attribute.
pub(super) struct Constraints(Map<String, Value>);

impl Constraints {
    /// `field` is what `name_pattern` and `valid_values` are about.
    pub(super) fn of(field: &str, mut given: Map<String, Value>) -> Self {
        for (name, meant) in
            [("name_pattern", format!("{field}_specs")), ("valid_values", format!("valid_{field}_values"))]
        {
            if let Some(value) = given.swap_remove(name) {
                given.insert(meant, value);
            }
        }
        Self(given)
    }

    /// The name of a stored filter, and rules.
    pub(super) fn into_rules(self) -> Result<(Option<String>, Vec<Rule>)> {
        let Self(given) = self;
        let filter_id = given.get("filter_id").and_then(Value::as_str).map(str::to_owned);
        let mut rules = Vec::new();
        for label in list(&given, "labels")? {
            let pair = label.as_object().and_then(|label| label.iter().next());
            let (key, value) = pair.ok_or_else(|| malformed("labels"))?;
            rules.push(Rule::label(key, LabelOperator::AnyOf, vec![text(value)?]));
        }
        let any_of =
            |key: &str, values: &Value| Ok::<_, Error>(Rule::attribute(key, AttributeOperator::AnyOf, texts(values)?));
        if let Some(tenants) = present(&given, "tenants") {
            rules.push(any_of("tenant_name", tenants)?);
        }
        for key in VALUED {
            if let Some(values) = present(&given, &format!("valid_{key}_values")) {
                rules.push(any_of(key, values)?);
            }
        }
        for key in PATTERNED {
            let Some(specs) = present(&given, &format!("{key}_specs")) else { continue };
            for (operator, value) in specs.as_object().ok_or_else(|| malformed(key))? {
                let meant = if operator == "equals_to" { "any_of" } else { operator };
                let Some(operator) = AttributeOperator::parse(meant) else {
                    let rule = json!({"key": key, "values": [value], "operator": operator, "type": "attribute"});
                    return Err(refusal(&rule, ""));
                };
                rules.push(Rule::attribute(key, operator, vec![text(value)?]));
            }
        }
        Ok((filter_id, rules))
    }
}

/// A pattern of names: each entry must hold.
pub(super) struct Pattern(Vec<(Comparison, String)>);

#[derive(Clone, Copy)]
enum Comparison {
    Contains,
    StartsWith,
    EndsWith,
    EqualsTo,
}

impl Pattern {
    /// The pattern under `name_pattern`, or under the other name that it goes by.
    pub(super) fn of(constraints: &Map<String, Value>, other: &str) -> Result<Self> {
        let specs = present(constraints, "name_pattern").or_else(|| present(constraints, other));
        let Some(specs) = specs else { return Ok(Self(Vec::new())) };
        let mut entries = Vec::new();
        for (name, value) in specs.as_object().ok_or_else(|| malformed("name_pattern"))? {
            let comparison = match name.as_str() {
                "contains" => Comparison::Contains,
                "starts_with" => Comparison::StartsWith,
                "ends_with" => Comparison::EndsWith,
                "equals_to" => Comparison::EqualsTo,
                _ => return Err(Error::bad_parameters(format!("Unknown name pattern operator: {name}"))),
            };
            entries.push((comparison, text(value)?));
        }
        Ok(Self(entries))
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        self.0.iter().all(|(comparison, text)| match comparison {
            Comparison::Contains => name.contains(text),
            Comparison::StartsWith => name.starts_with(text),
            Comparison::EndsWith => name.ends_with(text),
            Comparison::EqualsTo => name == text,
        })
    }
}

/// The texts of a list.
pub(super) fn texts(values: &Value) -> Result<Vec<String>> {
    values.as_array().ok_or_else(|| malformed("valid_values"))?.iter().map(text).collect()
}

fn text(value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(Error::bad_parameters("The values of constraints must be texts")),
    }
}

fn list<'a>(given: &'a Map<String, Value>, key: &str) -> Result<&'a [Value]> {
    match present(given, key) {
        None => Ok(&[]),
        Some(value) => value.as_array().map(Vec::as_slice).ok_or_else(|| malformed(key)),
    }
}

fn present<'a>(given: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    given.get(key).filter(|value| !value.is_null())
}

fn malformed(key: &str) -> Error {
    Error::bad_parameters(format!("The constraint `{key}` has not the shape that blueprints give it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(field: &str, given: Value) -> Result<Vec<Rule>> {
        let Value::Object(given) = given else { unreachable!() };
        Ok(Constraints::of(field, given).into_rules()?.1)
    }

    #[test]
    fn names_are_about_the_searched_field() {
        let wanted = [
            Rule::label("env", LabelOperator::AnyOf, vec!["prod".to_owned()]),
            Rule::attribute("tenant_name", AttributeOperator::AnyOf, vec!["t".to_owned()]),
            Rule::attribute("id", AttributeOperator::AnyOf, vec!["a".to_owned(), "2".to_owned()]),
            Rule::attribute("id", AttributeOperator::StartsWith, vec!["a".to_owned()]),
            Rule::attribute("id", AttributeOperator::AnyOf, vec!["b".to_owned()]),
        ];
        let given = json!({
            "labels": [{"env": "prod"}], "tenants": ["t"], "valid_values": ["a", 2],
            "name_pattern": {"starts_with": "a", "equals_to": "b"}, "deployment_id": {"x": 1},
        });
        assert_eq!(rules("id", given).unwrap(), wanted);
        assert_eq!(rules("display_name", json!({"valid_values": ["a"]})).unwrap(), []);
    }

    #[test]
    fn malformed_constraints_are_refused() {
        for bad in
            [json!({"labels": {}}), json!({"tenants": "t"}), json!({"id_specs": []}), json!({"id_specs": {"z": "a"}})]
        {
            assert!(rules("id", bad.clone()).is_err(), "{bad}");
        }
    }
}
