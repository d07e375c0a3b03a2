//! Listeners: accepts connections, speaks HTTP/1.1 with or without TLS, and ends in order.
//!
//! Invariant: after shutdown begins no new connection is taken, and requests under way get a short
//! time to end. A connection that sends nothing useful does not stay: the TLS handshake and request
//! headers have a time limit each.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

const HEADER_TIME: Duration = Duration::from_secs(30);
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
const GRACE: Duration = Duration::from_secs(5);
/// How long to wait when the system is out of sockets.
const BREATH: Duration = Duration::from_millis(50);

/// A bound socket, with the settings of TLS if it speaks that.
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// `None` for plain HTTP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

/// Serves `router` on one listener until `shutdown`.
pub(crate) async fn serve(router: Router, listener: Listener, shutdown: CancellationToken) {
    let acceptor = listener.tls.map(TlsAcceptor::from);
    let graceful = GracefulShutdown::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.socket.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(BREATH).await;
                    continue;
                }
            },
            () = shutdown.cancelled() => break,
        };
        // Answers are written whole; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        tokio::spawn(connection(router.clone(), acceptor.clone(), stream, graceful.watcher()));
    }
    drop(listener.socket);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::info!("some requests were still under way at shutdown");
    }
}

async fn connection(
    router: Router,
    acceptor: Option<TlsAcceptor>,
    stream: TcpStream,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let Some(acceptor) = acceptor else { return speak(router, stream, watcher).await };
    match tokio::time::timeout(HANDSHAKE_TIME, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => speak(router, stream, watcher).await,
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake took too long"),
    }
}

async fn speak<S>(router: Router, stream: S, watcher: hyper_util::server::graceful::Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = router.map_request(|request: hyper::Request<Incoming>| request.map(axum::body::Body::new));
    let service = TowerToHyperService::new(service.map_err(|never: Infallible| match never {}));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .pipeline_flush(true)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "connection ended");
    }
}
