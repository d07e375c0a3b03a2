//! HTTP: routes, authentication, the shape of requests and answers, the file server.
//!
//! Invariant: handlers extract, call one use case of the `manager` crate and shape its result; no
//! rule lives here, and no handler runs before its route's access was checked. Start with
//! `routes.rs`, which lists everything that is served, then read the file in `resource/` that is
//! named like the resource.

mod arguments;
mod auth;
mod body;
mod console;
mod declared;
mod document;
mod error;
mod files;
mod measures;
mod observe;
mod page;
mod query;
mod resource;
mod routes;
mod serve;
pub mod table;
pub mod tls;
mod upload;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request};
use axum::{Router, middleware, routing};
use futures::future;
use nephele_manager::Manager;
use tokio_util::sync::CancellationToken;

use measures::Requests;

pub use document::document;
pub use routes::routes;
pub use serve::Listener;

/// What every handler shares.
#[derive(Clone)]
pub struct App {
    /// The use cases.
    pub manager: Arc<Manager>,
    /// What was answered so far.
    requests: Arc<Requests>,
}

/// Serves on all listeners until `shutdown`, then lets requests under way end.
pub async fn serve(manager: Arc<Manager>, listeners: Vec<Listener>, shutdown: CancellationToken) {
    let router = router(manager.clone());
    let ending = shutdown.clone();
    // Streams have no end of their own, and would hold their connections.
    tokio::spawn(async move {
        ending.cancelled().await;
        manager.end_streams();
    });
    let all = listeners.into_iter().map(|listener| serve::serve(router.clone(), listener, shutdown.clone()));
    future::join_all(all).await;
}

/// Everything that is served, as one service.
pub fn router(manager: Arc<Manager>) -> Router {
    let requests = Arc::new(Requests::new());
    let app = App { manager, requests: Arc::clone(&requests) };
    table::router(&app, routes())
        .route("/console", routing::get(console::home))
        .route("/console/", routing::get(console::page))
        .route("/console/{*path}", routing::get(console::file))
        .route("/", routing::get(console::home))
        // Asked for by whoever starts and balances managers: nobody logs in, and maintenance and a database that is away
        // stop nobody.
        .route("/healthz", routing::get(resource::measures::alive))
        .route("/readyz", routing::get(resource::measures::ready))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        // Bodies are limited where they are read, each kind with its own limit.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(requests, observe::observe))
        .with_state(app)
}

async fn unknown(request: Request) -> axum::response::Response {
    error::Failure::unknown_path(request.uri().path())
}

async fn wrong_method(request: Request) -> axum::response::Response {
    error::Failure::method_not_allowed(request.method().as_str(), request.uri().path())
}
