//! The managers of the installation.

use axum::extract::{Path, State};
use nephele_manager::AddedManager;
use nephele_model::Result;
use nephele_model::page::ListQuery;

use super::ok;
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::error::Answer;
use crate::query::Query;

pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(list): Query<ListQuery>) -> Answer {
    Ok(caller.page(&app.manager.list_managers(caller.ctx(), &list).await?))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(added): Body<AddedManager>) -> Answer {
    Ok(ok(&app.manager.add_manager(caller.ctx(), added).await?))
}

pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(Synchronized(node)): Body<Synchronized>,
) -> Answer {
    Ok(ok(&app.manager.update_manager(caller.ctx(), &name, node).await?))
}

impl FromBody for AddedManager {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self {
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
        })
    }
}

/// The name of a manager among those that keep files in step.
pub(crate) struct Synchronized(Option<String>);

impl FromBody for Synchronized {
    fn read(body: &mut Arguments) -> Result<Self> {
        body.text("fs_sync_node_id").map(Self)
    }
}

pub(crate) async fn delete(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer {
    Ok(ok(&app.manager.remove_manager(caller.ctx(), &name).await?))
}
