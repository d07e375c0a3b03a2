//! One call of a command: what was given, where the manager is, and how to print.

use std::cell::OnceCell;

use clap::ArgMatches;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use nephele_client::{Client, List, Method, Request};
use serde_json::Value;

use crate::connection;
use crate::fields;
use crate::inputs::{self, Reading};
use crate::local::{Local, LocalManager};
use crate::locally;
use crate::notation::Parameter;
use crate::output::Print;
use crate::settings::Settings;

/// Everything that a command may need.
pub(crate) struct Call {
    matches: ArgMatches,
    parameters: Vec<Parameter>,
    pub(crate) settings: Settings,
    pub(crate) print: Print,
    /// Starts a manager in this process, for work without one.
    local: Local,
    /// Makes the program with those of its commands that are not of this crate.
    pub(crate) program: fn() -> clap::Command,
    /// The one that was started.
    started: OnceCell<(Box<dyn LocalManager>, Client)>,
}

impl Call {
    pub(crate) fn new(
        matches: ArgMatches,
        parameters: Vec<Parameter>,
        settings: Settings,
        local: Local,
        program: fn() -> clap::Command,
    ) -> Self {
        let print = Print::new(&settings);
        Self { matches, parameters, settings, print, local, program, started: OnceCell::new() }
    }

    /// The declaration of an option or argument.
    pub(crate) fn parameter(&self, id: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.id == id)
    }

    /// The value of an option or argument. Empty values count as not given.
    pub(crate) fn text(&self, id: &str) -> Option<&str> {
        let found = self.matches.try_get_one::<String>(id).ok().flatten();
        found.map(String::as_str).filter(|text| !text.is_empty())
    }

    /// The value of what must be given; clap has seen to it.
    pub(crate) fn needed(&self, id: &str) -> &str {
        self.text(id).unwrap_or_default()
    }

    pub(crate) fn flag(&self, id: &str) -> bool {
        self.matches.try_get_one::<bool>(id).ok().flatten().copied().unwrap_or_default()
    }

    /// A flag with an opposite, when one of them was given.
    pub(crate) fn toggle(&self, id: &str) -> Option<bool> {
        let opposite = self.parameter(id)?.opposite?;
        if self.flag(opposite) { Some(false) } else { self.flag(id).then_some(true) }
    }

    /// Whether an option has the value it has when nobody gives one.
    pub(crate) fn is_default(&self, id: &str) -> bool {
        self.parameter(id).is_some() && self.matches.value_source(id) == Some(ValueSource::DefaultValue)
    }

    pub(crate) fn integer(&self, id: &str) -> Option<i64> {
        self.text(id)?.parse().ok()
    }

    /// All values of an option that may be repeated.
    pub(crate) fn many(&self, id: &str) -> Vec<&str> {
        let found = self.matches.try_get_many::<String>(id).ok().flatten();
        found.map(|values| values.map(String::as_str).collect()).unwrap_or_default()
    }

    /// Inputs or parameters, merged. Called by the original's name, values after `=` are texts, as there.
    pub(crate) fn inputs(&self, id: &str) -> anyhow::Result<Value> {
        let reading = if self.settings.is_cfy { Reading::Texts } else { Reading::Typed };
        inputs::merge(&self.many(id), reading)
    }

    /// A client of the manager that is meant; without one it is started in this process.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        if let Some((_, client)) = self.started.get() {
            return Ok(client.clone());
        }
        if !locally::is_meant(self) {
            return connection::client(&self.settings);
        }
        let started = locally::manager(&self.local, &self.settings)?;
        Ok(self.started.get_or_init(|| started).1.clone())
    }

    /// The deployment that is meant; without a manager it has the name of its blueprint.
    pub(crate) fn deployment(&self, id: &str) -> anyhow::Result<&str> {
        let given = self.text(id).or_else(|| self.text("blueprint-id").filter(|_| locally::is_meant(self)));
        given.ok_or_else(|| {
            let name = if id.starts_with(|first: char| first.is_ascii_uppercase()) {
                id.to_owned()
            } else {
                format!("--{id}")
            };
            clap::Error::raw(ErrorKind::MissingRequiredArgument, format!("which deployment? Give {name}\n")).into()
        })
    }

    /// GET of a path.
    pub(crate) async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> anyhow::Result<Value> {
        let query = owned(query);
        Ok(self.client()?.ask(&Request { query: &query, ..Request::get(path) }).await?)
    }

    /// Any other request.
    pub(crate) async fn send(&self, method: Method, path: &[&str], body: &Value) -> anyhow::Result<Value> {
        let body = Some(body).filter(|body| !body.is_null());
        Ok(self.client()?.ask(&Request { method, path, query: &[], body }).await?)
    }

    /// GET of a list.
    pub(crate) async fn list(&self, path: &[&str], query: &[(&str, &str)]) -> anyhow::Result<List> {
        Ok(serde_json::from_value(self.get(path, query).await?)?)
    }

    /// The object that the notation of [`fields`] describes.
    pub(crate) fn object(&self, notation: &'static str) -> anyhow::Result<Value> {
        fields::object(self, notation)
    }

    /// The pairs that paging, sorting and searching options bring to a list's query.
    pub(crate) fn paging(&self) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        let mut add = |key: &str, value: String| pairs.push((key.to_owned(), value));
        if self.flag("all-tenants") {
            add("_all_tenants", "true".to_owned());
        }
        for (id, key) in [("pagination-offset", "_offset"), ("pagination-size", "_size"), ("search", "_search")] {
            if let Some(value) = self.text(id) {
                add(key, value.to_owned());
            }
        }
        if let Some(field) = self.text("sort-by") {
            let sign = if self.flag("descending") { "-" } else { "" };
            add("_sort", format!("{sign}{field}"));
        }
        pairs
    }
}

pub(crate) fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
