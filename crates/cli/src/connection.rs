//! Where the manager is and as whom it is asked: what was said, else the active profile, else this machine's own.
//!
//! Invariant: the first password and the authority in the data directory are used for a manager on
//! this machine only; they never leave it.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use nephele_client::{Client, Credentials, Endpoint, Trust};
use nephele_model::Secret;
use nephele_model::id::TenantName;

use crate::profile::{Profile, Profiles};
use crate::settings::Settings;

const DEFAULT_URL: &str = "http://127.0.0.1:8080";
const DEFAULT_TENANT: &str = "default_tenant";

/// How long a manager of a cluster may take to be taken for alive.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client of the manager that is meant. Nothing is sent yet.
pub(crate) fn client(settings: &Settings) -> anyhow::Result<Client> {
    match meant(settings)? {
        Some((profile, profiles)) => through(&profile, &profiles, settings),
        None => direct(settings),
    }
}

/// The same for nobody: whoever has it asks as somebody else.
pub(crate) fn of_nobody(settings: &Settings) -> anyhow::Result<Client> {
    let (endpoint, tenant) = match meant(settings)? {
        Some((profile, profiles)) => place(&profile, &profiles, settings)?,
        None => direct_place(settings),
    };
    Ok(Client::new(&endpoint, Credentials::None, Some(tenant))?)
}

/// The profile of the manager that is meant; none for a manager without one.
fn meant(settings: &Settings) -> anyhow::Result<Option<(Profile, Profiles)>> {
    if settings.is_explicit {
        return Ok(None);
    }
    match Profiles::of(settings).map(|profiles| (profiles.active(), profiles)) {
        Ok((Ok(Some(profile)), profiles)) => Ok(Some((profile, profiles))),
        Ok((Err(error), _)) => Err(error),
        _ if settings.is_cfy => bail!(
            "this needs a manager, and no profile has one: `{0} profiles use ADDRESS -u USER -p PASSWORD`, or give \
             --manager URL",
            program(settings)
        ),
        _ => Ok(None),
    }
}

/// What the user calls this program.
pub(crate) const fn program(settings: &Settings) -> &'static str {
    if settings.is_cfy { "cfy" } else { "nephele" }
}

/// The user who asks.
pub(crate) fn username(settings: &Settings) -> Option<String> {
    if !settings.is_explicit
        && let Ok(profiles) = Profiles::of(settings)
        && let Ok(Some(profile)) = profiles.active()
    {
        return settings.profile_user.clone().or_else(|| profile.text("manager_username").map(str::to_owned));
    }
    settings.user.clone().or_else(|| Some("admin".to_owned()))
}

/// The manager of a profile.
pub(crate) fn through(profile: &Profile, profiles: &Profiles, settings: &Settings) -> anyhow::Result<Client> {
    let (endpoint, tenant) = place(profile, profiles, settings)?;
    Ok(Client::new(&endpoint, credentials(profile, settings)?, Some(tenant))?)
}

/// Where the manager of a profile is, and the tenant that is meant.
fn place(profile: &Profile, profiles: &Profiles, settings: &Settings) -> anyhow::Result<(Endpoint, TenantName)> {
    let url = profile.url(host(profile, settings).as_deref());
    let url = url.with_context(|| format!("profile {} names no manager", profile.name))?;
    let certificate = settings
        .profile_certificate
        .clone()
        .or_else(|| profile.text("rest_certificate").map(PathBuf::from))
        .or_else(|| profiles.certificate(&profile.name));
    let trust = match certificate {
        _ if settings.trusts_anybody => Trust::Anybody,
        Some(file) => Trust::CaFile(file),
        None => Trust::System,
    };
    let tenant = settings.tenant.as_deref();
    let tenant = match tenant {
        Some(tenant) => tenant.to_owned(),
        None => one_of("tenant", settings.profile_tenant.as_deref(), profile.text("manager_tenant"))?
            .unwrap_or(DEFAULT_TENANT)
            .to_owned(),
    };
    Ok((Endpoint { url, trust }, TenantName::new(tenant.as_str())))
}

fn credentials(profile: &Profile, settings: &Settings) -> anyhow::Result<Credentials> {
    let secret = |secret: &Option<Secret<String>>| secret.as_ref().map(|secret| secret.expose().clone());
    let (token, password) = (secret(&settings.profile_token), secret(&settings.profile_password));
    let token = one_of("token", token.as_deref(), profile.text("manager_token"))?;
    let username = one_of("username", settings.profile_user.as_deref(), profile.text("manager_username"))?;
    let password = one_of("password", password.as_deref(), profile.text("manager_password"))?;
    match (token, username, password) {
        (Some(token), None, None) => Ok(Credentials::Token(Secret::new(token.to_owned()))),
        (None, Some(username), Some(password)) => {
            Ok(Credentials::Basic { username: username.to_owned(), password: Secret::new(password.to_owned()) })
        }
        (None, Some(_), None) | (None, None, Some(_)) => {
            bail!("profile {} has a user without a password, or the other way round", profile.name)
        }
        (None, None, None) => bail!(
            "profile {} says nobody to log in as: `profiles set --manager-username USER --manager-password PASSWORD`, or \
             `profiles set --manager-token TOKEN`",
            profile.name
        ),
        (Some(_), _, _) => bail!("profile {} has both a token and a user; keep one of them", profile.name),
    }
}

