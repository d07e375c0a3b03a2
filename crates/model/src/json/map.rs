//! Fields in order, found by name.
//!
//! Few fields are searched one by one, which is fastest for what plans mostly hold; many get an index, so
//! that an object with a hundred thousand fields stays linear. Invariant: every name stands once, and
//! the index, if there is one, knows the place of each.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Text, Value};

/// From how many fields on an index pays.
const INDEXED: usize = 16;

/// Names with their values, in the order in which they came. Cloning is cheap.
#[derive(Clone, Default)]
pub struct Map(Option<Arc<Fields>>);

#[derive(Clone, Default)]
#[expect(clippy::box_collection, reason = "most maps have no index and should not carry its size")]
struct Fields {
    list: Vec<(Text, Value)>,
    places: Option<Box<HashMap<Text, usize>>>,
}

impl Fields {
    fn place(&self, name: &str) -> Option<usize> {
        match &self.places {
            Some(places) => places.get(name).copied(),
            None => self.list.iter().position(|(known, _)| known == name),
        }
    }

    fn index(&mut self) {
        let place = |(place, (name, _)): (usize, &(Text, Value))| (name.clone(), place);
        self.places = (self.list.len() > INDEXED).then(|| Box::new(self.list.iter().enumerate().map(place).collect()));
    }
}

impl Map {
    /// Without fields.
    pub const fn new() -> Self {
        Self(None)
    }

    /// Without fields, with room for some.
    pub fn with_capacity(fields: usize) -> Self {
        Self((fields > 0).then(|| Arc::new(Fields { list: Vec::with_capacity(fields), places: None })))
    }

    fn fields(&self) -> &[(Text, Value)] {
        self.0.as_ref().map_or(&[], |fields| &fields.list)
    }

    fn fields_mut(&mut self) -> &mut Fields {
        Arc::make_mut(self.0.get_or_insert_default())
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fields().is_empty()
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let fields = self.0.as_ref()?;
        Some(&fields.list[fields.place(name)?].1)
    }

    /// Whether the field is there.
    pub fn contains_key(&self, name: &str) -> bool {
        self.0.as_ref().is_some_and(|fields| fields.place(name).is_some())
    }

    /// The value of a field, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let place = self.0.as_ref()?.place(name)?;
        Some(&mut self.fields_mut().list[place].1)
    }

    /// Sets a field, at its place if it is there and at the end if not. Answers what it was.
    pub fn insert(&mut self, name: impl Into<Text>, value: Value) -> Option<Value> {
        let name = name.into();
        let fields = self.fields_mut();
        if let Some(place) = fields.place(&name) {
            return Some(std::mem::replace(&mut fields.list[place].1, value));
        }
        if let Some(places) = &mut fields.places {
            places.insert(name.clone(), fields.list.len());
            fields.list.push((name, value));
        } else {
            fields.list.push((name, value));
            fields.index();
        }
        None
    }

    /// The field's value, made first if it is not there.
    pub fn get_or_insert_with(&mut self, name: impl Into<Text>, make: impl FnOnce() -> Value) -> &mut Value {
        let name = name.into();
        let place = self.0.as_ref().and_then(|fields| fields.place(&name)).unwrap_or_else(|| {
            self.insert(name, make());
            self.len() - 1
        });
        &mut self.fields_mut().list[place].1
    }

    /// Takes a field away; those behind it move up. Takes as long as there are fields.
    pub fn shift_remove(&mut self, name: &str) -> Option<Value> {
        let place = self.0.as_ref()?.place(name)?;
        let fields = self.fields_mut();
        let (_, value) = fields.list.remove(place);
        fields.index();
        Some(value)
    }

    /// The fields.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Text, &Value)> + DoubleEndedIterator + Clone {
        self.fields().iter().map(|(name, value)| (name, value))
    }

    /// The fields, with values to be changed. What is only looked at should be looked at with [`Map::iter`],
    /// which copies nothing.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&Text, &mut Value)> {
        self.into_iter()
    }

    /// The names.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Text> + DoubleEndedIterator + Clone {
        self.fields().iter().map(|(name, _)| name)
    }

    /// The values.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &Value> + DoubleEndedIterator + Clone {
        self.fields().iter().map(|(_, value)| value)
    }

    /// The values, to be changed.
    pub fn values_mut(&mut self) -> impl ExactSizeIterator<Item = &mut Value> {
        self.iter_mut().map(|(_, value)| value)
    }

    /// Whether both are one and the same, so that nothing need be compared.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (own, other) => own.is_none() && other.is_none(),
        }
    }
}

