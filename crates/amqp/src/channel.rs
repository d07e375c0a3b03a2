//! One channel: what it consumes, what it has yet to acknowledge, what it is publishing.
//!
//! Invariant: a delivery is acknowledged on the bus when the client says so; when the channel goes, what
//! is left goes back to its queue.

use std::collections::{BTreeMap, HashMap};

use amq_protocol::frame::AMQPContentHeader;
use amq_protocol::protocol::{AMQPClass, AMQPHardError, AMQPSoftError, basic, confirm, exchange, queue};
use nephele_bus::{Address, Delivery, Message};
use tokio::sync::mpsc;

use crate::access::Access;
use crate::consumer::{Arrival, Consumer};
use crate::queues::Queues;
use crate::refusal::Refusal;

/// The largest message. Results of operations may have 32 MiB.
const MOST: u64 = 64 << 20;
/// Messages in a client's hands, if it sets no limit.
const PREFETCH: usize = 10_000;
/// Consumers of a channel.
const MOST_CONSUMERS: usize = 1000;

/// What a channel works with.
pub(crate) struct Around<'a> {
    pub(crate) queues: &'a Queues,
    pub(crate) access: &'a Access,
    /// The number of the connection.
    pub(crate) connection: u64,
    pub(crate) arrivals: &'a mpsc::Sender<Arrival>,
}

/// An open channel.
#[derive(Default)]
pub(crate) struct Channel {
    number: u16,
    prefetch: usize,
    /// The number of the last confirmed message, once the client wants confirmations.
    confirmed: Option<u64>,
    delivered: u64,
    held: BTreeMap<u64, Delivery>,
    /// With whether their messages need no acknowledgement.
    consumers: HashMap<String, (Consumer, bool)>,
    incoming: Option<Incoming>,
}

/// A message of which not everything is there yet.
struct Incoming {
    to: basic::Publish,
    header: Option<AMQPContentHeader>,
    body: Vec<u8>,
}

type Reply = Result<Option<AMQPClass>, Refusal>;

impl Channel {
    pub(crate) fn new(number: u16) -> Self {
        Self { number, prefetch: PREFETCH, ..Self::default() }
    }

    /// Does what a method says, and gives the answer to it.
    pub(crate) async fn method(&mut self, around: &Around<'_>, method: AMQPClass) -> Reply {
        if self.incoming.is_some() {
            return Err(unexpected());
        }
        match method {
            AMQPClass::Exchange(exchange::AMQPMethod::Declare(declare)) => {
                around.access.demand_exchange(declare.exchange.as_str())?;
                if declare.kind.as_str() != "direct" && !declare.passive {
                    return Err(Refusal::soft(AMQPSoftError::PRECONDITIONFAILED, "exchanges here are direct"));
                }
                let reply = exchange::AMQPMethod::DeclareOk(exchange::DeclareOk {});
                Ok((!declare.nowait).then_some(AMQPClass::Exchange(reply)))
            }
            AMQPClass::Queue(method) => self.queue(around, method).await,
            AMQPClass::Basic(method) => self.basic(around, method).await,
            AMQPClass::Confirm(confirm::AMQPMethod::Select(select)) => {
                self.confirmed.get_or_insert(0);
                let reply = AMQPClass::Confirm(confirm::AMQPMethod::SelectOk(confirm::SelectOk {}));
                Ok((!select.nowait).then_some(reply))
            }
            other => Err(Refusal::not_implemented(&other)),
        }
    }

