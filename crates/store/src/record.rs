//! A REST record: JSON text that the database put together.
//!
//! The database writes each row as one text: names, quoted values, and JSON columns as they stand.
//! Three things are left to [`Record::from_row_text`]: instants, which stand as microseconds between two
//! characters that JSON text never holds, texts that many rows share, whose keys stand there in the same way, and the
//! comma after the opening brace.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;

use indexmap::IndexMap;
use nephele_model::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::Result;
use crate::field::{Field, Kind, Source, join_alias, key_column};
use crate::json::Json;

/// Encloses microseconds in a row's text, or [`SHARED`] and a key.
const MARK: char = '\u{1}';
/// Comes before the key of a shared text.
const SHARED: char = 't';
/// PostgreSQL takes no more than 100 arguments.
const ARGUMENTS: usize = 90;

/// SQL of a floating-point number's text, which has a point also where the number is whole: PostgreSQL
/// leaves it out.
macro_rules! decimal {
    ($number:literal) => {
        concat!(
            "CASE WHEN CAST(",
            $number,
            " AS TEXT) LIKE '%.%' OR CAST(",
            $number,
            " AS TEXT) LIKE '%e%' THEN CAST(",
            $number,
            " AS TEXT) WHEN ",
            $number,
            " IS NOT NULL THEN concat(CAST(",
            $number,
            " AS TEXT), '.0') END"
        )
    };
}
pub(crate) use decimal;

/// A JSON object as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record(Box<str>);

impl Record {
    /// The object's JSON text. Writing this is the fastest way into an answer.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The object, parsed.
    pub fn value(&self) -> Result<Value> {
        Ok(serde_json::from_str(&self.0)?)
    }

    /// The record with this value, an object.
    pub fn of(object: &impl Serialize) -> Self {
        Self(Json::of(object).as_str().into())
    }

    /// The record with the value of this field, if it is shown, replaced. All else is copied as it stands.
    ///
    /// Errors: what `change` says.
    pub fn map_field(
        &self,
        name: &str,
        change: impl FnOnce(&str) -> serde_json::Result<Box<RawValue>>,
    ) -> Result<Self> {
        let mut fields: IndexMap<&str, &RawValue> = serde_json::from_str(&self.0)?;
        let Some(field) = fields.get_mut(name) else { return Ok(self.clone()) };
        let changed = change(field.get())?;
        *field = &changed;
        Ok(Self::of(&fields))
    }

    /// The record of a row, with the shared texts that it names.
    pub(crate) fn from_row_text(row: &str, shared: &HashMap<i64, Json>) -> Self {
        let mut text = String::with_capacity(row.len() + 32);
        let mut parts = row.split(MARK);
        text.push_str(parts.next().unwrap_or_default());
        while let Some(marked) = parts.next() {
            if let Some(key) = marked.strip_prefix(SHARED) {
                let found = key.parse().ok().and_then(|key: i64| shared.get(&key));
                text.push_str(found.map_or("null", Json::as_str));
            } else if let Ok(micros) = marked.parse() {
                text.push('"');
                Timestamp::from_micros(micros).push_to(&mut text);
                text.push('"');
            } else {
                text.push_str("null");
            }
            text.push_str(parts.next().unwrap_or_default());
        }
        if text.starts_with("{,") {
            text.remove(1);
        }
        Self(text.into_boxed_str())
    }
}

