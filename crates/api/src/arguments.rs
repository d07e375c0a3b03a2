//! The keys of a JSON body, with the refusals that clients know.
//!
//! Booleans may come as `true` or as the text `"true"`; unknown keys are ignored unless
//! [`Arguments::refuse_rest`] says otherwise. Source: spec rest-api.md sections 1.2 and 1.10.

use nephele_model::{Code, Error, Result, Timestamp, python_text};
use serde_json::{Map, Value};

use crate::declared::{Declared, Keys, Shape, note};

/// Who may see something.
pub(crate) const VISIBILITIES: &[&str] = &["private", "tenant", "global"];

/// A JSON object whose keys are taken one by one; or, to be described, none at all.
pub(crate) struct Arguments {
    sent: Map<String, Value>,
    described: bool,
    read: Keys,
}

impl Arguments {
    pub(crate) fn new(sent: Map<String, Value>) -> Self {
        Self { sent, described: false, read: Keys::default() }
    }

    /// The keys that `read` asks for.
    pub(crate) fn of<T>(read: impl FnOnce(&mut Self) -> Result<T>) -> Keys {
        let mut arguments = Self { sent: Map::new(), described: true, read: Keys::default() };
        // Nothing was sent, so judging what was read may well refuse it.
        drop(read(&mut arguments));
        arguments.read
    }

