//! A text before its imports are known: YAML, ASCII, version.

use std::borrow::Cow;
use std::sync::Arc;

use nephele_model::python_text;

use nephele_yaml11::{Node, Span, Stage, Value};

use crate::diagnostic::{Diagnostic, Fault, Place, did_you_mean};
use crate::dialect;
use crate::element::Element;
use crate::import::location;
use crate::import::traversal::Setting;
use crate::problems::Problems;
use crate::source::{Source, Sources};
use crate::version::Version;

/// How many texts with letters beyond ASCII are reported.
const MOST_LETTERS: usize = 20;

/// The document of a text, if it is YAML; an empty one is an empty mapping. `prefix` begins the message of
/// a syntax error. Problems: code -1 or the reader's class, 108 for anything but ASCII.
pub(crate) fn load(source: &Source, prefix: &str, sources: &mut Sources, problems: &mut Problems) -> Option<Arc<Node>> {
    let number = sources.add(source.location.clone());
    let mut text = Cow::Borrowed(source.text.as_str());
    for round in 0.. {
        let error = match nephele_yaml11::load_numbered(&text, number) {
            Ok(root) => {
                let empty = || Node { span: Span::default(), source: number, value: Value::Mapping([].into()) };
                let root = root.filter(|root| !root.is_null()).unwrap_or_else(|| Arc::new(empty()));
                let is_declared = dialect::is_declared(&root);
                sources.is_dialect |= is_declared && number == 0;
                return Some(if is_declared || sources.is_dialect { dialect::translated(&root) } else { root });
            }
            Err(error) => error,
        };
        let (fault, message) = match error.stage {
            Stage::Parser => (Fault::YamlSyntax, format!("{prefix}: Illegal yaml; {error}")),
            Stage::Reader => (Fault::YamlCharacter, error.to_string()),
            Stage::Scanner => (Fault::YamlToken, error.to_string()),
            Stage::Composer => (Fault::YamlComposition, error.to_string()),
            Stage::Constructor => (Fault::YamlValue, error.to_string()),
            Stage::Ascii => (Fault::NotAscii, error.to_string()),
            Stage::Value => (Fault::YamlNumberOrDate, error.to_string()),
            Stage::Key => (Fault::YamlTruthValue, error.to_string()),
            Stage::Type => (Fault::YamlKey, error.to_string()),
            Stage::Index => (Fault::YamlEmptyNumber, error.to_string()),
            Stage::Attribute => (Fault::YamlDate, error.to_string()),
            Stage::Overflow => (Fault::YamlNumberRange, error.to_string()),
        };
        let span = Some(Span { start: error.mark, end: error.mark });
        problems.push(Diagnostic::new(fault, message).with_brief(brief(&error)).at(Place {
            file: source.location.clone(),
            span,
            path: String::new(),
        }));
        if fault != Fault::NotAscii || text.is_ascii() {
            return None;
        }
        // Letters are a problem of their texts alone: what else is wrong is found without them.
        text = Cow::Owned(if round < MOST_LETTERS { masked(&text, error.mark.line) } else { ascii(&text) });
    }
    None
}

/// What is wrong, without quoting the text.
fn brief(error: &nephele_yaml11::Error) -> String {
    let problem = error.problem.as_str();
    let Some(context) = &error.context else { return problem.to_owned() };
    match context.begin.filter(|begin| begin.line != error.mark.line) {
        Some(begin) => format!("{} that began in line {}: {problem}", context.text, begin.line + 1),
        None => format!("{}: {problem}", context.text),
    }
}

/// The text without letters beyond ASCII in a line, or anywhere if that line has none.
fn masked(text: &str, line: u32) -> String {
    let masked: String = text
        .split_inclusive('\n')
        .zip(0..)
        .map(|(part, number)| if number == line { Cow::Owned(ascii(part)) } else { Cow::Borrowed(part) })
        .collect();
    if masked == text { ascii(text) } else { masked }
}

fn ascii(text: &str) -> String {
    text.chars().map(|letter| if letter.is_ascii() { letter } else { '_' }).collect()
}

/// The version that a main text declares. Errors: 1, 27, 29.
pub(crate) fn version(root: &Arc<Node>, sources: &Sources) -> Result<Version, Diagnostic> {
    let root = Element::root(root, sources);
    if root.node().is_some_and(|node| node.entries().is_none()) {
        let found = python_text::type_name(&root.json());
        let found = if found == "str" { "string" } else { found };
        return Err(root.problem(Fault::WrongType, format!("Expected 'dict' type but found '{found}' type")));
    }
    let element = root.get("tosca_definitions_version");
    let value = element.json();
    if value.is_null() {
        return Err(element
            .problem(Fault::MissingVersion, "tosca_definitions_version field must appear in the main blueprint file"));
    }
    if let Some(found) = not_text(&value) {
        return Err(element.problem(Fault::WrongType, format!("Expected 'string' type but found '{found}' type")));
    }
    let name = python_text::str(&value);
    Version::parse(&name).ok_or_else(|| {
        let known = Version::ALL.map(Version::as_str);
        let message = format!(
            "Unexpected tosca_definitions_version {name}; Currently supported versions are: {}",
            python_text::names(known)
        );
        element.problem(Fault::UnknownVersion, message).with_hint(did_you_mean(&name, known))
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
    use crate::diagnostic::Kind;

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
            let mut problems = Problems::default();
            let mut sources = Sources::default();
            load(&Source::unnamed(text), "no", &mut sources, &mut problems);
            let refusal = &problems.into_list(&sources)[0];
            assert_eq!((refusal.kind(), refusal.code()), (kind, code), "{text}");
            assert!(refusal.message.starts_with(message), "{}", refusal.message);
        }
    }
}
