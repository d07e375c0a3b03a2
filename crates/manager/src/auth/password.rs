//! Logging in with a password: the check, the count of failures, and the lock that follows from it.
//!
//! Invariant: a locked or inactive user, a wrong password and a password that cannot be one are told
//! with one text, so that none of them can be told apart from outside. A locked user stays locked
//! whatever password comes (spec rest-api.md section 1.3 recommends it over the original's reading).

use nephele_model::{Error, Result, Secret, Timestamp};
use nephele_store::users::{self, User};

use crate::rows::failed;
use crate::{Manager, crypto};

/// The shortest and the longest password, in characters.
const PASSWORD: std::ops::RangeInclusive<usize> = 5..=256;
const MINUTE: i64 = 60_000_000;

/// When too many failures lock a user, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LockRule {
    /// Failures that are still forgiven.
    forgiven: i64,
    /// Negative: never.
    minutes: i64,
}

impl LockRule {
    /// Whether the user is locked at the instant.
    pub(crate) fn locks(self, user: &User, now: Timestamp) -> bool {
        let until = |failure: Timestamp| failure.plus_micros(self.minutes.saturating_mul(MINUTE));
        user.failed_logins_counter > self.forgiven
            && user.last_failed_login_at.is_some_and(|failure| until(failure) > now)
    }
}

impl Manager {
    pub(crate) async fn lock_rule(&self) -> Result<LockRule> {
        let forgiven = self.rest_setting("failed_logins_before_account_lock").await?.as_i64().unwrap_or(4);
        let minutes = self.rest_setting("account_lock_period").await?.as_i64().unwrap_or(-1);
        Ok(LockRule { forgiven, minutes })
    }

    /// The user, if the password is right and nothing stands against the login.
    pub(super) async fn by_password(&self, user: User, password: &Secret) -> Result<User> {
        let rule = self.lock_rule().await?;
        if rule.locks(&user, self.clock.now()) || !user.active {
            return Err(refused(&user));
        }
        if !matches(password, &user.password).await? {
            users::login_failed(&*self.store, user.id).await.map_err(failed)?;
            // A login that was verified lately must not outlive the lock.
            self.verified.forget();
            return Err(refused(&user));
        }
        users::login_succeeded(&*self.store, user.id).await.map_err(failed)?;
        Ok(user)
    }

    /// Refuses users who are locked or inactive, whatever they showed.
    pub(super) async fn demand_open(&self, user: User) -> Result<User> {
        if !user.active || self.lock_rule().await?.locks(&user, self.clock.now()) {
            return Err(refused(&user));
        }
        Ok(user)
    }
}

async fn matches(password: &Secret, stored: &str) -> Result<bool> {
    if length(password) > *PASSWORD.end() {
        return Ok(false);
    }
    let (password, stored) = (password.clone(), stored.to_owned());
    tokio::task::spawn_blocking(move || crypto::verify_password(password.expose(), &stored))
        .await
        .map_err(Error::internal)
}

fn length(password: &Secret) -> usize {
    password.expose().chars().count()
}

fn refused(user: &User) -> Error {
    Error::unauthorized(format!(
        "Authentication failed for <User username=`{}`>. Wrong credentials or locked account",
        user.username
    ))
}

/// The hash of a new password. Errors: `bad_parameters_error` for one that is too short or too long.
pub(crate) async fn hash(password: Secret) -> Result<String> {
    let length = length(&password);
    if length == 0 {
        return Err(Error::bad_parameters("The password is empty"));
    }
    if length > *PASSWORD.end() {
        return Err(Error::bad_parameters("The password is too long. Maximum allowed length is 256 characters"));
    }
    if length < *PASSWORD.start() {
        return Err(Error::bad_parameters("The password is too short. Minimum allowed length is 5 characters"));
    }
    tokio::task::spawn_blocking(move || crypto::hash_password(password.expose())).await.map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use nephele_model::Role;

    use super::*;

    #[test]
    fn failures_lock_for_a_while() {
        let mut user = User {
            id: 1,
            username: "ann".into(),
            password: String::new(),
            system_role: Role::Default,
            active: true,
            created_at: Timestamp::from_micros(0),
            first_login_at: None,
            last_login_at: None,
            last_failed_login_at: Some(Timestamp::from_micros(0)),
            failed_logins_counter: 5,
            show_getting_started: true,
        };
        let rule = |minutes| LockRule { forgiven: 4, minutes };
        let at = |minutes| Timestamp::from_micros(minutes * MINUTE);
        assert!(rule(10).locks(&user, at(9)));
        assert!(!rule(10).locks(&user, at(10)));
        assert!(!rule(-1).locks(&user, at(0)));
        user.failed_logins_counter = 4;
        assert!(!rule(10).locks(&user, at(9)));
    }
}
