//! The bus for programs that speak AMQP 0-9-1: the workflow processes of `cloudify-common`.
//!
//! A small part of a broker on a loopback socket, the one that those processes use: PLAIN login, direct
//! exchanges, queues with bindings, publishing with confirms, consuming with acknowledgements, heartbeats.
//! Nothing is kept here but names; messages live in the [`Bus`], and who may connect is the [`Guard`]'s to say.
//!
//! Invariant: a connection reaches the queues of one execution and the exchanges through which it asks for
//! operations (`access`), for as long as the guard admits it. No frame, message or number of them that a
//! client sends makes the server hold more than the limits in `codec` and `connection` say.
//!
//! The way of a connection: `handshake`, then `connection`, which reads frames and hands methods to its
//! `channel`s; `queues` keeps what is declared and bound, `consumer` brings messages from the bus.
//! Source: AMQP 0-9-1, and spec workflows.md sections 1.2 to 1.4.

use std::sync::Arc;

use futures::future::BoxFuture;
use nephele_bus::{Bus, Vhost};
use nephele_model::Secret;
use nephele_model::id::ExecutionId;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

mod access;
mod channel;
mod codec;
mod connection;
mod consumer;
mod handshake;
mod queues;
mod refusal;

use queues::Queues;

/// Connections at a time; a workflow has one or two.
const MOST_CONNECTIONS: usize = 1024;

/// What a client shows when it connects.
pub struct Login {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// Where it wants to go.
    pub vhost: Vhost,
}

/// Says who may connect.
pub trait Guard: Send + Sync {
    /// The execution that a login speaks for; `None` when it does not count, or not any more. Asked again
    /// and again while a connection lasts.
    fn admit<'a>(&'a self, login: &'a Login) -> BoxFuture<'a, Option<ExecutionId>>;
}

/// What all connections share.
struct Server {
    queues: Queues,
    guard: Arc<dyn Guard>,
    shutdown: CancellationToken,
}

/// Serves connections until `shutdown`.
pub async fn serve(listener: TcpListener, bus: Arc<dyn Bus>, guard: Arc<dyn Guard>, shutdown: CancellationToken) {
    let server = Arc::new(Server { queues: Queues::new(bus), guard, shutdown: shutdown.clone() });
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let socket = match accepted {
            Ok((socket, _)) => socket,
            Err(error) => {
                tracing::warn!(%error, "a connection for messages could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(most = MOST_CONNECTIONS, "a connection for messages was refused: there are too many");
            continue;
        };
        number += 1;
        let (server, number) = (Arc::clone(&server), number);
        connections.spawn(async move {
            let _place = place;
            if let Err(error) = connection::run(&server, socket, number).await {
                tracing::debug!(%error, "a connection for messages ended");
            }
        });
    }
    while connections.join_next().await.is_some() {}
}
