//! Query strings: list parameters, the four kinds of booleans, repeated keys.
//!
//! Invariant: a parameter that cannot be understood is refused, never ignored. Source: spec
//! rest-api.md sections 1.9 and 1.10.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use nephele_model::page::{ListQuery, Sort};
use nephele_model::{Error, Result};

use crate::error::Failure;

/// The query string in the order it was sent, decoded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        Self(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The last value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Every value of a key.
    pub(crate) fn all(&self, key: &str) -> Vec<String> {
        self.0.iter().filter(|(name, _)| name == key).map(|(_, value)| value.clone()).collect()
    }

    /// Every key that does not begin with `_`, with all its values.
    pub(crate) fn filters(&self) -> Vec<(String, Vec<String>)> {
        let mut filters: Vec<(String, Vec<String>)> = Vec::new();
        for (key, value) in self.0.iter().filter(|(key, _)| !key.starts_with('_')) {
            match filters.iter_mut().find(|(known, _)| known == key) {
                Some((_, values)) => values.push(value.clone()),
                None => filters.push((key.clone(), vec![value.clone()])),
            }
        }
        filters
    }

    /// `true` or `false` in any case, else a refusal.
    pub(crate) fn flag(&self, key: &str) -> Result<bool> {
        match self.get(key) {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(other) => {
                // Some go by another name in refusals.
                let known = ["_all_tenants", "_get_data", "_include_hash", "_reserved"].contains(&key);
                let name = if known { &key[1..] } else { key };
                Err(Error::bad_parameters(format!("{name} must be <true/false>, got {other}")))
            }
        }
    }

    /// Like [`Self::flag`], and `1` or `0`.
    pub(crate) fn switch(&self, key: &str) -> Result<bool> {
        match self.get(key) {
            Some("1") => Ok(true),
            Some("0") => Ok(false),
            _ => self.flag(key),
        }
    }

    /// True for any text that is not empty.
    pub(crate) fn present(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| !value.is_empty())
    }

    /// The fields of `_include`.
    pub(crate) fn include(&self) -> Option<Vec<String>> {
        let fields: Vec<String> = self
            .all("_include")
            .iter()
            .flat_map(|list| list.split(','))
            .map(|field| field.trim().to_owned())
            .filter(|field| !field.is_empty())
            .collect();
        (!fields.is_empty()).then_some(fields)
    }

    /// The list parameters. `extra` names keys without `_` that the handler reads itself.
    pub(crate) fn list(&self, extra: &[&str]) -> Result<ListQuery> {
        let mut filters = self.filters();
        filters.retain(|(key, _)| !extra.contains(&key.as_str()));
        Ok(ListQuery {
            include: self.include(),
            sort: self.all("_sort").iter().map(|text| sort(text)).collect::<Result<_>>()?,
            size: self.number("_size")?,
            offset: self.number("_offset")?.unwrap_or_default(),
            filters,
            search: self.get("_search").filter(|text| !text.is_empty()).map(str::to_owned),
            all_tenants: self.flag("_all_tenants")?,
            get_all: self.flag("_get_all_results")?,
            rules: Vec::new(),
        })
    }

    /// Only the members of the group that `_group_id` names.
    pub(crate) fn in_group(&self, list: &mut ListQuery) {
        if let Some(group) = self.get("_group_id").filter(|id| !id.is_empty()) {
            list.filters.push(("_group_id".to_owned(), vec![group.to_owned()]));
        }
    }

    fn number(&self, key: &str) -> Result<Option<u64>> {
        let refuse = |problem: &str| {
            Err(Error::bad_parameters(format!("1 validation error for Pagination\n{key}\n  {problem}")))
        };
        let Some(text) = self.get(key).filter(|text| !text.is_empty()) else { return Ok(None) };
        match text.trim().parse::<i64>() {
            Ok(number) => u64::try_from(number).map(Some).or_else(|_| {
                refuse(
                    "ensure this value is greater than or equal to 0 (type=value_error.number.not_ge; limit_value=0)",
                )
            }),
            Err(_) => refuse("value is not a valid integer (type=type_error.integer)"),
        }
    }
}

/// `field`, `+field` or `-field`; a leading `@` of old clients means nothing.
fn sort(text: &str) -> Result<Sort> {
    let (descending, field) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        // A plus sign that was not escaped arrives as a space.
        Some(b'+' | b' ') => (false, &text[1..]),
        _ => (false, text),
    };
    let field = field.strip_prefix('@').unwrap_or(field);
    if field.is_empty() || !field.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:.-".contains(&byte)) {
        return Err(Error::bad_parameters(
            "1 validation error for Sort\n_sort -> 0\n  string does not match regex \"[+-]?@?\\w+\" \
             (type=value_error.str.regex; pattern=[+-]?@?\\w+)",
        ));
    }
    Ok(Sort { field: field.to_owned(), descending })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_take_repeated_keys_and_signs() {
        let query = Query::parse(
            "_sort=-created_at&_sort=%2Bid&state=a&state=b&_include=id,state&_size=5&_all_tenants=False&x=1",
        );
        let list = query.list(&["x"]).unwrap();
        assert_eq!(list.filters, [("state".to_owned(), vec!["a".to_owned(), "b".to_owned()])]);
        assert_eq!(list.include.unwrap(), ["id", "state"]);
        assert_eq!((list.size, list.offset, list.all_tenants), (Some(5), 0, false));
        assert_eq!(list.sort[0], Sort { field: "created_at".into(), descending: true });
        assert_eq!(list.sort[1], Sort { field: "id".into(), descending: false });
    }

    #[test]
    fn pages_must_be_numbers_from_zero() {
        for bad in ["_size=-1", "_size=x", "_offset=-1", "_all_tenants=7"] {
            assert!(Query::parse(bad).list(&[]).is_err(), "{bad}");
        }
        assert!(Query::parse("force=1").switch("force").unwrap());
        assert!(Query::parse("force=1").flag("force").is_err());
    }
}
