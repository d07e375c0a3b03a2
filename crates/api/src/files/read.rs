//! Files with entity tags and ranges, folders as an index or an archive.

use std::fs::Metadata;
use std::io::SeekFrom;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::IntoResponse;
use nephele_manager::files::Tree;
use nephele_model::{Code, Error};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use crate::App;
use crate::error::{Answer, json_response};
use crate::query::{FromQuery, Pairs};

/// The largest piece that is read at once.
const CHUNK: usize = 64 << 10;

/// Whether a folder is wanted as an archive.
pub(crate) struct AsArchive(pub(crate) bool);

impl FromQuery for AsArchive {
    fn read(query: &Pairs) -> Result<Self, Error> {
        Ok(Self(query.present("archive")))
    }
}

pub(super) async fn read(
    app: &App,
    path: &str,
    as_archive: bool,
    asked_path: &str,
    (method, headers): &(Method, HeaderMap),
) -> Answer {
    let place = app.manager.files.place(path)?;
    let absent = || Error::new(Code::NotFound, format!("There is no file {path}"));
    let metadata = tokio::fs::metadata(&place).await.map_err(|_| absent())?;
    if metadata.is_file() {
        return send(&place, &metadata, headers, method).await;
    }
    if !path.ends_with('/') {
        let place = format!("{asked_path}/");
        return Ok((StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, place)]).into_response());
    }
    if as_archive {
        return archive(app, place).await;
    }
    let index = blocking(move || Tree::index(&place).map_err(Error::internal)).await?;
    Ok(json_response(StatusCode::OK, &index))
}

/// A file, or the part of it that was asked for.
pub(crate) async fn send(place: &Path, metadata: &Metadata, asked: &HeaderMap, method: &Method) -> Answer {
    let tag = entity_tag(metadata);
    let length = metadata.len();
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    if let Ok(value) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, value);
    }
    let text = |name| asked.get(name).and_then(|value| value.to_str().ok());
    if text(header::IF_NONE_MATCH)
        .is_some_and(|list| list.split(',').any(|known| known.trim() == tag || known.trim() == "*"))
    {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let wanted = text(header::RANGE).filter(|_| text(header::IF_RANGE).is_none_or(|known| known == tag));
    let (status, begin, count) = match wanted.map(|range| part(range, length)) {
        None | Some(Part::Whole) => (StatusCode::OK, 0, length),
        Some(Part::Bytes(begin, end)) => {
            let value = format!("bytes {begin}-{end}/{length}");
            headers.insert(header::CONTENT_RANGE, HeaderValue::try_from(value).map_err(Error::internal)?);
            (StatusCode::PARTIAL_CONTENT, begin, end - begin + 1)
        }
        Some(Part::Outside) => {
            let value = HeaderValue::try_from(format!("bytes */{length}")).map_err(Error::internal)?;
            headers.insert(header::CONTENT_RANGE, value);
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response());
        }
    };
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(count));
    if method == Method::HEAD {
        return Ok((status, headers).into_response());
    }
    let mut file = File::open(place).await.map_err(Error::internal)?;
    if begin > 0 {
        file.seek(SeekFrom::Start(begin)).await.map_err(Error::internal)?;
    }
    let body = Body::from_stream(ReaderStream::with_capacity(file.take(count), CHUNK));
    Ok((status, headers, body).into_response())
}

async fn archive(app: &App, folder: PathBuf) -> Answer {
    let into = temporary(app)?;
    let target = into.to_path_buf();
    blocking(move || Tree::pack(&folder, &target)).await?;
    // The file goes when the handle that streams it is closed; its name can go now.
    let file = File::open(&into).await.map_err(Error::internal)?;
    let length = file.metadata().await.map_err(Error::internal)?.len();
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/gzip")),
        (header::CONTENT_LENGTH, HeaderValue::from(length)),
    ];
    Ok((headers, Body::from_stream(ReaderStream::with_capacity(file, CHUNK))).into_response())
}

/// A file that vanishes when the value does.
pub(crate) fn temporary(app: &App) -> Result<tempfile::TempPath, Error> {
    let file = tempfile::NamedTempFile::new_in(app.manager.files.uploading()).map_err(Error::internal)?;
    Ok(file.into_temp_path())
}

/// Runs what blocks on a thread where that is no harm.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}

/// Size and time of the last change: another content under the same name has another tag.
fn entity_tag(metadata: &Metadata) -> String {
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    format!("\"{:x}-{:x}\"", metadata.len(), modified.as_micros())
}

#[derive(Debug, PartialEq)]
enum Part {
    /// No range, or one of a kind that is not served in parts.
    Whole,
    /// First and last byte.
    Bytes(u64, u64),
    /// A range that the file does not have.
    Outside,
}

fn part(range: &str, length: u64) -> Part {
    let Some((begin, end)) = range.strip_prefix("bytes=").and_then(|spec| spec.trim().split_once('-')) else {
        return Part::Whole;
    };
    match (begin.trim().parse::<u64>().ok(), end.trim().parse::<u64>().ok()) {
        (Some(begin), _) if begin >= length => Part::Outside,
        (Some(begin), Some(end)) if end >= begin => Part::Bytes(begin, end.min(length - 1)),
        (Some(begin), None) if end.trim().is_empty() => Part::Bytes(begin, length - 1),
        (None, Some(count)) if begin.trim().is_empty() && count > 0 && length > 0 => {
            Part::Bytes(length.saturating_sub(count), length - 1)
        }
        _ => Part::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        assert_eq!(part("bytes=0-3", 10), Part::Bytes(0, 3));
        assert_eq!(part("bytes=8-99", 10), Part::Bytes(8, 9));
        assert_eq!(part("bytes=4-", 10), Part::Bytes(4, 9));
        assert_eq!(part("bytes=-3", 10), Part::Bytes(7, 9));
        assert_eq!(part("bytes=-30", 10), Part::Bytes(0, 9));
        assert_eq!(part("bytes=10-", 10), Part::Outside);
        assert_eq!(part("bytes=0-1,3-4", 10), Part::Whole);
        assert_eq!(part("lines=0-1", 10), Part::Whole);
        assert_eq!(part("bytes=0-", 0), Part::Outside);
    }
}
