//! The text of `pg_dump`, read without a PostgreSQL server: the rows of each table.
//!
//! Invariant: memory does not grow with the dump. It is split into one file a table, and these are then read in the
//! order in which rows are needed. Columns are known by their names, since their order differs by upgrades.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use nephele_model::{Error, Result, Timestamp};
use serde_json::Value;

use super::pickle;
use crate::exports::snapshot::unusable;

/// A dump, split by tables.
pub(super) struct Split {
    tables: BTreeMap<String, (PathBuf, Columns)>,
    /// The execution that made the dump: its own last words are that it must not be there.
    pub(super) writer: Option<String>,
}

type Columns = HashMap<String, usize>;

/// One row.
pub(super) struct Row<'a> {
    table: &'a str,
    columns: &'a Columns,
    fields: Vec<Option<String>>,
}

impl Split {
    /// Splits a dump into files in a folder.
    pub(super) fn read(dump: impl BufRead, folder: &Path) -> Result<Self> {
        let mut split = Self { tables: BTreeMap::new(), writer: None };
        let mut current: Option<BufWriter<File>> = None;
        for line in dump.split(b'\n') {
            let line = line.map_err(|error| unusable(format!("pg_data is damaged: {error}")))?;
            if let Some(file) = &mut current {
                if line == b"\\." {
                    file.flush().map_err(Error::internal)?;
                    current = None;
                } else {
                    file.write_all(&line).and_then(|()| file.write_all(b"\n")).map_err(Error::internal)?;
                }
                continue;
            }
            let text = String::from_utf8_lossy(&line);
            if let Some((table, columns)) = header(&text) {
                let place = folder.join(format!("{}.copy", split.tables.len()));
                current = Some(BufWriter::new(File::create(&place).map_err(Error::internal)?));
                split.tables.insert(table, (place, columns));
            } else if let Some(rest) = text.strip_prefix("DELETE FROM public.executions WHERE id = '") {
                split.writer = rest.split('\'').next().map(str::to_owned);
            }
        }
        if current.is_some() {
            return Err(unusable("pg_data is cut off"));
        }
        if !split.tables.contains_key("tenants") || !split.tables.contains_key("users") {
            return Err(unusable("pg_data holds no tenants and users"));
        }
        Ok(split)
    }

    pub(super) fn has(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }

    /// Does something with each row of a table; nothing, if the dump does not have it.
    pub(super) fn each(&self, table: &str, mut act: impl FnMut(Row<'_>) -> Result<()>) -> Result<()> {
        let Some((place, columns)) = self.tables.get(table) else { return Ok(()) };
        for line in BufReader::new(File::open(place).map_err(Error::internal)?).lines() {
            let line = line.map_err(|error| unusable(format!("`{table}` is damaged: {error}")))?;
            let fields: Vec<Option<String>> = line.split('\t').map(unescape).collect();
            if fields.len() != columns.len() {
                return Err(unusable(format!("a row of `{table}` does not have {} columns", columns.len())));
            }
            act(Row { table, columns, fields })?;
        }
        Ok(())
    }
}

/// `COPY public.TABLE (COLUMN, ...) FROM stdin;`
fn header(line: &str) -> Option<(String, Columns)> {
    let rest = line.strip_prefix("COPY ")?.strip_suffix(" FROM stdin;")?;
    let (table, columns) = rest.split_once(" (")?;
    let table = table.strip_prefix("public.").unwrap_or(table).trim_matches('"').to_owned();
    let columns = columns.strip_suffix(')')?.split(", ").map(|name| name.trim_matches('"').to_owned());
    Some((table, columns.enumerate().map(|(place, name)| (name, place)).collect()))
}

/// A field as COPY writes it; `\N` is null.
fn unescape(field: &str) -> Option<String> {
    if field == "\\N" {
        return None;
    }
    if !field.contains('\\') {
        return Some(field.to_owned());
    }
    let mut text = String::with_capacity(field.len());
    let mut letters = field.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            text.push(letter);
            continue;
        }
        text.push(match letters.next() {
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('v') => '\u{b}',
            Some(other) => other,
            None => '\\',
        });
    }
    Some(text)
}

