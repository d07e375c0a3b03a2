//! Reading of cases: what is absent or of another type counts as empty.

use std::collections::{HashMap, HashSet};

use nephele_dsl::{Options, Source};
use nephele_model::json::{List, Map, Value};

pub(crate) fn map(value: &Value) -> Map {
    value.as_object().cloned().unwrap_or_default()
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], List::as_slice)
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Ids by node; sets are written `{"@set": [...]}`.
pub(crate) fn ids(value: &Value) -> HashMap<String, HashSet<String>> {
    let ids = |value: &Value| {
        let ids = value.as_array().or_else(|| value["@set"].as_array()).into_iter().flatten();
        ids.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    map(value).iter().map(|(node, value)| (node.as_str().to_owned(), ids(value))).collect()
}

pub(crate) fn source(yaml: &Value, options: &Value) -> Source {
    Source { location: options["dsl_location"].as_str().map(str::to_owned), text: text(yaml).to_owned() }
}

pub(crate) fn options(options: &Value) -> Options {
    Options {
        validate_version: options["validate_version"] != false,
        validate_functions: options["validate_intrinsic_function"] != false,
        validate_input_defaults: options["validate_input_defaults"] != false,
        resources_base: options["resources_base_path"].as_str().map(str::to_owned),
        additional_sources: list(&options["additional_resource_sources"])
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    }
}
