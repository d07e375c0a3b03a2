//! Why a text is not YAML 1.1: what was being read, what is wrong, and where.
//!
//! [`Error`]'s `Display` is, to the letter, what the original prints: clients see it. The line is quoted
//! when the refusal is made, so an error outlives its text.

use std::fmt;

use crate::span::{Mark, Point};

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
    /// Tags that fit no value.
    Constructor,
    /// A string that is not ASCII.
    Ascii,
    /// A conversion's `ValueError`: a number or a date that is none.
    Value,
    /// A conversion's `KeyError`: a truth value that is none.
    Key,
    /// A conversion's `TypeError`: a key that cannot be one.
    Type,
    /// A conversion's `IndexError`: a number without characters.
    Index,
    /// A conversion's `AttributeError`: a date without the shape of one.
    Attribute,
    /// A conversion's `OverflowError`: a number out of range.
    Overflow,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Who refused.
    pub stage: Stage,
    /// What was being read.
    pub context: Option<Box<Context>>,
    /// What is wrong.
    pub problem: String,
    /// Where it is wrong.
    pub mark: Mark,
    /// The line with a caret below; none if the original gives no place.
    quote: Option<Box<str>>,
}

/// What was being read when a refusal came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// What it was.
    pub text: String,
    /// Where it began, if the original says so.
    pub begin: Option<Mark>,
    quote: Box<str>,
}

impl Error {
    /// A refusal at a place of the source.
    pub(crate) fn new(stage: Stage, problem: impl Into<String>, source: &str, place: Point) -> Self {
        Self {
            stage,
            context: None,
            problem: problem.into(),
            mark: place.mark,
            quote: Some(quote(source, place.offset as usize).into()),
        }
    }

    /// A refusal whose text names no place, or names it in its own way.
    pub(crate) const fn unplaced(stage: Stage, problem: String, mark: Mark) -> Self {
        Self { stage, context: None, problem, mark, quote: None }
    }

    /// Adds what was being read and where that began.
    pub(crate) fn within(mut self, text: impl Into<String>, source: &str, begin: Point) -> Self {
        let quote = quote(source, begin.offset as usize).into();
        self.context = Some(Box::new(Context { text: text.into(), begin: Some(begin.mark), quote }));
        self
    }

    /// Adds what was being read.
    pub(crate) fn during(mut self, text: impl Into<String>) -> Self {
        self.context = Some(Box::new(Context { text: text.into(), begin: None, quote: Box::default() }));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(context) = &self.context {
            writeln!(formatter, "{}", context.text)?;
            if let Some(begin) = context.begin.filter(|begin| *begin != self.mark) {
                place(formatter, begin, &context.quote)?;
                formatter.write_str("\n")?;
            }
        }
        formatter.write_str(&self.problem)?;
        if let Some(quote) = &self.quote {
            formatter.write_str("\n")?;
            place(formatter, self.mark, quote)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

fn place(formatter: &mut fmt::Formatter<'_>, mark: Mark, quote: &str) -> fmt::Result {
    write!(formatter, "  in \"<unicode string>\", line {}, column {}:\n{quote}", mark.line + 1, mark.column + 1)
}

/// How many characters of a line are looked at on either side of a place, and how many of them remain
/// when there are more.
const REACH: usize = 37;
const KEPT: usize = 32;

/// The line around a byte, shortened to what a terminal shows, with a caret below that byte.
fn quote(source: &str, offset: usize) -> String {
    let ends_line = |character: &char| matches!(character, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let (before, after) = source.split_at(offset);
    let mut left: Vec<char> = before.chars().rev().take_while(|one| !ends_line(one)).take(REACH).collect();
    let mut right: Vec<char> = after.chars().take_while(|one| !ends_line(one)).take(REACH).collect();
    let shorten = |side: &mut Vec<char>| {
        let long = side.len() == REACH;
        if long {
            side.truncate(KEPT);
        }
        if long { " ... " } else { "" }
    };
    let (head, tail) = (shorten(&mut left), shorten(&mut right));
    let caret = " ".repeat(head.len() + left.len());
    left.reverse();
    let line: String = left.into_iter().chain(right).collect();
    format!("    {head}{line}{tail}\n    {caret}^")
}
