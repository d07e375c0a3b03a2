//! The folder of a running operation: its script, and the record of its processes.
//!
//! Invariant: while an operation's process group may be alive, its folder exists. It is made before
//! the first process and removed after the last; whoever finds one at start has found the remains
//! of a crash ([`crate::leftovers`]).

use std::io;
use std::path::{Path, PathBuf};

use crate::process_table;

/// Where task folders lie below the worker's folder.
pub(crate) const FOLDER: &str = "running";
/// The environment variable that marks a task's processes.
pub(crate) const MARKER: &str = "NEPHELE_TASK_ID";
const GROUP: &str = "group";

/// Removes its folder when dropped.
pub(crate) struct TaskDir(PathBuf);

impl TaskDir {
    /// Makes the folder for a task. Its id comes from a message and must not lead elsewhere.
    pub(crate) fn create(tasks: &Path, id: &str) -> io::Result<Self> {
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if id.is_empty() || !id.bytes().all(sound) {
            return Err(io::Error::other(format!("{id:?} cannot be the id of a task")));
        }
        let path = tasks.join(id);
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Records the process group that was started; its id is its first process's.
    pub(crate) fn record_group(&self, group: i32) -> io::Result<()> {
        let started = process_table::start_time(group).unwrap_or_default();
        std::fs::write(self.0.join(GROUP), format!("{group} {started} {}", process_table::boot_id()))
    }
}

impl Drop for TaskDir {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "a task's folder could not be removed");
        }
    }
}

/// What a crashed worker wrote down about a process group.
pub(crate) struct Record {
    pub(crate) group: i32,
    /// The start time of the group's first process.
    pub(crate) started: u64,
}

/// Reads a task folder's record; `None` if there is none, or if the machine was restarted since.
pub(crate) fn read_record(task: &Path) -> Option<Record> {
    let text = std::fs::read_to_string(task.join(GROUP)).ok()?;
    let mut words = text.split(' ');
    let record = Record { group: words.next()?.parse().ok()?, started: words.next()?.parse().ok()? };
    (words.next()? == process_table::boot_id()).then_some(record)
}
