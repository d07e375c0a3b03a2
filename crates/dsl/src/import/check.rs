//! The `imports` of a main text: the shape of its entries (spec dsl.md section 2.1).

use std::collections::HashSet;

use nephele_yaml11::Value;

use crate::diagnostic::{Diagnostic, Fault};
use crate::element::Element;
use crate::function;
use crate::problems::Problems;
use crate::schema::check::{self, Deviations, Gate};
use crate::schema::grammar::IMPORTS;
use crate::version::Version;

/// Adds every problem. Codes 1, 2, 102, 220.
pub(crate) fn imports(element: &Element<'_, '_>, gate: Gate, found: &mut Problems) {
    let is_list = element.node().is_some_and(|node| node.items().is_some());
    if !is_list {
        let mut deviations = Deviations::default();
        check::check(element, &IMPORTS, gate, &mut deviations);
        return found.extend(deviations.problems);
    }
    let mut seen = HashSet::new();
    for item in element.items() {
        match item.node().map(|node| &node.value) {
            Some(Value::Mapping(_)) => with_properties(element, &item, gate, found),
            Some(Value::String(_)) => {}
            Some(_) => found.push(not_a_mapping(&item)),
            None => {
                let message = "The import statement should be either a string or a dictionary";
                found.push(element.quoted(item.placed(Diagnostic::new(Fault::MalformedImport, message))));
            }
        }
        let key =
            item.text().map(str::to_owned).or_else(|| item.entries().next().map(|entry| entry.name().into_owned()));
        if !key.is_none_or(|key| seen.insert(key)) {
            found.push(element.quoted(item.placed(Diagnostic::new(Fault::DuplicateImport, "Duplicate imports"))));
        }
    }
}

fn with_properties(list: &Element<'_, '_>, item: &Element<'_, '_>, gate: Gate, found: &mut Problems) {
    for import in item.entries() {
        match import.node().map(|node| &node.value) {
            Some(Value::Mapping(_)) | None => {}
            Some(_) => found.push(not_a_mapping(&import)),
        }
        // The reference looks at what is inside first.
        for property in import.entries() {
            found.extend(check::too_new(&property, Version::V1_5, gate));
            let value = property.json();
            if value.is_object() && function::recognise(&value).is_none() {
                let message = "Properties of imported node should either be strings, integers, floats, booleans, \
                               lists or intrinsic functions";
                found.push(property.problem(Fault::MalformedImport, message));
            }
        }
        found.extend(check::too_new(&import, Version::V1_5, gate));
    }
    if item.len() != 1 {
        let message = "Import with properties should be a single-entry dictionary";
        found.push(list.quoted(item.placed(Diagnostic::new(Fault::MalformedImport, message))));
    }
}

fn not_a_mapping(element: &Element<'_, '_>) -> Diagnostic {
    element.problem(Fault::WrongType, format!("Expected 'dict' type but found '{}' type", kind(element)))
}

fn kind(element: &Element<'_, '_>) -> &'static str {
    match nephele_model::python_text::type_name(&element.json()) {
        "int" => "integer",
        "bool" => "boolean",
        "str" => "string",
        other => other,
    }
}