    /// A value that is there and not null.
    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        self.pick(key, Shape::Any)
    }

    /// The same, for a value of a shape that the handler checks itself.
    pub(crate) fn take_as(&mut self, key: &str, shape: Shape) -> Option<Value> {
        self.pick(key, shape)
    }

    /// The same for a value that should be there; what to say when it is not, the handler knows.
    pub(crate) fn take_required(&mut self, key: &str, shape: Shape) -> Option<Value> {
        self.note(key, shape.clone(), true);
        self.pick(key, shape)
    }

    /// A value that must be there.
    pub(crate) fn required(&mut self, key: &str) -> Result<Value> {
        self.must(key, Shape::Any).map(Option::unwrap_or_default)
    }

    /// Text that may be left out.
    pub(crate) fn text(&mut self, key: &str) -> Result<Option<String>> {
        self.pick(key, Shape::Text).map(|value| as_text(key, value)).transpose()
    }

    /// Text that may be left out or empty.
    pub(crate) fn filled(&mut self, key: &str) -> Result<Option<String>> {
        Ok(self.text(key)?.filter(|text| !text.is_empty()))
    }

    /// Text that must be there.
    pub(crate) fn required_text(&mut self, key: &str) -> Result<String> {
        self.must(key, Shape::Text)?.map_or_else(|| Ok(String::new()), |value| as_text(key, value))
    }

    /// One of some words, which must be there. Which it is, the use case checks.
    pub(crate) fn required_word(&mut self, key: &str, words: &'static [&'static str]) -> Result<String> {
        self.must(key, Shape::Words(words))?.map_or_else(|| Ok(String::new()), |value| as_text(key, value))
    }

    /// One of some words, which may be left out. Which it is, the use case checks.
    pub(crate) fn word(&mut self, key: &str, words: &'static [&'static str]) -> Result<Option<String>> {
        self.pick(key, Shape::Words(words)).map(|value| as_text(key, value)).transpose()
    }

    /// Who sees something.
    pub(crate) fn visibility(&mut self) -> Result<Option<String>> {
        self.word("visibility", VISIBILITIES)
    }

    /// A list that must be there.
    pub(crate) fn required_list(&mut self, key: &str) -> Result<Vec<Value>> {
        self.must(key, Shape::List)?.map_or_else(|| Ok(Vec::new()), |value| as_list(key, value))
    }

    /// A truth value, false when left out.
    pub(crate) fn flag(&mut self, key: &str) -> Result<bool> {
        self.optional_flag(key).map(|flag| flag.unwrap_or(false))
    }

    /// A truth value that may be left out.
    pub(crate) fn optional_flag(&mut self, key: &str) -> Result<Option<bool>> {
        self.pick(key, Shape::Flag).map(|value| as_flag(key, &value)).transpose()
    }

    /// A truth value that must be there.
    pub(crate) fn required_flag(&mut self, key: &str) -> Result<bool> {
        self.must(key, Shape::Flag)?.map_or(Ok(false), |value| as_flag(key, &value))
    }

    /// An object that may be left out.
    pub(crate) fn object(&mut self, key: &str) -> Result<Option<Map<String, Value>>> {
        self.pick(key, Shape::Object).map(|value| as_object(key, value)).transpose()
    }

    /// An object that must be there.
    pub(crate) fn required_object(&mut self, key: &str) -> Result<Map<String, Value>> {
        self.must(key, Shape::Object)?.map_or_else(|| Ok(Map::new()), |value| as_object(key, value))
    }

    /// An object with keys of its own; empty when left out.
    pub(crate) fn part<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.described {
            let mut part = Self { sent: Map::new(), described: true, read: Keys::default() };
            let answer = read(&mut part);
            note(&mut self.read.keys, key, Shape::Part(part.read.keys), false);
            return answer;
        }
        let value = self.pick(key, Shape::Object).map(|value| as_object(key, value)).transpose()?;
        read(&mut Self::new(value.unwrap_or_default()))
    }

    /// A list of objects with keys of their own; none when left out. `refusal` is for what is no object.
    pub(crate) fn parts<T>(
        &mut self,
        key: &str,
        refusal: &str,
        read: impl Fn(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        if self.described {
            note(&mut self.read.keys, key, Shape::Parts(Self::of(read).keys), false);
            return Ok(Vec::new());
        }
        let list = self.pick(key, Shape::List).map(|value| as_list(key, value)).transpose()?;
        let part = |value| match value {
            Value::Object(sent) => read(&mut Self::new(sent)),
            _ => Err(Error::bad_parameters(refusal)),
        };
        list.unwrap_or_default().into_iter().map(part).collect()
    }

    /// The same for a list that must be there.
    pub(crate) fn required_parts<T>(
        &mut self,
        key: &str,
        refusal: &str,
        read: impl Fn(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.demand(key)?;
        self.parts(key, refusal, read)
    }

    /// A list that may be left out.
    pub(crate) fn list(&mut self, key: &str) -> Result<Option<Vec<Value>>> {
        self.pick(key, Shape::List).map(|value| as_list(key, value)).transpose()
    }

    /// A list of texts that may be left out.
    pub(crate) fn texts(&mut self, key: &str) -> Result<Option<Vec<String>>> {
        let list = self.pick(key, Shape::Texts).map(|value| as_list(key, value)).transpose()?;
        list.map(|list| list.into_iter().map(|value| as_text(key, value)).collect()).transpose()
    }

    /// A whole number that may be left out.
    pub(crate) fn integer(&mut self, key: &str) -> Result<Option<i64>> {
        let Some(value) = self.pick(key, Shape::Integer) else { return Ok(None) };
        value.as_i64().map(Some).ok_or_else(|| wrong_type(key, "int", &value))
    }

    /// A number that may be left out.
    pub(crate) fn number(&mut self, key: &str) -> Result<Option<f64>> {
        let Some(value) = self.pick(key, Shape::Number) else { return Ok(None) };
        value.as_f64().map(Some).ok_or_else(|| wrong_type(key, "float", &value))
    }

    /// An instant that may be left out, in any of the usual forms.
    pub(crate) fn time(&mut self, key: &str) -> Result<Option<Timestamp>> {
        let Some(value) = self.pick(key, Shape::Time) else { return Ok(None) };
        let text = as_text(key, value)?;
        if text.is_empty() {
            return Ok(None);
        }
        let time = Timestamp::parse_typed(&text);
        time.map(Some).ok_or_else(|| Error::bad_parameters(format!("{text} is not a legal time format")))
    }

    /// These keys as they were sent.
    pub(crate) fn keep(&mut self, keys: &[&str]) -> Map<String, Value> {
        keys.iter().filter_map(|key| Some(((*key).to_owned(), self.take(key)?))).collect()
    }

    /// Whether nothing was sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// Whether any of these keys was sent, null or not.
    pub(crate) fn has_any(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.sent.contains_key(*key))
    }

    /// Refuses a body without this key; null counts as being there.
    pub(crate) fn demand(&mut self, key: &str) -> Result<()> {
        self.note(key, Shape::Any, true);
        if self.described || self.sent.contains_key(key) { Ok(()) } else { Err(missing(key)) }
    }

    /// Refuses a body that changes nothing.
    pub(crate) fn demand_something(&self, refusal: &str) -> Result<()> {
        if self.described || !self.sent.is_empty() { Ok(()) } else { Err(Error::new(Code::IllegalAction, refusal)) }
    }

    /// Refuses what no one has taken.
    pub(crate) fn refuse_rest(&mut self) -> Result<()> {
        self.read.closed = true;
        let rest: Vec<&str> = self.sent.keys().map(String::as_str).collect();
        if rest.is_empty() {
            return Ok(());
        }
        Err(Error::bad_parameters(format!("Unknown parameters: {}", rest.join(", "))))
    }

    /// Refuses, where mistakes of ours are looked for, to have read a key that [`Self::of`] did not see.
    pub(crate) fn check_read(&self, read: fn() -> Keys) -> Result<()> {
        if cfg!(debug_assertions) {
            let known = read().keys;
            let forgotten = |read: &&Declared| known.iter().all(|known| known.key != read.key);
            if let Some(forgotten) = self.read.keys.iter().find(forgotten) {
                return Err(Error::internal(format!("the key `{}` of a body is not declared", forgotten.key)));
            }
        }
        Ok(())
    }

    fn pick(&mut self, key: &str, shape: Shape) -> Option<Value> {
        self.note(key, shape, false);
        self.sent.swap_remove(key).filter(|value| !value.is_null())
    }

    /// A value that must be there; `None` only when nothing is read but described.
    fn must(&mut self, key: &str, shape: Shape) -> Result<Option<Value>> {
        self.note(key, shape, true);
        if self.described {
            return Ok(None);
        }
        let value = self.sent.swap_remove(key).filter(|value| !value.is_null());
        value.map(Some).ok_or_else(|| missing(key))
    }

    fn note(&mut self, key: &str, shape: Shape, required: bool) {
        if self.described || cfg!(debug_assertions) {
            note(&mut self.read.keys, key, shape, required);
        }
    }
}

