//! What goes to standard output: tables and lines for people, JSON for programs.

use std::io::{self, ErrorKind, Write};

use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use serde_json::Value;

/// One line of text.
pub(crate) fn line(text: impl AsRef<str>) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout().lock(), "{}", text.as_ref())?)
}

/// A note that is not data.
pub(crate) fn note(text: impl AsRef<str>) -> anyhow::Result<()> {
    Ok(writeln!(io::stderr().lock(), "{}", text.as_ref())?)
}

/// A value for programs.
pub(crate) fn json(value: &Value) -> anyhow::Result<()> {
    line(serde_json::to_string_pretty(value)?)
}

/// Rows as a table with these columns, each a heading and the key of the row.
pub(crate) fn table(columns: &[(&str, &str)], rows: &[Value]) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(columns.iter().map(|(heading, _)| *heading));
    for row in rows {
        table.add_row(columns.iter().map(|(_, key)| text(&row[*key])));
    }
    line(table.to_string())
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
