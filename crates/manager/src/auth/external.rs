//! Logins that someone else vouches for: a directory (LDAP) or an identity provider (`OpenID` Connect).
//!
//! Invariant: whoever logs in from outside becomes a user of the same name with a password that nobody
//! knows, and the groups that stand for the outside ones; roles come from groups alone. With a
//! directory only the first administrator logs in with a password of ours (spec rest-api.md section 1.3).

use nephele_model::id::Username;
use nephele_model::{Code, Error, Result, Role, id};
use nephele_store::users::{self, User, UserChanges};
use nephele_store::{Db, groups};
use serde_json::Value;

use super::{Credentials, password};
use crate::rows::failed;
use crate::{Manager, crypto};

/// Which outside services are set up.
#[derive(Clone, Debug, Default)]
pub(crate) struct External {
    /// The directory's address.
    pub(crate) ldap_server: Option<String>,
    /// The identity provider's address.
    pub(crate) oidc_issuer: Option<String>,
}

/// What an outside service says of a user.
#[derive(Clone, Debug, Default)]
pub(crate) struct Person {
    pub(crate) username: String,
    pub(crate) email: Option<String>,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    /// Groups by their names in a directory, or by plain names.
    pub(crate) groups: Vec<String>,
}

impl External {
    /// Whether a directory has taken the place of our passwords.
    pub(crate) const fn replaces_passwords(&self) -> bool {
        self.ldap_server.is_some()
    }
}

impl Manager {
    /// `GET /idp`: `local`, or the services that vouch for users.
    pub async fn identity_provider(&self) -> Result<String> {
        let external = self.external().await?;
        let names = [external.ldap_server.map(|_| "ldap"), external.oidc_issuer.map(|_| "oidc")];
        let names: Vec<&str> = names.into_iter().flatten().collect();
        Ok(if names.is_empty() { "local".to_owned() } else { names.join(",") })
    }

    /// `GET /ldap`.
    pub async fn ldap_status(&self) -> Result<&'static str> {
        Ok(if self.external().await?.ldap_server.is_some() { "enabled" } else { "disabled" })
    }

    pub(crate) async fn external(&self) -> Result<External> {
        let mut external = External::default();
        if cfg!(feature = "ldap") {
            external.ldap_server = text(self.rest_setting("ldap_server").await?);
        }
        if cfg!(feature = "oidc") {
            external.oidc_issuer = text(self.rest_setting("oidc_issuer").await?);
        }
        Ok(external)
    }

    /// Refuses what a directory decides, as long as there is one.
    pub(crate) async fn demand_own_passwords(&self, action: &str) -> Result<()> {
        if self.external().await?.replaces_passwords() {
            let message = format!("Action `{action}` is not available when using external authentication");
            return Err(Error::new(Code::IllegalAction, message));
        }
        Ok(())
    }

    /// The user that an outside service vouches for; `None` when nothing was shown that one could.
    #[cfg_attr(not(any(feature = "ldap", feature = "oidc")), expect(clippy::unused_async, reason = "nobody to ask"))]
    pub(super) async fn by_external(&self, external: &External, credentials: &Credentials) -> Result<Option<User>> {
        #[cfg(feature = "oidc")]
        if let (Some(issuer), Some(token)) = (&external.oidc_issuer, &credentials.bearer) {
            let person = self.by_identity_token(issuer, token).await?;
            return self.welcome(person).await.map(Some);
        }
        #[cfg(feature = "ldap")]
        if let (Some(_), Some((username, password))) = (&external.ldap_server, &credentials.basic) {
            let person = self.by_directory(username, password).await?;
            return self.welcome(person).await.map(Some);
        }
        let _ = (external, credentials);
        Ok(None)
    }

    /// The user that a person from outside is, made at the first login, with the groups of today.
    #[cfg_attr(not(any(feature = "ldap", feature = "oidc")), expect(dead_code, reason = "nobody comes from outside"))]
    async fn welcome(&self, person: Person) -> Result<User> {
        id::check("username", &person.username, true).map_err(|problem| {
            Error::unauthorized(format!("the name from outside cannot be used: {}", problem.message()))
        })?;
        let nobody_knows = password::hash(nephele_model::Secret::new(crypto::random_text(40))).await?;
        let tx = self.begin_write().await?;
        tx.lock("users").await.map_err(failed)?;
        let username = Username::new(person.username.as_str());
        let user = match users::by_name(&tx, &username).await.map_err(failed)? {
            Some(user) if user.id == users::ADMIN_ID => {
                // The first administrator is ours alone, whatever names others give out.
                return Err(Error::unauthorized("The first administrator logs in with a password of this manager"));
            }
            Some(user) => user,
            None => {
                let key = users::insert(&tx, &username, &nobody_knows, Role::Default).await.map_err(failed)?;
                users::by_id(&tx, key).await.map_err(failed)?.ok_or_else(|| Error::not_found("User", &username))?
            }
        };
        let changes = UserChanges {
            email: Some(person.email),
            first_name: Some(person.first_name),
            last_name: Some(person.last_name),
            first_login_at: user.first_login_at.is_none().then(|| Some(self.clock.now())),
            last_login_at: Some(Some(self.clock.now())),
            ..UserChanges::default()
        };
        users::update(&tx, user.id, changes).await.map_err(failed)?;
        belong(&tx, &user, &person.groups).await?;
        tx.commit().await.map_err(failed)?;
        Ok(user)
    }
}

/// Puts a user into exactly those of our groups that stand for the given ones.
async fn belong(db: &dyn Db, user: &User, outside: &[String]) -> Result<()> {
    let mut wanted = Vec::new();
    for name in outside {
        let by_dn = groups::by_ldap_dn(db, name).await.map_err(failed)?;
        let found = match by_dn {
            Some(group) => Some(group),
            None => groups::by_name(db, name).await.map_err(failed)?,
        };
        wanted.extend(found);
    }
    let present = users::belongings(db, &[user.id]).await.map_err(failed)?;
    for own in present.iter().filter(|own| !wanted.iter().any(|group| group.name == own.group_name)) {
        if let Some(group) = groups::by_name(db, &own.group_name).await.map_err(failed)? {
            groups::remove_user(db, group.id, user.id).await.map_err(failed)?;
        }
    }
    for group in wanted {
        groups::add_user(db, group.id, user.id).await.map_err(failed)?;
    }
    Ok(())
}

/// A setting that holds some text.
pub(super) fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        _ => None,
    }
}