/// As in `serde_json`, the order does not count.
impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other)
            || (self.len() == other.len()
                && self.iter().all(|(name, value)| other.get(name).is_some_and(|other| other == value)))
    }
}

/// The fields of a map that is given up.
pub type IntoIter = std::vec::IntoIter<(Text, Value)>;

impl IntoIterator for Map {
    type Item = (Text, Value);
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        self.0.map(|fields| Arc::unwrap_or_clone(fields).list).unwrap_or_default().into_iter()
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a Text, &'a Value);
    type IntoIter = std::iter::Map<std::slice::Iter<'a, (Text, Value)>, fn(&(Text, Value)) -> (&Text, &Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.fields().iter().map(|(name, value)| (name, value))
    }
}

impl<'a> IntoIterator for &'a mut Map {
    type Item = (&'a Text, &'a mut Value);
    type IntoIter =
        std::iter::Map<std::slice::IterMut<'a, (Text, Value)>, fn(&mut (Text, Value)) -> (&Text, &mut Value)>;

    fn into_iter(self) -> Self::IntoIter {
        let list: &mut [(Text, Value)] = if self.is_empty() { &mut [] } else { &mut self.fields_mut().list };
        list.iter_mut().map(|(name, value)| (&*name, value))
    }
}

impl<N: Into<Text>, const COUNT: usize> From<[(N, Value); COUNT]> for Map {
    fn from(fields: [(N, Value); COUNT]) -> Self {
        fields.into_iter().collect()
    }
}

impl<N: Into<Text>> Extend<(N, Value)> for Map {
    fn extend<I: IntoIterator<Item = (N, Value)>>(&mut self, fields: I) {
        for (name, value) in fields {
            self.insert(name, value);
        }
    }
}

impl<N: Into<Text>> FromIterator<(N, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(fields: I) -> Self {
        let fields = fields.into_iter();
        let mut map = Self::with_capacity(fields.size_hint().0);
        map.extend(fields);
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_fields_behave_alike() {
        for count in [0, 1, INDEXED - 1, INDEXED, INDEXED + 1, 1_000] {
            let name = |number: usize| format!("field {number}");
            let mut map: Map = (0..count).map(|number| (name(number), Value::from(number))).collect();
            assert_eq!(map.len(), count);
            assert_eq!(map.insert("last", Value::Null), None);
            assert_eq!(map.insert("last", Value::Bool(true)), Some(Value::Null));
            assert!((0..count).all(|number| map.get(&name(number)) == Some(&Value::from(number))));
            let original = map.clone();
            if count > 0 {
                assert_eq!(map.shift_remove(&name(0)), Some(Value::from(0)));
                assert_eq!(map.get(&name(0)), None);
                assert_eq!(map.get(&name(count - 1)).is_some(), count > 1);
            }
            assert_eq!(map.get("last"), Some(&Value::Bool(true)));
            assert_eq!(original.len(), count + 1, "the clone kept what it had");
            assert!(original.keys().map(Text::as_str).eq((0..count).map(name).chain(["last".to_owned()])));
        }
    }

    #[test]
    fn the_order_does_not_count_for_equality() {
        let one: Map = [("a", Value::Null), ("b", Value::from(1))].into_iter().collect();
        let other: Map = [("b", Value::from(1)), ("a", Value::Null)].into_iter().collect();
        assert_eq!(one, other);
        assert_ne!(one, Map::new());
    }
}
