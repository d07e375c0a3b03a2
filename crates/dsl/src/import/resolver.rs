//! Resolver rules: locations that are looked for elsewhere first (spec dsl.md section 2.3).

use crate::builtin;
use crate::import::{Fetched, ImportError, Imports};
use crate::version::Version;
use nephele_model::python_text;

/// Reads what is neither built in nor rewritten by a rule.
pub trait Fetch {
    /// The content at `location`.
    fn fetch(&self, location: &str, version: Version) -> Result<Fetched, ImportError>;
    /// Whether a file exists there.
    fn exists(&self, location: &str) -> bool;
}

/// Locations that begin with `prefix` are tried with `replacement` in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What the location begins with.
    pub prefix: String,
    /// What is tried instead.
    pub replacement: String,
}

/// [`Imports`] from built-in types, rules and a [`Fetch`].
pub struct Resolver<F> {
    rules: Vec<Rule>,
    fallback: bool,
    fetch: F,
}

impl<F: Fetch> Resolver<F> {
    /// No rules.
    pub const fn new(fetch: F) -> Self {
        Self { rules: Vec::new(), fallback: true, fetch }
    }

    /// Uses these rules in this order; without `fallback` a location that a rule matches is not tried
    /// as it is.
    #[must_use]
    pub fn with_rules(mut self, rules: Vec<Rule>, fallback: bool) -> Self {
        self.rules = rules;
        self.fallback = fallback;
        self
    }

    fn read(&self, location: &str, version: Version) -> Result<Fetched, ImportError> {
        match builtin::resolve(location) {
            Some(text) => Ok(Fetched::Text(text.to_owned())),
            None => self.fetch.fetch(location, version),
        }
    }
}

impl<F: Fetch> Imports for Resolver<F> {
    fn fetch(&self, location: &str, version: Version) -> Result<Fetched, ImportError> {
        let mut failures: Vec<(String, ImportError)> = Vec::new();
        let mut applied = false;
        for rule in &self.rules {
            let Some(rest) = location.strip_prefix(&rule.prefix) else { continue };
            applied = true;
            let replaced = format!("{}{rest}", rule.replacement);
            if failures.iter().any(|(tried, _)| *tried == replaced) {
                continue;
            }
            match self.read(&replaced, version) {
                Ok(found) => return Ok(found),
                Err(error) => failures.push((replaced, error)),
            }
        }
        if applied && !self.fallback {
            return Err(combined(&failures, None));
        }
        self.read(location, version).map_err(|error| {
            if self.rules.is_empty() {
                return error;
            }
            failures.push((location.to_owned(), error));
            combined(&failures, (!applied).then_some(&self.rules))
        })
    }

    fn exists(&self, location: &str) -> bool {
        self.fetch.exists(location)
    }
}

fn quoted(text: &str) -> String {
    python_text::repr(&serde_json::Value::from(text))
}

fn combined(failures: &[(String, ImportError)], inapplicable: Option<&Vec<Rule>>) -> ImportError {
    let tried: Vec<String> =
        failures.iter().map(|(location, error)| format!("{}: {}", quoted(location), quoted(&error.message))).collect();
    let message = match inapplicable {
        None => format!("Failed to resolve the following urls: {{{}}}", tried.join(", ")),
        Some(rules) => {
            let rules: Vec<String> =
                rules.iter().map(|rule| format!("{{'{}': '{}'}}", rule.prefix, rule.replacement)).collect();
            format!(
                "None of the resolver rules [{}] was applicable, failed to resolve the original import url: {}",
                rules.join(", "),
                failures.last().map_or("", |(_, error)| error.message.as_str())
            )
        }
    };
    ImportError { kind: crate::diagnostic::Kind::Logic, code: Some(13), message }
}
