//! The bus inside one process.
//!
//! Invariant: a message is in exactly one place, its queue or a live [`Delivery`]; a delivery that
//! is dropped puts it back at its old position. Nothing is written to disk: what must survive the
//! process stands in the store's outbox and journal, from which it is sent anew.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use futures::future::{self, BoxFuture};
use futures::stream::{Stream, StreamExt};

use crate::{Address, Bus, Delivery, Message, Receipt, Result, Subscription};

/// How many removed queues are remembered, so that late answers to ended executions do not pile up
/// in queues that nobody will ever read.
const REMEMBERED: usize = 4096;

/// An in-process [`Bus`].
#[derive(Default)]
pub struct Local {
    exchanges: Mutex<Exchanges>,
}

#[derive(Default)]
struct Exchanges {
    queues: HashMap<Address, Arc<Queue>>,
    fanouts: HashMap<Address, Vec<Weak<Queue>>>,
    removed: VecDeque<Address>,
}

/// No panic can happen while a lock is held, so a poisoned lock still guards sound data.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Local {
    /// A bus without messages.
    pub fn new() -> Self {
        Self::default()
    }

    fn push(&self, to: &Address, message: Message) {
        let mut exchanges = lock(&self.exchanges);
        if to.is_fanout() {
            let Some(queues) = exchanges.fanouts.get_mut(to) else { return };
            queues.retain(|queue| queue.upgrade().map(|queue| queue.push(message.clone())).is_some());
        } else if let Some(queue) = exchanges.queues.get(to) {
            queue.push(message);
        } else if !exchanges.removed.contains(to) {
            exchanges.queues.entry(to.clone()).or_default().push(message);
        }
    }

    fn open(&self, from: Address) -> Arc<Queue> {
        let mut exchanges = lock(&self.exchanges);
        if from.is_fanout() {
            let queue = Arc::new(Queue::default());
            exchanges.fanouts.entry(from).or_default().push(Arc::downgrade(&queue));
            return queue;
        }
        exchanges.removed.retain(|address| *address != from);
        Arc::clone(exchanges.queues.entry(from).or_default())
    }

    fn close(&self, address: Address) {
        let mut exchanges = lock(&self.exchanges);
        for queue in exchanges.fanouts.remove(&address).into_iter().flatten().filter_map(|queue| queue.upgrade()) {
            queue.close();
        }
        if let Some(queue) = exchanges.queues.remove(&address) {
            queue.close();
        }
        if exchanges.removed.len() == REMEMBERED {
            exchanges.removed.pop_front();
        }
        exchanges.removed.push_back(address);
    }
}

impl Bus for Local {
    fn publish(&self, to: Address, message: Message) -> BoxFuture<'_, Result<()>> {
        self.push(&to, message);
        Box::pin(future::ready(Ok(())))
    }

    fn subscribe(&self, from: Address, prefetch: usize) -> BoxFuture<'_, Result<Subscription>> {
        let subscriber = Subscriber::new(self.open(from), prefetch);
        Box::pin(future::ready(Ok(Subscription::new(subscriber.boxed()))))
    }

    fn remove(&self, address: Address) -> BoxFuture<'_, Result<()>> {
        self.close(address);
        Box::pin(future::ready(Ok(())))
    }

    fn depths(&self) -> BoxFuture<'_, Result<Vec<(Address, usize)>>> {
        let exchanges = lock(&self.exchanges);
        let depth = |(address, queue): (&Address, &Arc<Queue>)| (address.clone(), lock(&queue.0).ready.len());
        Box::pin(future::ready(Ok(exchanges.queues.iter().map(depth).collect())))
    }
}

#[derive(Default)]
struct Queue(Mutex<State>);

#[derive(Default)]
struct State {
    /// By position, so that what comes back takes its old place; with the redelivered flag.
    ready: BTreeMap<u64, (Message, bool)>,
    next_position: u64,
    subscribers: HashMap<u64, Slot>,
    next_subscriber: u64,
    closed: bool,
}

/// One subscriber's share: how many deliveries it holds, and whom to wake.
#[derive(Default)]
struct Slot {
    unacknowledged: usize,
    waker: Option<Waker>,
}

impl State {
    /// Wakes all subscribers: one alone might be busy elsewhere and leave the message lying.
    fn wake(&mut self) {
        self.subscribers.values_mut().filter_map(|slot| slot.waker.take()).for_each(Waker::wake);
    }

    fn release(&mut self, subscriber: u64) {
        if let Some(slot) = self.subscribers.get_mut(&subscriber) {
            slot.unacknowledged -= 1;
            if let Some(waker) = slot.waker.take() {
                waker.wake();
            }
        }
    }
}

impl Queue {
    fn push(&self, message: Message) {
        let mut state = lock(&self.0);
        let position = state.next_position;
        state.next_position += 1;
        state.ready.insert(position, (message, false));
        state.wake();
    }

    fn close(&self) {
        let mut state = lock(&self.0);
        state.closed = true;
        state.ready.clear();
        state.wake();
    }
}

struct Subscriber {
    queue: Arc<Queue>,
    id: u64,
    prefetch: usize,
}

impl Subscriber {
    fn new(queue: Arc<Queue>, prefetch: usize) -> Self {
        let mut state = lock(&queue.0);
        let id = state.next_subscriber;
        state.next_subscriber += 1;
        state.subscribers.insert(id, Slot::default());
        drop(state);
        Self { queue, id, prefetch: prefetch.max(1) }
    }
}

impl Stream for Subscriber {
    type Item = Delivery;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Delivery>> {
        let mut state = lock(&self.queue.0);
        let state = &mut *state;
        if state.closed {
            return Poll::Ready(None);
        }
        let slot = state.subscribers.entry(self.id).or_default();
        if slot.unacknowledged < self.prefetch
            && let Some((position, (message, redelivered))) = state.ready.pop_first()
        {
            slot.unacknowledged += 1;
            let receipt =
                Held { queue: Arc::clone(&self.queue), subscriber: self.id, position, message: Some(message.clone()) };
            return Poll::Ready(Some(Delivery::new(message, redelivered, Box::new(receipt))));
        }
        slot.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        lock(&self.queue.0).subscribers.remove(&self.id);
    }
}

/// The queue's own copy of a delivered message, until it is acknowledged.
struct Held {
    queue: Arc<Queue>,
    subscriber: u64,
    position: u64,
    message: Option<Message>,
}

impl Receipt for Held {
    fn ack(mut self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        self.message = None;
        Box::pin(future::ready(Ok(())))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = lock(&self.queue.0);
        state.release(self.subscriber);
        if let Some(message) = self.message.take()
            && !state.closed
        {
            state.ready.insert(self.position, (message, true));
            state.wake();
        }
    }
}