impl Row<'_> {
    pub(super) fn has(&self, column: &str) -> bool {
        self.columns.contains_key(column)
    }

    pub(super) fn text(&self, column: &str) -> Option<&str> {
        self.columns.get(column).and_then(|place| self.fields[*place].as_deref())
    }

    pub(super) fn int(&self, column: &str) -> Option<i64> {
        self.text(column)?.parse().ok()
    }

    pub(super) fn float(&self, column: &str) -> Option<f64> {
        self.text(column)?.parse().ok()
    }

    pub(super) fn flag(&self, column: &str) -> Option<bool> {
        self.text(column).map(|text| text == "t")
    }

    /// Microseconds since 1970; times without zone are UTC.
    pub(super) fn time(&self, column: &str) -> Option<i64> {
        time(self.text(column)?)
    }

    /// An array of texts, such as `{a,"b c"}`.
    pub(super) fn list(&self, column: &str) -> Option<Vec<String>> {
        let text = self.text(column)?;
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'))?;
        let (mut items, mut item, mut quoted, mut letters) = (Vec::new(), String::new(), false, inner.chars());
        while let Some(letter) = letters.next() {
            match letter {
                '\\' => item.extend(letters.next()),
                '"' => quoted = !quoted,
                ',' if !quoted => items.push(std::mem::take(&mut item)),
                other => item.push(other),
            }
        }
        if !inner.is_empty() {
            items.push(item);
        }
        Some(items)
    }

    /// The text of a JSON value: as it stands, or of a pickle. Null is nothing.
    pub(super) fn json(&self, column: &str) -> Result<Option<String>> {
        let pickled = format!("{column}_p");
        let found = self.text(column).map(|text| (column, text));
        let Some((column, text)) = found.or_else(|| self.text(&pickled).map(|text| (pickled.as_str(), text))) else {
            return Ok(None);
        };
        let Some(hex) = text.strip_prefix("\\x") else { return Ok((text != "null").then(|| text.to_owned())) };
        let refuse = |why: String| {
            let row = self.text("id").or_else(|| self.text("_storage_id")).unwrap_or_default();
            unusable(format!("`{column}` of `{row}` in `{}` cannot be read: {why}", self.table))
        };
        let bytes = unhex(hex).ok_or_else(|| refuse("it is no hexadecimal text".to_owned()))?;
        let value = pickle::load(&bytes).map_err(refuse)?;
        Ok((!value.is_null()).then(|| value.to_string()))
    }

    /// The value of [`Self::json`].
    pub(super) fn value(&self, column: &str) -> Result<Value> {
        Ok(self.json(column)?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }
}

/// Times in the forms that dumps and answers have.
pub(super) fn time(text: &str) -> Option<i64> {
    let mut iso = text.trim().replacen(' ', "T", 1);
    let has_zone = iso.ends_with('Z') || iso.get(10..).is_some_and(|time| time.contains(['+', '-']));
    if !has_zone {
        iso.push('Z');
    }
    Timestamp::parse(&iso).map(Timestamp::micros)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits.chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_by_the_names_of_their_columns() {
        let dump = "\\restrict x\nCOPY public.tenants (id, name) FROM stdin;\n0\tdefault\\ttenant\n\\.\n\
                    COPY public.users (username, \"index\", entity) FROM stdin;\na\\\\b\t\\N\t{x,\"y z\"}\n\\.\n\
                    DELETE FROM public.executions WHERE id = 'abc';\n";
        let folder = tempfile::tempdir().unwrap();
        let split = Split::read(dump.as_bytes(), folder.path()).unwrap();
        assert_eq!(split.writer.as_deref(), Some("abc"));
        let mut seen = 0;
        split
            .each("users", |row| {
                seen += 1;
                assert_eq!((row.text("username"), row.int("index")), (Some("a\\b"), None));
                assert_eq!(row.list("entity").unwrap(), ["x", "y z"]);
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, 1);
        assert!(Split::read(&dump.as_bytes()[..60], folder.path()).is_err());
        assert_eq!(time("1970-01-01 00:00:01.5"), Some(1_500_000));
    }
}
