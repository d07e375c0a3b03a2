//! Tenants and who is in them.

use axum::extract::{Path, State};
use nephele_manager::Joining;
use nephele_model::Result;
use nephele_model::page::ListQuery;

use super::{created, nothing, ok};
use crate::App;
use crate::arguments::Arguments;
use crate::auth::Caller;
use crate::body::{Body, FromBody, OptionalBody};
use crate::error::Answer;
use crate::query::{GetData, Include, Query};

pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query((list, GetData(data))): Query<(ListQuery, GetData)>,
) -> Answer {
    Ok(caller.page(&app.manager.list_tenants(caller.ctx(), &list, data).await?))
}

pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Query((include, data)): Query<(Include, GetData)>,
) -> Answer {
    Ok(ok(&app.manager.get_tenant(caller.ctx(), &name, include.0.as_deref(), data.0).await?))
}

pub(crate) async fn post(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    OptionalBody(BusPassword(password)): OptionalBody<BusPassword>,
) -> Answer {
    Ok(created(&app.manager.create_tenant(caller.ctx(), &name, password).await?))
}

pub(crate) async fn delete(State(app): State<App>, Path(name): Path<String>) -> Answer {
    app.manager.delete_tenant(&name).await?;
    Ok(nothing())
}

pub(crate) async fn add_user(State(app): State<App>, caller: Caller, Body(of): Body<NewUser>) -> Answer {
    let NewUser { tenant, name, role } = of;
    Ok(ok(&app.manager.join_tenant(caller.ctx(), &tenant, Joining::User(&name), &role, false).await?))
}

pub(crate) async fn update_user(State(app): State<App>, caller: Caller, Body(of): Body<NewUser>) -> Answer {
    let NewUser { tenant, name, role } = of;
    Ok(ok(&app.manager.join_tenant(caller.ctx(), &tenant, Joining::User(&name), &role, true).await?))
}

pub(crate) async fn remove_user(State(app): State<App>, Body(User { tenant, name }): Body<User>) -> Answer {
    app.manager.leave_tenant(&tenant, Joining::User(&name)).await?;
    Ok(nothing())
}

pub(crate) async fn add_group(State(app): State<App>, caller: Caller, Body(of): Body<NewGroup>) -> Answer {
    let NewGroup { tenant, name, role } = of;
    Ok(ok(&app.manager.join_tenant(caller.ctx(), &tenant, Joining::Group(&name), &role, false).await?))
}

pub(crate) async fn update_group(State(app): State<App>, caller: Caller, Body(of): Body<NewGroup>) -> Answer {
    let NewGroup { tenant, name, role } = of;
    Ok(ok(&app.manager.join_tenant(caller.ctx(), &tenant, Joining::Group(&name), &role, true).await?))
}

pub(crate) async fn remove_group(State(app): State<App>, Body(Group { tenant, name }): Body<Group>) -> Answer {
    app.manager.leave_tenant(&tenant, Joining::Group(&name)).await?;
    Ok(nothing())
}

/// The password of a tenant on the bus.
pub(crate) struct BusPassword(Option<String>);

impl FromBody for BusPassword {
    fn read(body: &mut Arguments) -> Result<Self> {
        body.text("rabbitmq_password").map(Self)
    }
}

/// Who is in a tenant, and who is to be in it with which role. Users and groups differ in one key.
macro_rules! members {
    ($($(#[$about:meta])* $member:ident, $new:ident: $key:literal;)*) => {$(
        $(#[$about])*
        pub(crate) struct $member {
            tenant: String,
            name: String,
        }

        impl FromBody for $member {
            fn read(body: &mut Arguments) -> Result<Self> {
                Ok(Self { tenant: body.required_text("tenant_name")?, name: body.required_text($key)? })
            }
        }

        $(#[$about])*
        pub(crate) struct $new {
            tenant: String,
            name: String,
            role: String,
        }

        impl FromBody for $new {
            fn read(body: &mut Arguments) -> Result<Self> {
                let $member { tenant, name } = $member::read(body)?;
                Ok(Self { tenant, name, role: body.required_text("role")? })
            }
        }
    )*};
}

members! {
    /// A user of a tenant.
    User, NewUser: "username";
    /// A group of users of a tenant.
    Group, NewGroup: "group_name";
}
