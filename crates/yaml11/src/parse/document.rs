//! What stands around a document: directives, `---` and `...`.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Events, State};
use crate::error::Error;
use crate::event::{Event, Kind};
use crate::quoting::quoted;
use crate::token::{self, Directive};

/// What tag handles stand for in a document.
#[derive(Default)]
pub(super) struct Handles<'text> {
    declared: HashMap<&'text str, Cow<'text, str>>,
}

impl Handles<'_> {
    /// What a handle stands for.
    pub(super) fn prefix(&self, handle: &str) -> Option<&str> {
        self.declared.get(handle).map(AsRef::as_ref).or(match handle {
            "!" => Some("!"),
            "!!" => Some("tag:yaml.org,2002:"),
            _ => None,
        })
    }
}

impl<'text> Events<'text> {
    pub(super) fn implicit_document_start(&mut self) -> Result<Event<'text>, Error> {
        let token = self.scanner.peek()?;
        if matches!(token.kind, token::Kind::Directive(_) | token::Kind::DocumentStart | token::Kind::StreamEnd) {
            return self.document_start();
        }
        let start = token.start;
        self.states.push(State::DocumentEnd);
        self.state = State::BlockNode;
        Ok(Event { start, end: start, kind: Kind::DocumentStart { explicit: false } })
    }

    pub(super) fn document_start(&mut self) -> Result<Event<'text>, Error> {
        while self.next_is(|kind| matches!(kind, token::Kind::DocumentEnd))? {
            self.scanner.take()?;
        }
        let token = self.scanner.peek()?;
        let start = token.start;
        if matches!(token.kind, token::Kind::StreamEnd) {
            self.state = State::End;
            return Ok(Event { start, end: token.end, kind: Kind::StreamEnd });
        }
        self.directives()?;
        let token = self.scanner.peek()?;
        if !matches!(token.kind, token::Kind::DocumentStart) {
            let (found, place) = (token.kind.name(), token.start);
            return Err(self.refuse_at(format!("expected '<document start>', but found '{found}'"), place));
        }
        let end = self.scanner.take()?.end;
        self.states.push(State::DocumentEnd);
        self.state = State::DocumentContent;
        Ok(Event { start, end, kind: Kind::DocumentStart { explicit: true } })
    }

    pub(super) fn document_content(&mut self) -> Result<Event<'text>, Error> {
        let token = self.scanner.peek()?;
        let start = token.start;
        match token.kind {
            token::Kind::Directive(_)
            | token::Kind::DocumentStart
            | token::Kind::DocumentEnd
            | token::Kind::StreamEnd => {
                let next = self.states.pop().unwrap_or(State::DocumentEnd);
                Ok(self.empty(start, next))
            }
            _ => self.block_node(),
        }
    }

    pub(super) fn document_end(&mut self) -> Result<Event<'text>, Error> {
        let token = self.scanner.peek()?;
        let start = token.start;
        let explicit = matches!(token.kind, token::Kind::DocumentEnd);
        let end = if explicit { self.scanner.take()?.end } else { start };
        self.state = State::DocumentStart;
        Ok(Event { start, end, kind: Kind::DocumentEnd { explicit } })
    }

    fn directives(&mut self) -> Result<(), Error> {
        self.handles = Handles::default();
        let mut has_version = false;
        while self.next_is(|kind| matches!(kind, token::Kind::Directive(_)))? {
            let token = self.scanner.take()?;
            let token::Kind::Directive(directive) = token.kind else { break };
            match directive {
                Directive::Yaml { .. } if has_version => {
                    return Err(self.refuse_at("found duplicate YAML directive", token.start));
                }
                Directive::Yaml { supported: true } => has_version = true,
                Directive::Yaml { supported: false } => {
                    let problem = "found incompatible YAML document (version 1.* is required)";
                    return Err(self.refuse_at(problem, token.start));
                }
                Directive::Tag { handle, prefix } => {
                    if self.handles.declared.insert(handle, prefix).is_some() {
                        let problem = format!("duplicate tag handle {}", quoted(handle));
                        return Err(self.refuse_at(problem, token.start));
                    }
                }
                Directive::Unknown => {}
            }
        }
        Ok(())
    }
}
