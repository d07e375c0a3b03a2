//! JSON values that share what they have in common.
//!
//! A plan repeats itself: each node of a type carries the type's thirty operations, each of them twice.
//! Cloning a [`Value`] copies a pointer, and the first change of a shared part copies that part alone.
//! Keys keep their order, which is part of the format of plans. The names are those of `serde_json`,
//! and values go to and from text with it.
//!
//! Invariant: equality, order and text are those of the same value in `serde_json`; sharing is never
//! visible. [`Map`] is in `map`, the way to other types in `convert`, the way to text in `text`.

mod convert;
mod map;
mod text;

use std::fmt;
use std::ops::Index;

pub use map::{IntoIter, Map};
pub use serde_json::Number;

/// Text that is cheap to clone; up to 15 bytes need no memory of their own.
pub type Text = ecow::EcoString;
/// A list that is cheap to clone.
pub type List = ecow::EcoVec<Value>;

/// Any JSON value.
#[derive(Clone, Default, PartialEq)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    String(Text),
    /// A list.
    Array(List),
    /// Keys and values.
    Object(Map),
}

/// A text that is made once and shared by all who name it: `name!("deployment_plugins_to_install")`.
#[macro_export]
macro_rules! name {
    ($text:literal) => {{
        static NAME: std::sync::LazyLock<$crate::json::Text> =
            std::sync::LazyLock::new(|| $crate::json::Text::from($text));
        $crate::json::Text::clone(&NAME)
    }};
}

/// An object with these fields: `object! { "name": name, "count": 1 }`.
#[macro_export]
macro_rules! object {
    ($($name:literal: $value:expr),* $(,)?) => {
        $crate::json::Value::Object($crate::json::Map::from([
            $(($crate::json::name!($name), $crate::json::Value::from($value))),*
        ]))
    };
}

/// Any value, written as `serde_json::json!` takes it. Values put into it are copied, not shared; where that
/// matters there is [`object!`].
#[macro_export]
macro_rules! json {
    ($($text:tt)+) => {
        $crate::json::Value::from($crate::json::serde_json::json!($($text)+))
    };
}

#[doc(hidden)]
pub use serde_json;

pub use crate::{json, name, object};

static NULL: Value = Value::Null;

/// Accessors that answer nothing for values of another kind.
macro_rules! accessors {
    ($($(#[$doc:meta])* $is:ident $name:ident: $variant:ident($value:ident) -> $type:ty = $answer:expr;)*) => {
        $(
            $(#[$doc])*
            pub fn $name(&self) -> Option<$type> {
                match self {
                    Self::$variant($value) => Some($answer),
                    _ => None,
                }
            }

            /// Whether it is of that kind.
            pub const fn $is(&self) -> bool {
                matches!(self, Self::$variant(_))
            }
        )*
    };
}

impl Value {
    accessors! {
        /// The truth value.
        is_boolean as_bool: Bool(truth) -> bool = *truth;
        /// The text.
        is_string as_str: String(text) -> &str = text.as_str();
        /// The items.
        is_array as_array: Array(items) -> &List = items;
        /// The fields.
        is_object as_object: Object(fields) -> &Map = fields;
        /// The number.
        is_number as_number: Number(number) -> &Number = number;
    }

    /// Whether it is `null`.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The number, if it is whole and fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number()?.as_i64()
    }

    /// The number, if it is whole, not negative, and fits.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_number()?.as_u64()
    }

    /// The number.
    pub fn as_f64(&self) -> Option<f64> {
        self.as_number()?.as_f64()
    }

    /// Whether it is a whole number of 64 bits with a sign.
    pub fn is_i64(&self) -> bool {
        self.as_number().is_some_and(Number::is_i64)
    }

    /// Whether it is a whole number of 64 bits without a sign.
    pub fn is_u64(&self) -> bool {
        self.as_number().is_some_and(Number::is_u64)
    }

    /// Whether it is a number with a fraction.
    pub fn is_f64(&self) -> bool {
        self.as_number().is_some_and(Number::is_f64)
    }

    /// The items, to be changed; none if it is no list.
    pub fn items_mut(&mut self) -> &mut [Self] {
        match self {
            Self::Array(items) => items.make_mut(),
            _ => &mut [],
        }
    }

    /// The list, to be changed.
    pub fn as_array_mut(&mut self) -> Option<&mut List> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The fields, to be changed.
    pub fn as_object_mut(&mut self) -> Option<&mut Map> {
        match self {
            Self::Object(fields) => Some(fields),
            _ => None,
        }
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(key)
    }

    /// The value under a key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        self.as_object_mut()?.get_mut(key)
    }

    /// The item at a place.
    pub fn item(&self, index: usize) -> Option<&Self> {
        self.as_array()?.get(index)
    }

    /// The value at the end of a path of keys such as `/a/b`.
    pub fn pointer(&self, path: &str) -> Option<&Self> {
        path.split('/').skip(1).try_fold(self, |value, key| value.get(key))
    }

    /// The value, leaving `null` in its place.
    #[must_use]
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}

/// The value under a key; `null` where there is none.
impl Index<&str> for Value {
    type Output = Self;

    fn index(&self, key: &str) -> &Self {
        self.get(key).unwrap_or(&NULL)
    }
}

/// The item at a place; `null` where there is none.
impl Index<usize> for Value {
    type Output = Self;

    fn index(&self, index: usize) -> &Self {
        self.item(index).unwrap_or(&NULL)
    }
}

/// The value of a field; `null` where there is none.
impl Index<&str> for Map {
    type Output = Value;

    fn index(&self, name: &str) -> &Value {
        self.get(name).unwrap_or(&NULL)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_clone_shares_until_it_changes() {
        let first = value(r#"{"a": {"b": [1, 2]}, "c": {}}"#);
        let mut second = first.clone();
        let part = |value: &Value| std::ptr::from_ref(value.get("a").unwrap().get("b").unwrap().item(0).unwrap());
        assert_eq!(part(&first), part(&second), "nothing was copied");
        second.as_object_mut().unwrap().insert("c", Value::from(3));
        assert_eq!(part(&first), part(&second), "what did not change is still shared");
        second.get_mut("a").unwrap().as_object_mut().unwrap().insert("b", Value::Null);
        assert_eq!(first, value(r#"{"a": {"b": [1, 2]}, "c": {}}"#));
        assert_eq!(second, value(r#"{"a": {"b": null}, "c": 3}"#));
    }

    #[test]
    fn absent_parts_read_as_null() {
        let found = value(r#"{"a": [1]}"#);
        assert_eq!(found["a"][0], 1);
        assert!(found["a"][7].is_null() && found["x"]["y"].is_null());
        assert_eq!(found["a"].as_str(), None);
    }

    #[test]
    fn it_is_small() {
        assert_eq!(std::mem::size_of::<Value>(), 24);
    }
}
