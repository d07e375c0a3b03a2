//! Asking a directory: is the password right, who is it, in which groups.
//!
//! Invariant: an empty password asks nothing, since directories take it for no login at all; names
//! from outside are escaped wherever they go into a name or a filter; nothing waits longer than the
//! set time.

use std::collections::BTreeSet;
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchEntry, dn_escape, ldap_escape};
use nephele_model::id::Username;
use nephele_model::{Error, Result, Secret};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::directory::Directory;
use super::external::Person;
use crate::Manager;

/// The directory's word for a wrong name or password.
const INVALID_CREDENTIALS: u32 = 49;
/// Groups are followed no further than this.
const MOST_LEVELS: u64 = 20;

impl Manager {
    /// The person whose name and password the directory takes.
    pub(super) async fn by_directory(&self, username: &Username, password: &Secret) -> Result<Person> {
        let directory = self.directory().await?;
        let found = directory.log_in(username.as_str(), password.expose()).await;
        found.map_err(|failure| failure.into_error(username.as_str(), &directory.server))
    }
}

/// Why somebody was not found.
enum Failure {
    /// The directory does not take the name or the password.
    Refused,
    /// The directory did not answer, or not as it should.
    Unreachable(String),
}

impl Failure {
    fn into_error(self, username: &str, server: &str) -> Error {
        match self {
            Self::Refused => Error::unauthorized(format!(
                "Authentication failed for <User username=`{username}`>. Wrong credentials or locked account"
            )),
            Self::Unreachable(cause) => {
                tracing::warn!(server, cause, "the directory does not answer");
                Error::unauthorized(format!("The LDAP server {server} cannot be asked at the moment"))
            }
        }
    }
}

impl From<LdapError> for Failure {
    fn from(error: LdapError) -> Self {
        match error {
            LdapError::LdapResult { result } if result.rc == INVALID_CREDENTIALS => Self::Refused,
            other => Self::Unreachable(other.to_string()),
        }
    }
}

impl Directory {
    /// Logs in as the user that looks for others, if there is one.
    pub(super) async fn try_out(&self) -> Result<()> {
        let Some((username, password)) = &self.service else { return Ok(()) };
        let tried = async {
            let mut ldap = self.connect().await?;
            self.bind(&mut ldap, username, password.expose()).await?;
            drop(ldap.unbind().await);
            Ok::<_, Failure>(())
        };
        tried.await.map_err(|failure| {
            Error::bad_parameters(match failure {
                Failure::Refused => "Failed setting LDAP authenticator: Invalid parameters provided.".to_owned(),
                Failure::Unreachable(_) => {
                    format!("Failed setting LDAP: Unable to connect to LDAP Server {}", self.server)
                }
            })
        })
    }

    async fn log_in(&self, username: &str, password: &str) -> Result<Person, Failure> {
        if username.is_empty() || password.is_empty() {
            return Err(Failure::Refused);
        }
        let mut ldap = self.connect().await?;
        let entry = match &self.service {
            None => {
                self.bind(&mut ldap, username, password).await?;
                self.find(&mut ldap, username).await?
            }
            Some((service, secret)) => {
                self.bind(&mut ldap, service, secret.expose()).await?;
                let entry = self.find(&mut ldap, username).await?;
                let mut own = self.connect().await?;
                own.simple_bind(&entry.dn, password).await?.success()?;
                drop(own.unbind().await);
                entry
            }
        };
        let groups = self.groups(&mut ldap, &entry).await?;
        drop(ldap.unbind().await);
        let attribute = |name: &str| attribute(&entry, name).first().cloned();
        Ok(Person {
            username: attribute(&self.uid).unwrap_or_else(|| username.to_owned()),
            email: attribute(&self.email),
            first_name: attribute(&self.first_name),
            last_name: attribute(&self.last_name),
            groups,
        })
    }

    async fn connect(&self) -> Result<Ldap, Failure> {
        let time = Duration::from_secs(self.timeout.max(1));
        let mut settings = LdapConnSettings::new().set_conn_timeout(time);
        if let Some(authority) = &self.authority {
            let config = trusting(authority).map_err(|error| Failure::Unreachable(error.message().to_owned()))?;
            settings = settings.set_config(std::sync::Arc::new(config));
        }
        let (connection, mut ldap) = LdapConnAsync::with_settings(settings, &self.server).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "the connection to the directory ended");
            }
        });
        ldap.with_timeout(time);
        Ok(ldap)
    }

    async fn bind(&self, ldap: &mut Ldap, username: &str, password: &str) -> Result<(), Failure> {
        // A name that is a place in the directory is taken as it is.
        let name = if username.contains('=') {
            username.to_owned()
        } else {
            self.fill(&self.bind_format, &dn_escape(username))
        };
        ldap.simple_bind(&name, password).await?.success()?;
        Ok(())
    }

    async fn find(&self, ldap: &mut Ldap, username: &str) -> Result<SearchEntry, Failure> {
        let filter = self.fill(&self.user_filter, &ldap_escape(username));
        let attributes = vec![&self.email, &self.first_name, &self.last_name, &self.uid, &self.membership];
        let (found, _) = ldap.search(&self.base_dn, Scope::Subtree, &filter, attributes).await?.success()?;
        let mut entries = found.into_iter().map(SearchEntry::construct);
        match (entries.next(), entries.next()) {
            (Some(entry), None) => Ok(entry),
            // Nobody, or not clear who.
            _ => Err(Failure::Refused),
        }
    }

    /// The groups that the user is in, and those that these are in, as far as they are followed.
    async fn groups(&self, ldap: &mut Ldap, user: &SearchEntry) -> Result<Vec<String>, Failure> {
        let mut known: BTreeSet<String> = attribute(user, &self.membership).into_iter().collect();
        let mut next: Vec<String> = known.iter().cloned().collect();
        next.push(user.dn.clone());
        for _ in 0..self.levels.clamp(1, MOST_LEVELS) {
            let mut found = Vec::new();
            for member in std::mem::take(&mut next) {
                let filter = self.member_filter.replace("{object_dn}", &ldap_escape(member.as_str()));
                let (groups, _) = ldap.search(&self.group_dn, Scope::Subtree, &filter, vec!["1.1"]).await?.success()?;
                found.extend(groups.into_iter().map(|group| SearchEntry::construct(group).dn));
            }
            next = found.into_iter().filter(|group| known.insert(group.clone())).collect();
        }
        Ok(known.into_iter().collect())
    }

    /// Fills the words in braces in; the name is escaped already.
    fn fill(&self, format: &str, username: &str) -> String {
        format
            .replace("{domain}", &self.domain)
            .replace("{domain_dn}", &self.domain_dn)
            .replace("{base_dn}", &self.base_dn)
            .replace("{group_dn}", &self.group_dn)
            // Last, so that a name in braces stays a name.
            .replace("{username}", username)
    }
}

fn attribute(entry: &SearchEntry, name: &str) -> Vec<String> {
    let found = entry.attrs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, values)| values.clone()).unwrap_or_default()
}

/// TLS that trusts this authority alone.
fn trusting(authority: &str) -> Result<rustls::ClientConfig> {
    let unusable = |error: String| Error::bad_parameters(format!("The LDAP CA certificate cannot be used: {error}"));
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("it holds no certificate".to_owned()));
    }
    Ok(rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}
