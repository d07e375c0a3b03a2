//! What is printed: tables and lines for people, JSON, YAML and names for programs.
//!
//! Invariant: data goes to standard output. Remarks go to standard error; called by the original's name they go
//! to standard output as well, since scripts look for them there. With data for programs there are none.

mod rows;

use std::io::{self, ErrorKind, IsTerminal, Write};

use anyhow::Context;
use comfy_table::presets::ASCII_FULL_CONDENSED;
use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};
use serde_json::{Map, Value};

use crate::settings::{Format, Settings};
use crate::table::Columns;
use crate::yaml;

/// Prints the way that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Print {
    format: Format,
    query: Option<String>,
    is_extended: bool,
    is_quiet: bool,
    is_cfy: bool,
    width: Option<u16>,
}

impl Print {
    pub(crate) fn new(settings: &Settings) -> Self {
        let terminal = || io::stdout().is_terminal().then(|| Table::new().width()).flatten();
        Self {
            format: settings.format,
            query: settings.query.clone(),
            is_extended: settings.is_extended,
            is_quiet: settings.is_quiet,
            is_cfy: settings.is_cfy,
            width: if settings.is_cfy { None } else { settings.columns.or_else(terminal) },
        }
    }

    /// Whether data is printed for programs.
    pub(crate) fn is_data(&self) -> bool {
        self.format != Format::Table || self.query.is_some()
    }

    /// Whether all columns are wanted.
    pub(crate) fn is_wide(&self) -> bool {
        self.is_extended || self.is_data()
    }

    /// A remark that is not data.
    pub(crate) fn say(&self, text: impl AsRef<str>) -> anyhow::Result<()> {
        match self {
            _ if self.is_quiet || self.is_data() => Ok(()),
            Self { is_cfy: true, .. } => line(text),
            _ => note(text),
        }
    }

    /// What a command was asked for and people read; not for programs.
    pub(crate) fn tell(&self, text: impl AsRef<str>) -> anyhow::Result<()> {
        if self.is_data() { Ok(()) } else { line(text) }
    }

    /// The keys that are shown of what has these columns.
    pub(crate) fn keys(&self, columns: &Columns) -> Vec<&'static str> {
        let more = if self.is_wide() { columns.more } else { &[] };
        [columns.table, more].concat()
    }

    /// The rows of a list.
    pub(crate) fn rows(&self, columns: &Columns, rows: Vec<Value>) -> anyhow::Result<()> {
        self.rows_of(&self.keys(columns), columns.labels, rows)
    }

    /// The same with columns that are known only now.
    #[expect(clippy::needless_pass_by_value, reason = "whoever shows rows is done with them")]
    pub(crate) fn rows_of(&self, keys: &[&str], labels: &[(&str, &str)], rows: Vec<Value>) -> anyhow::Result<()> {
        let mut printed = self.begin(keys, labels);
        printed.add(&rows)?;
        printed.end()
    }

    /// One thing as a row.
    pub(crate) fn row(&self, columns: &Columns, row: Value) -> anyhow::Result<()> {
        self.row_of(&self.keys(columns), columns.labels, row)
    }

    /// The same with columns that are known only now.
    pub(crate) fn row_of(&self, keys: &[&str], labels: &[(&str, &str)], row: Value) -> anyhow::Result<()> {
        match self.format {
            Format::Table | Format::Name if self.query.is_none() => self.rows_of(keys, labels, vec![row]),
            _ => self.value(&restricted(keys, labels, &row)),
        }
    }

    /// Everything that one thing has.
    pub(crate) fn details(&self, value: &Value) -> anyhow::Result<()> {
        if self.is_data() {
            return self.value(value);
        }
        let Some(fields) = value.as_object() else { return line(text(value)) };
        let width = fields.keys().map(String::len).max().unwrap_or_default() + 5;
        for (name, value) in fields {
            let name = format!("{name}:");
            line(format!("\t{name:width$} {}", as_time(&text(value)).trim_end()))?;
        }
        Ok(())
    }

    /// A value for programs.
    pub(crate) fn value(&self, value: &Value) -> anyhow::Result<()> {
        match &self.query {
            Some(query) => self.structured(&search(query, value)?),
            None => self.structured(value),
        }
    }

    fn structured(&self, value: &Value) -> anyhow::Result<()> {
        match self.format {
            Format::Lines => line(value.to_string()),
            Format::Yaml => line(yaml::write(value)),
            Format::Table | Format::Name => match value {
                Value::String(text) => line(text),
                Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
                    items.iter().try_for_each(|item| line(text(item)))
                }
                other => line(serde_json::to_string_pretty(other)?),
            },
            Format::Json => line(serde_json::to_string_pretty(value)?),
        }
    }

    fn vertical(&self, keys: &[&str], labels: &[(&str, &str)], row: &Value) -> String {
        let mut table = self.empty();
        table.set_header(["Field", "Value"]);
        for key in keys {
            table.add_row([label(labels, key).to_owned(), self.cell(row, key)]);
        }
        table.to_string()
    }

    fn empty(&self) -> Table {
        let mut table = Table::new();
        if self.is_cfy {
            table.load_style(ASCII_FULL_CONDENSED.header_separator(LineStyle::new('+', '-', '+', '+')));
        } else {
            table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─')));
        }
        match self.width {
            Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
            None => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        table
    }

    /// A value in a table: times without their letters, lists with commas, nothing for what is nothing.
    fn cell(&self, row: &Value, key: &str) -> String {
        match row.get(key) {
            None => "N/A".to_owned(),
            Some(Value::String(text)) => as_time(text),
            Some(Value::Bool(yes)) if self.is_cfy => if *yes { "True" } else { "False" }.to_owned(),
            Some(Value::Array(items)) => items.iter().map(text).collect::<Vec<_>>().join(","),
            Some(Value::Object(fields)) if fields.is_empty() => String::new(),
            Some(value) => text(value),
        }
    }
}