/// The keys of the shared texts that rows name.
pub(crate) fn shared_keys<'a>(rows: impl IntoIterator<Item = &'a str>) -> BTreeSet<i64> {
    let marked = rows.into_iter().flat_map(|row| row.split(MARK).skip(1).step_by(2));
    marked.filter_map(|marked| marked.strip_prefix(SHARED)?.parse().ok()).collect()
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// Collects the arguments of SQL's `concat`, neighbouring literals as one.
#[derive(Default)]
struct Pieces {
    arguments: Vec<String>,
    literal: String,
}

impl Pieces {
    fn literal(&mut self, text: &str) {
        self.literal.push_str(text);
    }

    fn sql(&mut self, sql: String) {
        self.flush();
        self.arguments.push(sql);
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.arguments.push(format!("'{}'", self.literal.replace('\'', "''")));
            self.literal.clear();
        }
    }

    fn concat(mut self) -> String {
        self.flush();
        let parts: Vec<_> =
            self.arguments.chunks(ARGUMENTS).map(|part| format!("concat({})", part.join(", "))).collect();
        if let [all] = &parts[..] { all.clone() } else { format!("concat({})", parts.join(", ")) }
    }

    fn value(&mut self, field: &Field) {
        if let Source::Nested { key, resource } = field.source {
            return self.sql(nested(key, resource.table, resource.fields));
        }
        if let Source::Shared { key } = field.source {
            self.literal.extend([MARK, SHARED]);
            self.sql(format!("r.{key}"));
            return self.literal.push(MARK);
        }
        let value = field.value();
        if value == "NULL" && field.kind != Kind::Int {
            return self.literal("null");
        }
        match field.kind {
            Kind::Text => self.sql(format!("json_quote({value})")),
            Kind::Int => self.sql(format!("coalesce({value}, 0)")),
            Kind::Bool => {
                self.sql(format!("CASE WHEN {value} THEN 'true' WHEN NOT {value} THEN 'false' ELSE 'null' END"));
            }
            Kind::Float => self.sql(format!(concat!("coalesce(", decimal!("{0}"), ", 'null')"), value)),
            Kind::Json => self.sql(format!("coalesce({value}, 'null')")),
            Kind::Time => {
                self.literal.push(MARK);
                self.sql(value);
                self.literal.push(MARK);
            }
        }
    }
}

/// SQL of a row's text with these fields. `twins` are shown as null.
pub(crate) fn row_text(fields: &[&Field], twins: &[&str]) -> String {
    let mut pieces = Pieces::default();
    pieces.literal("{");
    for (position, field) in fields.iter().enumerate() {
        // A conditional field cannot know whether it is the first of those that are there.
        let comma = if position == 0 && field.only_if.is_none() { "" } else { "," };
        let name = format!("{comma}\"{}\":", field.name);
        let Some(condition) = field.only_if else {
            pieces.literal(&name);
            pieces.value(field);
            continue;
        };
        let mut optional = Pieces::default();
        optional.literal(&name);
        optional.value(field);
        pieces.sql(format!("CASE WHEN {condition} THEN {} END", optional.concat()));
    }
    for twin in twins {
        pieces.literal(&format!(",\"{twin}\":null"));
    }
    pieces.literal("}");
    pieces.concat()
}

/// The joins that these fields need.
pub(crate) fn joins<'a>(fields: impl IntoIterator<Item = &'a Field>) -> String {
    let mut joins = String::new();
    let mut seen = HashSet::new();
    for field in fields {
        let Source::Reference { path, .. } = field.source else { continue };
        for end in 1..=path.len() {
            let (before, (key, table)) = (&path[..end - 1], path[end - 1]);
            let (from, alias) = (join_alias(before), join_alias(&path[..end]));
            if !seen.contains(&alias) {
                let _ = write!(joins, " LEFT JOIN {table} {alias} ON {alias}.{} = {from}.{key}", key_column(table));
                seen.insert(alias);
            }
        }
    }
    joins
}

/// A record within a record. The inner `r` hides the outer one only outside the innermost brackets.
fn nested(key: &str, table: &str, fields: &[Field]) -> String {
    let fields: Vec<_> = fields.iter().collect();
    format!(
        "(SELECT {} FROM (SELECT 1 AS one) single \
         LEFT JOIN (SELECT * FROM {table} WHERE storage_id = r.{key}) r ON TRUE{})",
        row_text(&fields, &[]),
        joins(fields.iter().copied()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rows_text_becomes_json() {
        let row = "{,\"id\":\"a\",\"at\":\u{1}1000000123456\u{1},\"never\":\u{1}\u{1},\"all\":\u{1}t7\u{1},\"none\":\u{1}t\u{1}}";
        assert_eq!(shared_keys([row]), BTreeSet::from([7]));
        let record = Record::from_row_text(row, &HashMap::from([(7, Json::of(&[1]))]));
        assert_eq!(record.as_str(), r#"{"id":"a","at":"1970-01-12T13:46:40.123Z","never":null,"all":[1],"none":null}"#);
        assert_eq!(serde_json::to_string(&vec![&record]).ok(), Some(format!("[{}]", record.as_str())));
    }

    #[test]
    fn long_lists_of_arguments_are_cut() {
        let mut pieces = Pieces::default();
        (0..200).for_each(|number| pieces.sql(number.to_string()));
        assert_eq!(pieces.concat().matches("concat(").count(), 4);
    }
}
