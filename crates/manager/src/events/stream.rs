//! `GET /events/stream`: what changes, as far as a caller may see it, as long as the caller listens.
//!
//! Invariant: each notice is judged by the rights that the caller has when it is told, not by those at the beginning:
//! the credentials are looked at again before anything is told (`auth` remembers them for 15 seconds at most). A
//! stream ends with its credentials, with the rights to one of its topics, and with the manager.

use std::sync::Arc;
use std::time::Duration;

use nephele_model::Result;
use nephele_model::id::TenantName;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::feed::{Feed, Notice, Place, Seat, Topic};
use crate::auth::Credentials;
use crate::{Ctx, Manager};

/// After so long without news, that is told.
const QUIET: Duration = Duration::from_secs(15);
/// Notices that are told at once.
const BATCH: usize = 200;

/// What a caller wants to hear of.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Topics; every one that the caller may hear of when there are none.
    pub topics: Vec<Topic>,
    /// Of executions and events only those of this execution.
    pub execution: Option<String>,
    /// Only what belongs to this deployment.
    pub deployment: Option<String>,
    /// The id that was told last to a caller who comes back.
    pub last_id: Option<String>,
}

/// What is told next.
#[derive(Debug)]
pub enum News {
    /// The stream begins, behind this id.
    Ready(String),
    /// Something may be missing: load anew what is shown. What comes is behind this id.
    Reset(String),
    /// Changes.
    Told(Vec<Told>),
    /// Nothing the caller wants to hear of happened, up to this id.
    Quiet(String),
}

/// One change.
#[derive(Debug)]
pub struct Told {
    /// Its id.
    pub id: String,
    /// What it is about.
    pub topic: Topic,
    /// JSON.
    pub data: String,
}

/// Someone who follows changes.
pub struct Changes {
    manager: Arc<Manager>,
    credentials: Credentials,
    tenant: TenantName,
    wanted: Wanted,
    place: Place,
    /// What the stream begins with.
    greeting: Option<News>,
    told: watch::Receiver<u64>,
    seat: Arc<Seat>,
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.seat.give_back();
    }
}

/// Gives the seat of a stream back when it is dropped, whoever still holds the stream.
struct Leaving(Arc<Seat>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

impl Manager {
    /// Follows what changes in the tenant of the request.
    ///
    /// Errors: `forbidden_error` for a topic that the caller may not hear of, `conflict_error` for too many streams.
    pub async fn follow_changes(
        self: &Arc<Self>,
        ctx: &Ctx,
        credentials: Credentials,
        mut wanted: Wanted,
    ) -> Result<Changes> {
        let tenant = ctx.tenant()?.clone();
        if wanted.topics.is_empty() {
            wanted.topics = Topic::ALL.into_iter().filter(|topic| ctx.may(topic.permission())).collect();
        }
        if wanted.topics.is_empty() {
            ctx.demand(Topic::Events.permission())?;
        }
        for topic in &wanted.topics {
            ctx.demand(topic.permission())?;
        }
        let seat = self.listen(ctx.user_id).await?;
        let told = self.feed.listen();
        let (place, is_lost) = self.feed.place(wanted.last_id.as_deref());
        let greeting = Some(if is_lost { News::Reset(place.id()) } else { News::Ready(place.id()) });
        Ok(Changes { manager: self.clone(), credentials, tenant, wanted, place, greeting, told, seat: Arc::new(seat) })
    }

    /// A seat; the first has changes read.
    async fn listen(self: &Arc<Self>, user: i64) -> Result<Seat> {
        let _beginning = self.feed.beginning.lock().await;
        let (seat, is_first) = Feed::sit(&self.feed, user)?;
        if is_first {
            let reading = self.begin_reading().await.inspect_err(|_| self.feed.is_not_read())?;
            tokio::spawn(self.clone().read_changes(reading));
        }
        Ok(seat)
    }

    /// Ends all streams, for the manager ends.
    pub fn end_streams(&self) {
        self.feed.closing().cancel();
    }
}

impl Changes {
    /// What the client holds: when that is dropped, the seat is free for the next stream at once.
    pub fn leaving(&self) -> impl Send + Sync + use<> {
        Leaving(Arc::clone(&self.seat))
    }

    /// What is told next; waits until there is something. `None` when the stream ends.
    pub async fn next(&mut self) -> Option<News> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        let closing = self.manager.feed.closing().clone();
        let quiet_at = Instant::now() + QUIET;
        loop {
            self.told.borrow_and_update();
            let Some(notices) = self.manager.feed.from(&self.place, BATCH) else {
                self.rights().await?;
                self.place = self.manager.feed.place(None).0;
                return Some(News::Reset(self.place.id()));
            };
            if !notices.is_empty() {
                let told = self.sift(&notices).await?;
                if !told.is_empty() {
                    return Some(News::Told(told));
                }
                continue;
            }
            tokio::select! {
                () = closing.cancelled() => return None,
                changed = self.told.changed() => changed.ok()?,
                () = sleep_until(quiet_at) => {
                    self.rights().await?;
                    return Some(News::Quiet(self.place.id()));
                }
            }
        }
    }

    /// Passes over notices and gives those that the caller wants and may hear of; `None` when the rights are gone.
    async fn sift(&mut self, notices: &[Arc<Notice>]) -> Option<Vec<Told>> {
        let ctx = self.rights().await?;
        let scope = self.manager.scope(&ctx, false).await.ok()?;
        let mut told = Vec::new();
        for notice in notices {
            self.place.next += 1;
            if self.wanted.wants(notice) && notice.is_seen_by(&scope) {
                let full = notice.in_full.as_ref().filter(|_| scope.is_administrator);
                let data = full.unwrap_or(&notice.data).clone();
                told.push(Told { id: self.place.id(), topic: notice.topic, data });
            }
        }
        Some(told)
    }

    /// The caller as of now, if still let in and allowed every topic.
    async fn rights(&self) -> Option<Ctx> {
        let found = self.manager.authenticate(&self.credentials, Some(&self.tenant), String::new()).await;
        found.ok().filter(|ctx| self.wanted.topics.iter().all(|topic| ctx.may(topic.permission())))
    }
}

impl Wanted {
    fn wants(&self, notice: &Notice) -> bool {
        let is_of = |wanted: &Option<String>, of: &Option<String>| wanted.is_none() || wanted == of;
        let of_run = matches!(notice.topic, Topic::Executions | Topic::Events);
        self.topics.contains(&notice.topic)
            && (!of_run || is_of(&self.execution, &notice.execution))
            && (notice.topic == Topic::System || is_of(&self.deployment, &notice.deployment))
    }
}
