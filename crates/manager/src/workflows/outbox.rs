//! Messages that a transaction decided to send, and the pump that sends them.
//!
//! Invariant: a row is deleted only after the bus took its message, so a message is sent at least
//! once; receivers recognise repetitions.

use std::sync::Arc;
use std::time::Duration;

use nephele_bus::{Address, Message, Vhost};
use nephele_model::{Error, Result, Timestamp};
use nephele_store::Json;
use nephele_store::outbox::{self, NewMessage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Manager, rows};

/// Rows taken at a time.
const BATCH: u32 = 500;
/// How long claimed rows are left alone; far longer than sending takes.
const LEASE_MICROS: i64 = 60_000_000;
/// Rest after a failure, and the longest time a row waits when a wake-up was missed.
const REST: Duration = Duration::from_secs(1);

/// An [`Address`] as the row keeps it.
#[derive(Serialize, Deserialize)]
struct To {
    /// Absent for the manager's own virtual host.
    tenant: Option<String>,
    exchange: String,
    routing_key: String,
}

/// A [`Message`] as the row keeps it.
#[derive(Serialize, Deserialize)]
struct Content {
    body: Value,
    reply_to: Option<String>,
    correlation_id: Option<String>,
}

impl Manager {
    /// The row of a message for this process's own bus.
    pub(crate) fn own_row(&self, address: &Address, message: Message) -> NewMessage {
        NewMessage { process: Some(self.process()), ..row(address, message, self.clock.now()) }
    }
}

/// The row of a message for whichever bus.
pub(crate) fn row(address: &Address, message: Message, now: Timestamp) -> NewMessage {
    let tenant = match &address.vhost {
        Vhost::Manager => None,
        Vhost::Tenant(tenant) => Some(tenant.to_string()),
    };
    let to = To { tenant, exchange: address.exchange.clone(), routing_key: address.routing_key.clone() };
    let Message { body, reply_to, correlation_id } = message;
    NewMessage {
        address: Json::of(&to).as_str().to_owned(),
        body: Json::of(&Content { body, reply_to, correlation_id }),
        created_at: now,
        process: None,
    }
}

fn decode(row: &outbox::Message) -> Result<(Address, Message)> {
    let to: To = serde_json::from_str(&row.address).map_err(Error::internal)?;
    let Content { body, reply_to, correlation_id } = row.body.parse().map_err(rows::failed)?;
    let vhost = to.tenant.map_or(Vhost::Manager, |tenant| Vhost::Tenant(tenant.into()));
    let address = Address { vhost, exchange: to.exchange, routing_key: to.routing_key };
    Ok((address, Message { body, reply_to, correlation_id }))
}

/// Sends for ever; ends by being dropped.
pub(super) async fn pump(manager: Arc<Manager>) {
    loop {
        match send(&manager).await {
            Ok(0) => {
                let _ = tokio::time::timeout(REST, manager.workflows.outbox.notified()).await;
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(?error, "messages wait in the outbox");
                tokio::time::sleep(REST).await;
            }
        }
    }
}

async fn send(manager: &Manager) -> Result<usize> {
    let claimed = outbox::claim(&*manager.store, manager.process(), BATCH, LEASE_MICROS).await.map_err(rows::failed)?;
    let mut sent = Vec::with_capacity(claimed.len());
    for row in &claimed {
        match decode(row) {
            Ok((address, message)) => manager.bus.publish(address, message).await.map_err(Error::internal)?,
            // It could never be sent, and would hold up all others for ever.
            Err(error) => tracing::error!(?error, row = row.id, "a message that cannot be read was dropped"),
        }
        sent.push(row.id);
    }
    if !sent.is_empty() {
        outbox::delete(&*manager.store, &sent).await.map_err(rows::failed)?;
    }
    Ok(sent.len())
}
