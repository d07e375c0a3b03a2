//! What makes a filter rule legal (spec rest-api.md section 1.10).
//!
//! Invariant: a rule that was read here can be turned into a query, whatever it holds. The order of
//! the checks is the original's, so that the same mistake gets the same answer.

use nephele_model::filter::{AttributeOperator, LabelOperator, Rule, Test};
use nephele_model::{Code, Error, Result, id, python_text};
use nephele_store::Resource;
use serde_json::{Value, json};

use crate::labels;

/// Reads the rules of a request. Rules that are there twice count once.
pub(crate) fn read(resource: &Resource, given: &[Value]) -> Result<Vec<Rule>> {
    let mut rules = Vec::with_capacity(given.len());
    for value in given {
        let rule = one(resource, value).map_err(|reason| refusal(value, &reason))?;
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    Ok(rules)
}

/// The refusal of a rule. Clients read the rule and the reason from keys of their own.
pub(crate) fn refusal(rule: &Value, reason: &str) -> Error {
    let text = format!("The filter rule {} is not in the right format. {reason}", python_text::repr(rule));
    Error::new(Code::InvalidFilterRule, text).with_details(json!({"err_filter_rule": rule, "err_reason": reason}))
}

fn one(resource: &Resource, given: &Value) -> Result<Rule, String> {
    let given = given.as_object().ok_or("The filter rule is not a dictionary")?;
    let part = |name: &str| given.get(name).ok_or_else(|| MISSING.to_owned());
    let (key, values, operator, kind) = (part("key")?, part("values")?, part("operator")?, part("type")?);
    if given.len() != PARTS {
        return Err(MISSING.to_owned());
    }
    let key = key.as_str().ok_or("The filter rule key must be a string")?;
    let values = values.as_array().ok_or("The filter rule values must be a list")?;
    let operator = operator.as_str().unwrap_or_default();
    let test = match kind.as_str() {
        Some("label") => Test::Label(label_operator(operator, values)?),
        Some("attribute") => Test::Attribute(attribute_operator(resource, key, operator, values)?),
        _ => return Err("Filter rule type must be one of label, attribute".to_owned()),
    };
    let values: Vec<String> = values.iter().map(|value| checked(key, value, test)).collect::<Result<_, _>>()?;
    Ok(Rule { key: key.to_lowercase(), values, test })
}

const MISSING: &str = "At least one of the entries in the filter rule is missing";
const PARTS: usize = 4;

fn label_operator(name: &str, values: &[Value]) -> Result<LabelOperator, String> {
    let names = |operators: &[LabelOperator]| {
        let names: Vec<_> = operators.iter().map(|operator| operator.as_str()).collect();
        names.join(", ")
    };
    let operator = LabelOperator::parse(name)
        .ok_or_else(|| format!("The operator for filtering by labels must be one of {}", names(LabelOperator::ALL)))?;
    let alone = [LabelOperator::IsNull, LabelOperator::IsNotNull];
    let compared = [LabelOperator::AnyOf, LabelOperator::NotAnyOf, LabelOperator::IsNot];
    if alone.contains(&operator) && !values.is_empty() {
        return Err(format!("Values list must be empty if the operator is one of {}", names(&alone)));
    }
    if compared.contains(&operator) && values.is_empty() {
        return Err(format!(
            "Values list must include at least one item if the operator is one of {}",
            names(&compared)
        ));
    }
    Ok(operator)
}

fn attribute_operator(
    resource: &Resource,
    key: &str,
    name: &str,
    values: &[Value],
) -> Result<AttributeOperator, String> {
    let operator = AttributeOperator::parse(name).ok_or_else(|| {
        let names: Vec<_> = AttributeOperator::ALL.iter().map(|operator| operator.as_str()).collect();
        format!("The operator for filtering by attributes must be one of {}", names.join(", "))
    })?;
    if operator == AttributeOperator::IsNotEmpty && !values.is_empty() {
        return Err("Values list must be empty if the operator is is_not_empty".to_owned());
    }
    if !resource.rule_attributes().contains(&key) {
        return Err(format!(
            "Allowed attributes to filter {} by are {}",
            resource.table(),
            resource.rule_attributes().join(", ")
        ));
    }
    if key == "schedules" && operator != AttributeOperator::IsNotEmpty {
        return Err("Filtering by deployment schedules is only possible with the is_not_empty operator".to_owned());
    }
    Ok(operator)
}

/// A value that may stand in a rule, as it was given.
fn checked(key: &str, value: &Value, test: Test) -> Result<String, String> {
    let legal = match (test, value.as_str()) {
        (Test::Label(_), Some(text)) => labels::one(key, text).map(drop),
        (Test::Label(_), None) => Err(labels::malformed()),
        (Test::Attribute(_), Some(text)) => id::check("attributes' filter rule value", text, true),
        (Test::Attribute(_), None) => Err(Error::bad_parameters("The filter rule values must be strings")),
    };
    legal.map_err(|error| error.message().to_owned())?;
    Ok(value.as_str().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use nephele_store::deployments;

    use super::*;

    fn reason(rule: &Value) -> String {
        let error = read(&deployments::RESOURCE, std::slice::from_ref(rule)).unwrap_err();
        assert_eq!(error.code(), Code::InvalidFilterRule);
        error.details().unwrap()["err_reason"].as_str().unwrap().to_owned()
    }

    #[test]
    fn rules_are_read_once_each() {
        let label = json!({"key": "Env", "values": ["prod"], "operator": "any_of", "type": "label"});
        let rules = read(&deployments::RESOURCE, &[label.clone(), label]).unwrap();
        assert_eq!(rules, [Rule::label("env", LabelOperator::AnyOf, vec!["prod".to_owned()])]);
    }

    #[test]
    fn mistakes_are_named_in_the_order_of_the_original() {
        let rule = |key: &str, values: Value, operator: &str, kind: &str| {
            reason(&json!({"key": key, "values": values, "operator": operator, "type": kind}))
        };
        assert_eq!(reason(&json!("x")), "The filter rule is not a dictionary");
        assert_eq!(reason(&json!({"key": "env"})), MISSING);
        assert_eq!(rule("env", json!("a"), "zz", "zz"), "The filter rule values must be a list");
        assert_eq!(rule("env", json!([]), "zz", "zz"), "Filter rule type must be one of label, attribute");
        assert!(rule("env", json!(["a"]), "is_null", "label").ends_with("one of is_null, is_not_null"));
        assert!(rule("env", json!([]), "is_not", "label").ends_with("one of any_of, not_any_of, is_not"));
        assert!(
            rule("zz", json!(["a"]), "any_of", "attribute").starts_with("Allowed attributes to filter deployments")
        );
        assert!(rule("schedules", json!(["a"]), "any_of", "attribute").ends_with("with the is_not_empty operator"));
        assert!(rule("id", json!(["1"]), "ends_with", "attribute").ends_with("must begin with a letter"));
        assert!(rule("csys-x", json!(["a"]), "any_of", "label").contains("reserved for internal use"));
    }
}
