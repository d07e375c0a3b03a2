//! The keys of a JSON body, with the refusals that clients know.
//!
//! Booleans may come as `true` or as the text `"true"`; unknown keys are the handler's to ignore.
//! Source: spec rest-api.md sections 1.2 and 1.10.

use nephele_model::{Code, Error, Result, Timestamp, python_text};
use serde_json::{Map, Value};

/// A JSON object whose keys are taken one by one.
pub(crate) struct Arguments(pub(crate) Map<String, Value>);

impl Arguments {
    /// A value that is there and not null.
    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        self.0.swap_remove(key).filter(|value| !value.is_null())
    }

    /// The same, or a refusal.
    pub(crate) fn required(&mut self, key: &str) -> Result<Value> {
        self.take(key).ok_or_else(|| Error::bad_parameters(format!("Missing {key} in json request body")))
    }

    /// Text that may be left out.
    pub(crate) fn text(&mut self, key: &str) -> Result<Option<String>> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(key, "str", &other)),
        }
    }

    /// Text that must be there.
    pub(crate) fn required_text(&mut self, key: &str) -> Result<String> {
        match self.required(key)? {
            Value::String(text) => Ok(text),
            other => Err(wrong_type(key, "str", &other)),
        }
    }

    /// A list that must be there.
    pub(crate) fn required_list(&mut self, key: &str) -> Result<Vec<Value>> {
        match self.required(key)? {
            Value::Array(list) => Ok(list),
            other => Err(wrong_type(key, "list", &other)),
        }
    }

    /// A truth value, false when left out.
    pub(crate) fn flag(&mut self, key: &str) -> Result<bool> {
        self.optional_flag(key).map(|flag| flag.unwrap_or(false))
    }

    /// A truth value that may be left out.
    pub(crate) fn optional_flag(&mut self, key: &str) -> Result<Option<bool>> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(other) => Err(wrong_type(key, "bool", &other)),
        }
    }

    /// A truth value that must be there.
    pub(crate) fn required_flag(&mut self, key: &str) -> Result<bool> {
        self.optional_flag(key)?.ok_or_else(|| Error::bad_parameters(format!("Missing {key} in json request body")))
    }

    /// An object that may be left out.
    pub(crate) fn object(&mut self, key: &str) -> Result<Option<Map<String, Value>>> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(other) => Err(wrong_type(key, "dict", &other)),
        }
    }

    /// An object that must be there.
    pub(crate) fn required_object(&mut self, key: &str) -> Result<Map<String, Value>> {
        match self.required(key)? {
            Value::Object(object) => Ok(object),
            other => Err(wrong_type(key, "dict", &other)),
        }
    }

    /// A list that may be left out.
    pub(crate) fn list(&mut self, key: &str) -> Result<Option<Vec<Value>>> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(other) => Err(wrong_type(key, "list", &other)),
        }
    }

    /// A list of texts that may be left out.
    pub(crate) fn texts(&mut self, key: &str) -> Result<Option<Vec<String>>> {
        let text = |value: Value| match value {
            Value::String(text) => Ok(text),
            other => Err(wrong_type(key, "str", &other)),
        };
        self.list(key)?.map(|list| list.into_iter().map(text).collect()).transpose()
    }

    /// A whole number that may be left out.
    pub(crate) fn integer(&mut self, key: &str) -> Result<Option<i64>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        value.as_i64().map(Some).ok_or_else(|| wrong_type(key, "int", &value))
    }

    /// A number that may be left out.
    pub(crate) fn number(&mut self, key: &str) -> Result<Option<f64>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        value.as_f64().map(Some).ok_or_else(|| wrong_type(key, "float", &value))
    }

    /// An instant that may be left out, in any of the usual forms.
    pub(crate) fn time(&mut self, key: &str) -> Result<Option<Timestamp>> {
        let Some(text) = self.text(key)?.filter(|text| !text.is_empty()) else { return Ok(None) };
        let time = Timestamp::parse_typed(&text);
        time.map(Some).ok_or_else(|| Error::bad_parameters(format!("{text} is not a legal time format")))
    }

    /// Refuses a body that changes nothing.
    pub(crate) fn demand_something(&self, refusal: &str) -> Result<()> {
        if self.0.is_empty() { Err(Error::new(Code::IllegalAction, refusal)) } else { Ok(()) }
    }

    /// Refuses what no one has taken.
    pub(crate) fn refuse_rest(self) -> Result<()> {
        let rest: Vec<&str> = self.0.keys().map(String::as_str).collect();
        if rest.is_empty() {
            return Ok(());
        }
        Err(Error::bad_parameters(format!("Unknown parameters: {}", rest.join(", "))))
    }
}

fn wrong_type(key: &str, expected: &str, found: &Value) -> Error {
    let found = python_text::type_name(found);
    Error::bad_parameters(format!("{key} parameter is expected to be of type {expected} but is of type {found}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn refusals_name_the_key_and_both_types() {
        let Value::Object(map) = json!({"labels": {}, "force": "True", "id": null}) else { unreachable!() };
        let mut arguments = Arguments(map);
        assert!(arguments.flag("force").unwrap());
        assert_eq!(
            arguments.list("labels").unwrap_err().message(),
            "labels parameter is expected to be of type list but is of type dict"
        );
        assert_eq!(arguments.required("id").unwrap_err().message(), "Missing id in json request body");
    }
}
