//! Commands as data: what they are called, what they take, and what they do.
//!
//! Most do one of three things ([`Act::List`], [`Act::Show`], [`Act::Send`]); the others bring a
//! function. Keys of bodies and queries are written in the notation of [`crate::fields`].

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;

use nephele_client::Method;
use serde_json::Value;

use crate::call::Call;

/// How a command ends.
pub(crate) type Outcome = anyhow::Result<ExitCode>;

/// A command that is a function of its own.
pub(crate) type Run = for<'a> fn(&'a Call) -> Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// Commands with a common first word.
pub(crate) struct Group {
    /// The first word; empty for commands that have one word only.
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) commands: &'static [Command],
}

/// One command.
pub(crate) struct Command {
    /// Its words after that of the group.
    pub(crate) name: &'static str,
    /// What it takes, in the notation of [`crate::notation`].
    pub(crate) takes: &'static str,
    pub(crate) about: &'static str,
    pub(crate) act: Act,
}

/// What a command does.
pub(crate) enum Act {
    /// Prints the rows of a list.
    List(Listing),
    /// Prints one thing.
    Show(Showing),
    /// Asks for a change, and says that it was made.
    Send(Sending),
    /// Anything else.
    Own(Run),
}

/// The columns of a table.
#[derive(Clone, Copy)]
pub(crate) struct Columns {
    pub(crate) table: &'static [&'static str],
    /// More of them in JSON and in the extended view.
    pub(crate) more: &'static [&'static str],
    /// Headings that differ from the key.
    pub(crate) labels: &'static [(&'static str, &'static str)],
}

#[derive(Clone, Copy)]
pub(crate) struct Listing {
    pub(crate) path: &'static str,
    /// What the rows are, for the line below the table; empty where there is none.
    pub(crate) noun: &'static str,
    pub(crate) columns: Columns,
    pub(crate) query: &'static str,
    /// Makes a row as it is to be shown.
    pub(crate) shape: fn(&Call, &mut Value),
    /// Only the fields of the columns are asked for: rows are long otherwise.
    pub(crate) asks_for_columns: bool,
}

#[derive(Clone, Copy)]
pub(crate) struct Showing {
    pub(crate) path: &'static str,
    /// None: everything that the answer has.
    pub(crate) columns: Option<Columns>,
    pub(crate) query: &'static str,
    pub(crate) shape: fn(&Call, &mut Value),
    /// The original takes a missing one for no failure.
    pub(crate) forgives: &'static [u16],
}

/// How a change is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Post,
    Put,
    Patch,
    Delete,
}

impl From<Verb> for Method {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Post => Self::POST,
            Verb::Put => Self::PUT,
            Verb::Patch => Self::PATCH,
            Verb::Delete => Self::DELETE,
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Sending {
    pub(crate) verb: Verb,
    pub(crate) path: &'static str,
    pub(crate) query: &'static str,
    pub(crate) body: &'static str,
    /// What is said afterwards; `{name}` stands for what was given.
    pub(crate) said: &'static str,
    pub(crate) forgives: &'static [u16],
}

impl Columns {
    pub(crate) const fn of(table: &'static [&'static str]) -> Self {
        Self { table, more: &[], labels: &[] }
    }

    pub(crate) const fn more(self, more: &'static [&'static str]) -> Self {
        Self { more, ..self }
    }

    pub(crate) const fn labels(self, labels: &'static [(&'static str, &'static str)]) -> Self {
        Self { labels, ..self }
    }
}

impl Listing {
    pub(crate) const fn only_columns(self) -> Self {
        Self { asks_for_columns: true, ..self }
    }

    pub(crate) const fn query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    pub(crate) const fn shape(self, shape: fn(&Call, &mut Value)) -> Self {
        Self { shape, ..self }
    }
}

impl Showing {
    pub(crate) const fn query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    pub(crate) const fn shape(self, shape: fn(&Call, &mut Value)) -> Self {
        Self { shape, ..self }
    }

    pub(crate) const fn forgives(self, forgives: &'static [u16]) -> Self {
        Self { forgives, ..self }
    }
}

impl Sending {
    pub(crate) const fn query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    pub(crate) const fn body(self, body: &'static str) -> Self {
        Self { body, ..self }
    }

    pub(crate) const fn forgives(self, forgives: &'static [u16]) -> Self {
        Self { forgives, ..self }
    }
}

const fn as_it_is(_: &Call, _: &mut Value) {}

/// A list at `path`.
pub(crate) const fn list(path: &'static str, noun: &'static str, columns: Columns) -> Listing {
    Listing { path, noun, columns, query: "", shape: as_it_is, asks_for_columns: false }
}

/// One thing at `path`, as a row with these columns.
pub(crate) const fn show(path: &'static str, columns: Columns) -> Showing {
    Showing { path, columns: Some(columns), query: "", shape: as_it_is, forgives: &[] }
}

/// One thing at `path`, whatever it has.
pub(crate) const fn details(path: &'static str) -> Showing {
    Showing { path, columns: None, query: "", shape: as_it_is, forgives: &[] }
}

/// A change at `path`.
pub(crate) const fn send(verb: Verb, path: &'static str, said: &'static str) -> Sending {
    Sending { verb, path, query: "", body: "", said, forgives: &[] }
}
