//! Answers to an editor's questions about a place in a text.

use anyhow::{Context, bail};
use lsp_types::Position;
use nephele_yaml11::Span;
use serde_json::{Map, Value, json};

use super::index::{self, Definition, Kind, Symbol};
use super::world::World;
use super::{Spot, range};
use crate::tidy;

/// The functions of the language, and what they give.
const FUNCTIONS: &[(&str, &str)] = &[
    ("concat", "Texts joined: { concat: [a, b] }"),
    ("get_attribute", "A runtime property of a node: { get_attribute: [node, name] }"),
    ("get_attributes_dict", "Runtime properties of all instances of a node, by instance"),
    ("get_attributes_list", "A runtime property of all instances of a node"),
    ("get_capability", "A capability of another deployment: { get_capability: [deployment, name] }"),
    ("get_environment_capability", "A capability of the environment"),
    ("get_group_capability", "A capability of all deployments of a group"),
    ("get_input", "An input: { get_input: name }"),
    ("get_label", "A label of the deployment"),
    ("get_property", "A property of a node: { get_property: [node, name] }"),
    ("get_secret", "A secret of the manager: { get_secret: key }"),
    ("get_sys", "A fact about the run, such as [deployment, id]"),
    ("merge", "Objects merged"),
    ("string_find", "Where a text stands in another"),
    ("string_lower", "A text in small letters"),
    ("string_replace", "A text with something replaced"),
    ("string_split", "A text cut into pieces"),
    ("string_upper", "A text in capital letters"),
];

fn line<'a>(spot: &Spot<'a>) -> &'a str {
    spot.text.lines().nth(usize::try_from(spot.position.line).unwrap_or_default()).unwrap_or_default()
}

fn holds(span: Span, position: Position) -> bool {
    let (start, end) = (range(span).start, range(span).end);
    (start.line, start.character) <= (position.line, position.character)
        && (position.line, position.character) <= (end.line, end.character)
}

/// The name at the place.
fn symbol_at(spot: &Spot<'_>) -> Option<Symbol> {
    index::of(spot.text).into_iter().find(|symbol| holds(symbol.span, spot.position))
}

pub(super) fn completion(spot: &Spot<'_>) -> Value {
    let world = World::of(spot);
    let before: String =
        line(spot).chars().take(usize::try_from(spot.position.character).unwrap_or_default()).collect();
    let trimmed = before.trim_start().trim_start_matches("- ").trim_start();
    let named = |kind: Kind, sign: u32| -> Vec<Value> {
        let item = |(_, symbol, definition): (&str, &Symbol, &Definition)| json!({"label": symbol.name, "kind": sign, "detail": definition.of_type, "documentation": definition.description});
        world.definitions(kind).map(item).collect()
    };
    let after = |key: &str| trimmed.contains(&format!("{key}: ")) || trimmed.ends_with(&format!("{key}:"));
    let items = if after("get_input") {
        named(Kind::Input, 6)
    } else if after("get_property") || after("get_attribute") || after("target") {
        let mut items = named(Kind::Node, 7);
        if !after("target") {
            items.extend(["SELF", "SOURCE", "TARGET"].map(|name| json!({"label": name, "kind": 14})));
        }
        items
    } else if trimmed.starts_with("type:") || trimmed.starts_with("derived_from:") {
        let place = enclosing(spot);
        match place.first().map(String::as_str) {
            Some("relationships") => named(Kind::Relationship, 7),
            Some("inputs" | "data_types") => named(Kind::DataType, 7),
            _ if place.iter().any(|key| key == "relationships") => named(Kind::Relationship, 7),
            _ => named(Kind::NodeType, 7),
        }
    } else if trimmed.contains('{') && !trimmed.contains(": [") {
        FUNCTIONS.iter().map(|(name, text)| json!({"label": name, "kind": 3, "documentation": text})).collect()
    } else {
        keys(spot, &world)
    };
    json!({"isIncomplete": false, "items": items})
}

/// The keys that may stand at a place: properties of the node's type, or what a section takes.
fn keys(spot: &Spot<'_>, world: &World) -> Vec<Value> {
    let place = enclosing(spot);
    let plain = |names: &str| {
        names.split(' ').map(|name| json!({"label": name, "kind": 14, "insertText": format!("{name}: ")})).collect()
    };
    let words: Vec<&str> = place.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => plain(
            "tosca_definitions_version imports description inputs node_types node_templates relationships data_types plugins \
            outputs capabilities labels workflows groups policies interfaces",
        ),
        ["node_templates", node, "properties"] => {
            let of = world.definition(Kind::Node, node).and_then(|(_, _, definition)| definition.of_type.clone());
            let properties = of.map(|of| world.properties(&of)).unwrap_or_default();
            let item = |(name, text): (String, String)| json!({"label": name, "kind": 10, "documentation": text, "insertText": format!("{name}: ")});
            properties.into_iter().map(item).collect()
        }
        ["node_templates", _] => plain("type properties interfaces relationships capabilities instances"),
        ["node_types" | "data_types" | "relationships", _] => plain("derived_from properties interfaces description"),
        ["inputs", _] => plain("type default description constraints required hidden display_label item_type"),
        _ => Vec::new(),
    }
}

