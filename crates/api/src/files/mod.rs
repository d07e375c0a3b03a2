//! The file server: `/resources/...` and the same tree as `/api/v3.1/file-server-proxy/...`.
//!
//! Invariant: every request is authenticated, folders of a tenant need rights in that tenant
//! whatever the `Tenant` header says, and only some folders can be written at all. The rules are the
//! manager's ([`nephele_manager::Manager::may_read_file`]); reading with ranges is in `read.rs`,
//! changing in `write.rs`. Source: spec rest-api.md section 5.

mod read;
mod write;

use axum::extract::{Path, Request, State};
use axum::http::Method;

pub(crate) use read::{send, temporary};

use crate::App;
use crate::auth::Caller;
use crate::error::{Answer, Failure};

/// Answers every method on a path of the tree.
pub(crate) async fn serve(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<String>,
    request: Request,
) -> Answer {
    let method = request.method().clone();
    match method {
        Method::GET | Method::HEAD => {
            app.manager.may_read_file(caller.ctx(), &path).await?;
            read::read(&app, &path, request).await
        }
        Method::PUT | Method::POST => {
            app.manager.may_write_file(caller.ctx(), &path).await?;
            write::put(&app, &path, request).await
        }
        Method::DELETE => {
            app.manager.may_write_file(caller.ctx(), &path).await?;
            write::delete(&app, &path).await
        }
        other => Ok(Failure::method_not_allowed(other.as_str(), request.uri().path())),
    }
}
