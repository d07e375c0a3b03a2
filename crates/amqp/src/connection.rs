//! A connection after its handshake: frames in, frames out, signs of life.
//!
//! Invariant: whatever ends it, its consumers end with it and what they held goes back to the queues.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use amq_protocol::frame::{AMQPContentHeader, AMQPFrame};
use amq_protocol::protocol::{AMQPClass, AMQPHardError, basic, channel, connection};
use futures::{SinkExt, StreamExt};
use nephele_bus::Message;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::codec::Framed;

use crate::Server;
use crate::channel::{Around, Channel, short};
use crate::codec::{Codec, FRAME};
use crate::consumer::Arrival;
use crate::handshake::{self, Agreed, CHANNEL_MAX};
use crate::refusal::Refusal;

/// For the whole handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// For a client to take what is sent to it.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between questions whether the login still counts.
const CHECK: Duration = Duration::from_secs(5);
/// For the last words of a connection.
const FAREWELL: Duration = Duration::from_secs(2);
/// Messages that wait to be written.
const WAITING: usize = 64;

enum State {
    Open(Box<Channel>),
    /// The client has been told that it ends, and has not said that it knows.
    Closing,
}

struct Connection<'a> {
    server: &'a Server,
    number: u64,
    agreed: Agreed,
    frames: Framed<TcpStream, Codec>,
    channels: HashMap<u16, State>,
    arrivals: mpsc::Sender<Arrival>,
}

/// Why a connection ends.
enum End {
    /// The client closed it, or is gone.
    Closed,
    Refused(Refusal),
    Broken(io::Error),
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// Serves one connection to its end.
pub(crate) async fn run(server: &Server, socket: TcpStream, number: u64) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut frames = Framed::new(socket, Codec);
    let greeted = timeout(HANDSHAKE, handshake::perform(server, &mut frames)).await;
    let Some(agreed) = greeted.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? else { return Ok(()) };
    let (arrivals, coming) = mpsc::channel(WAITING);
    let mut connection = Connection { server, number, agreed, frames, channels: HashMap::new(), arrivals };
    let end = connection.serve(coming).await;
    connection.channels.clear();
    server.queues.leave(number).await;
    match end {
        End::Closed => Ok(()),
        End::Broken(error) => Err(error),
        End::Refused(refusal) => {
            tracing::warn!(execution = connection.agreed.login.username, %refusal, "a connection for messages ends");
            timeout(FAREWELL, connection.say_farewell(&refusal)).await.unwrap_or(Ok(()))
        }
    }
}

