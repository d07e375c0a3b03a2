//! Sessions over HTTP: from `initialize` until the client ends them, or until nobody has used them for long.
//!
//! Invariant: a session belongs to the caller who began it; for everybody else it is not there.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nephele_model::Secret;

/// How long a session lives that nobody uses.
const IDLE: Duration = Duration::from_hours(8);

/// How many there are at most; the one that was not used for longest goes first.
const MOST: usize = 1000;

struct Session {
    authorization: Secret,
    used: Instant,
}

#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<String, Session>>);

impl Sessions {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one and gives its id.
    pub(super) fn begin(&self, authorization: Secret) -> String {
        let mut all = self.all();
        all.retain(|_, session| session.used.elapsed() < IDLE);
        if all.len() >= MOST {
            let oldest = all.iter().min_by_key(|(_, session)| session.used).map(|(id, _)| id.clone());
            oldest.and_then(|id| all.remove(&id));
        }
        let id = uuid::Uuid::new_v4().to_string();
        all.insert(id.clone(), Session { authorization, used: Instant::now() });
        id
    }

    /// Whether this is a session of the caller; it is then used.
    pub(super) fn uses(&self, id: &str, authorization: &Secret) -> bool {
        let mut all = self.all();
        let found = all.get_mut(id).filter(|session| session.authorization == *authorization);
        let Some(session) = found.filter(|session| session.used.elapsed() < IDLE) else { return false };
        session.used = Instant::now();
        true
    }

    /// Ends a session of the caller, if there is one.
    pub(super) fn end(&self, id: &str, authorization: &Secret) -> bool {
        let is_own = self.uses(id, authorization);
        is_own && self.all().remove(id).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_belongs_to_who_began_it() {
        let (ours, theirs) = (Secret::new("Bearer a".to_owned()), Secret::new("Bearer b".to_owned()));
        let sessions = Sessions::default();
        let id = sessions.begin(ours.clone());
        assert!(sessions.uses(&id, &ours) && !sessions.uses(&id, &theirs) && !sessions.end(&id, &theirs));
        assert!(sessions.end(&id, &ours) && !sessions.uses(&id, &ours));
    }

    #[test]
    fn the_one_unused_for_longest_makes_room() {
        let caller = Secret::new("Bearer a".to_owned());
        let sessions = Sessions::default();
        let first = sessions.begin(caller.clone());
        let second = sessions.begin(caller.clone());
        assert!(sessions.uses(&first, &caller));
        for _ in 0..MOST - 1 {
            sessions.begin(caller.clone());
        }
        assert!(sessions.uses(&first, &caller) && !sessions.uses(&second, &caller));
    }
}
