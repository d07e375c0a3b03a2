//! The HTTP server that scripts' `ctx` calls reach.
//!
//! Invariant: one server for all operations, on the loopback interface only; each operation has a
//! path of its own that cannot be guessed, and that is gone when the operation ends.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::raised::Raised;
use super::session::Session;
use super::walk;

type Sessions = Arc<Mutex<HashMap<String, Arc<Session>>>>;

/// The server. It stops when this is dropped.
pub(crate) struct Proxy {
    base: String,
    sessions: Sessions,
    _stop: DropGuard,
}

impl Proxy {
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let base = format!("http://{}", listener.local_addr()?);
        let sessions = Sessions::default();
        let router = Router::new().route("/{session}", post(answer)).with_state(Arc::clone(&sessions));
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move {
            let serving = async { axum::serve(listener, router).await };
            tokio::select! {
                ended = serving => tracing::error!(?ended, "the server for ctx has ended"),
                () = stopped => {}
            }
        });
        Ok(Self { base, sessions, _stop: stop.drop_guard() })
    }

    /// Lets an operation's script in, until the answer is dropped.
    pub(crate) fn open(&self, session: &Arc<Session>) -> Url {
        let name = Uuid::new_v4().simple().to_string();
        lock(&self.sessions).insert(name.clone(), Arc::clone(session));
        Url { text: format!("{}/{name}", self.base), name, sessions: Arc::clone(&self.sessions) }
    }
}

/// Where one operation's `ctx` calls go.
pub(crate) struct Url {
    text: String,
    name: String,
    sessions: Sessions,
}

impl Url {
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The same for a host on which another port of 127.0.0.1 leads here.
    pub(crate) fn at_port(&self, port: u16) -> String {
        format!("http://127.0.0.1:{port}/{}", self.name)
    }

    /// Host and port.
    pub(crate) fn authority(&self) -> &str {
        self.text.trim_start_matches("http://").split('/').next().unwrap_or_default()
    }
}

impl Drop for Url {
    fn drop(&mut self) {
        lock(&self.sessions).remove(&self.name);
    }
}

fn lock(sessions: &Sessions) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Session>>> {
    sessions.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(sessions): State<Sessions>, Path(name): Path<String>, body: Bytes) -> Response {
    let Some(session) = lock(&sessions).get(&name).cloned() else {
        return (StatusCode::NOT_FOUND, "the operation of this ctx has ended").into_response();
    };
    if !session.is_wanted().await {
        return (StatusCode::NOT_FOUND, "another manager runs the operation of this ctx now").into_response();
    }
    let answer = process(&session, &body).await;
    ([(header::CONTENT_TYPE, "application/json")], answer.to_string()).into_response()
}

/// How a call ended.
pub(super) enum Answer {
    Value(Value),
    /// The script must stop.
    Stop(String),
}

async fn process(session: &Session, body: &[u8]) -> Value {
    let arguments = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|mut request| request["args"].as_array_mut().map(std::mem::take))
        .ok_or_else(|| Raised::new("ValueError", "the request must be a JSON object with a list `args`"));
    let answer = match arguments {
        Ok(arguments) => walk::walk(session, arguments).await,
        Err(raised) => Err(raised),
    };
    match answer {
        Ok(Answer::Value(payload)) => json!({"type": "result", "payload": payload}),
        Ok(Answer::Stop(message)) => json!({"type": "stop_operation", "payload": {"message": message}}),
        Err(Raised { kind, message }) => {
            let traceback = format!("{kind}: {message}\n");
            json!({"type": "error", "payload": {"type": kind, "message": message, "traceback": traceback}})
        }
    }
}
