//! From and to other types, `serde_json`'s own among them.

use super::{List, Map, Number, Text, Value};

macro_rules! from {
    ($($type:ty: $value:ident => $result:expr;)*) => {
        $(impl From<$type> for Value {
            fn from($value: $type) -> Self {
                $result
            }
        })*
    };
}

from! {
    bool: truth => Self::Bool(truth);
    i32: number => Self::Number(number.into());
    i64: number => Self::Number(number.into());
    u32: number => Self::Number(number.into());
    u64: number => Self::Number(number.into());
    usize: number => Self::Number(number.into());
    f64: number => Number::from_f64(number).map_or(Self::Null, Self::Number);
    Number: number => Self::Number(number);
    &str: text => Self::String(text.into());
    String: text => Self::String(text.into());
    &String: text => Self::String(text.as_str().into());
    Text: text => Self::String(text);
    &Text: text => Self::String(text.clone());
    List: items => Self::Array(items);
    Map: fields => Self::Object(fields);
    &Map: fields => Self::Object(fields.clone());
    &Self: value => value.clone();
}

impl<V: Into<Self>> From<Vec<V>> for Value {
    fn from(items: Vec<V>) -> Self {
        items.into_iter().collect()
    }
}

impl<V: Into<Self>> From<Option<V>> for Value {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<V: Into<Self>, const COUNT: usize> From<[V; COUNT]> for Value {
    fn from(items: [V; COUNT]) -> Self {
        items.into_iter().collect()
    }
}

impl<V: Into<Self>> FromIterator<V> for Value {
    fn from_iter<I: IntoIterator<Item = V>>(items: I) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(truth) => Self::Bool(truth),
            serde_json::Value::Number(number) => Self::Number(number),
            serde_json::Value::String(text) => Self::String(text.into()),
            serde_json::Value::Array(items) => items.into_iter().collect(),
            serde_json::Value::Object(fields) => Self::Object(fields.into()),
        }
    }
}

impl From<serde_json::Map<String, serde_json::Value>> for Map {
    fn from(fields: serde_json::Map<String, serde_json::Value>) -> Self {
        fields.into_iter().map(|(name, value)| (name, value.into())).collect()
    }
}

impl From<&Value> for serde_json::Value {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Number(number) => Self::Number(number.clone()),
            Value::String(text) => Self::String(text.as_str().to_owned()),
            Value::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
            Value::Object(fields) => Self::Object(fields.into()),
        }
    }
}

impl From<Value> for serde_json::Value {
    fn from(value: Value) -> Self {
        Self::from(&value)
    }
}

impl From<&Map> for serde_json::Map<String, serde_json::Value> {
    fn from(fields: &Map) -> Self {
        fields.iter().map(|(name, value)| (name.as_str().to_owned(), value.into())).collect()
    }
}

impl From<Map> for serde_json::Map<String, serde_json::Value> {
    fn from(fields: Map) -> Self {
        Self::from(&fields)
    }
}

macro_rules! equal {
    ($($type:ty: $value:ident, $other:ident => $result:expr;)*) => {
        $(impl PartialEq<$type> for Value {
            fn eq(&self, $other: &$type) -> bool {
                let $value = self;
                $result
            }
        })*
    };
}

equal! {
    str: value, other => value.as_str() == Some(other);
    &str: value, other => value.as_str() == Some(*other);
    String: value, other => value.as_str() == Some(other.as_str());
    bool: value, other => value.as_bool() == Some(*other);
    i32: value, other => value.as_i64() == Some(i64::from(*other));
    i64: value, other => value.as_i64() == Some(*other);
}

impl PartialEq<serde_json::Value> for Value {
    fn eq(&self, other: &serde_json::Value) -> bool {
        use serde_json::Value as Other;
        match (self, other) {
            (Self::Null, Other::Null) => true,
            (Self::Bool(own), Other::Bool(other)) => own == other,
            (Self::Number(own), Other::Number(other)) => own == other,
            (Self::String(own), Other::String(other)) => own == other,
            (Self::Array(own), Other::Array(other)) => own.iter().eq(other),
            (Self::Object(own), Other::Object(other)) => {
                own.len() == other.len()
                    && own.iter().all(|(name, value)| other.get(name.as_str()).is_some_and(|other| value == other))
            }
            _ => false,
        }
    }
}
