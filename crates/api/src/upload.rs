//! Streams of clients to files on disk, with limits.
//!
//! Invariant: a body is never held in memory as a whole, a file never grows beyond the limit, and a
//! client that stops sending is given up after a minute.

use std::path::Path;
use std::time::Duration;

use axum::extract::multipart::Field;
use axum::extract::{Multipart, Request};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use nephele_model::{Error, Result};
use tempfile::TempPath;
use tokio::io::AsyncWriteExt;

use crate::body::too_large;
use crate::{App, files};

/// How long a client may pause.
const PAUSE: Duration = Duration::from_mins(1);
/// The largest form field that is not a file.
const FIELD_LIMIT: usize = 1 << 20;

/// The archive that a request brings: its body, or what is at an address.
pub(crate) async fn archive(app: &App, url: Option<&str>, request: Request) -> Result<Option<TempPath>> {
    if let Some(url) = url {
        return app.manager.archive_at(url).await.map(Some);
    }
    let archive = files::temporary(app)?;
    let limit = app.manager.settings.archive_limit;
    let size = save(request.into_body().into_data_stream(), &archive, limit).await?;
    Ok((size > 0).then_some(archive))
}

/// Writes a stream to a file. Gives the number of bytes.
pub(crate) async fn save<E: std::fmt::Display>(
    stream: impl Stream<Item = Result<Bytes, E>>,
    target: &Path,
    limit: u64,
) -> Result<u64> {
    let mut stream = std::pin::pin!(stream);
    let mut file = tokio::fs::File::create(target).await.map_err(Error::internal)?;
    let mut written = 0_u64;
    while let Some(chunk) = within(stream.next()).await? {
        let chunk = chunk.map_err(|error| Error::bad_parameters(format!("The upload broke off: {error}")))?;
        written += chunk.len() as u64;
        if written > limit {
            return Err(too_large("The upload", limit));
        }
        file.write_all(&chunk).await.map_err(Error::internal)?;
    }
    file.flush().await.map_err(Error::internal)?;
    Ok(written)
}

/// The next part of a form.
pub(crate) async fn next_field(form: &mut Multipart) -> Result<Option<Field<'_>>> {
    let next = within(form.next_field()).await?;
    next.map_err(|error| Error::bad_parameters(format!("The form cannot be read: {}", error.body_text())))
}

/// A form field that is not a file.
pub(crate) async fn text(mut field: Field<'_>) -> Result<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = within(field.chunk()).await?.transpose() {
        let chunk =
            chunk.map_err(|error| Error::bad_parameters(format!("The form cannot be read: {}", error.body_text())))?;
        bytes.extend_from_slice(&chunk);
        if bytes.len() > FIELD_LIMIT {
            return Err(too_large("A form field", FIELD_LIMIT));
        }
    }
    String::from_utf8(bytes).map_err(|_| Error::bad_parameters("A form field is not UTF-8"))
}

async fn within<T>(next: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(PAUSE, next).await.map_err(|_| Error::bad_parameters("The upload stopped for too long"))
}
