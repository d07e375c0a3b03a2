//! Rows that are printed as they come, a page after the other.
//!
//! Invariant: nothing is kept but the page at hand, unless a query needs the whole. JSON, YAML and names are the same
//! as if all rows had come at once. A table's columns are as wide as its first page needs them, and wider where a later
//! page needs that; at a terminal each page has its heading.

use comfy_table::{ColumnConstraint, Width};
use serde_json::Value;

use super::{Print, label, restricted, search, text, write};
use crate::settings::Format;
use crate::yaml;

pub(crate) struct Rows<'a> {
    print: &'a Print,
    keys: &'a [&'a str],
    labels: &'a [(&'a str, &'a str)],
    /// How many there were.
    pub(crate) number: usize,
    /// What the cells of the first page take.
    widths: Vec<u16>,
    /// The line below a table.
    last: String,
    /// Rows that a query will pick from.
    kept: Vec<Value>,
}

impl Print {
    /// Begins to print rows with these columns.
    pub(crate) fn begin<'a>(&'a self, keys: &'a [&'a str], labels: &'a [(&'a str, &'a str)]) -> Rows<'a> {
        Rows { print: self, keys, labels, number: 0, widths: Vec::new(), last: String::new(), kept: Vec::new() }
    }
}

impl Rows<'_> {
    /// Prints a page of them.
    pub(crate) fn add(&mut self, rows: &[Value]) -> anyhow::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let is_first = self.number == 0;
        self.number += rows.len();
        let kept = rows.iter().map(|row| restricted(self.keys, self.labels, row));
        if self.print.query.is_some() {
            self.kept.extend(kept);
            return Ok(());
        }
        match self.print.format {
            Format::Table if self.print.is_extended => {
                let tables = rows.iter().map(|row| self.print.vertical(self.keys, self.labels, row) + "\n");
                write(&tables.collect::<String>())
            }
            Format::Table => {
                let page = self.page(rows);
                write(&page)
            }
            Format::Lines => {
                let lines: Vec<String> = kept.map(|row| row.to_string()).collect();
                write(&format!("{}{}", if is_first { "[\n" } else { ",\n" }, lines.join(",\n")))
            }
            Format::Json => {
                let items = kept.map(|row| serde_json::to_string_pretty(&row).map(|text| indented(&text)));
                let items = items.collect::<Result<Vec<String>, _>>()?;
                write(&format!("{}{}", if is_first { "[\n" } else { ",\n" }, items.join(",\n")))
            }
            Format::Yaml => write(&(yaml::write(&kept.collect()) + "\n")),
            Format::Name => {
                let name = |row: &Value| self.keys.first().map_or_else(String::new, |key| text(&row[*key]));
                write(&rows.iter().map(|row| name(row) + "\n").collect::<String>())
            }
        }
    }

    /// Prints what comes after the last of them.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        if let Some(query) = &self.print.query {
            return self.print.structured(&search(query, &self.kept.into())?);
        }
        let is_empty = self.number == 0;
        match self.print.format {
            Format::Table if self.print.is_extended => write(if is_empty { "[NO RECORDS]\n" } else { "" }),
            Format::Table => {
                let heading = if is_empty { self.page(&[]) } else { String::new() };
                write(&(heading + &self.last))
            }
            Format::Lines if is_empty => write("[\n\n]\n"),
            Format::Json if is_empty => write("[]\n"),
            Format::Lines | Format::Json => write("\n]\n"),
            Format::Yaml if is_empty => write(&(yaml::write(&Value::Array(Vec::new())) + "\n")),
            Format::Yaml | Format::Name => Ok(()),
        }
    }

    /// A part of a table, without the line below it.
    fn page(&mut self, rows: &[Value]) -> String {
        let mut table = self.print.empty();
        let is_first = self.widths.is_empty();
        // At a terminal columns are fitted into it anew.
        let is_fitted = self.print.width.is_some();
        if is_first || is_fitted {
            table.set_header(self.keys.iter().map(|key| label(self.labels, key)));
        }
        for row in rows {
            table.add_row(self.keys.iter().map(|key| self.print.cell(row, key)));
        }
        if is_first {
            self.widths = table.column_max_content_widths();
        } else if !is_fitted {
            for (column, width) in table.column_iter_mut().zip(&self.widths) {
                let width = width.saturating_add(column.padding_width());
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
            }
        }
        let mut lines: Vec<String> = table.lines().collect();
        // Only the original's tables have a line around them.
        let mut above = 0;
        if self.print.is_cfy {
            self.last = lines.pop().map(|line| line + "\n").unwrap_or_default();
            above = usize::from(!is_first);
        }
        lines.into_iter().skip(above).map(|line| line + "\n").collect()
    }
}

/// An item of a list as JSON has it on lines of its own.
fn indented(text: &str) -> String {
    format!("  {}", text.replace('\n', "\n  "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::settings::Settings;

    #[test]
    fn later_pages_of_a_table_keep_the_columns() {
        let print = Print::new(&Settings { is_cfy: true, ..Settings::default() });
        let mut rows = print.begin(&["id", "state"], &[]);
        let row = |id: &str| json!({"id": id, "state": "up"});
        let first = rows.page(&[row("a-long-name")]);
        rows.number = 1;
        let second = rows.page(&[row("b"), row("c")]);
        assert_eq!(first.lines().count(), 4, "{first}");
        assert_eq!(second, "| b           | up    |\n| c           | up    |\n");
        assert_eq!(rows.last, "+-------------+-------+\n");
        let wider = rows.page(&[row("an-even-longer-name")]);
        assert_eq!(wider, "| an-even-longer-name | up    |\n");
    }

    #[test]
    fn items_are_indented_as_in_a_list() {
        let items = [json!({"a": 1}), json!({})];
        let whole = serde_json::to_string_pretty(&items).unwrap();
        let parts: Vec<String> =
            items.iter().map(|item| indented(&serde_json::to_string_pretty(item).unwrap())).collect();
        assert_eq!(whole, format!("[\n{}\n]", parts.join(",\n")));
    }
}
