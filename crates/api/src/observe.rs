//! Around every request: its id, its span in the log, its place among the numbers, and the net under panics.
//!
//! Invariant: every answer carries `X-Request-Id`, and every log line that a request causes stands
//! in a span with the same id. A client may choose the id, within reason.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use nephele_model::Error;
use tracing::Instrument;

use crate::auth::session;
use crate::error::Failure;
use crate::measures::Requests;

const HEADER: &str = "x-request-id";

/// The id of the request, in its extensions.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

/// The outermost layer.
pub(crate) async fn observe(State(requests): State<Arc<Requests>>, mut request: Request, next: Next) -> Response {
    let id = request
        .headers()
        .get(HEADER)
        .and_then(|value| value.to_str().ok())
        .filter(|id| {
            (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
        .map_or_else(|| uuid::Uuid::new_v4().simple().to_string(), str::to_owned);
    request.extensions_mut().insert(RequestId(id.clone()));
    let is_console = session::is_console(request.headers());
    let (route, method) = (request.extensions().get::<MatchedPath>().cloned(), request.method().clone());
    let span = tracing::info_span!("request", id = %id, method = %request.method(), path = request.uri().path());
    let mut response = async {
        let begun = Instant::now();
        let response = match std::panic::AssertUnwindSafe(next.run(request)).catch_unwind().await {
            Ok(response) => response,
            Err(panic) => Failure::from(Error::internal(text_of(panic.as_ref()))).into_response(),
        };
        let took = begun.elapsed();
        requests.note(route.as_ref(), &method, response.status(), took);
        tracing::debug!(status = response.status().as_u16(), micros = took.as_micros(), "answered");
        response
    }
    .instrument(span)
    .await;
    if is_console {
        // The browser would ask for name and password itself, and hold the answer back meanwhile.
        response.headers_mut().remove(header::WWW_AUTHENTICATE);
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("a handler panicked: {}", text.unwrap_or("no text"))
}
