//! The file server: `/resources/...` and the same tree as `/api/v3.1/file-server-proxy/...`.
//!
//! Invariant: every request is authenticated, folders of a tenant need rights in that tenant
//! whatever the `Tenant` header says, and only some folders can be written at all. The rules are the
//! manager's ([`nephele_manager::Manager::may_read_file`]); reading with ranges is in `read.rs`,
//! changing in `write.rs`. Source: spec rest-api.md section 5.

mod read;
mod write;

use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, Method};

pub(crate) use read::{send, temporary};

use crate::App;
use crate::auth::Caller;
use crate::error::Answer;
use crate::query::Query;

/// A file, or what a folder holds.
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<String>,
    Query(read::AsArchive(archive)): Query<read::AsArchive>,
    (OriginalUri(uri), method, headers): (OriginalUri, Method, HeaderMap),
) -> Answer {
    app.manager.may_read_file(caller.ctx(), &path).await?;
    read::read(&app, &path, archive, uri.path(), &(method, headers)).await
}

/// Puts a file where the path says.
pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<String>,
    Query(write::Extract(extract)): Query<write::Extract>,
    write::File(request): write::File,
) -> Answer {
    app.manager.may_write_file(caller.ctx(), &path).await?;
    write::put(&app, &path, extract, request).await
}

/// The same, as old clients ask for it.
pub(crate) async fn post(
    app: State<App>,
    caller: Caller,
    path: Path<String>,
    extract: Query<write::Extract>,
    file: write::File,
) -> Answer {
    put(app, caller, path, extract, file).await
}

/// Deletes a file.
pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(path): Path<String>) -> Answer {
    app.manager.may_write_file(caller.ctx(), &path).await?;
    write::delete(&app, &path).await
}
