//! What the in-process bus promises: nothing lost, order kept, repetition until acknowledged.

#![expect(clippy::expect_used, reason = "test code fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use nephele_bus::topology::{manager_service, operations, responses};
use nephele_bus::{Bus, Local, Message, Result, Subscription};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::timeout;

fn message(number: usize) -> Message {
    Message::new(json!(number))
}

async fn take(subscription: &mut Subscription) -> Value {
    let delivery = subscription.next().await.expect("the queue exists");
    let body = delivery.message.body.clone();
    delivery.ack().await.expect("acknowledging in memory");
    body
}

/// Whether nothing comes, now that everything has been published.
async fn is_quiet(subscription: &mut Subscription) -> bool {
    timeout(Duration::from_millis(20), subscription.next()).await.is_err()
}

#[tokio::test]
async fn messages_wait_for_a_subscriber_and_keep_their_order() -> Result<()> {
    let bus = Local::new();
    for number in 0..100 {
        bus.publish(operations(), message(number)).await?;
    }
    let mut subscription = bus.subscribe(operations(), 8).await?;
    for number in 0..100 {
        assert_eq!(take(&mut subscription).await, json!(number));
    }
    assert!(is_quiet(&mut subscription).await);
    Ok(())
}

#[tokio::test]
async fn an_unacknowledged_delivery_comes_again_in_its_place() -> Result<()> {
    let bus = Local::new();
    bus.publish(operations(), message(1)).await?;
    bus.publish(operations(), message(2)).await?;
    let mut subscription = bus.subscribe(operations(), 8).await?;
    let first = subscription.next().await.expect("published");
    assert!(!first.redelivered);
    drop(first);
    let again = subscription.next().await.expect("given back");
    assert_eq!((again.message.body.clone(), again.redelivered), (json!(1), true));
    again.ack().await?;
    assert_eq!(take(&mut subscription).await, json!(2));
    Ok(())
}

#[tokio::test]
async fn prefetch_bounds_what_one_subscriber_holds() -> Result<()> {
    let bus = Local::new();
    for number in 0..3 {
        bus.publish(operations(), message(number)).await?;
    }
    let mut greedy = bus.subscribe(operations(), 2).await?;
    let held = (greedy.next().await.expect("one"), greedy.next().await.expect("two"));
    assert!(is_quiet(&mut greedy).await);
    let mut other = bus.subscribe(operations(), 1).await?;
    assert_eq!(take(&mut other).await, json!(2));
    bus.publish(operations(), message(3)).await?;
    held.0.ack().await?;
    assert_eq!(take(&mut greedy).await, json!(3));
    Ok(())
}

#[tokio::test]
async fn a_dead_subscriber_leaves_its_messages_to_the_next() -> Result<()> {
    let bus = Local::new();
    bus.publish(operations(), message(1)).await?;
    let mut first = bus.subscribe(operations(), 4).await?;
    let held = first.next().await.expect("published");
    drop(first);
    drop(held);
    let mut second = bus.subscribe(operations(), 4).await?;
    assert_eq!(take(&mut second).await, json!(1));
    Ok(())
}

#[tokio::test]
async fn waiting_can_be_cancelled_without_loss_and_a_busy_subscriber_blocks_nobody() -> Result<()> {
    let bus = Local::new();
    let mut idle = bus.subscribe(operations(), 1).await?;
    assert!(is_quiet(&mut idle).await);
    let mut active = bus.subscribe(operations(), 1).await?;
    let waiting = async { take(&mut active).await };
    let publishing = async { bus.publish(operations(), message(7)).await };
    let (body, published) = tokio::join!(waiting, publishing);
    published?;
    assert_eq!(body, json!(7));
    Ok(())
}

#[tokio::test]
async fn a_removed_queue_ends_its_subscriptions_and_drops_late_answers() -> Result<()> {
    let bus = Local::new();
    let address = responses(&"e1".into());
    let mut subscription = bus.subscribe(address.clone(), 1).await?;
    let held = {
        bus.publish(address.clone(), message(1)).await?;
        subscription.next().await.expect("published")
    };
    bus.remove(address.clone()).await?;
    assert!(subscription.next().await.is_none());
    drop(held);
    bus.publish(address.clone(), message(2)).await?;
    let mut anew = bus.subscribe(address.clone(), 1).await?;
    assert!(is_quiet(&mut anew).await);
    bus.publish(address, message(3)).await?;
    assert_eq!(take(&mut anew).await, json!(3));
    Ok(())
}

#[tokio::test]
async fn service_messages_reach_every_subscriber() -> Result<()> {
    let bus = Local::new();
    let mut workers = [bus.subscribe(manager_service(), 1).await?, bus.subscribe(manager_service(), 1).await?];
    bus.publish(manager_service(), message(1)).await?;
    for worker in &mut workers {
        assert_eq!(take(worker).await, json!(1));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_messages_pass_through_competing_subscribers() -> Result<()> {
    const COUNT: usize = 100_000;
    let bus = Arc::new(Local::new());
    let (results, mut received) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..4 {
        let mut subscription = bus.subscribe(operations(), 16).await?;
        let results = results.clone();
        tokio::spawn(async move {
            while let Some(delivery) = subscription.next().await {
                let _ = results.send(delivery.message.body.as_u64());
                let _ = delivery.ack().await;
            }
        });
    }
    let started = std::time::Instant::now();
    let publisher = Arc::clone(&bus);
    tokio::spawn(async move {
        for number in 0..COUNT {
            let _ = publisher.publish(operations(), message(number)).await;
        }
    });
    let mut seen = vec![false; COUNT];
    for _ in 0..COUNT {
        let number = received.recv().await.flatten().expect("a number");
        assert!(!std::mem::replace(&mut seen[usize::try_from(number).expect("small")], true), "{number} came twice");
    }
    println!("{COUNT} messages in {:?}", started.elapsed());
    Ok(())
}

proptest! {
    /// Whatever is dropped, acknowledged or cancelled in between, every message is acknowledged
    /// exactly once in the end, and those that were never dropped came in order.
    #[test]
    fn nothing_is_lost_whatever_happens(steps in prop::collection::vec(0_u8..5, 1..200), prefetch in 1_usize..5) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let (published, mut acknowledged) = runtime.block_on(async {
            let bus = Local::new();
            let mut subscription = bus.subscribe(operations(), prefetch).await.expect("local");
            let (mut published, mut acknowledged, mut held) = (0, Vec::new(), Vec::new());
            for step in steps {
                match step {
                    0 | 1 => {
                        bus.publish(operations(), message(published)).await.expect("local");
                        published += 1;
                    }
                    2 => {
                        if let Some(Some(delivery)) = futures::FutureExt::now_or_never(subscription.next()) {
                            held.push(delivery);
                            assert!(held.len() <= prefetch);
                        }
                    }
                    3 => {
                        if let Some(delivery) = held.pop() {
                            acknowledged.push(delivery.message.body.as_u64());
                            delivery.ack().await.expect("local");
                        }
                    }
                    _ => {
                        held.pop();
                    }
                }
            }
            held.clear();
            while let Some(Some(delivery)) = futures::FutureExt::now_or_never(subscription.next()) {
                acknowledged.push(delivery.message.body.as_u64());
                delivery.ack().await.expect("local");
            }
            (published as u64, acknowledged)
        });
        acknowledged.sort_unstable();
        prop_assert_eq!(acknowledged, (0..published).map(Some).collect::<Vec<_>>());
    }
}
