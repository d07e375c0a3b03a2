//! A consumer: brings the messages of a queue from the bus to a connection.
//!
//! Invariant: a message that does not reach the connection goes back to its queue.

use std::sync::Arc;

use futures::stream::{self, BoxStream, SelectAll, StreamExt};
use nephele_bus::{Address, Bus, Delivery};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// A message on its way to a client.
pub(crate) struct Arrival {
    pub(crate) channel: u16,
    pub(crate) consumer: String,
    pub(crate) from: Address,
    pub(crate) delivery: Delivery,
}

/// A consumer at work; it ends when this is dropped.
pub(crate) struct Consumer(JoinHandle<()>);

impl Drop for Consumer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Consumer {
    /// Takes messages from all addresses that a queue is bound to, now and later.
    pub(crate) fn start(
        bus: Arc<dyn Bus>,
        bound: watch::Receiver<Vec<Address>>,
        prefetch: usize,
        (channel, consumer): (u16, String),
        arrivals: mpsc::Sender<Arrival>,
    ) -> Self {
        Self(tokio::spawn(async move {
            let mut flow = Flow { bus, bound, prefetch, known: 0, messages: SelectAll::new() };
            while let Some((from, delivery)) = flow.next().await {
                let arrival = Arrival { channel, consumer: consumer.clone(), from, delivery };
                if arrivals.send(arrival).await.is_err() {
                    return;
                }
            }
        }))
    }
}

struct Flow {
    bus: Arc<dyn Bus>,
    bound: watch::Receiver<Vec<Address>>,
    prefetch: usize,
    /// How many of the addresses are subscribed to; they are only ever added.
    known: usize,
    messages: SelectAll<BoxStream<'static, (Address, Delivery)>>,
}

impl Flow {
    /// The next message; `None` once the queue is gone.
    async fn next(&mut self) -> Option<(Address, Delivery)> {
        loop {
            let news: Vec<Address> = self.bound.borrow_and_update().iter().skip(self.known).cloned().collect();
            for address in news {
                let subscription = match self.bus.subscribe(address.clone(), self.prefetch).await {
                    Ok(subscription) => subscription,
                    Err(error) => {
                        tracing::warn!(%error, "a queue cannot be read");
                        return None;
                    }
                };
                self.known += 1;
                let messages = stream::unfold((subscription, address), |(mut subscription, address)| async {
                    let delivery = subscription.next().await?;
                    Some(((address.clone(), delivery), (subscription, address)))
                });
                self.messages.push(messages.boxed());
            }
            tokio::select! {
                changed = self.bound.changed() => changed.ok()?,
                Some(message) = self.messages.next(), if !self.messages.is_empty() => return Some(message),
            }
        }
    }
}
