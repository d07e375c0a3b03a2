//! The lines of `goldens/oracle.py`, for our reader.

use std::collections::HashMap;
use std::fmt::Write;

use nephele_yaml11::event::{Event, Kind, Properties, Style};
use nephele_yaml11::{Error, Node, Span, Stage, Value};

/// The events of a text, then its value or its error.
pub(crate) fn describe(text: &str) -> String {
    let mut lines = Vec::new();
    match nephele_yaml11::events(text) {
        Ok(events) => {
            for event in events {
                match event {
                    Ok(event) => lines.push(event_line(&event)),
                    Err(error) => lines.extend(error_lines(&error)),
                }
            }
        }
        Err(error) => lines.extend(error_lines(&error)),
    }
    lines.push("=>".to_owned());
    match nephele_yaml11::load(text) {
        Ok(Some(node)) => Tree { seen: HashMap::new(), lines: &mut lines }.add(&node, 0),
        Ok(None) => lines.push("nothing".to_owned()),
        Err(error) => lines.extend(error_lines(&error)),
    }
    lines.join("\n")
}

/// A text as a JSON string of ASCII characters.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::from('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(character),
            _ => character.encode_utf16(&mut [0; 2]).iter().for_each(|unit| write!(out, "\\u{unit:04x}").unwrap()),
        }
    }
    out.push('"');
    out
}

fn event_line(event: &Event<'_>) -> String {
    let explicit = |explicit| if explicit { " explicit" } else { "" };
    let layout = |flow| if flow { "flow" } else { "block" };
    let kind = match &event.kind {
        Kind::StreamStart => "StreamStart".to_owned(),
        Kind::StreamEnd => "StreamEnd".to_owned(),
        Kind::DocumentStart { explicit: written } => format!("DocumentStart{}", explicit(*written)),
        Kind::DocumentEnd { explicit: written } => format!("DocumentEnd{}", explicit(*written)),
        Kind::Alias(name) => format!("Alias *{name}"),
        Kind::Scalar { properties, text, style } => {
            format!("Scalar {}{} {}", style_name(*style), property_text(properties), quote(text))
        }
        Kind::SequenceStart { properties, flow } => {
            format!("SequenceStart {}{}", layout(*flow), property_text(properties))
        }
        Kind::SequenceEnd => "SequenceEnd".to_owned(),
        Kind::MappingStart { properties, flow } => {
            format!("MappingStart {}{}", layout(*flow), property_text(properties))
        }
        Kind::MappingEnd => "MappingEnd".to_owned(),
    };
    format!("{} {kind}", place(event.span()))
}

fn property_text(properties: &Properties<'_>) -> String {
    let mut text = String::new();
    if let Some(anchor) = properties.anchor {
        write!(text, " &{anchor}").unwrap();
    }
    if let Some(tag) = &properties.tag {
        write!(text, " <{}>", quote(tag)).unwrap();
    }
    text
}

const fn style_name(style: Style) -> &'static str {
    match style {
        Style::Plain => "plain",
        Style::SingleQuoted => "single",
        Style::DoubleQuoted => "double",
        Style::Literal => "literal",
        Style::Folded => "folded",
    }
}

fn place(Span { start, end }: Span) -> String {
    format!("{}:{}-{}:{}", start.line, start.column, end.line, end.column)
}

fn error_lines(error: &Error) -> Vec<String> {
    let class = match error.stage {
        Stage::Reader => "ReaderError",
        Stage::Scanner => "ScannerError",
        Stage::Parser => "ParserError",
        Stage::Composer => "ComposerError",
        Stage::Constructor => "ConstructorError",
        Stage::Ascii => "DSLParsingInputTypeException",
        Stage::Value => "ValueError",
        Stage::Key => "KeyError",
        Stage::Type => "TypeError",
        Stage::Index => "IndexError",
        Stage::Attribute => "AttributeError",
        Stage::Overflow => "OverflowError",
    };
    let mut lines = vec![format!("error {class}")];
    lines.extend(error.to_string().split('\n').map(|line| format!("| {}", quote(line))));
    lines
}

/// The lines of a value. A node that was seen before is named by its number.
struct Tree<'lines> {
    seen: HashMap<*const Node, usize>,
    lines: &'lines mut Vec<String>,
}

impl Tree<'_> {
    fn add(&mut self, node: &Node, depth: usize) {
        let indent = "  ".repeat(depth);
        if let Some(number) = self.seen.get(&std::ptr::from_ref(node)) {
            self.lines.push(format!("{indent}= {number}"));
            return;
        }
        self.seen.insert(node, self.seen.len());
        self.lines.push(format!("{indent}{} {}", place(node.span), kind(&node.value)));
        match &node.value {
            Value::Mapping(entries) => {
                for entry in entries {
                    self.add(&entry.key, depth + 1);
                    self.add(&entry.value, depth + 1);
                }
            }
            Value::Sequence(items) => items.iter().for_each(|item| self.add(item, depth + 1)),
            Value::Set(items) => {
                let mut items: Vec<_> = items.iter().collect();
                items.sort_by_key(|item| item.span.start);
                for item in items {
                    self.add(item, depth + 1);
                }
            }
            _ => {}
        }
    }
}

fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => format!("bool {truth}"),
        Value::Int(number) => format!("int {number}"),
        Value::BigInt(digits) => format!("int {digits}"),
        Value::Float(number) if number.is_nan() => "float nan".to_owned(),
        Value::Float(number) => format!("float {:016x}", number.to_bits()),
        Value::String(text) => format!("str {}", quote(text)),
        Value::Timestamp(text) => format!("timestamp {}", quote(text)),
        Value::Binary(text) => format!("binary {}", quote(text)),
        Value::Sequence(_) => "seq".to_owned(),
        Value::Mapping(_) => "map".to_owned(),
        Value::Set(_) => "set".to_owned(),
    }
}
