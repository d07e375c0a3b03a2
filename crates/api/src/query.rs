//! Query strings: list parameters, the four kinds of booleans, repeated keys.
//!
//! Invariant: a parameter that cannot be understood is refused, never ignored. Source: spec
//! rest-api.md sections 1.9 and 1.10.

use std::cell::RefCell;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use nephele_model::page::{ListQuery, Sort};
use nephele_model::{Error, Result, Timestamp};

use crate::arguments::VISIBILITIES;
use crate::declared::{Declared, Describe, Reads, Shape, note};
use crate::error::Failure;

/// What a query string is read into, key by key.
pub(crate) trait FromQuery: Sized {
    /// Reads the query. See [`crate::declared`] for what this may do.
    fn read(query: &Pairs) -> Result<Self>;
}

/// A query string, read.
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: FromQuery> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self(parsed(parts.uri.query())?))
    }
}

impl<T: FromQuery> Describe for Query<T> {
    fn describe(reads: &mut Reads) {
        let (query, filters) = Pairs::of(T::read);
        reads.query.extend(query);
        reads.filters |= filters;
    }
}

/// Reads a query string into what the handler takes.
pub(crate) fn parsed<T: FromQuery>(text: Option<&str>) -> Result<T> {
    let pairs = Pairs::parse(text.unwrap_or_default());
    let parsed = T::read(&pairs);
    pairs.check_read(|| Pairs::of(T::read).0)?;
    parsed
}

impl<A: FromQuery, B: FromQuery> FromQuery for (A, B) {
    fn read(query: &Pairs) -> Result<Self> {
        let (first, second) = (A::read(query), B::read(query));
        Ok((first?, second?))
    }
}

/// A list of a resource, filtered by its fields.
impl FromQuery for ListQuery {
    fn read(query: &Pairs) -> Result<Self> {
        query.list(&[])
    }
}

/// The fields of `_include`.
pub(crate) struct Include(pub(crate) Option<Vec<String>>);

impl FromQuery for Include {
    fn read(query: &Pairs) -> Result<Self> {
        Ok(Self(query.include()))
    }
}

