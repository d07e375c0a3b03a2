//! Resolver rules: locations that are looked for elsewhere first (spec dsl.md section 2.3).

use std::sync::Arc;

use nephele_model::json::Value;
use nephele_model::python_text;

use crate::builtin::Types;
use crate::diagnostic::{Diagnostic, Fault, Kind};
use crate::import::{Fetched, ImportError, Imports};
use crate::version::Version;

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

impl Rule {
    /// Rules as configurations have them: `[{prefix: replacement}, ...]`.
    ///
    /// Errors: [`Fault::ResolverRules`].
    pub fn list(rules: &Value) -> Result<Vec<Self>, Diagnostic> {
        let refuse = |what: String| {
            let message = format!("Invalid parameters supplied for the default resolver: {what}");
            Diagnostic::new(Fault::ResolverRules, message)
        };
        let kind = python_text::type_name;
        let rules = rules.as_array().ok_or_else(|| {
            refuse(format!("The `rules` parameter must be a list but it is of type {}.", kind(rules)))
        })?;
        let one = |rule: &Value| {
            let shown = python_text::str(rule);
            let Some(entries) = rule.as_object() else {
                let kind = kind(rule);
                return Err(refuse(format!(
                    "Each rule must be a dictionary but the rule [{shown}] is of type {kind}."
                )));
            };
            match entries.iter().next() {
                Some((prefix, replacement)) if entries.len() == 1 => {
                    Ok(Self { prefix: prefix.as_str().to_owned(), replacement: python_text::str(replacement) })
                }
                _ => Err(refuse(format!(
                    "Each rule must be a dictionary with one (key,value) pair but the rule [{shown}] has {} keys.",
                    entries.len()
                ))),
            }
        };
        rules.iter().map(one).collect()
    }
}

/// [`Imports`] from built-in types, rules and a [`Fetch`].
pub struct Resolver<F> {
    rules: Vec<Rule>,
    fallback: bool,
    types: Arc<Types>,
    fetch: F,
}

impl<F: Fetch> Resolver<F> {
    /// No rules, the built-in types.
    pub fn new(fetch: F) -> Self {
        Self { rules: Vec::new(), fallback: true, types: Arc::default(), fetch }
    }

    /// Finds these types instead of the built-in ones.
    #[must_use]
    pub fn with_types(mut self, types: Arc<Types>) -> Self {
        self.types = types;
        self
    }

    /// Uses these rules in this order; without `fallback` a location that a rule matches is not tried
    /// as it is.
    #[must_use]
    pub fn with_rules(mut self, rules: Vec<Rule>, fallback: bool) -> Self {
        self.rules = rules;
        self.fallback = fallback;
        self
    }

    fn shown_rules(&self) -> String {
        let rules =
            self.rules.iter().map(|rule| format!("{{{}: {}}}", quoted(&rule.prefix), quoted(&rule.replacement)));
        format!("[{}]", rules.collect::<Vec<_>>().join(", "))
    }

    fn read(&self, location: &str, version: Version) -> Result<Fetched, ImportError> {
        match self.types.resolve(location) {
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
                Err(error) if error.fault.kind() == Kind::Logic => failures.push((replaced, error)),
                answer => return answer,
            }
        }
        if applied && !self.fallback {
            return Err(failed(format!("Failed to resolve the following urls: {}", listed(&failures))));
        }
        self.read(location, version).map_err(|error| match (self.rules.is_empty(), failures.is_empty()) {
            (false, true) if error.fault.kind() == Kind::Logic => failed(format!(
                "None of the resolver rules {} was applicable, failed to resolve the original import url: {} ",
                self.shown_rules(),
                error.message
            )),
            (false, false) if error.fault.kind() == Kind::Logic => failed(format!(
                "Failed to resolve the following urls: {}. In addition, failed to resolve the original import url - {}",
                listed(&failures),
                error.message
            )),
            _ => error,
        })
    }

    fn exists(&self, location: &str) -> bool {
        self.fetch.exists(location)
    }
}

fn quoted(text: &str) -> String {
    python_text::repr(&Value::from(text))
}

/// `{location: message, ...}`.
fn listed(failures: &[(String, ImportError)]) -> String {
    let failures = failures.iter().map(|(location, error)| (location.clone(), Value::from(error.message.as_str())));
    python_text::repr(&Value::Object(failures.collect()))
}

fn failed(message: String) -> ImportError {
    ImportError::new(Fault::ImportFailed, message)
}
