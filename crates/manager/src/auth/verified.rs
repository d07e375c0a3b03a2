//! Credentials that were verified lately.
//!
//! Invariant: what was found is kept under a keyed hash of the credential, never with the credential
//! itself, and for 15 seconds at most, never beyond the end of a token. Changes to users, roles, tokens and executions in this process
//! forget what they touch at once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nephele_model::Timestamp;
use nephele_model::id::{ExecutionId, TenantName};
use sha2::{Digest, Sha256};

use super::Credentials;
use crate::{Ctx, crypto};

/// How long a verified credential is believed at most without another look.
const FRESH: Duration = Duration::from_secs(15);
/// Above this many entries the stale ones are thrown out.
const CROWDED: usize = 4096;

pub(crate) struct Verified {
    salt: String,
    fresh: Duration,
    entries: Mutex<HashMap<[u8; 32], Entry>>,
}

struct Entry {
    since: Instant,
    /// When the credential itself ends.
    until: Option<Timestamp>,
    /// The part of a token that is not secret.
    token: Option<String>,
    ctx: Ctx,
}

impl Verified {
    /// Believes for three quarters of the manager's lease at most: one that was silent for longer, whose runs others
    /// have taken over under new tokens, asks before it believes an old one.
    pub(crate) fn new(lease: Duration) -> Self {
        Self { salt: crypto::random_text(32), fresh: FRESH.min(lease * 3 / 4), entries: Mutex::default() }
    }

    pub(super) fn key(&self, credentials: &Credentials, tenant: Option<&TenantName>) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut add = |part: Option<&str>| {
            // Lengths keep the parts apart; an absent part differs from an empty one.
            hash.update(part.map_or(u64::MAX, |text| text.len() as u64).to_be_bytes());
            hash.update(part.unwrap_or_default());
        };
        add(Some(&self.salt));
        add(credentials.execution_token.as_ref().map(|token| token.expose().as_str()));
        add(credentials.token.as_ref().map(|token| token.expose().as_str()));
        add(credentials.bearer.as_ref().map(|token| token.expose().as_str()));
        add(credentials.basic.as_ref().map(|(user, _)| user.as_str()));
        add(credentials.basic.as_ref().map(|(_, password)| password.expose().as_str()));
        add(tenant.map(TenantName::as_str));
        hash.finalize().into()
    }

    pub(super) fn find(&self, key: &[u8; 32], now: Timestamp) -> Option<Ctx> {
        let entries = self.lock();
        let found = entries.get(key).filter(|entry| entry.since.elapsed() < self.fresh);
        found.filter(|entry| entry.until.is_none_or(|until| until > now)).map(|entry| entry.ctx.clone())
    }

    pub(super) fn keep(&self, key: [u8; 32], credentials: &Credentials, ctx: Ctx, until: Option<Timestamp>) {
        let token = credentials.token.as_ref().and_then(|token| token.expose().split('-').nth(1)).map(str::to_owned);
        let mut entries = self.lock();
        if entries.len() >= CROWDED {
            entries.retain(|_, entry| entry.since.elapsed() < self.fresh);
        }
        entries.insert(key, Entry { since: Instant::now(), until, token, ctx });
    }

    /// Forgets everything: users, roles or tenants changed.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    /// Forgets a token that was deleted.
    pub(crate) fn forget_token(&self, id: &str) {
        self.lock().retain(|_, entry| entry.token.as_deref() != Some(id));
    }

    /// Forgets the token of an execution whose status changed.
    pub(crate) fn forget_execution(&self, id: &ExecutionId) {
        let of_another = |entry: &Entry| entry.ctx.execution.as_ref().is_none_or(|execution| execution.id != *id);
        self.lock().retain(|_, entry| of_another(entry));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