/// A thing that stands in the profile or in the environment, and not in both.
fn one_of<'a>(name: &str, variable: Option<&'a str>, profile: Option<&'a str>) -> anyhow::Result<Option<&'a str>> {
    match (variable, profile) {
        (Some(_), Some(_)) => bail!(
            "the {name} is set both in the profile and in CLOUDIFY_{}; take one of them away",
            name.to_uppercase()
        ),
        (variable, profile) => Ok(variable.or(profile)),
    }
}

/// Of a cluster the manager that was asked for, or the first that is there.
fn host(profile: &Profile, settings: &Settings) -> Option<String> {
    if let Some(host) = &settings.manager {
        return Some(host.clone());
    }
    let managers = profile.managers();
    let main = profile.text("manager_ip")?;
    let others = managers.iter().filter_map(|manager| manager["host_ip"].as_str()).filter(|host| *host != main);
    let mut candidates = std::iter::once(main).chain(others);
    if managers.len() < 2 {
        return None;
    }
    let found = candidates.find(|host| profile.url(Some(host)).is_some_and(|url| answers(&url)));
    found.map(str::to_owned)
}

fn answers(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let addresses = authority.to_socket_addrs();
    addresses.into_iter().flatten().any(|address| TcpStream::connect_timeout(&address, PATIENCE).is_ok())
}

/// Where a manager without a profile is.
fn direct_place(settings: &Settings) -> (Endpoint, TenantName) {
    let url = settings.manager.as_deref().unwrap_or(DEFAULT_URL);
    let trust = match settings.ca.clone().or_else(|| local_file(settings, url, "tls/ca.pem")) {
        _ if settings.trusts_anybody => Trust::Anybody,
        Some(path) => Trust::CaFile(path),
        None => Trust::System,
    };
    let tenant = TenantName::new(settings.tenant.as_deref().unwrap_or(DEFAULT_TENANT));
    (Endpoint { url: url.to_owned(), trust }, tenant)
}

/// A manager without a profile.
fn direct(settings: &Settings) -> anyhow::Result<Client> {
    let (endpoint, tenant) = direct_place(settings);
    let url = endpoint.url.as_str();
    let user = settings.user.as_deref().unwrap_or("admin");
    let given = settings.password.as_ref().map(|password| password.expose().clone());
    let first = || local_file(settings, url, "admin-password").filter(|_| user == "admin").and_then(|path| read(&path));
    let password = given.or_else(first).context(
        "no password: give --password or NEPHELE_PASSWORD (the first one stands in the file `admin-password` of \
         the manager's data directory)",
    )?;
    let credentials = Credentials::Basic { username: user.to_owned(), password: Secret::new(password) };
    Ok(Client::new(&endpoint, credentials, Some(tenant))?)
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

/// The data directory of a manager on this machine.
pub(crate) fn data_dir(settings: &Settings) -> Option<PathBuf> {
    let default = || {
        let data = settings.data_home.clone().or_else(|| Some(settings.home.as_ref()?.join(".local/share")))?;
        Some(data.join("nephele"))
    };
    settings.data_dir.clone().or_else(default)
}

/// A file of the data directory, if the manager is on this machine and the file is there.
fn local_file(settings: &Settings, url: &str, name: &str) -> Option<PathBuf> {
    let path = data_dir(settings).filter(|_| is_loopback(url))?.join(name);
    path.is_file().then_some(path)
}

/// Whether an address or origin is of this machine.
pub(crate) fn is_loopback(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = authority.split('/').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_this_machine() {
        for local in ["http://127.0.0.1:8080", "https://localhost", "https://[::1]:53333/", "http://127.9.9.9"] {
            assert!(is_loopback(local), "{local}");
        }
        for other in ["http://10.0.0.1", "https://127.0.0.1.example.org", "http://user@example.org:80", ""] {
            assert!(!is_loopback(other), "{other}");
        }
    }

    #[test]
    fn what_stands_in_two_places_is_refused() {
        assert!(one_of("tenant", Some("a"), Some("b")).is_err());
        assert_eq!(one_of("tenant", None, Some("b")).unwrap(), Some("b"));
    }
}
