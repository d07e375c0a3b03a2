//! Scalars to values.

use std::fmt::Write;
use std::sync::Arc;

use super::{Constructor, base64, number, time};
use crate::error::{Error, Stage};
use crate::graph::{Content, Id};
use crate::node::Value;
use crate::quoting::quoted;
use crate::resolve::Tag;

/// Up to how many bytes a text is kept in one place for all who repeat it: names repeat, scripts do not.
const LONGEST_SHARED: usize = 64;

/// A failure of a conversion, without its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    stage: Stage,
    problem: String,
}

impl Fault {
    pub(super) fn new(stage: Stage, problem: impl Into<String>) -> Self {
        Self { stage, problem: problem.into() }
    }
}

impl Constructor<'_> {
    /// The string that a node is. Errors: it is not ASCII, which the original refuses.
    pub(super) fn string(&self, id: Id) -> Result<Value, Error> {
        let text = self.scalar_text(id)?;
        if !text.is_ascii() {
            let mark = self.graph[id].start.mark;
            let problem = format!(
                "illegal characters in line: {}, column: {}. Only valid ascii chars are supported.",
                mark.line, mark.column
            );
            return Err(Error::unplaced(Stage::Ascii, problem, mark));
        }
        let mut texts = self.texts.borrow_mut();
        if let Some(known) = texts.get(text) {
            return Ok(Value::String(Arc::clone(known)));
        }
        let text: Arc<str> = text.into();
        if text.len() <= LONGEST_SHARED {
            texts.insert(Arc::clone(&text));
        }
        Ok(Value::String(text))
    }

    /// The value of a node with another tag for scalars.
    pub(super) fn scalar(&self, id: Id) -> Result<Value, Error> {
        let raw = &self.graph[id];
        let text = self.scalar_text(id)?;
        let value = match raw.tag {
            Tag::Null => Ok(Value::Null),
            Tag::Bool => boolean(text).map(Value::Bool),
            Tag::Int => number::integer(text),
            Tag::Float => number::float(text).map(Value::Float),
            Tag::Timestamp if matches!(raw.content, Content::Mapping(_)) => {
                Err(Fault::new(Stage::Type, "expected string or bytes-like object, got 'list'"))
            }
            Tag::Timestamp => timestamp(text),
            _ => binary(text),
        };
        value.map_err(|Fault { stage, problem }| match stage {
            Stage::Constructor => self.refuse(problem, raw.start),
            _ => Error::unplaced(stage, problem, raw.start.mark),
        })
    }

    /// The text of a scalar; of a mapping, that of its value for `=`.
    fn scalar_text(&self, mut id: Id) -> Result<&str, Error> {
        for _ in 0..=self.graph.len() {
            match &self.graph[id].content {
                Content::Scalar(text) => return Ok(text),
                Content::Mapping(pairs) => match pairs.iter().find(|(key, _)| self.graph[*key].tag == Tag::Default) {
                    Some((_, value)) => id = *value,
                    None => break,
                },
                Content::Sequence(_) => break,
            }
        }
        Err(self.refuse_kind("expected a scalar node", id))
    }
}

fn boolean(text: &str) -> Result<bool, Fault> {
    let word = text.to_lowercase();
    match word.as_str() {
        "yes" | "true" | "on" => Ok(true),
        "no" | "false" | "off" => Ok(false),
        _ => Err(Fault::new(Stage::Key, quoted(&word))),
    }
}

fn timestamp(text: &str) -> Result<Value, Fault> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    match time::Written::parse(text) {
        Some(written) => written.instant().map(|_| Value::Timestamp(text.into())),
        None => Err(Fault::new(Stage::Attribute, "'NoneType' object has no attribute 'groupdict'")),
    }
}

fn binary(text: &str) -> Result<Value, Fault> {
    if let Some(from) = text.chars().position(|character| !character.is_ascii()) {
        let run: Vec<char> = text.chars().skip(from).take_while(|character| !character.is_ascii()).collect();
        let mut problem = String::from("failed to convert base64 data into ascii: 'ascii' codec can't encode ");
        let _ = match run.as_slice() {
            [one] => write!(problem, "character '{}' in position {from}", escaped(*one)),
            more => write!(problem, "characters in position {from}-{}", from + more.len() - 1),
        };
        problem.push_str(": ordinal not in range(128)");
        return Err(Fault::new(Stage::Constructor, problem));
    }
    match base64::decode(text) {
        Ok(_) => Ok(Value::Binary(text.into())),
        Err(problem) => Err(Fault::new(Stage::Constructor, format!("failed to decode base64 data: {problem}"))),
    }
}

/// A character that is not ASCII, as that refusal writes it, visible or not.
fn escaped(character: char) -> String {
    match u32::from(character) {
        code @ ..0x100 => format!("\\x{code:02x}"),
        code @ ..0x1_0000 => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    }
}
