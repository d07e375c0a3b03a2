//! What those are told who follow changes (`GET /events/stream`): the last notices, kept once for all of them.
//!
//! Invariant: a stream holds nothing but its place among the notices, so that a slow one costs nothing. Whoever falls
//! behind what is kept, or comes back from another process, is told to load anew (`reset`). Notices are kept as long
//! as somebody listens and a minute after; with nobody there, nothing is read (`poll.rs`).

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nephele_model::{Error, Permission, Result, Visibility};
use nephele_store::Scope;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::crypto;

/// Notices that are kept, and their bytes.
const KEPT: usize = 5_000;
const KEPT_BYTES: usize = 8 << 20;
/// Bytes that a stream is given at once, if that is more than one notice: so much, a few times over, is all that a
/// client who reads slowly makes the manager hold.
const TAKEN_BYTES: usize = 64 << 10;
/// Streams of one user, and of all.
const OF_USER: usize = 20;
const OF_ALL: usize = 500;
/// How long notices are kept after the last stream went.
const LINGER: Duration = Duration::from_mins(1);

/// What a stream may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Deployments.
    Deployments,
    /// Executions, and how far they have come.
    Executions,
    /// Node instances.
    NodeInstances,
    /// Events and logs.
    Events,
    /// The manager itself.
    System,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 5] = [Self::Deployments, Self::Executions, Self::NodeInstances, Self::Events, Self::System];
    /// Their names, for documents.
    pub const NAMES: &'static [&'static str] = &["deployments", "executions", "node-instances", "events", "system"];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Who may hear of it.
    pub(super) const fn permission(self) -> Permission {
        match self {
            Self::Deployments => Permission::DeploymentList,
            Self::Executions => Permission::ExecutionList,
            Self::NodeInstances => Permission::NodeInstanceList,
            Self::Events => Permission::EventList,
            Self::System => Permission::StatusGet,
        }
    }
}

/// One change.
pub(super) struct Notice {
    pub(super) topic: Topic,
    /// Tenant, creator and visibility of what changed; `None` for what belongs to nobody.
    pub(super) owner: Option<Owner>,
    pub(super) execution: Option<String>,
    pub(super) deployment: Option<String>,
    /// JSON for whoever sees it.
    pub(super) data: String,
    /// JSON for those who administer the tenant, where they may know more.
    pub(super) in_full: Option<String>,
}

/// Whose something is.
#[derive(Clone, Copy)]
pub(super) struct Owner {
    pub(super) tenant_id: i64,
    pub(super) creator_id: i64,
    pub(super) visibility: Visibility,
}

impl Notice {
    fn bytes(&self) -> usize {
        self.data.len() + self.in_full.as_ref().map_or(0, String::len)
    }

    pub(super) fn is_seen_by(&self, scope: &Scope) -> bool {
        self.owner.is_none_or(|owner| scope.sees(owner.visibility, owner.tenant_id, owner.creator_id))
    }
}

/// The notices, and who listens.
pub(crate) struct Feed {
    kept: Mutex<Kept>,
    /// The number of the next notice.
    told: watch::Sender<u64>,
    /// Held while reading begins: whoever listens meanwhile waits, so that nothing slips in between.
    pub(super) beginning: tokio::sync::Mutex<()>,
    closing: CancellationToken,
}

struct Kept {
    /// Tells the numbers of one time of keeping from those of others.
    era: String,
    notices: VecDeque<Arc<Notice>>,
    bytes: usize,
    /// The number of the next notice.
    next: u64,
    streams: HashMap<i64, usize>,
    /// Whether somebody reads what changes.
    is_read: bool,
    left_at: Instant,
}

impl Default for Feed {
    fn default() -> Self {
        let kept = Kept {
            era: String::new(),
            notices: VecDeque::new(),
            bytes: 0,
            next: 0,
            streams: HashMap::new(),
            is_read: false,
            left_at: Instant::now(),
        };
        Self {
            kept: Mutex::new(kept),
            told: watch::channel(0).0,
            beginning: tokio::sync::Mutex::default(),
            closing: CancellationToken::new(),
        }
    }
}

/// A stream's seat; given back once, when it is dropped at the latest.
pub(super) struct Seat {
    feed: Arc<Feed>,
    user: i64,
    is_taken: AtomicBool,
}

impl Seat {
    pub(super) fn give_back(&self) {
        if !self.is_taken.swap(false, Ordering::SeqCst) {
            return;
        }
        let mut kept = self.feed.lock();
        if let Some(count) = kept.streams.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                kept.streams.remove(&self.user);
            }
        }
        kept.left_at = Instant::now();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Where a stream stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) era: String,
    pub(super) next: u64,
}

impl Place {
    /// The id of the last notice that was told from here.
    pub(super) fn id(&self) -> String {
        format!("{}-{}", self.era, self.next)
    }

    fn parse(id: &str) -> Option<Self> {
        let (era, next) = id.split_once('-')?;
        Some(Self { era: era.to_owned(), next: next.parse().ok()? })
    }
}

impl Feed {
    /// Lets a user listen. The second tells whether nobody reads what changes yet: then the caller must see to it.
    pub(super) fn sit(self: &Arc<Self>, user: i64) -> Result<(Seat, bool)> {
        let mut kept = self.lock();
        let all: usize = kept.streams.values().sum();
        let own = kept.streams.entry(user).or_default();
        if *own >= OF_USER || all >= OF_ALL {
            return Err(Error::conflict(format!(
                "{OF_USER} streams of a user and {OF_ALL} of all may be open; close one before another is opened"
            )));
        }
        *own += 1;
        let is_first = !kept.is_read;
        if is_first {
            kept.is_read = true;
            kept.era = crypto::random_text(8);
            kept.notices.clear();
            (kept.bytes, kept.next) = (0, 0);
        }
        drop(kept);
        Ok((Seat { feed: Arc::clone(self), user, is_taken: AtomicBool::new(true) }, is_first))
    }