    async fn queue(&self, around: &Around<'_>, method: queue::AMQPMethod) -> Reply {
        let Around { queues, access, connection, .. } = around;
        let (reply, nowait) = match method {
            queue::AMQPMethod::Declare(declare) => {
                let name = declare.queue.as_str();
                access.demand_queue(name)?;
                queues.declare(&access.vhost, name, declare.passive, *connection, declare.exclusive)?;
                if let Some(address) = access.lasting(name) {
                    queues.bind(name, *connection, address).await?;
                }
                let ok = queue::DeclareOk { queue: declare.queue, message_count: 0, consumer_count: 0 };
                (queue::AMQPMethod::DeclareOk(ok), declare.nowait)
            }
            queue::AMQPMethod::Bind(bind) => {
                let name = bind.queue.as_str();
                let address = access.bound(name, bind.exchange.as_str(), bind.routing_key.as_str())?;
                queues.bind(name, *connection, address).await?;
                (queue::AMQPMethod::BindOk(queue::BindOk {}), bind.nowait)
            }
            queue::AMQPMethod::Delete(delete) => {
                let name = delete.queue.as_str();
                access.demand_queue(name)?;
                queues.delete(&access.vhost, name, *connection, delete.if_empty).await?;
                (queue::AMQPMethod::DeleteOk(queue::DeleteOk { message_count: 0 }), delete.nowait)
            }
            other => return Err(Refusal::not_implemented(&AMQPClass::Queue(other))),
        };
        Ok((!nowait).then_some(AMQPClass::Queue(reply)))
    }

    async fn basic(&mut self, around: &Around<'_>, method: basic::AMQPMethod) -> Reply {
        let reply = match method {
            basic::AMQPMethod::Qos(qos) => {
                self.prefetch = if qos.prefetch_count == 0 { PREFETCH } else { qos.prefetch_count.into() };
                basic::AMQPMethod::QosOk(basic::QosOk {})
            }
            basic::AMQPMethod::Consume(consume) => return self.consume(around, &consume),
            basic::AMQPMethod::Cancel(cancel) => {
                self.consumers.remove(cancel.consumer_tag.as_str());
                if cancel.nowait {
                    return Ok(None);
                }
                basic::AMQPMethod::CancelOk(basic::CancelOk { consumer_tag: cancel.consumer_tag })
            }
            basic::AMQPMethod::Publish(to) if to.mandatory || to.immediate => {
                return Err(Refusal::not_implemented(&AMQPClass::Basic(basic::AMQPMethod::Publish(to))));
            }
            basic::AMQPMethod::Publish(to) => {
                self.incoming = Some(Incoming { to, header: None, body: Vec::new() });
                return Ok(None);
            }
            basic::AMQPMethod::Ack(ack) => {
                for delivery in self.take(ack.delivery_tag, ack.multiple)? {
                    delivery.ack().await?;
                }
                return Ok(None);
            }
            basic::AMQPMethod::Nack(nack) => {
                return self.give_back(nack.delivery_tag, nack.multiple, nack.requeue).await;
            }
            basic::AMQPMethod::Reject(reject) => {
                return self.give_back(reject.delivery_tag, false, reject.requeue).await;
            }
            other => return Err(Refusal::not_implemented(&AMQPClass::Basic(other))),
        };
        Ok(Some(AMQPClass::Basic(reply)))
    }

    fn consume(&mut self, around: &Around<'_>, consume: &basic::Consume) -> Reply {
        let name = consume.queue.as_str();
        around.access.demand_queue(name)?;
        let bound = around.queues.watch(&around.access.vhost, name, around.connection)?;
        let tag = match consume.consumer_tag.as_str() {
            "" => format!("{}.{}.{}", around.connection, self.number, self.consumers.len()),
            tag => tag.to_owned(),
        };
        if self.consumers.contains_key(&tag) || self.consumers.len() >= MOST_CONSUMERS {
            return Err(Refusal::hard(AMQPHardError::NOTALLOWED, "the consumer is there already, or one too many"));
        }
        let place = (self.number, tag.clone());
        let bus = around.queues.bus.clone();
        let consumer = Consumer::start(bus, bound, self.prefetch, place, around.arrivals.clone());
        self.consumers.insert(tag.clone(), (consumer, consume.no_ack));
        let reply = basic::AMQPMethod::ConsumeOk(basic::ConsumeOk { consumer_tag: short(&tag) });
        Ok((!consume.nowait).then_some(AMQPClass::Basic(reply)))
    }

    async fn give_back(&mut self, tag: u64, multiple: bool, requeue: bool) -> Reply {
        for delivery in self.take(tag, multiple)? {
            // Dropping it puts it back.
            if !requeue {
                delivery.ack().await?;
            }
        }
        Ok(None)
    }

