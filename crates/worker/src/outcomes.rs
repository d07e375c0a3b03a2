//! Outcomes on disk: an operation that has ended is not run again because its answer was lost.
//!
//! Invariant: an outcome is kept before anybody is told of it, and for at least [`KEPT`] after. The
//! manager journals an answer within seconds; if it dies in between, it asks again with
//! `context.resume`, and is answered from here. A request without that mark is a new attempt.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nephele_model::operation::Outcome;

const FOLDER: &str = "outcomes";
const KEPT: Duration = Duration::from_mins(10);

/// The outcomes of a worker's latest operations, by task id.
pub(crate) struct Outcomes {
    folder: PathBuf,
    ages: Mutex<VecDeque<(Instant, PathBuf)>>,
}

impl Outcomes {
    /// Opens the folder below `work_dir`; what an earlier worker kept there counts as fresh.
    pub(crate) fn open(work_dir: &Path) -> io::Result<Self> {
        let folder = work_dir.join(FOLDER);
        std::fs::create_dir_all(&folder)?;
        let now = Instant::now();
        let found = std::fs::read_dir(&folder)?.flatten().map(|entry| (now, entry.path())).collect();
        Ok(Self { folder, ages: Mutex::new(found) })
    }

    /// Keeps an outcome and lets go of those that are old.
    pub(crate) fn keep(&self, id: &str, outcome: &Outcome) {
        let Some(file) = self.file(id) else { return };
        let unfinished = file.with_extension("new");
        let written = std::fs::write(&unfinished, outcome.to_wire().to_string())
            .and_then(|()| std::fs::rename(&unfinished, &file));
        if let Err(error) = written {
            tracing::warn!(task = id, %error, "an outcome could not be kept; a crash now would repeat the operation");
            return;
        }
        let mut ages = self.ages.lock().unwrap_or_else(PoisonError::into_inner);
        ages.push_back((Instant::now(), file));
        while ages.front().is_some_and(|(since, _)| since.elapsed() > KEPT) {
            if let Some((_, old)) = ages.pop_front() {
                // It may have been forgotten already.
                let _ = std::fs::remove_file(old);
            }
        }
    }

    /// How an earlier attempt of the very same request ended.
    pub(crate) fn of(&self, id: &str) -> Option<Outcome> {
        let text = std::fs::read(self.file(id)?).ok()?;
        serde_json::from_slice(&text).ok().map(|body| Outcome::from_wire(&body))
    }

    /// Lets go of an outcome that a new attempt makes void.
    pub(crate) fn forget(&self, id: &str) {
        if let Some(file) = self.file(id) {
            let _ = std::fs::remove_file(file);
        }
    }

    /// The id comes from a message and must not lead elsewhere.
    fn file(&self, id: &str) -> Option<PathBuf> {
        let sound = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        sound.then(|| self.folder.join(format!("{id}.json")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn outcomes_outlive_their_worker_until_they_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let done = Outcome::Done(json!({"a": 1}));
        Outcomes::open(folder.path()).unwrap().keep("t-1", &done);
        let next = Outcomes::open(folder.path()).unwrap();
        assert_eq!(next.of("t-1"), Some(done));
        next.forget("t-1");
        assert_eq!((next.of("t-1"), next.of("../t-1"), next.of("")), (None, None, None));
    }
}
