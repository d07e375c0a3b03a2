//! What is wrong with a blueprint, an input or an evaluation: one value for every failure.
//!
//! A [`Diagnostic`] speaks twice. To programs and clients of the reference: its [`Fault`] with class and
//! number, the message in the reference's wording and, as a [`Quote`], where the reference says it is. To
//! people: the exact [`Place`] in the source, and a hint.

mod fault;
mod kind;
mod nearest;

use std::fmt::{self, Write};

use nephele_yaml11::{Mark, Span};

pub use fault::{Fault, Severity, UNUSED};
pub use kind::Kind;
pub(crate) use nearest::{did_you_mean, is_slip, nearest, suggestion};

/// One problem, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which mistake it is.
    pub fault: Fault,
    /// What is wrong, in the wording that clients know, without the place.
    pub message: String,
    /// The same for people, where that wording is long or names places in its own way.
    pub brief: Option<String>,
    /// Where it is wrong, if it is wrong at a place.
    pub place: Option<Box<Place>>,
    /// The element at which the reference meets it, if it stands at one.
    pub quote: Option<Box<Quote>>,
    /// What to do, for people.
    pub hint: Option<String>,
    /// Whether it may only follow from another problem around its place.
    pub(crate) is_doubtful: bool,
}

/// A place in a text, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file's location as the imports named it; absent for an unnamed main text.
    pub file: Option<String>,
    /// What is wrong there, counted from 0 (shown from 1).
    pub span: Option<Span>,
    /// The path of the element, such as `node_templates.web.properties.port`.
    pub path: String,
}

/// An element as the reference names it behind messages of certain classes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quote {
    /// The file's location.
    pub file: Option<String>,
    /// The position: the key's, else the value's, else none.
    pub wording: Wording,
    /// The path of the element, such as `node_templates.web.properties`.
    pub path: String,
    /// The element's value as the reference would print it.
    pub value: String,
}

/// How the reference words the position of an element.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wording {
    /// The element is not written anywhere.
    #[default]
    Unwritten,
    /// The element's key stands there.
    Key(Mark),
    /// The element has no key of its own; its value stands there.
    Value(Mark),
}

impl Diagnostic {
    /// A problem without a place.
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into(), brief: None, place: None, quote: None, hint: None, is_doubtful: false }
    }

    /// Adds where it is.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(Box::new(place));
        self
    }

    /// Adds a shorter message for people.
    #[must_use]
    pub fn with_brief(mut self, brief: String) -> Self {
        self.brief = Some(brief);
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// The message for people.
    pub fn brief(&self) -> &str {
        let said = if self.fault.is_mute() { self.fault.meaning() } else { self.message.as_str() };
        self.brief.as_deref().unwrap_or(said)
    }

    /// What to do, in any case: the hint, or else what the fault asks for.
    pub fn advice(&self) -> &str {
        self.hint.as_deref().unwrap_or_else(|| self.fault.remedy())
    }

    /// The exception class of the reference.
    pub const fn kind(&self) -> Kind {
        self.fault.kind()
    }

    /// The class's number, if it has one.
    pub const fn code(&self) -> Option<i32> {
        self.fault.code()
    }

    /// The 1-based line and column for people.
    pub fn position(&self) -> Option<(u32, u32)> {
        let start = self.place.as_ref()?.span?.start;
        Some((start.line + 1, start.column + 1))
    }

    /// The message followed by the place, as the reference prints it and as manager answers quote it.
    pub fn reference_text(&self) -> String {
        let Some(quote) = self.quote.as_ref().filter(|_| self.kind().is_invalid_blueprint()) else {
            return self.message.clone();
        };
        let mut text = format!("{} ", self.message);
        if let Some(file) = &quote.file {
            let _ = write!(text, "\n  in: {file}");
        }
        match quote.wording {
            Wording::Unwritten => {}
            Wording::Key(mark) => {
                let _ = write!(text, "\n  in line: {}, column: {}", mark.line + 1, mark.column);
            }
            Wording::Value(mark) => {
                let _ = write!(text, "\n  in line {}, column {}", mark.line + 1, mark.column);
            }
        }
        let _ = write!(text, "\n  path: {}\n  value: {}", quote.path, quote.value);
        text
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = self.place.as_ref().and_then(|place| place.file.as_deref()) {
            write!(formatter, "{}:", file.strip_prefix("file:").unwrap_or(file))?;
        }
        if let Some((line, column)) = self.position() {
            write!(formatter, "{line}:{column}: ")?;
        } else if self.place.as_ref().is_some_and(|place| place.file.is_some()) {
            formatter.write_str(" ")?;
        }
        formatter.write_str(self.brief())?;
        if let Some(hint) = &self.hint {
            write!(formatter, " ({hint})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_file_line_and_column() {
        let start = Mark { line: 6, column: 4 };
        let place = Place {
            file: Some("file:blueprint.yaml".to_owned()),
            span: Some(Span { start, end: start }),
            ..Place::default()
        };
        let found = Diagnostic::new(Fault::UnknownNodeType, "unknown type").at(place);
        assert_eq!(found.to_string(), "blueprint.yaml:7:5: unknown type");
        assert_eq!((found.kind(), found.code()), (Kind::Logic, Some(7)));
    }
}
