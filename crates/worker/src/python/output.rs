//! What a process of a Python operation writes: for people who look for a fault, not for the events.
//!
//! Invariant: neither a single operation nor all of a deployment fill the disk with words. A process
//! writes at the end of its file, so cutting it short loses what was written before and nothing else.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

const NAME: &str = "output";
/// What an operation may have written before all but its end is thrown away while the operation goes on.
const MOST: u64 = 64 << 20;
/// What of an operation's output is kept: its end.
const KEPT: u64 = 1 << 20;
/// The size at which the log of a deployment begins anew; the one before it is kept.
const LOG: u64 = 8 << 20;
/// What is quoted of an operation that ended badly.
const QUOTED: usize = 4 << 10;
const CHECK: Duration = Duration::from_millis(500);

/// The file that a process writes into.
pub(super) struct Output(PathBuf);

impl Output {
    /// Makes the file in the folder of a task.
    pub(super) fn new(task: &Path) -> Self {
        Self(task.join(NAME))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// An end for the process to write into.
    pub(super) fn writer(&self) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(&self.0)
    }

    /// Cuts the file short whenever it grows too long. Ends with an error only.
    pub(super) async fn bound(&self) -> io::Error {
        loop {
            tokio::time::sleep(CHECK).await;
            if let Err(error) = self.cut() {
                return error;
            }
        }
    }

    /// Leaves the end alone, if it has grown too long.
    fn cut(&self) -> io::Result<()> {
        let length = std::fs::metadata(&self.0)?.len();
        if length <= MOST {
            return Ok(());
        }
        let end = self.end(length)?;
        OpenOptions::new().write(true).open(&self.0)?.set_len(0)?;
        self.writer()?.write_all(&end)
    }

    fn end(&self, length: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.0)?;
        file.seek(SeekFrom::Start(length.saturating_sub(KEPT)))?;
        let mut end = Vec::new();
        file.take(KEPT).read_to_end(&mut end)?;
        Ok(end)
    }

    /// Adds the end of what was written to a log, and gives the very end of it.
    pub(super) fn keep(&self, log: &Path) -> io::Result<String> {
        let length = std::fs::metadata(&self.0)?.len();
        if length == 0 {
            return Ok(String::new());
        }
        let end = self.end(length)?;
        append(log, &end)?;
        let quoted = &end[end.len().saturating_sub(QUOTED)..];
        Ok(String::from_utf8_lossy(quoted).trim().to_owned())
    }
}

fn append(log: &Path, text: &[u8]) -> io::Result<()> {
    if let Some(folder) = log.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if std::fs::metadata(log).is_ok_and(|found| found.len() > LOG) {
        std::fs::rename(log, log.with_extension("log.1"))?;
    }
    OpenOptions::new().create(true).append(true).open(log)?.write_all(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept_and_logs_begin_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (output, log) = (Output::new(folder.path()), folder.path().join("tenant/shop.log"));
        output.writer().unwrap().write_all(&vec![b'a'; 3 << 20]).unwrap();
        output.writer().unwrap().write_all(b"\nlast words\n").unwrap();
        for _ in 0..10 {
            assert!(output.keep(&log).unwrap().ends_with("a\nlast words"));
        }
        let size = |path: &Path| std::fs::metadata(path).unwrap().len();
        assert!(size(&log) < 2 * KEPT + 100 && size(&log.with_extension("log.1")) <= LOG + KEPT);
        assert_eq!(Output::new(&folder.path().join("tenant")).keep(&log).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
