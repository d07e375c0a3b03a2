//! The queues that clients have declared, and the addresses of the bus that they are bound to.
//!
//! Invariant: messages are in the bus, never here. A queue that is bound is open in the bus, so what is
//! published to it from then on waits for it. A message to an address that nobody has bound goes nowhere, as
//! with any broker.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use amq_protocol::protocol::AMQPSoftError;
use futures::FutureExt;
use nephele_bus::{Address, Bus, Message, Vhost, topology};
use tokio::sync::watch;

use crate::refusal::Refusal;

/// Queues at a time; a workflow has one, and one for each question to an agent.
const MOST: usize = 10_000;
/// Addresses of one queue: the exchanges that its execution asks through.
const MOST_BINDINGS: usize = 10_000;

type Name = (Vhost, String);

/// All queues.
pub(crate) struct Queues {
    pub(crate) bus: Arc<dyn Bus>,
    by_name: Mutex<HashMap<Name, Queue>>,
}

struct Queue {
    bound: watch::Sender<Vec<Address>>,
    /// The connection that the queue goes with.
    owner: Option<u64>,
    /// The connection that declared it last.
    user: u64,
}

impl Queues {
    pub(crate) fn new(bus: Arc<dyn Bus>) -> Self {
        Self { bus, by_name: Mutex::default() }
    }

    /// Makes a queue, or finds it. `owner` is set for one that goes with its connection.
    pub(crate) fn declare(
        &self,
        vhost: &Vhost,
        name: &str,
        passive: bool,
        connection: u64,
        exclusive: bool,
    ) -> Result<(), Refusal> {
        let mut queues = self.lock();
        if let Some(queue) = queues.get_mut(&(vhost.clone(), name.to_owned())) {
            open_to(queue, name, connection)?;
            queue.user = connection;
            return Ok(());
        }
        if passive {
            return Err(missing(name));
        }
        if queues.len() >= MOST {
            return Err(Refusal::soft(AMQPSoftError::RESOURCELOCKED, "there are too many queues"));
        }
        let owner = exclusive.then_some(connection);
        let queue = Queue { bound: watch::Sender::new(Vec::new()), owner, user: connection };
        queues.insert((vhost.clone(), name.to_owned()), queue);
        Ok(())
    }

    /// Binds a queue to an address.
    pub(crate) async fn bind(&self, name: &str, connection: u64, address: Address) -> Result<(), Refusal> {
        {
            let queues = self.lock();
            let queue = queues.get(&(address.vhost.clone(), name.to_owned())).ok_or_else(|| missing(name))?;
            open_to(queue, name, connection)?;
            if queue.bound.borrow().len() >= MOST_BINDINGS {
                return Err(Refusal::soft(AMQPSoftError::RESOURCELOCKED, "the queue has too many bindings"));
            }
        }
        // Opens it: an answer may come before anybody takes answers.
        drop(self.bus.subscribe(address.clone(), 1).await?);
        let queues = self.lock();
        let queue = queues.get(&(address.vhost.clone(), name.to_owned())).ok_or_else(|| missing(name))?;
        queue.bound.send_if_modified(|bound| {
            let is_new = !bound.contains(&address);
            if is_new {
                bound.push(address);
            }
            is_new
        });
        Ok(())
    }

    /// The addresses that a queue is bound to, as they change; it ends with the queue.
    pub(crate) fn watch(
        &self,
        vhost: &Vhost,
        name: &str,
        connection: u64,
    ) -> Result<watch::Receiver<Vec<Address>>, Refusal> {
        let queues = self.lock();
        let queue = queues.get(&(vhost.clone(), name.to_owned())).ok_or_else(|| missing(name))?;
        open_to(queue, name, connection)?;
        Ok(queue.bound.subscribe())
    }

    /// Removes a queue with what it holds. One that is not there is fine.
    pub(crate) async fn delete(
        &self,
        vhost: &Vhost,
        name: &str,
        connection: u64,
        if_empty: bool,
    ) -> Result<(), Refusal> {
        let key = (vhost.clone(), name.to_owned());
        let bound = match self.lock().get(&key) {
            None => return Ok(()),
            Some(queue) => {
                open_to(queue, name, connection)?;
                queue.bound.borrow().clone()
            }
        };
        for address in bound.iter().filter(|_| if_empty) {
            // What is taken and dropped takes its old place.
            let mut look = self.bus.subscribe(address.clone(), 1).await?;
            if look.next().now_or_never().flatten().is_some() {
                return Err(Refusal::soft(AMQPSoftError::PRECONDITIONFAILED, format_args!("'{name}' is not empty")));
            }
        }
        self.lock().remove(&key);
        for address in bound {
            self.bus.remove(address).await?;
        }
        Ok(())
    }

    /// Removes the queues that go with a connection. Of others the manager's vhost forgets the names: whoever comes
    /// back declares them anew, and what they hold waits in the bus.
    pub(crate) async fn leave(&self, connection: u64) {
        let owned: Vec<Name> = {
            let mut queues = self.lock();
            let is_over = |vhost: &Vhost, queue: &Queue| *vhost == Vhost::Manager && queue.user == connection;
            queues.retain(|(vhost, _), queue| queue.owner.is_some() || !is_over(vhost, queue));
            queues.iter().filter(|(_, queue)| queue.owner == Some(connection)).map(|(key, _)| key.clone()).collect()
        };
        for (vhost, name) in owned {
            if let Err(error) = self.delete(&vhost, &name, connection, false).await {
                tracing::warn!(queue = name, %error, "a queue could not be removed");
            }
        }
    }

    /// Sends a message to whoever has bound its address, and operations to the workers.
    pub(crate) async fn publish(&self, to: Address, message: Message) -> Result<(), Refusal> {
        let is_bound = to == topology::operations() || {
            let queues = self.lock();
            queues.iter().any(|((vhost, _), queue)| *vhost == to.vhost && queue.bound.borrow().contains(&to))
        };
        if is_bound {
            self.bus.publish(to, message).await?;
        }
        Ok(())
    }

    /// No panic can happen while the lock is held, so a poisoned lock still guards sound data.
    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Queue>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_to(queue: &Queue, name: &str, connection: u64) -> Result<(), Refusal> {
    if queue.owner.is_none_or(|owner| owner == connection) {
        return Ok(());
    }
    Err(Refusal::soft(AMQPSoftError::RESOURCELOCKED, format_args!("'{name}' belongs to another connection")))
}

fn missing(name: &str) -> Refusal {
    Refusal::soft(AMQPSoftError::NOTFOUND, format_args!("there is no queue '{name}'"))
}
