//! Snapshots of what changed since another one, and that one with them again.
//!
//! Invariant: an increment names its base by the checksum of the base's checksums, and holds the checksums of the whole
//! snapshot that it stands for. What is put together of both is compared with these, entry by entry, so that it is what
//! was there or is refused.
//!
//! `whole.jsonl` has those checksums. A table that is not in the increment is the base's; one with `gone/NAME.jsonl` has the
//! rows that are new or changed, and there the keys of those that are gone; any other stands there as a whole.
//! A file that is not in it is the base's.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use nephele_model::Result;
use serde_json::Value;

use super::super::advice;
use super::opened::Opened;
use super::part::key;
use super::{Base, INCREMENT, KEY, METADATA, Sealed, WHOLE, row, unusable};

/// The checksums of the whole snapshot.
pub(super) const SUMS: &str = "whole.jsonl";

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` gives")]
fn written(error: io::Error) -> nephele_model::Error {
    let advice = advice(&error);
    unusable(format!("it cannot be put together: {error}{advice}"))
}

/// Rows of a table with their keys, in the order of the keys.
struct Keyed<I> {
    lines: I,
    table: String,
}

impl<I: Iterator<Item = io::Result<String>>> Keyed<I> {
    /// The next row; its key is absent in tables without one.
    fn next(&mut self) -> Result<Option<(Option<i64>, String)>> {
        let Some(line) = self.lines.next() else { return Ok(None) };
        let line = line.map_err(|error| unusable(format!("`{}` is damaged: {error}", self.table)))?;
        Ok(Some((key(&row(&line, &self.table)?), line)))
    }
}

fn keyed(opened: &mut Opened, table: &str) -> Result<Keyed<impl Iterator<Item = io::Result<String>>>> {
    Ok(Keyed { lines: opened.rows(table)?, table: table.to_owned() })
}

/// Writes what a snapshot has that its base has not. Both are whole; `about` says what the base is called.
pub(super) fn reduce(base: &Path, about: Base, whole: &Path, into: File) -> Result<()> {
    let (mut old, mut new) = (Opened::open(base)?, Opened::open(whole)?);
    let mut sealed = Sealed::new(into);
    new.metadata.base = Some(about);
    new.metadata.format_version = INCREMENT;
    sealed.add(METADATA, &serde_json::to_vec_pretty(&new.metadata).unwrap_or_default()).map_err(written)?;
    if let Some(key) = new.key()? {
        sealed.add(KEY, key.as_bytes()).map_err(written)?;
    }
    sealed.add(SUMS, &new.sums_text()?).map_err(written)?;
    for table in new.tables() {
        let name = format!("tables/{table}.jsonl");
        if new.sum(&name) == old.sum(&name) {
            continue;
        }
        if old.sum(&name).is_some() && is_keyed(&mut new, &table)? {
            changed_rows(&mut old, &mut new, &table, &mut sealed)?;
        } else {
            sealed.begin(&name).map_err(written)?;
            let mut rows = keyed(&mut new, &table)?;
            while let Some((_, line)) = rows.next()? {
                writeln!(sealed, "{line}").map_err(written)?;
            }
        }
    }
    let kept: HashSet<String> = new.same_files(&mut old)?;
    new.copy_files(|name| !kept.contains(name), &mut sealed)?;
    sealed.finish().map(drop).map_err(written)
}

fn is_keyed(opened: &mut Opened, table: &str) -> Result<bool> {
    Ok(keyed(opened, table)?.next()?.is_some_and(|(key, _)| key.is_some()))
}

/// Both tables are in the order of their keys.
fn changed_rows(old: &mut Opened, new: &mut Opened, table: &str, sealed: &mut Sealed) -> Result<()> {
    let mut gone = String::new();
    let (mut before, mut after) = (keyed(old, table)?, keyed(new, table)?);
    sealed.begin(&format!("tables/{table}.jsonl")).map_err(written)?;
    let (mut left, mut right) = (before.next()?, after.next()?);
    loop {
        match (&left, &right) {
            (None, None) => break,
            (Some((was, _)), Some((is, _))) if was < is => {
                note(&mut gone, *was);
                left = before.next()?;
            }
            (Some((was, _)), None) => {
                note(&mut gone, *was);
                left = before.next()?;
            }
            (Some((was, old_line)), Some((is, line))) if was == is => {
                if old_line != line {
                    writeln!(sealed, "{line}").map_err(written)?;
                }
                left = before.next()?;
                right = after.next()?;
            }
            (_, Some((_, line))) => {
                writeln!(sealed, "{line}").map_err(written)?;
                right = after.next()?;
            }
        }
    }
    sealed.add(&format!("gone/{table}.jsonl"), gone.as_bytes()).map_err(written)
}

fn note(gone: &mut String, key: Option<i64>) {
    gone.push_str(&Value::from(key).to_string());
    gone.push('\n');
}

/// Puts a whole base and an increment of it together.
///
/// Error: `snapshot_action_error` if it is not what was there when the increment was made.
pub(super) fn assemble(base: &Path, increment: &Path, into: File) -> Result<()> {
    let (mut old, mut new) = (Opened::open(base)?, Opened::open(increment)?);
    new.check(None)?;
    let whole = new.whole_sums()?;
    let mut sealed = Sealed::new(into);
    new.metadata.base = None;
    new.metadata.format_version = WHOLE;
    sealed.add(METADATA, &serde_json::to_vec_pretty(&new.metadata).unwrap_or_default()).map_err(written)?;
    if let Some(key) = new.key()? {
        sealed.add(KEY, key.as_bytes()).map_err(written)?;
    }
    let mut tables: Vec<String> = whole
        .keys()
        .filter_map(|name| Some(name.strip_prefix("tables/")?.strip_suffix(".jsonl")?.to_owned()))
        .collect();
    tables.sort();
    for table in tables {
        sealed.begin(&format!("tables/{table}.jsonl")).map_err(written)?;
        let gone = new.gone(&table)?;
        match (new.sum(&format!("tables/{table}.jsonl")).is_some(), gone) {
            (false, _) => copy_rows(&mut old, &table, &mut sealed)?,
            (true, None) => copy_rows(&mut new, &table, &mut sealed)?,
            (true, Some(gone)) => merged_rows(&mut old, &mut new, &table, &gone, &mut sealed)?,
        }
    }
    let is_kept = |name: &str| whole.contains_key(name) && new.sum(name).is_none();
    old.copy_files(is_kept, &mut sealed)?;
    new.copy_files(|_| true, &mut sealed)?;
    sealed.finish().map(drop).map_err(written)
}

fn copy_rows(from: &mut Opened, table: &str, sealed: &mut Sealed) -> Result<()> {
    let mut rows = keyed(from, table)?;
    while let Some((_, line)) = rows.next()? {
        writeln!(sealed, "{line}").map_err(written)?;
    }
    Ok(())
}

fn merged_rows(
    old: &mut Opened,
    new: &mut Opened,
    table: &str,
    gone: &HashSet<i64>,
    sealed: &mut Sealed,
) -> Result<()> {
    let (mut before, mut after) = (keyed(old, table)?, keyed(new, table)?);
    let (mut left, mut right) = (before.next()?, after.next()?);
    loop {
        match (&left, &right) {
            (None, None) => return Ok(()),
            (Some((was, _)), Some((is, _))) if was == is => left = before.next()?,
            (Some((was, line)), other) if other.as_ref().is_none_or(|(is, _)| was < is) => {
                if was.is_none_or(|was| !gone.contains(&was)) {
                    writeln!(sealed, "{line}").map_err(written)?;
                }
                left = before.next()?;
            }
            (_, Some((_, line))) => {
                writeln!(sealed, "{line}").map_err(written)?;
                right = after.next()?;
            }
            (Some(_), None) => left = before.next()?,
        }
    }
}

/// Checks that an archive has what an increment says that the whole has.
pub(super) fn compare(assembled: &Path, increment: &Path) -> Result<()> {
    let (found, mut told) = (Opened::open(assembled)?, Opened::open(increment)?);
    for (name, sum) in told.whole_sums()? {
        // What it says of itself differs by right.
        if name != METADATA && found.sum(&name) != Some(&sum) {
            return Err(unusable(format!("`{name}` is not what it was: the increment does not fit its base")));
        }
    }
    Ok(())
}
