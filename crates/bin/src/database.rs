//! `nephele db`: a manager's database, while the manager is not running.

use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use nephele_model::clock::SystemClock;

use crate::config::Settings;
use crate::up;

/// The file that a SQLite URL names.
fn file_of(url: &str) -> Option<&Path> {
    url.strip_prefix("sqlite://").map(Path::new)
}

/// Moves a database into another one, and the other files of the data directory into `folder`, if that is given.
pub(crate) fn relocate(settings: &Settings, from: &str, to: &str, folder: Option<&Path>) -> anyhow::Result<ExitCode> {
    if let Some(file) = file_of(from).filter(|file| !file.is_file()) {
        bail!("there is no SQLite file {}", file.display());
    }
    let _locks = lock(&settings.data_dir, from, to)?;
    if let Some(folder) = folder {
        demand_apart(folder, &settings.data_dir)?;
    }
    let known_before = file_of(to).is_some_and(Path::exists);
    let moved = crate::runtime()?.block_on(nephele_manager::move_database(from, to, Arc::new(SystemClock)));
    if moved.is_err()
        && !known_before
        && let Some(file) = file_of(to)
    {
        // What was made to look into it; the reason is told by the error.
        let _ = fs::remove_file(file);
    }
    tell(&moved?);
    if let Some(folder) = folder {
        // One from before the database was moved elsewhere is no part of what is moved now.
        let own = settings.own_database();
        let files = copy(&settings.data_dir, folder, &[Some(&own), file_of(from), file_of(to)])
            .with_context(|| format!("the files cannot be copied into {}", folder.display()))?;
        tell_files(files, folder);
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "this command's output")]
fn tell(moved: &[nephele_manager::MovedTable]) {
    for table in moved {
        println!("{:>10} rows  {}  {}", table.rows, table.checksum, table.table);
    }
    let rows: u64 = moved.iter().map(|table| table.rows).sum();
    println!("{rows} rows of {} tables were moved; both databases add up to the same", moved.len());
}

#[expect(clippy::print_stdout, reason = "this command's output")]
fn tell_files(files: u64, folder: &Path) {
    println!("{files} files were copied into {}", folder.display());
}

/// Keeps managers out of the folders meanwhile. Refuses if one works there.
fn lock(data_dir: &Path, from: &str, to: &str) -> anyhow::Result<Vec<File>> {
    let beside = [from, to].into_iter().filter_map(|url| file_of(url)?.parent());
    let mut folders: Vec<PathBuf> = beside.chain([data_dir]).filter_map(|folder| folder.canonicalize().ok()).collect();
    folders.sort();
    folders.dedup();
    folders.iter().map(|folder| up::lock(folder)).collect()
}

fn demand_apart(folder: &Path, data_dir: &Path) -> anyhow::Result<()> {
    if folder.starts_with(data_dir) {
        bail!("{} lies in the data directory itself; give a folder beside it", folder.display());
    }
    let is_empty = fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
    if !is_empty {
        bail!("{} is not empty; give a folder for the files that is", folder.display());
    }
    Ok(())
}

/// Copies everything below a folder but locks and databases. Gives how many files that were.
fn copy(from: &Path, to: &Path, databases: &[Option<&Path>]) -> std::io::Result<u64> {
    let mode = fs::metadata(from)?.permissions().mode();
    fs::DirBuilder::new().recursive(true).mode(mode).create(to)?;
    let mut files = 0;
    for entry in fs::read_dir(from)? {
        let (entry, kind) = entry.and_then(|entry| entry.file_type().map(|kind| (entry, kind)))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let is_database = databases.iter().flatten().any(|file| belongs(&path, file));
        if entry.file_name() == "lock" || is_database {
            continue;
        }
        if kind.is_dir() {
            files += copy(&path, &target, databases)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&path)?, &target)?;
            files += 1;
        } else if kind.is_file() {
            fs::copy(&path, &target)?;
            files += 1;
        }
    }
    Ok(files)
}

/// Whether a file is a SQLite database, or one of those that lie beside it.
fn belongs(path: &Path, database: &Path) -> bool {
    let text = path.to_string_lossy();
    let database = database.to_string_lossy();
    ["", "-wal", "-shm", "-journal"].iter().any(|end| text.strip_suffix(end) == Some(&database))
}
