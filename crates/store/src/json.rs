//! JSON as it stands in the database: text that is passed through and parsed only where needed.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::Result;

/// The text of one JSON value. Made by serialising, so that it is valid and holds no raw control
/// characters; [`crate::Record`] relies on that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(String);

impl Json {
    /// The JSON of a value. A value that cannot be written (a map with keys that are no text)
    /// becomes `null`; the types of the product have none.
    pub fn of(value: &(impl Serialize + ?Sized)) -> Self {
        Self(serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()))
    }

    /// A list of texts for SQL's `json_each`. PostgreSQL reads no NUL from JSON, so each stands as
    /// it stands in columns.
    pub(crate) fn texts<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        let texts: Vec<_> = texts.into_iter().map(|text| without_nul(text.as_ref().to_owned())).collect();
        Self::of(&texts)
    }

    pub(crate) const fn from_column(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }

    /// Reads the value as a `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(serde_json::from_str(&self.0)?)
    }

    /// Reads the value.
    pub fn value(&self) -> Result<Value> {
        self.parse()
    }
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        Self(value.to_string())
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        Self::from(&value)
    }
}

/// PostgreSQL's text cannot hold the character NUL; it becomes `<NUL>`, as events have always
/// shown it. The same on SQLite, so that both hold the same.
pub(crate) fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "<NUL>") } else { text }
}
