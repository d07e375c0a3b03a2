//! Service tasks: short requests to every worker (spec workflows.md section 1.5(d)).

use nephele_bus::{Bus, Delivery, Message, topology};
use nephele_model::Clock;
use serde_json::{Value, json};

use crate::running::Handle;

/// Carries out one service task. Tasks that concern other kinds of workers are passed over.
pub(crate) async fn handle(delivery: Delivery, running: &Handle, bus: &dyn Bus, clock: &dyn Clock) {
    let task = &delivery.message.body["service_task"];
    let result = match task["task_name"].as_str() {
        Some("cancel-operation") => {
            running.kill_execution(task["kwargs"]["execution_id"].as_str().unwrap_or_default());
            json!({"ok": true, "result": null})
        }
        // The answer to a ping is bare.
        Some("ping") => json!({"time": seconds(clock)}),
        other => {
            tracing::debug!(task = other, "a service task that is not for this worker");
            Value::Null
        }
    };
    if let Some(reply_to) = &delivery.message.reply_to {
        let answer = Message { body: result, reply_to: None, correlation_id: delivery.message.correlation_id.clone() };
        if let Err(error) = bus.publish(topology::manager_service().answer(reply_to), answer).await {
            tracing::warn!(%error, "a service task's answer could not be sent");
        }
    }
    if let Err(error) = delivery.ack().await {
        tracing::warn!(%error, "a service task could not be acknowledged");
    }
}

#[expect(clippy::cast_precision_loss, reason = "the wire wants seconds as a float")]
fn seconds(clock: &dyn Clock) -> f64 {
    clock.now().micros() as f64 / 1e6
}
