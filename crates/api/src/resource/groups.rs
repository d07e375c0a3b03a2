//! User groups and who is in them.

use axum::extract::{Path, State};
use nephele_model::page::ListQuery;
use nephele_model::{Error, Result};

use super::{created, nothing, ok};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody};
use crate::error::Answer;
use crate::query::{GetData, Query};

pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query((list, GetData(data))): Query<(ListQuery, GetData)>,
) -> Answer {
    Ok(caller.page(&app.manager.list_groups(caller.ctx(), &list, data).await?))
}

pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Query(GetData(data)): Query<GetData>,
) -> Answer {
    Ok(ok(&app.manager.get_group(caller.ctx(), &name, data).await?))
}

pub(crate) async fn post(State(app): State<App>, caller: Caller, Body(new): Body<NewGroup>) -> Answer {
    Ok(created(&app.manager.create_group(caller.ctx(), &new.name, new.ldap_dn.as_deref(), &new.role).await?))
}

pub(crate) async fn set_role(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(Role(role)): Body<Role>,
) -> Answer {
    let role = role.ok_or_else(|| Error::bad_parameters("`role` not provided"))?;
    Ok(ok(&app.manager.set_group_role(caller.ctx(), &name, &role).await?))
}

pub(crate) async fn delete(State(app): State<App>, Path(name): Path<String>) -> Answer {
    app.manager.delete_group(&name).await?;
    Ok(nothing())
}

pub(crate) async fn add_user(
    State(app): State<App>,
    caller: Caller,
    Body(Belonging { user, group }): Body<Belonging>,
) -> Answer {
    Ok(ok(&app.manager.add_user_to_group(caller.ctx(), &user, &group).await?))
}

pub(crate) async fn remove_user(State(app): State<App>, Body(Belonging { user, group }): Body<Belonging>) -> Answer {
    app.manager.remove_user_from_group(&user, &group).await?;
    Ok(nothing())
}

/// A group of users to make.
pub(crate) struct NewGroup {
    name: String,
    ldap_dn: Option<String>,
    role: String,
}

impl FromBody for NewGroup {
    fn read(body: &mut Arguments) -> Result<Self> {
        let (name, ldap_dn) = (body.required_text("group_name")?, body.text("ldap_group_dn")?);
        let role = body.text("role")?.unwrap_or_else(|| "default".to_owned());
        Ok(Self { name, ldap_dn, role })
    }
}

/// A role in the system.
pub(crate) struct Role(Option<String>);

impl FromBody for Role {
    fn read(body: &mut Arguments) -> Result<Self> {
        body.text("role").map(Self)
    }
}

/// A user and a group.
pub(crate) struct Belonging {
    user: String,
    group: String,
}

impl FromBody for Belonging {
    fn read(body: &mut Arguments) -> Result<Self> {
        Ok(Self { user: body.required_text("username")?, group: body.required_text("group_name")? })
    }
}