fn as_text(key: &str, value: Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(wrong_type(key, "str", &other)),
    }
}

fn as_list(key: &str, value: Value) -> Result<Vec<Value>> {
    match value {
        Value::Array(list) => Ok(list),
        other => Err(wrong_type(key, "list", &other)),
    }
}

fn as_object(key: &str, value: Value) -> Result<Map<String, Value>> {
    match value {
        Value::Object(object) => Ok(object),
        other => Err(wrong_type(key, "dict", &other)),
    }
}

fn as_flag(key: &str, value: &Value) -> Result<bool> {
    match value {
        Value::Bool(flag) => Ok(*flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        other => Err(wrong_type(key, "bool", other)),
    }
}

/// The refusal of a body without a key that it needs.
pub(crate) fn missing(key: &str) -> Error {
    Error::bad_parameters(format!("Missing {key} in json request body"))
}

fn wrong_type(key: &str, expected: &str, found: &Value) -> Error {
    let found = python_text::type_name(found);
    Error::bad_parameters(format!("{key} parameter is expected to be of type {expected} but is of type {found}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arguments(sent: Value) -> Arguments {
        let Value::Object(sent) = sent else { unreachable!() };
        Arguments::new(sent)
    }

    #[test]
    fn refusals_name_the_key_and_both_types() {
        let mut arguments = arguments(json!({"labels": {}, "force": "True", "id": null}));
        assert!(arguments.flag("force").unwrap());
        assert_eq!(
            arguments.list("labels").unwrap_err().message(),
            "labels parameter is expected to be of type list but is of type dict"
        );
        assert_eq!(arguments.required("id").unwrap_err().message(), "Missing id in json request body");
    }

    #[test]
    fn the_code_that_reads_tells_what_it_reads() {
        let part = |body: &mut Arguments| body.required_text("name");
        let read = |body: &mut Arguments| -> Result<()> {
            body.required_text("id")?;
            body.flag("force")?;
            body.parts("items", "no object", part)?;
            body.refuse_rest()
        };
        let keys = Arguments::of(read);
        assert!(keys.closed);
        let shown: Vec<_> = keys.keys.iter().map(|key| (key.key.as_str(), key.required)).collect();
        assert_eq!(shown, [("id", true), ("force", false), ("items", false)]);
        assert!(matches!(&keys.keys[2].shape, Shape::Parts(inner) if inner[0].key == "name"));
        assert!(read(&mut arguments(json!({"id": "a", "items": [{"name": "b"}], "force": true}))).is_ok());
    }

    #[test]
    fn a_key_that_only_some_requests_read_is_found_out() {
        let read = |body: &mut Arguments| if body.flag("deep")? { body.text("hidden") } else { Ok(None) };
        let mut sent = arguments(json!({"deep": true}));
        read(&mut sent).unwrap();
        assert!(sent.check_read(|| Arguments::of(|body| body.flag("deep"))).is_err());
    }
}
