//! `GET /events/stream`: changes as Server-Sent Events. Each has an id, its topic as its type, and JSON as its data.
//!
//! Invariant: nothing is kept for a client who reads slowly but the few pieces that are on their way. Whoever takes
//! nothing for [`PATIENCE`] is cut off, and comes back with the last id that was read.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::IntoResponse as _;
use futures::{Stream, StreamExt as _, stream};
use nephele_manager::{News, Topic, WantedChanges};
use nephele_model::{Error, Result};
use tokio::sync::mpsc;

use crate::App;
use crate::auth::{self, Caller};
use crate::declared::Shape;
use crate::error::Answer;
use crate::query::{FromQuery, Pairs, Query};

/// Milliseconds after which a client that lost its connection comes back.
const RETRY: &str = "retry: 2000\n";
/// How long a piece may wait for a client to take it.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) async fn stream(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Query(Wanted(mut wanted)): Query<Wanted>,
) -> Answer {
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
    wanted.last_id = last.or(wanted.last_id);
    let changes = app.manager.follow_changes(caller.ctx(), auth::credentials(&headers)?, wanted).await?;
    let leaving = changes.leaving();
    let pieces = stream::unfold(changes, |mut changes| async move { Some((text(&changes.next().await?), changes)) });
    let (sender, mut receiver) = mpsc::channel(1);
    tokio::spawn(forward(pieces, sender, PATIENCE));
    let taken = stream::poll_fn(move |context| {
        let _held = &leaving;
        receiver.poll_recv(context)
    })
    .map(Ok::<_, Infallible>);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, Body::from_stream(taken)).into_response())
}

/// Passes pieces on until they end, their receiver goes, or it takes none for too long.
async fn forward(pieces: impl Stream<Item = String>, sender: mpsc::Sender<String>, patience: Duration) {
    let mut pieces = pin!(pieces);
    loop {
        let piece = tokio::select! {
            piece = pieces.next() => piece,
            () = sender.closed() => None,
        };
        let Some(piece) = piece else { return };
        if sender.send_timeout(piece, patience).await.is_err() {
            return;
        }
    }
}

/// News in the form of the protocol. An id without data is noted by clients and told to nobody.
fn text(news: &News) -> String {
    match news {
        News::Ready(id) => format!("{RETRY}id: {id}\nevent: ready\ndata: {{}}\n\n"),
        News::Reset(id) => format!("{RETRY}id: {id}\nevent: reset\ndata: {{}}\n\n"),
        News::Quiet(id) => format!(": nothing happened\nid: {id}\n\n"),
        News::Told(told) => {
            let mut text = String::new();
            for one in told {
                // JSON holds no line break of its own.
                let _ = write!(text, "id: {}\nevent: {}\ndata: {}\n\n", one.id, one.topic.as_str(), one.data);
            }
            text
        }
    }
}

/// What the client wants to hear of.
pub(crate) struct Wanted(WantedChanges);

impl FromQuery for Wanted {
    fn read(query: &Pairs) -> Result<Self> {
        let lists = query.all_as("topics", Shape::Fields);
        let id = |key: &str| query.filled(key).map(str::to_owned);
        let (execution, deployment) = (id("execution_id"), id("deployment_id"));
        let last_id = id("last_event_id");
        let names = lists.iter().flat_map(|list| list.split(',')).map(str::trim).filter(|name| !name.is_empty());
        let topics = names.map(topic).collect::<Result<Vec<_>>>()?;
        Ok(Self(WantedChanges { topics, execution, deployment, last_id }))
    }
}

fn topic(name: &str) -> Result<Topic> {
    Topic::ALL.into_iter().find(|topic| topic.as_str() == name).ok_or_else(|| {
        Error::bad_parameters(format!("`{name}` is not a topic; topics are {}", Topic::NAMES.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use nephele_manager::ToldChange;

    use super::*;

    #[tokio::test]
    async fn who_takes_nothing_for_too_long_is_cut_off() {
        let endless = || stream::iter(0..).map(|number: u32| number.to_string());
        let (sender, mut receiver) = mpsc::channel(1);
        let forwarding = tokio::spawn(forward(endless(), sender, Duration::from_millis(100)));
        for number in 0..100 {
            assert_eq!(receiver.recv().await, Some(number.to_string()));
        }
        assert!(forwarding.await.is_ok());
        let mut left = 0;
        while receiver.recv().await.is_some() {
            left += 1;
        }
        assert_eq!(left, 1, "what was on its way is still read");

        // A client who goes is noticed even if there is nothing to tell.
        let (sender, receiver) = mpsc::channel(1);
        let forwarding = tokio::spawn(forward(stream::pending(), sender, PATIENCE));
        drop(receiver);
        assert!(forwarding.await.is_ok());
    }

    #[test]
    fn news_read_as_the_protocol_says() {
        let told = |id: &str, data: &str| ToldChange { id: id.into(), topic: Topic::NodeInstances, data: data.into() };
        let both = text(&News::Told(vec![told("a-1", "{}"), told("a-2", "[1]")]));
        assert_eq!(both, "id: a-1\nevent: node-instances\ndata: {}\n\nid: a-2\nevent: node-instances\ndata: [1]\n\n");
        assert_eq!(text(&News::Quiet("a-2".into())), ": nothing happened\nid: a-2\n\n");
        assert!(text(&News::Reset("b-0".into())).contains("id: b-0\nevent: reset\n"));
    }
}
