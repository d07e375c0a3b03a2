//! Labels of deployments and of blueprints (spec dsl.md section 1.3).

use nephele_model::json::{Map, Value, object};

use super::Scope;
use crate::diagnostic::{Diagnostic, Fault};
use crate::element::Element;

/// Who gets the labels: a blueprint's must be plain text, a deployment's may be functions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The blueprint.
    Blueprint,
    /// Deployments made from it.
    Deployment,
}

/// The section as plans show it.
pub(crate) fn parse(section: &Element<'_, '_>, owner: Owner, scope: &mut Scope<'_>) -> Map {
    let mut labels = Map::new();
    for element in section.entries() {
        let values = element.get("values").json();
        let checked = check(&element, &values, owner);
        scope.keep(checked);
        labels.insert(element.name().into_owned(), object! {"values": values});
    }
    labels
}

fn check(element: &Element<'_, '_>, values: &Value, owner: Owner) -> Result<(), Diagnostic> {
    let name = element.name();
    let refuse = |message: String| Err(element.problem(Fault::LabelValue, message));
    for value in values.as_array().into_iter().flatten() {
        match (owner, value) {
            (_, Value::String(_)) => {}
            (Owner::Deployment, Value::Object(map)) if !map.contains_key("get_attribute") => {}
            (Owner::Deployment, Value::Object(_)) => {
                return refuse(format!(
                    "The label's value cannot be a runtime property. Please remove the `get_attribute` function from \
                     the values of {name}"
                ));
            }
            (Owner::Deployment, _) => {
                return refuse(format!(
                    "The label's value must be a string or an intrinsic function. Please modify the values of {name}"
                ));
            }
            (Owner::Blueprint, _) => {
                return refuse(format!(
                    "The blueprint label's value must be a string. Please modify the values of {name}"
                ));
            }
        }
    }
    Ok(())
}
