//! `nephele snapshots`: archives, looked at without a manager.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Checks an archive; fails with what is wrong.
#[expect(clippy::print_stdout, reason = "this command's output")]
pub(crate) fn verify(archive: &Path, bases: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let found = nephele_manager::verify_snapshot(archive, bases)?;
    let nephele_manager::CheckedSnapshot { version, created_at, tables, rows, files, bytes, base } = found;
    println!(
        "The snapshot is in order: made by {version} at {created_at}, {rows} rows in {tables} tables, {files} files, \
         {bytes} bytes"
    );
    if let Some(base) = base {
        println!("It has only what changed since the snapshot of {base}; with `--base` both are checked together");
    }
    Ok(ExitCode::SUCCESS)
}
