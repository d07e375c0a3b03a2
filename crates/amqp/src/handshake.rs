//! The beginning of a connection: who it is, and what was agreed.

use std::io;

use amq_protocol::frame::{AMQPFrame, ProtocolVersion};
use amq_protocol::protocol::connection::{self, AMQPMethod};
use amq_protocol::protocol::{AMQPClass, AMQPHardError};
use amq_protocol::types::{AMQPValue, FieldTable};
use futures::{SinkExt, StreamExt};
use nephele_bus::Vhost;
use nephele_model::Secret;
use tokio::net::TcpStream;
use tokio_util::codec::Framed;

use crate::access::Access;
use crate::codec::{Codec, FRAME_MAX};
use crate::refusal::Refusal;
use crate::{Login, Server};

/// Channels of a connection; a workflow has one.
pub(crate) const CHANNEL_MAX: u16 = 63;
/// Seconds between signs of life, unless the client wants another number.
const HEARTBEAT: u16 = 60;
/// The least that the protocol lets a client choose.
const FRAME_MIN: u32 = 4096;

/// What both sides have agreed on.
pub(crate) struct Agreed {
    pub(crate) login: Login,
    pub(crate) access: Access,
    pub(crate) frame_max: u32,
    /// Seconds; 0 for none.
    pub(crate) heartbeat: u16,
}

type Frames = Framed<TcpStream, Codec>;

/// Carries out the handshake; `None` when the client was refused or left.
pub(crate) async fn perform(server: &Server, frames: &mut Frames) -> io::Result<Option<Agreed>> {
    let version = ProtocolVersion::amqp_0_9_1();
    match frames.next().await.transpose()? {
        Some(AMQPFrame::ProtocolHeader(asked)) if asked == version => {}
        // What the protocol wants to be said to whoever speaks another one.
        _ => {
            frames.send(AMQPFrame::ProtocolHeader(version)).await?;
            return Ok(None);
        }
    }
    match greet(server, frames).await? {
        Ok(agreed) => Ok(agreed),
        Err(refusal) => {
            tracing::warn!(%refusal, "a connection for messages was refused");
            frames.send(AMQPFrame::Method(0, refusal.close_connection())).await?;
            // The client's last word, so that it reads the refusal before the connection is gone.
            let _ = frames.next().await;
            Ok(None)
        }
    }
}

async fn greet(server: &Server, frames: &mut Frames) -> io::Result<Result<Option<Agreed>, Refusal>> {
    let start = connection::Start {
        version_major: 0,
        version_minor: 9,
        server_properties: properties(),
        mechanisms: "PLAIN".into(),
        locales: "en_US".into(),
    };
    say(frames, AMQPMethod::Start(start)).await?;
    let Some(answer) = hear(frames).await? else { return Ok(Ok(None)) };
    let AMQPMethod::StartOk(answer) = answer else { return Ok(Err(out_of_order())) };
    let Some((username, password)) = plain(answer.mechanism.as_str(), answer.response.as_bytes()) else {
        return Ok(Err(Refusal::access("the login must be PLAIN")));
    };
    let tune = connection::Tune { channel_max: CHANNEL_MAX, frame_max: FRAME_MAX, heartbeat: HEARTBEAT };
    say(frames, AMQPMethod::Tune(tune)).await?;
    let Some(answer) = hear(frames).await? else { return Ok(Ok(None)) };
    let AMQPMethod::TuneOk(tuned) = answer else { return Ok(Err(out_of_order())) };
    let frame_max = if tuned.frame_max == 0 { FRAME_MAX } else { tuned.frame_max };
    if !(FRAME_MIN..=FRAME_MAX).contains(&frame_max) {
        return Ok(Err(Refusal::hard(AMQPHardError::NOTALLOWED, "this size of frames was not offered")));
    }
    let Some(answer) = hear(frames).await? else { return Ok(Ok(None)) };
    let AMQPMethod::Open(open) = answer else { return Ok(Err(out_of_order())) };
    let place = open.virtual_host.as_str();
    let refused = || Refusal::access(format_args!("'{username}' may not connect to '{place}'"));
    let Some(vhost) = Vhost::parse(place) else { return Ok(Err(refused())) };
    let login = Login { username: username.clone(), password, vhost };
    let Some(execution) = server.guard.admit(&login).await else { return Ok(Err(refused())) };
    say(frames, AMQPMethod::OpenOk(connection::OpenOk {})).await?;
    let access = Access::new(login.vhost.clone(), &execution);
    Ok(Ok(Some(Agreed { login, access, frame_max, heartbeat: tuned.heartbeat })))
}

async fn say(frames: &mut Frames, method: AMQPMethod) -> io::Result<()> {
    frames.send(AMQPFrame::Method(0, AMQPClass::Connection(method))).await
}

/// The client's next method of the connection; `None` when it leaves.
async fn hear(frames: &mut Frames) -> io::Result<Option<AMQPMethod>> {
    match frames.next().await.transpose()? {
        Some(AMQPFrame::Method(0, AMQPClass::Connection(AMQPMethod::Close(_)))) => {
            say(frames, AMQPMethod::CloseOk(connection::CloseOk {})).await?;
            Ok(None)
        }
        Some(AMQPFrame::Method(0, AMQPClass::Connection(method))) => Ok(Some(method)),
        Some(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "a handshake that is none")),
        None => Ok(None),
    }
}

/// Name and password of a PLAIN login.
fn plain(mechanism: &str, response: &[u8]) -> Option<(String, Secret)> {
    let mut parts = std::str::from_utf8(response).ok()?.split('\0');
    let (Some(_), Some(username), Some(password), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    (mechanism == "PLAIN").then(|| (username.to_owned(), Secret::new(password.to_owned())))
}

fn out_of_order() -> Refusal {
    Refusal::hard(AMQPHardError::COMMANDINVALID, "the handshake has another order")
}

/// What clients look for before they use it.
fn properties() -> FieldTable {
    let mut capabilities = FieldTable::default();
    for name in ["publisher_confirms", "basic.nack", "consumer_cancel_notify", "authentication_failure_close"] {
        capabilities.insert(name.into(), AMQPValue::Boolean(true));
    }
    let mut properties = FieldTable::default();
    properties.insert("product".into(), AMQPValue::LongString("Nephele".into()));
    properties.insert("version".into(), AMQPValue::LongString(env!("CARGO_PKG_VERSION").into()));
    properties.insert("capabilities".into(), AMQPValue::FieldTable(capabilities));
    properties
}
