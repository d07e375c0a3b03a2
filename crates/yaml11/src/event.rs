//! Text to events. The only file that knows which scanner does the work.
//!
//! Today libyaml-safer reads; it differs from YAML 1.1 as its first implementation reads it in that it
//! refuses a plain scalar before `:` and a flow indicator (`{a:[1]}`).

use libyaml_safer::{Event as Raw, EventData, Parser, ScalarStyle};

use crate::error::{Error, Stage};
use crate::span::{Mark, Span};

/// One step of a document.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    DocumentStart,
    StreamEnd,
    Alias(String),
    Scalar {
        anchor: Option<String>,
        tag: Option<String>,
        text: String,
        plain: bool,
    },
    SequenceStart {
        anchor: Option<String>,
        tag: Option<String>,
    },
    SequenceEnd,
    MappingStart {
        anchor: Option<String>,
        tag: Option<String>,
    },
    MappingEnd,
    /// Start of the stream, end of a document.
    Other,
}

/// The events of a text, one after the other.
pub(crate) struct Events<'text> {
    parser: Parser<&'text [u8]>,
}

impl<'text> Events<'text> {
    pub(crate) fn new(text: &'text str) -> Self {
        let mut parser = Parser::new();
        parser.set_input(text.as_bytes());
        Self { parser }
    }

    pub(crate) fn next(&mut self) -> Result<Event, Error> {
        match self.parser.parse() {
            Ok(raw) => Ok(event(raw)),
            Err(error) => Err(refusal(&error)),
        }
    }
}

fn event(raw: Raw) -> Event {
    let span = Span { start: mark(raw.start_mark), end: mark(raw.end_mark) };
    let kind = match raw.data {
        EventData::DocumentStart { .. } => Kind::DocumentStart,
        EventData::StreamEnd => Kind::StreamEnd,
        EventData::Alias { anchor } => Kind::Alias(anchor),
        EventData::Scalar { anchor, tag, value, style, .. } => {
            Kind::Scalar { anchor, tag, text: value, plain: style == ScalarStyle::Plain }
        }
        EventData::SequenceStart { anchor, tag, .. } => Kind::SequenceStart { anchor, tag },
        EventData::SequenceEnd => Kind::SequenceEnd,
        EventData::MappingStart { anchor, tag, .. } => Kind::MappingStart { anchor, tag },
        EventData::MappingEnd => Kind::MappingEnd,
        EventData::StreamStart { .. } | EventData::DocumentEnd { .. } => Kind::Other,
    };
    Event { span, kind }
}

fn mark(raw: libyaml_safer::Mark) -> Mark {
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Mark { line: narrow(raw.line), column: narrow(raw.column) }
}

fn refusal(error: &libyaml_safer::Error) -> Error {
    let stage = match error.kind() {
        libyaml_safer::ErrorKind::Scanner => Stage::Scanner,
        libyaml_safer::ErrorKind::Parser => Stage::Parser,
        libyaml_safer::ErrorKind::Composer => Stage::Composer,
        _ => Stage::Reader,
    };
    let context = error
        .context()
        .filter(|context| !context.is_empty())
        .map(|context| (context.to_owned(), error.context_mark().map_or_else(Mark::default, mark)));
    Error {
        stage,
        context,
        problem: error.problem().to_owned(),
        mark: error.problem_mark().map_or_else(Mark::default, mark),
    }
}
