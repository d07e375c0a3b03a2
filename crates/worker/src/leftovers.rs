//! What a worker that died left behind: running scripts are killed, their folders removed.
//!
//! Without this, an operation that is delivered again would run beside its own earlier attempt.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::Error;
use crate::process_table::{self, Process};
use crate::task_dir::{self, FOLDER, MARKER};

const CHECKS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// Clears the remains below `work_dir`, and returns how many operations were still running.
pub(crate) async fn clear(work_dir: &Path) -> Result<usize, Error> {
    let tasks = work_dir.join(FOLDER);
    std::fs::create_dir_all(&tasks).map_err(Error::machine(tasks.display()))?;
    let folders: Vec<_> = std::fs::read_dir(&tasks)
        .map_err(Error::machine(tasks.display()))?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    if folders.is_empty() {
        return Ok(0);
    }
    let processes = process_table::all();
    let groups: Vec<HashSet<i32>> = folders.iter().map(|folder| groups_of(folder, &processes)).collect();
    // All together: nothing begins before the last of them is gone.
    end(&groups.iter().flatten().copied().collect()).await;
    for folder in &folders {
        std::fs::remove_dir_all(folder).map_err(Error::machine(folder.display()))?;
    }
    Ok(groups.iter().filter(|groups| !groups.is_empty()).count())
}

/// The process groups that belong to a task.
///
/// A process belongs if it is the one that the record names (its start time tells it from a later
/// process of the same number), or if it carries the task's mark. The record limits this to the
/// script's own group: what left the group on purpose is a service that stays.
fn groups_of(task: &Path, processes: &[Process]) -> HashSet<i32> {
    let id = task.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let record = task_dir::read_record(task);
    let belongs = |process: &&Process| match &record {
        Some(record) if process.group != record.group => false,
        Some(record) if process.pid == record.group && process.started == record.started => true,
        _ => process_table::has_variable(process.pid, MARKER, id),
    };
    processes.iter().filter(|process| !process.is_dead).filter(belongs).map(|process| process.group).collect()
}

/// Kills groups and waits until their processes are gone.
async fn end(groups: &HashSet<i32>) {
    for group in groups {
        // That it is gone already is what is wanted.
        let _ = killpg(Pid::from_raw(*group), Signal::SIGKILL);
    }
    for _ in 0..CHECKS {
        let alive = |process: &Process| !process.is_dead && groups.contains(&process.group);
        if groups.is_empty() || !process_table::all().iter().any(alive) {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
    tracing::error!(?groups, "processes of an earlier worker could not be killed");
}
