//! Which keys are the same key: numbers that are equal, texts, points in time.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{base64, time};
use crate::node::{Entry, Node, Value};

/// What a value is called that cannot be a key.
pub(super) const fn unhashable(value: &Value) -> Option<&'static str> {
    match value {
        Value::Sequence(_) => Some("list"),
        Value::Mapping(_) => Some("dict"),
        Value::Set(_) => Some("set"),
        _ => None,
    }
}

/// One entry a key: the place of the first, the value of the last.
pub(super) fn unique(entries: Vec<Entry>) -> Vec<Entry> {
    if entries.len() <= FEW && are_different_texts(&entries) {
        return entries;
    }
    let mut firsts = HashMap::with_capacity(entries.len());
    let first_places: Vec<usize> = entries
        .iter()
        .enumerate()
        .map(|(place, entry)| *firsts.entry(Identity::of(&entry.key)).or_insert(place))
        .collect();
    if firsts.len() == entries.len() {
        return entries;
    }
    let mut kept: Vec<Entry> = Vec::with_capacity(firsts.len());
    drop(firsts);
    let mut moved = vec![0; entries.len()];
    for (place, (entry, first)) in entries.into_iter().zip(first_places).enumerate() {
        if first == place {
            moved[place] = kept.len();
            kept.push(entry);
        } else {
            kept[moved[first]].value = entry.value;
        }
    }
    kept
}

/// Up to so many entries are compared with one another.
const FEW: usize = 8;

fn are_different_texts(entries: &[Entry]) -> bool {
    entries.iter().enumerate().all(|(place, entry)| {
        entry.key.as_str().is_some_and(|text| entries[..place].iter().all(|other| other.key.as_str() != Some(text)))
    })
}

#[derive(PartialEq, Eq, Hash)]
enum Identity<'node> {
    Null,
    /// In decimal digits: a truth value is 0 or 1, and a float may be whole.
    Whole(Cow<'node, str>),
    Float(u64),
    /// Not-a-number is the same only as itself: the node's address.
    NotANumber(usize),
    Text(&'node str),
    Time(time::Instant),
    Bytes(Vec<u8>),
    /// Cannot be a key.
    Other,
}

impl<'node> Identity<'node> {
    fn of(node: &'node Node) -> Self {
        match &node.value {
            Value::Null => Self::Null,
            Value::Bool(truth) => Self::Whole(if *truth { "1" } else { "0" }.into()),
            Value::Int(number) => Self::Whole(number.to_string().into()),
            Value::BigInt(digits) => Self::Whole((&**digits).into()),
            Value::Float(0.0) => Self::Whole("0".into()),
            Value::Float(number) if number.fract() == 0.0 => Self::Whole(format!("{number:.0}").into()),
            Value::Float(number) if number.is_nan() => Self::NotANumber(std::ptr::from_ref(node).addr()),
            Value::Float(number) => Self::Float(number.to_bits()),
            Value::String(text) => Self::Text(text),
            Value::Timestamp(text) => time::Written::parse(text)
                .and_then(|written| written.instant().ok())
                .map_or(Self::Text(text), Self::Time),
            Value::Binary(text) => Self::Bytes(base64::decode(text).unwrap_or_default()),
            Value::Sequence(_) | Value::Mapping(_) | Value::Set(_) => Self::Other,
        }
    }
}
