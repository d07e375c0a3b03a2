//! A text before its imports are known: YAML, ASCII, version.

use nephele_model::python_text;
use std::sync::Arc;

use nephele_yaml11::{Node, Span, Stage, Value};

use crate::diagnostic::{Diagnostic, Kind, Place, nearest};
use crate::element::Element;
use crate::import::location;
use crate::import::traversal::Setting;
use crate::source::{Source, Sources};
use crate::version::Version;

/// The document of a text; an empty one is an empty mapping. `prefix` begins the message of a syntax
/// error. Errors: code -1 or the reader's class, 108 for anything but ASCII.
pub(crate) fn load(source: &Source, prefix: &str, sources: &mut Sources) -> Result<Arc<Node>, Diagnostic> {
    let number = sources.add(source.location.clone());
    let loaded = nephele_yaml11::load_numbered(&source.text, number).map_err(|error| {
        let place = Place { file: source.location.clone(), mark: Some(error.mark), ..Place::default() };
        let (kind, code, message) = match error.stage {
            Stage::Parser => (Kind::Format, Some(-1), format!("{prefix}: Illegal yaml; {error}")),
            Stage::Reader => (Kind::YamlReader, None, error.to_string()),
            Stage::Scanner => (Kind::YamlScanner, None, error.to_string()),
            Stage::Composer => (Kind::YamlComposer, None, error.to_string()),
            Stage::Constructor => (Kind::YamlConstructor, None, error.to_string()),
            Stage::Ascii => (Kind::InputType, Some(108), error.to_string()),
            Stage::Value => (Kind::Value, None, error.to_string()),
            Stage::Key => (Kind::Key, None, error.to_string()),
            Stage::Type => (Kind::Type, None, error.to_string()),
            Stage::Index => (Kind::Index, None, error.to_string()),
            Stage::Attribute => (Kind::Attribute, None, error.to_string()),
            Stage::Overflow => (Kind::Overflow, None, error.to_string()),
        };
        Diagnostic { place: Some(Box::new(place)), ..Diagnostic::new(kind, code, message) }
    })?;
    let empty = || Arc::new(Node { span: Span::default(), source: number, value: Value::Mapping(Vec::new()) });
    Ok(loaded.filter(|root| !root.is_null()).unwrap_or_else(empty))
}

/// The version that a main text declares. Errors: 1, 27, 29.
pub(crate) fn version(root: &Arc<Node>, sources: &Sources) -> Result<Version, Diagnostic> {
    let root = Element::root(root, sources);
    if root.node().is_some_and(|node| node.entries().is_none()) {
        let found = python_text::type_name(&root.json());
        let found = if found == "str" { "string" } else { found };
        return Err(root.format(format!("Expected 'dict' type but found '{found}' type")));
    }
    let element = root.get("tosca_definitions_version");
    let value = element.json();
    if value.is_null() {
        return Err(element.logic(27, "tosca_definitions_version field must appear in the main blueprint file"));
    }
    if let Some(found) = not_text(&value) {
        return Err(element.format(format!("Expected 'string' type but found '{found}' type")));
    }
    let name = python_text::str(&value);
    Version::parse(&name).ok_or_else(|| {
        let known = Version::ALL.map(Version::as_str);
        let message = format!(
            "Unexpected tosca_definitions_version {name}; Currently supported versions are: {}",
            python_text::names(known)
        );
        element.logic(29, message).with_hint(nearest(&name, known))
    })
}

fn not_text(value: &nephele_model::json::Value) -> Option<&'static str> {
    match python_text::type_name(value) {
        "str" => None,
        "int" => Some("integer"),
        "bool" => Some("boolean"),
        other => Some(other),
    }
}

/// The location of a main text as imports see it.
pub(crate) fn main_url(location: Option<&str>, setting: &Setting<'_>) -> Option<String> {
    location::candidates(location?, None, setting.resources_base, None, setting.imports).into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_no_yaml_has_the_class_that_clients_know() {
        for (text, kind, code, message) in [
            (
                "a: [1,\n",
                Kind::Format,
                Some(-1),
                "no: Illegal yaml; while parsing a flow node\nexpected the node content",
            ),
            (
                "a: b: c",
                Kind::YamlScanner,
                None,
                "mapping values are not allowed here\n  in \"<unicode string>\", line 1",
            ),
            ("a: *b", Kind::YamlComposer, None, "found undefined alias 'b'"),
            ("a: !b c", Kind::YamlConstructor, None, "could not determine a constructor for the tag '!b'"),
            ("a: \u{1}", Kind::YamlReader, None, "unacceptable character #x0001"),
            ("a: é", Kind::InputType, Some(108), "illegal characters in line: 0, column: 3."),
            ("a: 2020-13-01", Kind::Value, None, "month must be in 1..12"),
            ("[a]: b", Kind::Type, None, "unhashable type: 'list'"),
        ] {
            let refusal = load(&Source::unnamed(text), "no", &mut Sources::default()).unwrap_err();
            assert_eq!((refusal.kind, refusal.code), (kind, code), "{text}");
            assert!(refusal.message.starts_with(message), "{}", refusal.message);
        }
    }
}