    /// The deliveries that a tag means; with `multiple` all up to it, and 0 means all.
    fn take(&mut self, tag: u64, multiple: bool) -> Result<Vec<Delivery>, Refusal> {
        let unknown = || Refusal::soft(AMQPSoftError::PRECONDITIONFAILED, format_args!("unknown delivery tag {tag}"));
        if !multiple {
            return Ok(vec![self.held.remove(&tag).ok_or_else(unknown)?]);
        }
        let last = if tag == 0 { u64::MAX } else { tag };
        let later = last.checked_add(1).map(|next| self.held.split_off(&next)).unwrap_or_default();
        Ok(std::mem::replace(&mut self.held, later).into_values().collect())
    }

    /// The header of a message that is being published.
    pub(crate) async fn header(&mut self, around: &Around<'_>, header: AMQPContentHeader) -> Reply {
        let incoming = self.incoming.as_mut().filter(|incoming| incoming.header.is_none()).ok_or_else(unexpected)?;
        if header.body_size > MOST {
            self.incoming = None;
            let text = format_args!("{} bytes are more than {} MiB", header.body_size, MOST >> 20);
            return Err(Refusal::soft(AMQPSoftError::CONTENTTOOLARGE, text));
        }
        incoming.header = Some(header);
        self.publish_whole(around).await
    }

    /// A part of the body of a message that is being published.
    pub(crate) async fn body(&mut self, around: &Around<'_>, part: &[u8]) -> Reply {
        let incoming = self.incoming.as_mut().ok_or_else(unexpected)?;
        let whole = incoming.header.as_ref().map(|header| header.body_size).ok_or_else(unexpected)?;
        if (incoming.body.len() + part.len()) as u64 > whole {
            return Err(unexpected());
        }
        incoming.body.extend_from_slice(part);
        self.publish_whole(around).await
    }

    /// Publishes the message if all of it is there.
    async fn publish_whole(&mut self, around: &Around<'_>) -> Reply {
        let whole = |incoming: &mut Incoming| {
            incoming.header.as_ref().is_some_and(|header| header.body_size == incoming.body.len() as u64)
        };
        let Some(Incoming { to, header: Some(header), body }) = self.incoming.take_if(whole) else { return Ok(None) };
        let text = |property: &Option<_>| property.as_ref().map(ToString::to_string);
        let (reply_to, correlation_id) = (text(header.properties.reply_to()), text(header.properties.correlation_id()));
        let target = around.access.target(to.exchange.as_str(), to.routing_key.as_str(), reply_to.as_deref())?;
        let body = serde_json::from_slice(&body)
            .map_err(|error| Refusal::soft(AMQPSoftError::PRECONDITIONFAILED, format_args!("no JSON: {error}")))?;
        around.queues.publish(target, Message { body, reply_to, correlation_id }).await?;
        let Some(confirmed) = &mut self.confirmed else { return Ok(None) };
        *confirmed += 1;
        let ack = basic::Ack { delivery_tag: *confirmed, multiple: false };
        Ok(Some(AMQPClass::Basic(basic::AMQPMethod::Ack(ack))))
    }

    /// Puts a message that has come into the client's hands, and gives what to tell it.
    pub(crate) async fn deliver(
        &mut self,
        consumer: &str,
        from: &Address,
        delivery: Delivery,
    ) -> Result<Option<basic::Deliver>, Refusal> {
        // A message may have been under way when its consumer was cancelled; it goes back.
        let Some((_, needs_no_ack)) = self.consumers.get(consumer) else { return Ok(None) };
        self.delivered += 1;
        let redelivered = delivery.redelivered;
        if *needs_no_ack {
            delivery.ack().await?;
        } else {
            self.held.insert(self.delivered, delivery);
        }
        // What came from a client fits.
        Ok(Some(basic::Deliver {
            consumer_tag: short(consumer),
            delivery_tag: self.delivered,
            redelivered,
            exchange: short(&from.exchange),
            routing_key: short(&from.routing_key),
        }))
    }
}

/// Short text on the wire; empty if it is too long.
pub(crate) fn short(text: &str) -> amq_protocol::types::ShortString {
    amq_protocol::types::ShortString::try_new(text).unwrap_or_default()
}

fn unexpected() -> Refusal {
    Refusal::hard(AMQPHardError::UNEXPECTEDFRAME, "a message has a method, a header and a body, in this order")
}
