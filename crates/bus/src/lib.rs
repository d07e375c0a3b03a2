//! Messages between the manager, its workers and agents.
//!
//! Invariant: delivery is at least once. A message is kept until somebody acknowledges it; a
//! [`Delivery`] that is dropped unacknowledged comes again, so receivers recognise repetitions by
//! the correlation id. The crate does not know what an operation means.
//!
//! Names of exchanges and queues stand in [`topology`], the bus inside one process in [`local`].

use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt};
use serde_json::Value;

pub mod local;
pub mod topology;

pub use local::Local;
pub use topology::{Address, Vhost};

/// Why a message could not be sent, received or acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The message broker does not answer. The text names it and what was tried.
    #[error("the message broker cannot be reached: {0}")]
    Unreachable(String),
}

/// The outcome of something done with the bus.
pub type Result<T> = std::result::Result<T, Error>;

/// A message, with the properties that the wire has beside its body (spec workflows.md 1.4).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// The JSON body.
    pub body: Value,
    /// The routing key for the answer, on the exchange through which this message came.
    pub reply_to: Option<String>,
    /// The request that this message is, or answers.
    pub correlation_id: Option<String>,
}

impl Message {
    /// A message that expects no answer.
    pub const fn new(body: Value) -> Self {
        Self { body, reply_to: None, correlation_id: None }
    }
}

/// Sends and receives. Cheap to share as `Arc<dyn Bus>`.
pub trait Bus: Send + Sync {
    /// Hands a message over. Once this returns, the message survives until it is acknowledged (or
    /// its queue removed), whether or not somebody is subscribed yet.
    fn publish(&self, to: Address, message: Message) -> BoxFuture<'_, Result<()>>;

    /// Receives the messages of an address, at most `prefetch` unacknowledged at a time. Several
    /// subscribers of one address compete for its messages; those of
    /// [`topology::manager_service`] get a copy each.
    fn subscribe(&self, from: Address, prefetch: usize) -> BoxFuture<'_, Result<Subscription>>;

    /// Removes the queue of an address with all it holds, and ends its subscriptions. Messages
    /// that are published to it later are dropped until somebody subscribes anew.
    fn remove(&self, address: Address) -> BoxFuture<'_, Result<()>>;

    /// How many messages lie in each queue that nobody has in hand.
    fn depths(&self) -> BoxFuture<'_, Result<Vec<(Address, usize)>>>;
}

/// A flow of deliveries. Dropping it gives back what was not taken.
pub struct Subscription(BoxStream<'static, Delivery>);

impl Subscription {
    /// Wraps an implementation's stream.
    pub fn new(stream: BoxStream<'static, Delivery>) -> Self {
        Self(stream)
    }

    /// The next message; `None` once the queue is gone. Safe to cancel: nothing is lost.
    pub async fn next(&mut self) -> Option<Delivery> {
        self.0.next().await
    }
}

/// A message in the receiver's hands. Dropping it without [`Delivery::ack`] makes it come again.
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// Whether it was delivered before, perhaps to somebody else.
    pub redelivered: bool,
    receipt: Box<dyn Receipt>,
}

impl Delivery {
    /// Makes a delivery; for implementations of [`Bus`].
    pub fn new(message: Message, redelivered: bool, receipt: Box<dyn Receipt>) -> Self {
        Self { message, redelivered, receipt }
    }

    /// Says that the message is dealt with and must not come again.
    pub async fn ack(self) -> Result<()> {
        self.receipt.ack().await
    }
}

/// What an implementation must do when a delivery is acknowledged. Its drop must give the message
/// back, unless it was acknowledged.
pub trait Receipt: Send + Sync {
    /// Forgets the message.
    fn ack(self: Box<Self>) -> BoxFuture<'static, Result<()>>;
}