fn label<'a>(labels: &[(&str, &'a str)], key: &'a str) -> &'a str {
    labels.iter().find(|(of, _)| *of == key).map_or(key, |(_, label)| label)
}

fn restricted(keys: &[&str], labels: &[(&str, &str)], row: &Value) -> Value {
    let pair = |key: &&str| (label(labels, key).to_owned(), row.get(*key).cloned().unwrap_or_default());
    Value::Object(keys.iter().map(pair).collect::<Map<_, _>>())
}

/// What an expression of `JMESPath` picks.
fn search(query: &str, value: &Value) -> anyhow::Result<Value> {
    let expression = jmespath::compile(query).with_context(|| format!("the query `{query}` is not JMESPath"))?;
    let found = expression.search(value).with_context(|| format!("the query `{query}` fails"))?;
    Ok(serde_json::to_value(&found)?)
}

/// A time as people read it; everything else as it is.
fn as_time(text: &str) -> String {
    let is_time = text.get(..10).is_some_and(|date| {
        let parts: Vec<&str> = date.split('-').collect();
        parts.len() == 3 && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    });
    if is_time { text.replace(['T', 'Z'], " ") } else { text.to_owned() }
}

/// Text as it is.
fn write(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    // The last line of a page may have no end yet.
    Ok(out.flush()?)
}

/// One line of text.
pub(crate) fn line(text: impl AsRef<str>) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout().lock(), "{}", text.as_ref())?)
}

/// A note that is not data.
pub(crate) fn note(text: impl AsRef<str>) -> anyhow::Result<()> {
    Ok(writeln!(io::stderr().lock(), "{}", text.as_ref())?)
}

/// A value for programs, easy to read.
pub(crate) fn json(value: &Value) -> anyhow::Result<()> {
    line(serde_json::to_string_pretty(value)?)
}

/// A value as people write it: texts without quotes, nothing for null.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether this error only says that nobody reads our output any more.
pub(crate) fn is_closed(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_have_the_columns_asked_for() {
        let row = json!({"id": "a", "status_display": "completed", "other": 1});
        let made = restricted(&["id", "status_display", "error"], &[("status_display", "status")], &row);
        assert_eq!(made, json!({"id": "a", "status": "completed", "error": null}));
    }

    #[test]
    fn times_lose_their_letters() {
        assert_eq!(as_time("2026-01-02T03:04:05.678Z"), "2026-01-02 03:04:05.678 ");
        assert_eq!(as_time("TZ-and-more"), "TZ-and-more");
    }

    #[test]
    fn a_query_picks() {
        assert_eq!(search("[].id", &json!([{"id": "a"}, {"id": "b"}])).unwrap(), json!(["a", "b"]));
        assert!(search("[", &json!([])).is_err());
    }
}
