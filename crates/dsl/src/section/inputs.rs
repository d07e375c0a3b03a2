//! Inputs, operation inputs of types, and workflow parameters: schemas whose values are constrained
//! (spec dsl.md sections 1.3 and 3.5).

use nephele_model::json::{Map, Value};
use nephele_model::python_text;

use super::Scope;
use super::properties::{check_type, insert_written, is_known};
use crate::constraint;
use crate::diagnostic::{Diagnostic, Fault, suggestion};
use crate::element::Element;
use crate::value::{self, Misfit, PRIMITIVES, Rules, Schema};
use crate::version::Version;

/// Which of the three kinds of schema is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// Inputs of the blueprint or of a type's operation.
    Input,
    /// Parameters of a workflow.
    Parameter,
}

/// The schemas under `section`. One that cannot be used takes anything.
pub(crate) fn parse(section: &Element<'_, '_>, flavour: Flavour, scope: &mut Scope<'_>) -> Schema {
    let mut schema = Schema::new();
    for element in section.entries() {
        let input = one(&element, flavour, scope).unwrap_or_else(|found| {
            scope.problems.report(found);
            Map::from_iter([("default".to_owned(), Value::Null)])
        });
        schema.insert(element.name().into_owned(), Value::Object(input));
    }
    schema
}

fn one(element: &Element<'_, '_>, flavour: Flavour, scope: &Scope<'_>) -> Result<Map, Vec<Diagnostic>> {
    let name = element.name();
    let type_element = element.get("type");
    let type_name = type_element.text();
    let mut found = Vec::new();
    let of_type = check_type(&type_element, scope);
    let is_typed = type_name.is_none_or(|name| is_known(name, scope));
    found.extend(of_type.err());
    found.extend(check_item_type(element, type_name).err());
    for constraint in element.get("constraints").items() {
        found.extend(check_constraint(&constraint, &name, flavour, scope).err());
    }
    if flavour == Flavour::Input {
        found.extend(check_visibility(element).err());
        found.extend(check_display(element, type_name).err());
    }
    let mut input = Map::new();
    insert_written(&mut input, &element.get("required"));
    let default = element.get("default");
    if default.is_written() && is_typed {
        match parse_default(&default, &name, type_name, scope) {
            Ok(default) => {
                input.insert("default".to_owned(), default);
            }
            Err(misfits) => found.extend(default.misfits(misfits, 0)),
        }
    }
    for key in ["description", "type", "item_type", "constraints", "display_label", "hidden", "display"] {
        insert_written(&mut input, &element.get(key));
    }
    if found.is_empty() { Ok(input) } else { Err(found) }
}

fn parse_default(
    default: &Element<'_, '_>,
    owner: &str,
    type_name: Option<&str>,
    scope: &Scope<'_>,
) -> Result<Value, Vec<Misfit>> {
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
}

fn check_item_type(element: &Element<'_, '_>, type_name: Option<&str>) -> Result<(), Diagnostic> {
    let item_type = element.get("item_type");
    let Some(name) = item_type.text() else { return Ok(()) };
    if type_name != Some("list") {
        let shown = type_name.unwrap_or("None");
        return Err(item_type.problem(
            Fault::ItemTypeWithoutList,
            format!("Property item_type defined for unsupported type: '{shown}'"),
        ));
    }
    if !value::is_primitive(name) {
        let message = format!("Illegal item_type '{name}'");
        let hint = suggestion(name, PRIMITIVES.iter().copied());
        return Err(item_type.problem(Fault::IllegalItemType, message).with_hint(hint));
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
                return Err(element.problem(Fault::UnsupportedInVersion, message));
            }
            (Flavour::Input, Some(_)) => {}
            (flavour, _) => {
                let its = if flavour == Flavour::Input { "it's" } else { "its" };
                let message = format!("Each constraint operator dict must be in {its} own list item.");
                return Err(element.problem(Fault::SeveralConstraints, message));
            }
        }
    }
    constraint::check_definition(&element.json_map(), input).map_err(|problem| element.quoted(problem))
}

fn check_visibility(element: &Element<'_, '_>) -> Result<(), Diagnostic> {
    let required = element.get("required");
    let required = !required.is_written() || python_text::is_truthy(&required.json());
    if required && python_text::is_truthy(&element.get("hidden").json()) && !element.get("default").is_written() {
        let message =
            format!("Input is both hidden and required thus it should have a default value: '{}'.", element.name());
        return Err(element.problem(Fault::HiddenRequiredInput, message));
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
    Err(display.problem(Fault::DisplayOnWrongType, message))
}