    /// The present place, or the one behind the notice with this id; the second tells whether that one is lost.
    pub(super) fn place(&self, last_id: Option<&str>) -> (Place, bool) {
        let kept = self.lock();
        let present = Place { era: kept.era.clone(), next: kept.next };
        let Some(last) = last_id else { return (present, false) };
        match Place::parse(last).filter(|place| kept.holds(place)) {
            Some(place) => (place, false),
            None => (present, true),
        }
    }

    /// The next notices from a place, not more than `most` and not too many bytes; `None` if it is lost.
    pub(super) fn from(&self, place: &Place, most: usize) -> Option<Vec<Arc<Notice>>> {
        let kept = self.lock();
        if !kept.holds(place) {
            return None;
        }
        let behind = usize::try_from(kept.next - place.next).unwrap_or(usize::MAX);
        let first = kept.notices.len().saturating_sub(behind);
        let mut bytes = 0;
        let mut fits = |notice: &&Arc<Notice>| {
            let is_first = bytes == 0;
            bytes += notice.bytes();
            is_first || bytes <= TAKEN_BYTES
        };
        Some(kept.notices.iter().skip(first).take(most).take_while(&mut fits).cloned().collect())
    }

    pub(super) fn tell(&self, notices: Vec<Notice>) {
        if notices.is_empty() {
            return;
        }
        let mut kept = self.lock();
        for notice in notices {
            kept.bytes += notice.bytes();
            kept.notices.push_back(Arc::new(notice));
            kept.next += 1;
        }
        while kept.notices.len() > KEPT || kept.bytes > KEPT_BYTES {
            let Some(oldest) = kept.notices.pop_front() else { break };
            kept.bytes -= oldest.bytes();
        }
        let next = kept.next;
        drop(kept);
        self.told.send_replace(next);
    }

    /// Too much happened to be told one by one: everyone is to load anew.
    pub(super) fn begin_anew(&self) {
        let mut kept = self.lock();
        kept.era = crypto::random_text(8);
        kept.notices.clear();
        kept.bytes = 0;
        drop(kept);
        self.told.send_modify(|_| {});
    }

    /// Whether reading may end, for nobody has listened for a while. Then the next who listens begins it anew.
    pub(super) fn may_rest(&self) -> bool {
        let mut kept = self.lock();
        let rests = kept.streams.is_empty() && kept.left_at.elapsed() > LINGER;
        if rests {
            kept.is_read = false;
            kept.notices.clear();
            kept.bytes = 0;
        }
        rests
    }

    /// Reading could not be begun.
    pub(super) fn is_not_read(&self) {
        self.lock().is_read = false;
    }

    pub(super) fn listen(&self) -> watch::Receiver<u64> {
        self.told.subscribe()
    }

    pub(super) const fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Whether everything from this place on is kept.
    fn holds(&self, place: &Place) -> bool {
        place.era == self.era && place.next <= self.next && self.next - place.next <= self.notices.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(data: &str) -> Notice {
        Notice {
            topic: Topic::System,
            owner: None,
            execution: None,
            deployment: None,
            data: data.to_owned(),
            in_full: None,
        }
    }

    #[test]
    fn who_falls_behind_is_lost_and_who_comes_back_in_time_is_not() -> Result<()> {
        let feed = Arc::new(Feed::default());
        let (_seat, is_first) = feed.sit(1)?;
        assert!(is_first);
        let (start, _) = feed.place(None);
        feed.tell(vec![notice("a"), notice("b")]);
        let found = feed.from(&start, 10).ok_or_else(|| Error::internal("it is kept"))?;
        assert_eq!(found.iter().map(|notice| notice.data.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        let after_a = Place { next: start.next + 1, ..start.clone() };
        assert_eq!(feed.place(Some(&after_a.id())), (after_a.clone(), false));
        assert_eq!(feed.from(&after_a, 10).map(|found| found.len()), Some(1));
        assert!(feed.place(Some("other-1")).1 && feed.place(Some("nonsense")).1);
        feed.tell((0..KEPT).map(|_| notice("x")).collect());
        assert!(feed.from(&start, 1).is_none());
        assert!(feed.place(Some(&after_a.id())).1);
        assert!(feed.lock().notices.len() <= KEPT);
        Ok(())
    }

    #[test]
    fn bytes_and_seats_are_bounded() -> Result<()> {
        let feed = Arc::new(Feed::default());
        let seats = (0..OF_USER).map(|_| feed.sit(1)).collect::<Result<Vec<_>>>()?;
        assert!(feed.sit(1).is_err());
        drop(feed.sit(2)?);
        drop(seats);
        drop(feed.sit(1)?);
        feed.tell((0..20).map(|_| notice(&"x".repeat(1 << 20))).collect());
        assert!(feed.lock().bytes <= KEPT_BYTES);
        let (mut place, _) = feed.place(None);
        place.next -= 3;
        assert_eq!(feed.from(&place, 10).map(|found| found.len()), Some(1), "the first one comes, however large");
        assert!(!feed.may_rest(), "they have just left");
        Ok(())
    }
}