impl Connection<'_> {
    async fn serve(&mut self, mut coming: mpsc::Receiver<Arrival>) -> End {
        let heartbeat = Duration::from_secs(self.agreed.heartbeat.into());
        let mut beat = interval((heartbeat / 2).max(Duration::from_millis(500)));
        let mut check = interval(CHECK);
        for timer in [&mut beat, &mut check] {
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
            timer.reset();
        }
        let mut heard = Instant::now();
        loop {
            let done = tokio::select! {
                frame = self.frames.next() => match frame {
                    None => return End::Closed,
                    Some(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                        Err(Refusal::hard(AMQPHardError::FRAMEERROR, error).into())
                    }
                    Some(Err(error)) => Err(error.into()),
                    Some(Ok(frame)) => {
                        heard = Instant::now();
                        self.take(frame).await
                    }
                },
                Some(arrival) = coming.recv() => self.deliver(arrival).await,
                _ = beat.tick(), if !heartbeat.is_zero() => {
                    if heard.elapsed() > heartbeat * 2 {
                        return End::Broken(io::Error::new(io::ErrorKind::TimedOut, "no sign of life"));
                    }
                    self.send(AMQPFrame::Heartbeat).await.map_err(End::from)
                }
                _ = check.tick() => self.check().await,
                () = self.server.shutdown.cancelled() => {
                    Err(Refusal::hard(AMQPHardError::CONNECTIONFORCED, "the manager stops").into())
                }
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// Ends the connection once its login does not count any more.
    async fn check(&self) -> Result<(), End> {
        if self.server.guard.admit(&self.agreed.login).await.is_some() {
            return Ok(());
        }
        Err(Refusal::hard(AMQPHardError::CONNECTIONFORCED, "the execution has ended, or goes on in another run").into())
    }

    async fn take(&mut self, frame: AMQPFrame) -> Result<(), End> {
        match frame {
            AMQPFrame::Heartbeat => Ok(()),
            AMQPFrame::Method(0, AMQPClass::Connection(connection::AMQPMethod::Close(_))) => {
                let farewell = connection::AMQPMethod::CloseOk(connection::CloseOk {});
                self.send(AMQPFrame::Method(0, AMQPClass::Connection(farewell))).await?;
                Err(End::Closed)
            }
            AMQPFrame::Method(number, AMQPClass::Channel(method)) if number != 0 => self.channel(number, method).await,
            AMQPFrame::Method(number, method) => self.ask(number, Asked::Method(method)).await,
            AMQPFrame::Header(number, header) => self.ask(number, Asked::Header(header)).await,
            AMQPFrame::Body(number, part) => self.ask(number, Asked::Body(part)).await,
            AMQPFrame::ProtocolHeader(_) | AMQPFrame::InvalidHeartbeat(_) => {
                Err(Refusal::hard(AMQPHardError::UNEXPECTEDFRAME, "a frame that has no place here").into())
            }
        }
    }

    async fn channel(&mut self, number: u16, method: channel::AMQPMethod) -> Result<(), End> {
        let reply = match method {
            channel::AMQPMethod::Open(_) if number > CHANNEL_MAX || self.channels.contains_key(&number) => {
                let text = format_args!("channel {number} cannot be opened");
                return Err(Refusal::hard(AMQPHardError::CHANNELERROR, text).into());
            }
            channel::AMQPMethod::Open(_) => {
                self.channels.insert(number, State::Open(Box::new(Channel::new(number))));
                channel::AMQPMethod::OpenOk(channel::OpenOk {})
            }
            channel::AMQPMethod::Close(_) => {
                self.channels.remove(&number);
                channel::AMQPMethod::CloseOk(channel::CloseOk {})
            }
            channel::AMQPMethod::CloseOk(_) => {
                self.channels.remove(&number);
                return Ok(());
            }
            other => return Err(Refusal::not_implemented(&AMQPClass::Channel(other)).into()),
        };
        self.send(AMQPFrame::Method(number, AMQPClass::Channel(reply))).await.map_err(End::from)
    }

    /// Lets a channel deal with something. A soft refusal ends the channel alone.
    async fn ask(&mut self, number: u16, asked: Asked) -> Result<(), End> {
        let channel = match self.channels.get_mut(&number) {
            Some(State::Open(channel)) => channel,
            Some(State::Closing) => return Ok(()),
            None => {
                let text = format_args!("channel {number} is not open");
                return Err(Refusal::hard(AMQPHardError::CHANNELERROR, text).into());
            }
        };
        let around = Around {
            queues: &self.server.queues,
            access: &self.agreed.access,
            connection: self.number,
            arrivals: &self.arrivals,
        };
        let reply = match asked {
            Asked::Method(method) => channel.method(&around, method).await,
            Asked::Header(header) => channel.header(&around, header).await,
            Asked::Body(part) => channel.body(&around, &part).await,
        };
        match reply {
            Ok(None) => Ok(()),
            Ok(Some(method)) => self.send(AMQPFrame::Method(number, method)).await.map_err(End::from),
            Err(refusal) if refusal.is_hard() => Err(refusal.into()),
            Err(refusal) => {
                let execution = &self.agreed.login.username;
                tracing::warn!(execution, %refusal, "a channel for messages ends");
                self.channels.insert(number, State::Closing);
                self.send(AMQPFrame::Method(number, refusal.close_channel())).await.map_err(End::from)
            }
        }
    }

    async fn deliver(&mut self, arrival: Arrival) -> Result<(), End> {
        let Arrival { channel: number, consumer, from, delivery } = arrival;
        let Some(State::Open(channel)) = self.channels.get_mut(&number) else { return Ok(()) };
        let message = delivery.message.clone();
        let Some(told) = channel.deliver(&consumer, &from, delivery).await? else { return Ok(()) };
        let method = AMQPClass::Basic(basic::AMQPMethod::Deliver(told));
        self.send_message(number, method, &message).await.map_err(End::from)
    }

    /// Sends a method with its message.
    async fn send_message(&mut self, number: u16, method: AMQPClass, message: &Message) -> io::Result<()> {
        let body = message.body.to_string().into_bytes();
        let mut properties = basic::AMQPProperties::default().with_delivery_mode(2);
        if let Some(id) = &message.correlation_id {
            properties = properties.with_correlation_id(short(id));
        }
        if let Some(reply_to) = &message.reply_to {
            properties = properties.with_reply_to(short(reply_to));
        }
        let header = AMQPContentHeader { class_id: 60, body_size: body.len() as u64, properties };
        let mut frames = vec![AMQPFrame::Method(number, method), AMQPFrame::Header(number, header)];
        let most = self.agreed.frame_max as usize - FRAME;
        frames.extend(body.chunks(most).map(|part| AMQPFrame::Body(number, part.to_vec())));
        let sending = async {
            for frame in frames {
                self.frames.feed(frame).await?;
            }
            self.frames.flush().await
        };
        timeout(PATIENCE, sending).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    async fn send(&mut self, frame: AMQPFrame) -> io::Result<()> {
        timeout(PATIENCE, self.frames.send(frame)).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    /// Tells the client why, and waits until it knows.
    async fn say_farewell(&mut self, refusal: &Refusal) -> io::Result<()> {
        self.send(AMQPFrame::Method(0, refusal.close_connection())).await?;
        while let Some(frame) = self.frames.next().await.transpose()? {
            if matches!(frame, AMQPFrame::Method(0, AMQPClass::Connection(connection::AMQPMethod::CloseOk(_)))) {
                break;
            }
        }
        Ok(())
    }
}

/// What a client may ask of a channel.
enum Asked {
    Method(AMQPClass),
    Header(AMQPContentHeader),
    Body(Vec<u8>),
}
