//! The managers of the installation.

use axum::extract::{Path, State};
use nephele_manager::AddedManager;

use super::ok;
use crate::App;
use crate::auth::Caller;
use crate::body::Body;
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, query: Query) -> Answer {
    Ok(caller.page(&app.manager.list_managers(caller.ctx(), &query.list(&[])?).await?))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(mut body): Body) -> Answer {
    let added = AddedManager {
        hostname: body.required_text("hostname")?,
        private_ip: body.required_text("private_ip")?,
        public_ip: body.required_text("public_ip")?,
        version: body.required_text("version")?,
        edition: body.required_text("edition")?,
        distribution: body.required_text("distribution")?,
        distro_release: body.required_text("distro_release")?,
        fs_sync_node_id: body.text("fs_sync_node_id")?,
        networks: body.object("networks")?,
        ca_cert_content: body.text("ca_cert_content")?,
    };
    Ok(ok(&app.manager.add_manager(caller.ctx(), added).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(mut body): Body,
) -> Answer {
    Ok(ok(&app.manager.update_manager(caller.ctx(), &name, body.text("fs_sync_node_id")?).await?))
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer {
    Ok(ok(&app.manager.remove_manager(caller.ctx(), &name).await?))
}