/// The keys around a place, outermost first, by how far lines are indented.
fn enclosing(spot: &Spot<'_>) -> Vec<String> {
    let number = usize::try_from(spot.position.line).unwrap_or_default();
    let lines: Vec<&str> = spot.text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let here = lines.get(number).copied().unwrap_or_default();
    let mut depth = if here.trim().is_empty() {
        usize::try_from(spot.position.character).unwrap_or_default()
    } else {
        indent(here)
    };
    let mut keys = Vec::new();
    for line in lines.iter().take(number).rev() {
        let is_content = !line.trim().is_empty() && !line.trim_start().starts_with('#');
        if is_content && indent(line) < depth {
            depth = indent(line);
            let key = line.trim_start().trim_start_matches("- ").split(':').next().unwrap_or_default();
            keys.push(key.trim().to_owned());
        }
    }
    keys.reverse();
    keys
}

pub(super) fn hover(spot: &Spot<'_>) -> Value {
    let word = word_at(spot);
    if let Some((name, text)) = FUNCTIONS.iter().find(|(name, _)| *name == word) {
        return json!({"contents": {"kind": "markdown", "value": format!("**{name}**\n\n{text}")}});
    }
    let world = World::of(spot);
    let Some(symbol) = symbol_at(spot) else { return Value::Null };
    let Some((_, _, definition)) = world.definition(symbol.kind, &symbol.name) else { return Value::Null };
    let mut text = format!("**{}**", symbol.name);
    let mut add = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            text.extend(["\n\n", name, value]);
        }
    };
    add("", &definition.description);
    add("type: ", &definition.of_type);
    add("derived from: ", &definition.derived_from);
    add("default: ", &definition.default);
    let is_type = matches!(symbol.kind, Kind::NodeType | Kind::DataType | Kind::Relationship);
    for (name, about) in if is_type { world.properties(&symbol.name) } else { Vec::new() } {
        text.extend(["\n- `", &name, "` ", &about]);
    }
    json!({"contents": {"kind": "markdown", "value": text}, "range": range(symbol.span)})
}

fn word_at<'a>(spot: &Spot<'a>) -> &'a str {
    let line = line(spot);
    let at = usize::try_from(spot.position.character).unwrap_or_default().min(line.len());
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let (Some(before), Some(after)) = (line.get(..at), line.get(at..)) else { return "" };
    let start = before.rfind(|character| !is_part(character)).map_or(0, |place| place + 1);
    let end = after.find(|character| !is_part(character)).map_or(line.len(), |place| at + place);
    line.get(start..end).unwrap_or_default()
}

pub(super) fn definition(spot: &Spot<'_>) -> Value {
    let world = World::of(spot);
    let Some(symbol) = symbol_at(spot) else { return Value::Null };
    match world.definition(symbol.kind, &symbol.name) {
        Some((uri, found, _)) if uri.starts_with("file:") => json!({"uri": uri, "range": range(found.span)}),
        _ => Value::Null,
    }
}

/// Errors: the name cannot be changed, or not to that.
pub(super) fn rename(spot: &Spot<'_>, name: &str) -> anyhow::Result<Value> {
    let symbol = symbol_at(spot).context("there is no name here")?;
    if !matches!(symbol.kind, Kind::Node | Kind::Input) {
        bail!("only nodes and inputs can be renamed");
    }
    let is_name = !name.is_empty()
        && name.chars().all(|character| character.is_ascii_alphanumeric() || "_-.".contains(character));
    if !is_name {
        bail!("`{name}` is no name");
    }
    let world = World::around(spot);
    if world.definitions(symbol.kind).any(|(_, other, _)| other.name == name) {
        bail!("`{name}` is there already");
    }
    // Files that it imports, or that import it, may define or use it as well.
    let mut changes = Map::new();
    for (uri, symbols) in world.files(spot.uri) {
        let same = symbols.iter().filter(|other| other.kind == symbol.kind && other.name == symbol.name);
        let edits: Vec<Value> = same.map(|other| json!({"range": range(other.span), "newText": name})).collect();
        if !edits.is_empty() {
            changes.insert(uri.to_owned(), edits.into());
        }
    }
    Ok(json!({"changes": changes}))
}

pub(super) fn formatting(spot: &Spot<'_>) -> Value {
    match tidy::tidied(spot.text) {
        Ok(made) if made != spot.text => {
            let end = u32::try_from(spot.text.lines().count() + 1).unwrap_or(u32::MAX);
            json!([{"range": {"start": {"line": 0, "character": 0}, "end": {"line": end, "character": 0}}, "newText": made}])
        }
        _ => json!([]),
    }
}