macro_rules! one_key {
    ($($(#[$about:meta])* $name:ident($kind:ty) = $how:ident $key:literal;)*) => {$(
        $(#[$about])*
        pub(crate) struct $name(pub(crate) $kind);

        impl FromQuery for $name {
            fn read(query: &Pairs) -> Result<Self> {
                query.$how($key).map(Self)
            }
        }
    )*};
}

one_key! {
    /// Whether counts are shown as what they count.
    GetData(bool) = flag "_get_data";
    /// Whether only the verdict is wanted.
    Brief(bool) = flag "summary";
    /// Whether functions are shown as what they come to.
    Evaluate(bool) = flag "_evaluate_functions";
    /// Whether only what the manager itself makes use of is wanted.
    Reserved(bool) = flag "_reserved";
    /// Whether to go on against doubts.
    Force(bool) = switch "force";
}

/// The query string in the order it was sent, decoded; or, to be described, none at all.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    sent: Vec<(String, String)>,
    described: bool,
    read: RefCell<(Vec<Declared>, bool)>,
}

impl Pairs {
    pub(crate) fn parse(text: &str) -> Self {
        let sent = url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        Self { sent, ..Self::default() }
    }

    /// The keys that `read` asks for, and whether it takes other keys for filters.
    pub(crate) fn of<T>(read: impl FnOnce(&Self) -> Result<T>) -> (Vec<Declared>, bool) {
        let pairs = Self { described: true, ..Self::default() };
        // Nothing was sent, so judging what was read may well refuse it.
        drop(read(&pairs));
        pairs.read.into_inner()
    }

    /// The last value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.note(key, Shape::Text, false);
        self.last(key)
    }

    /// The last value of a key, unless it is empty.
    pub(crate) fn filled(&self, key: &str) -> Option<&str> {
        self.get(key).filter(|text| !text.is_empty())
    }

    /// The same as a text of its own.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.get(key).map(str::to_owned)
    }

    /// The last value of a key that must be there, where the use case says itself that it is not.
    pub(crate) fn expected(&self, key: &str) -> Option<String> {
        self.note(key, Shape::Text, true);
        self.last(key).map(str::to_owned)
    }

    /// The last value of a key that must be there.
    pub(crate) fn required(&self, key: &str, refusal: &str) -> Result<String> {
        self.note(key, Shape::Text, true);
        let value = self.last(key).map(str::to_owned);
        value.or_else(|| self.described.then(String::new)).ok_or_else(|| Error::bad_parameters(refusal))
    }

    /// Every value of a key that must be there, each one of some words; which, the handler checks.
    pub(crate) fn required_words(
        &self,
        key: &str,
        words: &'static [&'static str],
        refusal: &str,
    ) -> Result<Vec<String>> {
        let values = self.all_as(key, Shape::WordList(words));
        self.note(key, Shape::Any, true);
        if values.is_empty() && !self.described { Err(Error::bad_parameters(refusal)) } else { Ok(values) }
    }

    /// An instant that may be left out, in any of the usual forms.
    pub(crate) fn time(&self, key: &str) -> Result<Option<Timestamp>> {
        let Some(text) = self.get_as(key, Shape::Time).filter(|text| !text.is_empty()) else { return Ok(None) };
        let time = Timestamp::parse_typed(text);
        time.map(Some).ok_or_else(|| Error::bad_parameters(format!("{text} is not a legal time format")))
    }

    /// Who sees something.
    pub(crate) fn visibility(&self) -> Option<String> {
        self.get_as("visibility", Shape::Words(VISIBILITIES)).map(str::to_owned)
    }

    /// Every value of a key.
    pub(crate) fn all(&self, key: &str) -> Vec<String> {
        self.all_as(key, Shape::Repeated)
    }

    /// The last value of a key whose shape the handler checks itself.
    pub(crate) fn get_as(&self, key: &str, shape: Shape) -> Option<&str> {
        self.note(key, shape, false);
        self.last(key)
    }

    /// Every value of a key whose shape the handler checks itself.
    pub(crate) fn all_as(&self, key: &str, shape: Shape) -> Vec<String> {
        self.note(key, shape, false);
        self.sent.iter().filter(|(name, _)| name == key).map(|(_, value)| value.clone()).collect()
    }

    fn last(&self, key: &str) -> Option<&str> {
        self.sent.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn note(&self, key: &str, shape: Shape, required: bool) {
        if self.described || cfg!(debug_assertions) {
            note(&mut self.read.borrow_mut().0, key, shape, required);
        }
    }

    /// Refuses, where mistakes of ours are looked for, to have read a key that [`Self::of`] did not see.
    fn check_read(&self, known: impl Fn() -> Vec<Declared>) -> Result<()> {
        if cfg!(debug_assertions) {
            let known = known();
            let read = self.read.borrow();
            let forgotten = |read: &&Declared| known.iter().all(|known| known.key != read.key);
            if let Some(forgotten) = read.0.iter().find(forgotten) {
                return Err(Error::internal(format!("the key `{}` of a query is not declared", forgotten.key)));
            }
        }
        Ok(())
    }

    /// Every key that does not begin with `_`, with all its values.
    fn filters(&self) -> Vec<(String, Vec<String>)> {
        self.read.borrow_mut().1 = true;
        let mut filters: Vec<(String, Vec<String>)> = Vec::new();
        for (key, value) in self.sent.iter().filter(|(key, _)| !key.starts_with('_')) {
            match filters.iter_mut().find(|(known, _)| known == key) {
                Some((_, values)) => values.push(value.clone()),
                None => filters.push((key.clone(), vec![value.clone()])),
            }
        }
        filters
    }

    /// `true` or `false` in any case, else a refusal.
    pub(crate) fn flag(&self, key: &str) -> Result<bool> {
        match self.get_as(key, Shape::Flag) {
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
        self.optional_switch(key).map(|switch| switch.unwrap_or(false))
    }

    /// The same, or nothing when it was left out.
    pub(crate) fn optional_switch(&self, key: &str) -> Result<Option<bool>> {
        match self.get_as(key, Shape::Switch) {
            None => Ok(None),
            Some("1") => Ok(Some(true)),
            Some("0") => Ok(Some(false)),
            Some(_) => self.flag(key).map(Some),
        }
    }

    /// True for any text that is not empty.
    pub(crate) fn present(&self, key: &str) -> bool {
        self.get_as(key, Shape::Present).is_some_and(|value| !value.is_empty())
    }

    /// The fields of `_include`.
    pub(crate) fn include(&self) -> Option<Vec<String>> {
        let fields: Vec<String> = self
            .all_as("_include", Shape::Fields)
            .iter()
            .flat_map(|list| list.split(','))
            .map(|field| field.trim().to_owned())
            .filter(|field| !field.is_empty())
            .collect();
        (!fields.is_empty()).then_some(fields)
    }

    /// The list parameters with filters. `extra` names keys without `_` that the handler reads itself.
    pub(crate) fn list(&self, extra: &[&str]) -> Result<ListQuery> {
        let mut filters = self.filters();
        filters.retain(|(key, _)| !extra.contains(&key.as_str()));
        Ok(ListQuery { filters, ..self.page()? })
    }

    /// The list parameters, where other keys mean nothing.
    pub(crate) fn page(&self) -> Result<ListQuery> {
        Ok(ListQuery {
            include: self.include(),
            sort: self.all_as("_sort", Shape::Sort).iter().map(|text| sort(text)).collect::<Result<_>>()?,
            size: self.number("_size")?,
            offset: self.number("_offset")?.unwrap_or_default(),
            filters: Vec::new(),
            search: self.filled("_search").map(str::to_owned),
            all_tenants: self.flag("_all_tenants")?,
            get_all: self.flag("_get_all_results")?,
            rules: Vec::new(),
        })
    }

    /// Only the members of the group that `_group_id` names.
    pub(crate) fn in_group(&self, list: &mut ListQuery) {
        if let Some(group) = self.filled("_group_id") {
            list.filters.push(("_group_id".to_owned(), vec![group.to_owned()]));
        }
    }

    fn number(&self, key: &str) -> Result<Option<u64>> {
        let refuse = |problem: &str| {
            Err(Error::bad_parameters(format!("1 validation error for Pagination\n{key}\n  {problem}")))
        };
        let Some(text) = self.get_as(key, Shape::Count).filter(|text| !text.is_empty()) else { return Ok(None) };
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
        let query = Pairs::parse(
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
            assert!(Pairs::parse(bad).list(&[]).is_err(), "{bad}");
        }
        assert!(Pairs::parse("force=1").switch("force").unwrap());
        assert!(Pairs::parse("force=1").flag("force").is_err());
    }
}
