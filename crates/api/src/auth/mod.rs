//! From headers to a caller: who asks, and may they.
//!
//! Invariant: a [`Caller`] is made only by [`admit`], after the route's access was checked. The
//! order in which credentials are tried, and every text, is spec rest-api.md sections 1.3 and 1.4;
//! whether they are right is the manager's business.

mod basic;
mod token;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use nephele_manager::auth::Credentials;
use nephele_manager::{Ctx, Resource};
use nephele_model::id::TenantName;
use nephele_model::page::Page;
use nephele_model::{Error, Result};

use crate::App;
use crate::error::Failure;
use crate::observe::RequestId;
use crate::page;
use crate::table::{Access, Gate, Version};

/// The admitted caller of a route.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    ctx: std::sync::Arc<Ctx>,
    version: Version,
}

impl Caller {
    /// The context that use cases take.
    pub(crate) fn ctx(&self) -> &Ctx {
        &self.ctx
    }

    /// The fields to show, where versions up to `last` lack some. Their clients may still name them.
    pub(crate) fn fields(
        &self,
        resource: &Resource,
        include: Option<Vec<String>>,
        (last, lacking): (Version, &[&str]),
    ) -> Option<Vec<String>> {
        if include.is_none() && self.version <= last { Some(resource.fields_without(lacking)) } else { include }
    }

    /// The version that was asked for.
    pub(crate) const fn version(&self) -> Version {
        self.version
    }

    /// A list in the shape of the version that was asked for.
    pub(crate) fn page(&self, items: &Page<impl page::Item>) -> Response {
        page::answer(items, self.version)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Error::internal("a handler asked for the caller of a route without one").into())
    }
}

/// The layer around each route of the table: lets the request through, or answers why not.
pub(crate) async fn admit(State((app, gate)): State<(App, Gate)>, mut request: Request, next: Next) -> Response {
    if gate.access != Access::Public {
        let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        match identify(&app, gate.access, request.uri().path(), request.headers(), id).await {
            Ok(ctx) => {
                let caller = Caller { ctx: std::sync::Arc::new(ctx), version: gate.version };
                request.extensions_mut().insert(caller);
            }
            Err(error) => return Failure::from(error).into_response(),
        }
    }
    next.run(request).await
}

async fn identify(app: &App, access: Access, path: &str, headers: &HeaderMap, id: String) -> Result<Ctx> {
    let tenant = match access {
        Access::NeedsInNamedTenant(_) => path.rsplit('/').next().map(str::to_owned),
        _ => header(headers, "tenant").map(str::to_owned),
    };
    let tenant = tenant.filter(|name| !name.is_empty()).map(TenantName::new);
    let ctx = app.manager.authenticate(&credentials(headers)?, tenant.as_ref(), id).await?;
    match access {
        Access::Public | Access::Authenticated => {}
        Access::Needs(permission) | Access::NeedsInNamedTenant(permission) => ctx.demand(permission)?,
        Access::NeedsOrExecution(permission) => {
            let own = ctx
                .execution
                .as_ref()
                .is_some_and(|execution| ctx.tenant.as_ref().is_none_or(|tenant| *tenant == execution.tenant));
            if !own {
                ctx.demand(permission)?;
            }
        }
    }
    Ok(ctx)
}

/// Reads the headers of all kinds of credentials.
fn credentials(headers: &HeaderMap) -> Result<Credentials> {
    Ok(Credentials {
        execution_token: token::execution(headers),
        token: token::authentication(headers),
        basic: basic::read(headers)?,
    })
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
