//! Inputs, operation inputs of types, and workflow parameters: schemas whose values are constrained
//! (spec dsl.md sections 1.3 and 3.5).

use nephele_model::json::{Map, Value};
use nephele_model::python_text;

use super::Scope;
use super::properties::{check_type, insert_written};
use crate::constraint;
use crate::diagnostic::{Diagnostic, Kind};
use crate::element::Element;
use crate::value::{self, Rules, Schema};
use crate::version::Version;

/// Which of the three kinds of schema is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// Inputs of the blueprint or of a type's operation.
    Input,
    /// Parameters of a workflow.
    Parameter,
}

/// The schemas under `section`.
pub(crate) fn parse(section: &Element<'_, '_>, flavour: Flavour, scope: &mut Scope<'_>) -> Schema {
    let mut schema = Schema::new();
    for element in section.entries() {
        let input = one(&element, flavour, scope);
        if let Some(input) = scope.keep(input) {
            schema.insert(element.name().into_owned(), Value::Object(input));
        }
    }
    schema
}

fn one(element: &Element<'_, '_>, flavour: Flavour, scope: &Scope<'_>) -> Result<Map, Diagnostic> {
    let name = element.name();
    let type_element = element.get("type");
    check_type(&type_element, scope.gate, &scope.data_types)?;
    check_item_type(element, type_element.text())?;
    for constraint in element.get("constraints").items() {
        check_constraint(&constraint, &name, flavour, scope)?;
    }
    if flavour == Flavour::Input {
        check_visibility(element)?;
        check_display(element, type_element.text())?;
    }
    let mut input = Map::new();
    insert_written(&mut input, &element.get("required"));
    let default = element.get("default");
    if default.is_written() {
        input.insert("default".to_owned(), parse_default(&default, &name, type_element.text(), scope)?);
    }
    for key in ["description", "type", "item_type", "constraints", "display_label", "hidden", "display"] {
        insert_written(&mut input, &element.get(key));
    }
    Ok(input)
}

fn parse_default(
    default: &Element<'_, '_>,
    owner: &str,
    type_name: Option<&str>,
    scope: &Scope<'_>,
) -> Result<Value, Diagnostic> {
    if default.node().is_none() {
        return Ok(Value::Null);
    }
    let rules = Rules {
        data_types: &scope.data_types,
        undefined: "Undefined property {1} in default value of input {0}.",
        missing: "Value of input {0} is missing property {1}.",
        owner,
        complete: true,
    };
    value::parse(&rules, default.json(), type_name, None, &mut Vec::new())
        .map_err(|problem| default.place_if_blueprint(problem))
}

fn check_item_type(element: &Element<'_, '_>, type_name: Option<&str>) -> Result<(), Diagnostic> {
    let item_type = element.get("item_type");
    let Some(name) = item_type.text() else { return Ok(()) };
    if type_name != Some("list") {
        let shown = type_name.unwrap_or("None");
        return Err(item_type.logic(218, format!("Property item_type defined for unsupported type: '{shown}'")));
    }
    if !value::is_primitive(name) {
        return Err(item_type.logic(217, format!("Illegal item_type '{name}'")));
    }
    Ok(())
}

fn check_constraint(
    element: &Element<'_, '_>,
    input: &str,
    flavour: Flavour,
    scope: &Scope<'_>,
) -> Result<(), Diagnostic> {
    if element.len() > 1 {
        match (flavour, scope.gate) {
            (Flavour::Input, Some(version)) if version < Version::V1_5 => {
                let message = format!(
                    "Constraint's additional attributes are not supported in version {version}, they were added in {}",
                    Version::V1_5
                );
                return Err(element.logic(102, message));
            }
            (Flavour::Input, Some(_)) => {}
            _ => {
                return Err(element.logic(103, "Each constraint operator dict must be in it's own list item."));
            }
        }
    }
    constraint::check_definition(&element.json_map(), input).map_err(|problem| element.place_if_blueprint(problem))
}

fn check_visibility(element: &Element<'_, '_>) -> Result<(), Diagnostic> {
    let required = element.get("required");
    let required = !required.is_written() || python_text::is_truthy(&required.json());
    if required && python_text::is_truthy(&element.get("hidden").json()) && !element.get("default").is_written() {
        let message =
            format!("Input is both hidden and required thus it should have a default value: '{}'.", element.name());
        return Err(element.logic(215, message));
    }
    Ok(())
}

fn check_display(element: &Element<'_, '_>, type_name: Option<&str>) -> Result<(), Diagnostic> {
    let display = element.get("display");
    if display.node().is_none() || type_name == Some("textarea") {
        return Ok(());
    }
    let message = format!(
        "`display` property defined for unsupported input type ({}) for input `{}`.",
        type_name.unwrap_or("None"),
        element.name()
    );
    Err(display.problem(Kind::InputType, 216, message))
}
