//! Outputs and capabilities: named values with a description (spec dsl.md section 1.3).

use nephele_model::json::{Map, Value};

use super::properties::insert_written;
use crate::element::Element;

/// The section as plans show it.
pub(crate) fn parse(section: &Element<'_, '_>) -> Map {
    section
        .entries()
        .map(|element| {
            let mut output = Map::new();
            insert_written(&mut output, &element.get("description"));
            insert_written(&mut output, &element.get("value"));
            (element.name().into_owned(), Value::Object(output))
        })
        .collect()
}
