//! From headers to a caller: who asks, and may they.
//!
//! Invariant: a [`Caller`] is made only by [`admit`], after the route's access was checked. The
//! order in which credentials are tried, and every text, is spec rest-api.md sections 1.3 and 1.4;
//! whether they are right is the manager's business.

mod basic;
pub(crate) mod session;
mod token;

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use nephele_manager::auth::Credentials;
use nephele_manager::{Ctx, Resource};
use nephele_model::id::TenantName;
use nephele_model::page::Page;
use nephele_model::{Error, Permission, Result};
use serde_json::Value;

use crate::error::Failure;
use crate::observe::RequestId;
use crate::query::Pairs;
use crate::table::{Access, Gate, Version};
use crate::{App, body, page};

/// The admitted caller of a route.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    ctx: Arc<Ctx>,
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
pub(crate) async fn admit(State((app, gate)): State<(App, Gate)>, request: Request, next: Next) -> Response {
    match let_in(&app, gate, request).await {
        Ok((Some(caller), mut request)) => {
            let ctx = caller.ctx.clone();
            request.extensions_mut().insert(caller);
            ctx.act(next.run(request)).await
        }
        Ok((None, request)) => next.run(request).await,
        Err(error) => Failure::from(error).into_response(),
    }
}

async fn let_in(app: &App, gate: Gate, request: Request) -> Result<(Option<Caller>, Request)> {
    percent_decoded(request.uri().path()).ok_or_else(not_text)?;
    let changes = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH);
    let closed = app.manager.demand_service(gate.path, changes).await.err();
    // Maintenance is told before anything is asked about the caller, unless the caller may pass.
    if let Some(closed) = closed {
        if is_open(gate.access) || !request.headers().contains_key("x-bypass-maintenance") {
            return Err(closed);
        }
        let (ctx, request) = identify(app, gate.access, request).await?;
        if !ctx.may(Permission::MaintenanceModeSet) {
            return Err(closed);
        }
        return Ok((Some(Caller { ctx: Arc::new(ctx), version: gate.version }), request));
    }
    if is_open(gate.access) {
        return Ok((None, request));
    }
    let (ctx, request) = identify(app, gate.access, request).await?;
    Ok((Some(Caller { ctx: Arc::new(ctx), version: gate.version }), request))
}

/// Whether nobody has to log in before the handler.
const fn is_open(access: Access) -> bool {
    matches!(access, Access::Public | Access::Cookie)
}

/// Headers that say who asks, and where. Twice they could mean one thing here and another to a proxy in front.
const ONCE: [&str; 4] = ["tenant", "authorization", "authentication-token", "execution-token"];

fn demand_once(headers: &HeaderMap) -> Result<()> {
    match ONCE.iter().find(|name| headers.get_all(**name).iter().count() > 1) {
        Some(name) => Err(Error::bad_parameters(format!("The header {name} is there more than once"))),
        None => Ok(()),
    }
}

async fn identify(app: &App, access: Access, request: Request) -> Result<(Ctx, Request)> {
    demand_once(request.headers())?;
    let (tenant, request) = match access {
        Access::NeedsInNamedTenant(_) => (last_segment(request.uri().path())?, request),
        Access::NeedsInSentTenant(_) => sent_tenant(request).await?,
        _ => (header(request.headers(), "tenant")?, request),
    };
    let tenant = tenant.filter(|name| !name.is_empty()).map(TenantName::new);
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let mut ctx = app.manager.authenticate(&credentials(request.headers())?, tenant.as_ref(), id).await?;
    match access {
        Access::Public | Access::Cookie | Access::Authenticated => {}
        Access::Needs(permission) if lists_over_tenants(&request)? => ctx.demand_somewhere(permission)?,
        Access::Needs(permission) | Access::NeedsInNamedTenant(permission) | Access::NeedsInSentTenant(permission) => {
            ctx.demand(permission)?;
        }
        Access::Administrators => app.manager.demand_administrator(&ctx)?,
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
    Ok((ctx, request))
}

/// Whether this is a list over every tenant where its permission is held. What such a request may see
/// is cut down where rows are read: see `Ctx::over_tenants`.
fn lists_over_tenants(request: &Request) -> Result<bool> {
    let reads = request.method() == Method::GET || request.uri().path().contains("/searches/");
    Ok(reads && Pairs::parse(request.uri().query().unwrap_or_default()).flag("_all_tenants")?)
}

/// The tenant that the body names; the body is put back for the handler, which refuses a bad one.
async fn sent_tenant(request: Request) -> Result<(Option<String>, Request)> {
    let (parts, body) = request.into_parts();
    let bytes = body::collect(body).await?;
    let sent: Option<Value> = serde_json::from_slice(&bytes).ok();
    let tenant = sent.as_ref().and_then(|body| body["tenant_name"].as_str()).map(str::to_owned);
    Ok((tenant, Request::from_parts(parts, bytes.into())))
}

fn last_segment(path: &str) -> Result<Option<String>> {
    let Some(segment) = path.rsplit('/').next() else { return Ok(None) };
    percent_decoded(segment).map(Some).ok_or_else(not_text)
}

fn not_text() -> Error {
    Error::bad_parameters("The path is not UTF-8")
}

/// A path, or a part of one, as the handlers see it.
fn percent_decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// Reads the headers of all kinds of credentials.
pub(crate) fn credentials(headers: &HeaderMap) -> Result<Credentials> {
    Ok(Credentials {
        execution_token: token::execution(headers),
        token: token::authentication(headers).or_else(|| session::read(headers)),
        basic: basic::read(headers)?,
        bearer: token::bearer(headers),
    })
}

/// A header's text. One that is no text is refused: without it the request would mean something else.
fn header(headers: &HeaderMap, name: &str) -> Result<Option<String>> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(_) => Err(Error::bad_parameters(format!("The header {name} is not UTF-8"))),
    }
}
