//! Why a text is not YAML 1.1: what was being read, what is wrong, and where.

use std::fmt;

use crate::span::Mark;

/// The stage that refused the text; each is an exception class of its own to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A character that may not stand in YAML.
    Reader,
    /// Characters that make no token.
    Scanner,
    /// Tokens that make no document.
    Parser,
    /// Anchors and aliases that make no tree.
    Composer,
    /// Scalars that make no value.
    Constructor,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Who refused.
    pub stage: Stage,
    /// What was being read, and where it began.
    pub context: Option<(String, Mark)>,
    /// What is wrong.
    pub problem: String,
    /// Where it is wrong.
    pub mark: Mark,
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |mark: Mark| format!("line {}, column {}", mark.line + 1, mark.column + 1);
        if let Some((context, mark)) = &self.context {
            writeln!(formatter, "{context}\n  in \"<unicode string>\", {}", place(*mark))?;
        }
        write!(formatter, "{}\n  in \"<unicode string>\", {}", self.problem, place(self.mark))
    }
}

impl std::error::Error for Error {}
