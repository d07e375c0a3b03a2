//! What imports, secrets and values were when a case was recorded.

use std::cell::RefCell;
use std::collections::HashMap;

use nephele_dsl::{Catalog, Fault, Fetch, Fetched, ImportError, Imports, ValueQuery, Version};
use nephele_model::json::Value;

use crate::answer::Failure;
use crate::case::{list, map, source, text};

/// Imports: the n-th request of a location gets its n-th answer, the last one repeats.
pub(crate) struct Imported<'a> {
    case: &'a Value,
    asked: RefCell<HashMap<String, usize>>,
}

impl<'a> Imported<'a> {
    pub(crate) fn of(case: &'a Value) -> Self {
        Self { case, asked: RefCell::default() }
    }
}

impl Imports for Imported<'_> {
    fn fetch(&self, location: &str, _version: Version) -> Result<Fetched, ImportError> {
        let answers: Vec<&Value> =
            list(&self.case["fetches"]).iter().filter(|fetch| fetch["url"] == location).collect();
        let mut asked = self.asked.borrow_mut();
        let count = asked.entry(location.to_owned()).or_default();
        let Some(fetch) = answers.get(*count).or(answers.last()) else {
            return Err(ImportError::unreachable(location, "'NoneType' object is not iterable"));
        };
        *count += 1;
        if let Some(error) = fetch.get("error") {
            return Err(failed(error));
        }
        if let Some(blueprint) = fetch.get("blueprint") {
            return Ok(Fetched::Blueprint {
                main: source(&blueprint["yaml"], &blueprint["options"]),
                resources_base: blueprint["options"]["resources_base_path"].as_str().map(str::to_owned),
            });
        }
        let text = text(&fetch["text"]).to_owned();
        match self.case["plugins_db"].get(location) {
            Some(plugin) => Ok(Fetched::Plugin {
                text,
                blueprint_labels: map(&plugin["blueprint_labels"]),
                labels: map(&plugin["labels"]),
                resource_tags: map(&plugin["resource_tags"]),
            }),
            None => Ok(Fetched::Text(text)),
        }
    }

    fn exists(&self, location: &str) -> bool {
        ["url_exists", "path_exists"].into_iter().any(|table| self.case[table][location] == true)
    }
}

fn failed(error: &Value) -> ImportError {
    let code = error["err_code"].as_i64().and_then(|code| i32::try_from(code).ok());
    let fault = Fault::of(text(&error["class"]), code).unwrap_or(Fault::ImportUnavailable);
    ImportError::new(fault, text(&error["message"]))
}

/// The locations that resolver rules led to.
pub(crate) struct Attempts<'a>(pub(crate) &'a Value);

impl Fetch for Attempts<'_> {
    fn fetch(&self, location: &str, _version: Version) -> Result<Fetched, ImportError> {
        match list(&self.0["attempts"]).iter().find(|attempt| attempt["url"] == location) {
            Some(attempt) if attempt.get("text").is_some() => Ok(Fetched::Text(text(&attempt["text"]).to_owned())),
            Some(attempt) => Err(failed(&attempt["error"])),
            None => Err(ImportError::unreachable(location, "not recorded")),
        }
    }

    fn exists(&self, _location: &str) -> bool {
        false
    }
}

/// Secrets, and values of inputs that name something.
pub(crate) struct Known<'a> {
    case: &'a Value,
    /// A failure to look for a secret, which ends the request.
    failure: RefCell<Option<Failure>>,
}

impl<'a> Known<'a> {
    pub(crate) fn of(case: &'a Value) -> Self {
        Self { case, failure: RefCell::default() }
    }

    pub(crate) fn into_failure(self) -> Option<Failure> {
        self.failure.into_inner()
    }

    fn calls(&self, method: &str) -> impl Iterator<Item = &'a Value> {
        list(&self.case["values_getter_calls"]).iter().filter(move |call| call["method"] == method)
    }

    fn says(&self, method: &str) -> bool {
        self.calls(method).next().is_some_and(|call| call["result"] == true)
    }
}

impl Catalog for Known<'_> {
    fn has_secret(&self, name: &str) -> Option<bool> {
        if self.case["options"]["has_get_secret_method"] != true {
            return None;
        }
        let Some(call) = list(&self.case["secret_calls"]).iter().find(|call| call["key"] == name) else {
            return Some(true);
        };
        if call["ok"] != true && call["status_code"] != 404 {
            let message = text(&call["message"]).to_owned();
            self.failure.borrow_mut().get_or_insert(Failure::new(text(&call["error"]), message));
        }
        Some(call["ok"] == true)
    }

    fn has_values(&self) -> bool {
        self.case["options"]["has_values_getter"] == true
    }

    fn contains(&self, query: &ValueQuery<'_>) -> bool {
        let mut calls = self.calls("get");
        let asked = |call: &&Value| {
            let given = list(&call["args"]);
            given.first().is_some_and(|name| name == query.data_type)
                && given.get(1) == Some(query.value)
                && map(&call["kwargs"]) == *query.constraints
        };
        calls.find(asked).is_some_and(|call| list(&call["result"]).contains(query.value))
    }

    fn has_deployment(&self) -> bool {
        self.says("has_deployment_id")
    }

    fn has_blueprint(&self) -> bool {
        self.says("has_blueprint_id")
    }
}
