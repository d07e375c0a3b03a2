//! What is taken over of an archive: all of it, or a part that is put into what is there.
//!
//! Invariant: a part is put into what is there at the moment of the restore; the audit log tells whether that is so.

use std::path::PathBuf;

use nephele_model::{Code, Error, Result};
use nephele_store::audit_log;
use nephele_store::executions::Execution;
use serde_json::{Map, Value};
use tempfile::{NamedTempFile, TempPath};

use super::graft::Graft;
use super::{Part, unusable};
use crate::rows::failed;
use crate::workflows::upload::blocking;
use crate::{Manager, crypto};

/// How often it is tried to put a part in, as long as something changes meanwhile.
const TRIES: usize = 5;

impl Manager {
    /// Takes over an archive, or a part of it.
    pub(super) async fn take_in(
        &self,
        execution: Option<&Execution>,
        id: &str,
        archive: PathBuf,
        part: Option<Part>,
        force: bool,
    ) -> Result<()> {
        let whole = self.whole_of(archive.clone()).await?;
        let archive = whole.as_ref().map_or(archive, |whole| whole.to_path_buf());
        let Some(part) = part else { return Box::pin(self.take_over(execution, id, archive, None)).await };
        // Requests that change something are refused by now; one that was under way may still end.
        for _ in 0..TRIES {
            let seen = audit_log::last_change(&*self.store).await.map_err(failed)?;
            let whole = self.grafted(execution, archive.clone(), part.clone(), force).await?;
            match Box::pin(self.take_over(execution, id, whole.to_path_buf(), Some(seen))).await {
                Err(error) if error.code() == Code::Conflict => {}
                ended => return ended,
            }
        }
        Err(unusable("something is changed all the time meanwhile; try again when it is quiet"))
    }

    /// A snapshot of what is there now, with a part of another one in it.
    async fn grafted(&self, execution: Option<&Execution>, then: PathBuf, part: Part, force: bool) -> Result<TempPath> {
        let references = nephele_store::references(&*self.store).await.map_err(failed)?;
        let without_logs = Map::from_iter([("include_logs".to_owned(), Value::Bool(false))]);
        let now = self.write_snapshot(execution, &without_logs).await?;
        let cipher = crypto::Cipher::open(&self.settings.data_dir.join("secrets.key"))?;
        let (uploading, execution) = (self.files.uploading(), execution.map(|execution| execution.storage_id));
        blocking(move || {
            let target = NamedTempFile::new_in(uploading).map_err(Error::internal)?;
            let file = target.as_file().try_clone().map_err(Error::internal)?;
            Graft { now: &now, then: &then, part: &part, references, force, execution }.write(file, cipher)?;
            Ok(target.into_temp_path())
        })
        .await?
    }
}
