//! Labels: what may be one, and the sets that resources carry.
//!
//! Invariant: keys are lower case, values are in one Unicode form, and reserved keys are those of a
//! closed list. Source: spec rest-api.md section 1.6.

use std::collections::HashSet;

use nephele_model::page::{DEFAULT_PAGE_SIZE, ListQuery, Page};
use nephele_model::{Error, Result};
pub(crate) use nephele_store::labels as rows;
pub use nephele_store::labels::Labeled;
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization;

use crate::rows::failed;
use crate::{Ctx, Manager};

/// The reserved keys that may be set.
const RESERVED: [&str; 11] = [
    "csys-obj-type",
    "csys-obj-name",
    "csys-wrcp-group-id",
    "csys-env-type",
    "csys-wrcp-services",
    "csys-consumer-id",
    "csys-location-lat",
    "csys-location-name",
    "csys-environment",
    "csys-location-long",
    "csys-obj-parent",
];
const LONGEST: usize = 256;
/// What names that belong to the manager begin with.
pub(crate) const RESERVED_PREFIX: &str = "csys-";

/// A key with a value.
pub(crate) type Label = (String, String);

impl Manager {
    /// One page of the label keys in use.
    pub async fn list_label_keys(&self, ctx: &Ctx, labeled: Labeled, query: &ListQuery) -> Result<Page<String>> {
        let scope = self.scope(ctx, false).await?;
        let search = query.search.as_deref().unwrap_or_default();
        let keys = rows::keys(&*self.store, labeled, scope.tenant_id, search).await.map_err(failed)?;
        Ok(cut(keys, query))
    }

    /// One page of the values in use for a label key.
    pub async fn list_label_values(
        &self,
        ctx: &Ctx,
        labeled: Labeled,
        key: &str,
        query: &ListQuery,
    ) -> Result<Page<String>> {
        let scope = self.scope(ctx, false).await?;
        let mut values = rows::values_of(&*self.store, labeled, scope.tenant_id, key).await.map_err(failed)?;
        if let Some(search) = query.search.as_deref().map(str::to_lowercase) {
            values.retain(|value| value.to_lowercase().contains(&search));
        }
        Ok(cut(values, query))
    }

    /// The reserved keys that users may set.
    pub fn reserved_label_keys(&self) -> Page<String> {
        cut(RESERVED.map(str::to_owned).to_vec(), &ListQuery::default())
    }
}

/// The part of a list that was asked for.
fn cut(mut all: Vec<String>, query: &ListQuery) -> Page<String> {
    let total = all.len() as u64;
    let size = query.size.unwrap_or(DEFAULT_PAGE_SIZE);
    let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    if !query.get_all {
        all.drain(..whole(query.offset).min(all.len()));
        all.truncate(whole(size));
    }
    Page { items: all, total, size, offset: query.offset, filtered: None }
}

/// Reads `[{"k": "v"}, {"k2": ["a", "b"]}]`, and `[{"key": "k", "value": "v"}]` as blueprint
/// uploads and executions write it, whatever else these say.
pub(crate) fn read(labels: &[Value]) -> Result<Vec<Label>> {
    let mut result = Vec::new();
    for entry in labels {
        let entry = entry.as_object().ok_or_else(malformed)?;
        let pair = if let (Some(key), Some(value)) = (entry.get("key"), entry.get("value")) {
            (key.as_str().ok_or_else(malformed)?, value)
        } else {
            match entry.iter().next() {
                Some((key, value)) if entry.len() == 1 => (key.as_str(), value),
                _ => return Err(malformed()),
            }
        };
        match pair {
            (key, Value::String(value)) => result.push(one(key, value)?),
            (key, Value::Array(values)) => {
                for value in values {
                    result.push(one(key, value.as_str().ok_or_else(malformed)?)?);
                }
            }
            _ => return Err(malformed()),
        }
    }
    let mut seen = HashSet::new();
    if result.iter().any(|label| !seen.insert(label)) {
        return Err(Error::bad_parameters("You cannot define the same label twice"));
    }
    Ok(result)
}

/// Labels as the parameter of an execution.
pub(crate) fn as_parameter(labels: &[Label]) -> Value {
    labels
        .iter()
        .map(|(key, value)| json!({"key": key, "value": value, "created_at": null, "created_by": null}))
        .collect()
}

/// The refusal of what has not the shape of labels.
pub(crate) fn malformed() -> Error {
    Error::bad_parameters(
        "Labels must be a list of 1-entry dictionaries: [{<key1>: <value1>}, {<key2>: [<value2>, <value3>]}, ...]",
    )
}

/// Checks a label and brings it into the form in which it is kept.
///
/// The order of the checks and the texts are those that clients know.
pub(crate) fn one(key: &str, value: &str) -> Result<Label> {
    let refuse = |text: String| Err(Error::bad_parameters(text));
    if key.chars().count() > LONGEST || value.chars().count() > LONGEST {
        return refuse("The key or value is too long. Maximum allowed length is 256 characters".to_owned());
    }
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.~-".contains(&byte)) {
        return refuse(format!(
            "The key `{key}` contains illegal characters. Only letters, digits and the characters `-`, `.` and `_` are allowed"
        ));
    }
    if value.chars().any(|letter| is_control(letter) || letter == '"') {
        return refuse(format!(
            "The value `{value}` contains illegal characters. Control characters and `\"` are not allowed."
        ));
    }
    let key = key.to_ascii_lowercase();
    let mut value: String = value.nfkc().collect();
    if key.starts_with(RESERVED_PREFIX) && !RESERVED.contains(&key.as_str()) {
        return refuse(format!(
            "All labels with a `csys-` prefix are reserved for internal use. Allowed `csys-` prefixed labels are: {}",
            RESERVED.join(", ")
        ));
    }
    let bounded = match key.as_str() {
        "csys-location-lat" => Some(("latitude", 90)),
        "csys-location-long" => Some(("longitude", 180)),
        _ => None,
    };
    if let Some((what, limit)) = bounded
        && !value.trim().parse::<f64>().is_ok_and(|degrees| degrees.abs() <= f64::from(limit))
    {
        return refuse(format!("Invalid {what} `{value}`. Must be a number between -{limit} and {limit}"));
    }
    if key == "csys-obj-type" {
        value = value.to_lowercase();
    }
    Ok((key, value))
}

/// Characters of Unicode's category "other": controls, formats, surrogates, private use.
fn is_control(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(value: &Value) -> Result<Vec<Label>, String> {
        read(value.as_array().unwrap()).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn keys_are_lowered_and_lists_unfold() {
        let expected = vec![
            ("env".to_owned(), "Prod".to_owned()),
            ("a".to_owned(), "1".to_owned()),
            ("a".to_owned(), "2".to_owned()),
        ];
        assert_eq!(labels(&json!([{"Env": "Prod"}, {"a": ["1", "2"]}])), Ok(expected));
        assert_eq!(labels(&json!([{"key": "k", "value": "v"}])), Ok(vec![("k".to_owned(), "v".to_owned())]));
    }

    #[test]
    fn bad_labels_are_refused() {
        for bad in [
            json!([{"a": "b", "c": "d"}]),
            json!([{"a b": "c"}]),
            json!([{"csys-foo": "c"}]),
            json!([{"csys-location-lat": "91"}]),
            json!([{"a": 1}]),
            json!(["a"]),
            json!([{"a": "1"}, {"A": "1"}]),
            json!([{"a": "\"quoted\""}]),
        ] {
            assert!(labels(&bad).is_err(), "{bad}");
        }
    }
}
