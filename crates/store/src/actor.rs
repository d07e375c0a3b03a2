//! Who writes, for the audit log.
//!
//! Invariant: whoever serves a request or runs an execution does so inside [`Actor::act`]; every
//! write of that task then carries the actor to the triggers of `audit`. Work outside of it is the
//! manager's own and is logged without a name.

tokio::task_local! {
    static PRESENT: Actor;
}

/// On whose behalf rows are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actor {
    /// The user's name.
    pub username: Option<String>,
    /// The execution that writes, or whose token was shown.
    pub execution_id: Option<String>,
    /// By which right it writes, where another process may have taken that over.
    pub lease: Option<Lease>,
}

/// What a process has to itself as long as it is seen to live. On PostgreSQL, where there may be others, whatever is
/// written under a lease is refused once it has ended ([`crate::Error::Fenced`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The process.
    pub process: i64,
    /// The row of the execution that it runs; none for what one process does for all.
    pub execution_fk: Option<i64>,
}

impl Actor {
    /// Does `work` on behalf of this actor.
    pub async fn act<F: Future>(self, work: F) -> F::Output {
        PRESENT.scope(self, work).await
    }

    /// The actor on whose behalf this task works.
    pub fn present() -> Self {
        PRESENT.try_with(Clone::clone).unwrap_or_default()
    }
}
