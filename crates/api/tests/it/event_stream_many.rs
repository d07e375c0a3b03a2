//! `GET /events/stream` with many listeners while much happens: each is told everything once and in order, also after a
//! break; who does not read is told little and then to load anew.

use axum::http::Method;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::event_stream::{Stream, deploy, on_both};
use crate::harness::{ADMIN, As, Fresh, SMALL};

const USERS: usize = 10;
const STREAMS: usize = 20;
const EVENTS: usize = 200;

fn name(user: usize) -> String {
    format!("user{user}")
}

/// Tells events of an execution: numbers from `from` on, each with so much beside it.
async fn tell(fresh: &Fresh, execution: &str, from: usize, count: usize, text: &str) {
    let log = |number: usize| {
        let message = format!("{number} {text}");
        json!({"logger": "test", "level": "info", "message": {"text": message}, "context": {}})
    };
    let logs: Vec<Value> = (from..from + count).map(log).collect();
    fresh.post("/events", json!({"execution_id": execution, "logs": logs})).await.expect(201);
}

/// The number of the next event.
async fn number(stream: &mut Stream) -> (usize, String) {
    let told = stream.until(|told| told.event == "events").await;
    let message = told.data["message"].as_str().unwrap();
    (message.split(' ').next().unwrap().parse().unwrap(), told.id)
}

/// Reads until the last event; `breaks` at one of them and comes back. Gives the numbers in the order of their coming.
async fn listen(fresh: &Fresh, user: &As<'_>, path: &str, mut stream: Stream, breaks: Option<usize>) -> Vec<usize> {
    let mut numbers = Vec::new();
    loop {
        let (number, id) = number(&mut stream).await;
        numbers.push(number);
        if number + 1 == EVENTS {
            return numbers;
        }
        if Some(number) == breaks {
            drop(stream);
            let mut request = Fresh::request(user, Method::GET, path, None);
            request.headers_mut().insert("last-event-id", id.parse().unwrap());
            stream = Stream::of(fresh, request).await;
            assert_eq!(stream.next().await.unwrap().event, "ready");
        }
    }
}

#[tokio::test]
async fn two_hundred_listeners_are_told_everything_once_and_in_order() {
    on_both(async |fresh| {
        fresh.upload("bp", SMALL).await.expect(201);
        deploy(&fresh, &ADMIN, "d", "tenant").await;
        let list = fresh.get("/executions?deployment_id=d").await.expect(200);
        let execution = list["items"][0]["id"].as_str().unwrap();
        let path = format!("topics=events&execution_id={execution}");
        let names: Vec<String> = (0..USERS).map(name).collect();
        let mut listening = Vec::new();
        for user in &names {
            fresh.user(user, "user").await;
            let user = As { user, password: "secret", tenant: Some("default_tenant") };
            for place in 0..STREAMS {
                let stream = Stream::open(&fresh, &user, &path).await;
                let breaks = (place % 5 == 0).then_some(8 * place + 3);
                let path = format!("/events/stream?{path}");
                let fresh = &fresh;
                listening.push(async move { listen(fresh, &user, &path, stream, breaks).await });
            }
        }
        let mut lazy = Stream::open(&fresh, &ADMIN, &path).await;
        let telling = async {
            for from in (0..EVENTS).step_by(25) {
                tell(&fresh, execution, from, 25, "").await;
            }
        };
        let (heard, ()) = tokio::join!(join_all(listening), telling);
        assert_eq!(heard.len(), USERS * STREAMS);
        let expected: Vec<usize> = (0..EVENTS).collect();
        assert!(heard.iter().all(|numbers| *numbers == expected));

        // More than the manager keeps for all of them together.
        let mut diligent = Stream::open(&fresh, &ADMIN, &path).await;
        let (large, many) = ("x".repeat(15_000), 600);
        for from in (EVENTS..EVENTS + many).step_by(20) {
            tell(&fresh, execution, from, 20, &large).await;
            // What is told reaches a listener who reads, however slow the machine.
            for expected in from..from + 20 {
                assert_eq!(number(&mut diligent).await.0, expected);
            }
        }
        let mut read = 0;
        // It is told to load anew, or was cut off.
        while lazy.next().await.is_some_and(|told| told.event != "reset") {
            read += 1;
        }
        assert!(read < EVENTS + many / 2, "{read} changes were kept for who did not read");
    })
    .await;
}
