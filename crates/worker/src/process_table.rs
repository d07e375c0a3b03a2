//! The system's processes, as `/proc` shows them.

use std::path::Path;
use std::sync::OnceLock;

/// A process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) group: i32,
    /// In ticks since the machine started; together with the pid it names a process for good.
    pub(crate) started: u64,
    /// It has ended, and waits for its parent to take notice.
    pub(crate) is_dead: bool,
}

/// All processes. Those that end while this looks around may be missing.
pub(crate) fn all() -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| read(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// When a process began, in ticks since the machine started.
pub(crate) fn start_time(pid: i32) -> Option<u64> {
    read(pid).map(|process| process.started)
}

/// The bytes of memory that a process holds; none when it has ended.
pub(crate) fn resident(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes: Option<u64> = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
    kilobytes.unwrap_or_default() << 10
}

/// Whether a process was started with this variable. Other users' processes cannot be looked into.
pub(crate) fn has_variable(pid: i32, name: &str, value: &str) -> bool {
    let wanted = format!("{name}={value}");
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
}

/// Differs after each start of the machine.
pub(crate) fn boot_id() -> &'static str {
    static ID: OnceLock<String> = OnceLock::new();
    ID.get_or_init(|| {
        let path = Path::new("/proc/sys/kernel/random/boot_id");
        std::fs::read_to_string(path).map(|id| id.trim().to_owned()).unwrap_or_default()
    })
}

/// Fields of `/proc/<pid>/stat` by proc(5), counted from after the name, which may hold anything.
fn read(pid: i32) -> Option<Process> {
    const STATE: usize = 0;
    const GROUP: usize = 2;
    const STARTED: usize = 19;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    Some(Process {
        pid,
        group: fields.get(GROUP)?.parse().ok()?,
        started: fields.get(STARTED)?.parse().ok()?,
        is_dead: matches!(*fields.get(STATE)?, "Z" | "X"),
    })
}
