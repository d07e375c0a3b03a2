//! Setting up a directory: `POST /ldap`, and what its settings mean.
//!
//! Invariant: settings are stored only after they were tried, if they name a user to try them with. The
//! password of that user is encrypted at rest and never shown. Defaults and names: spec rest-api.md
//! section 1.3.

#[cfg(feature = "ldap")]
use nephele_model::Secret;
use nephele_model::{Code, Error, Result};
use nephele_store::{Json, certificates, config};
use serde_json::{Map, Value, json};

use super::external::text;
use crate::rows::failed;
use crate::{Ctx, Manager};

/// The directory's authority among the certificates.
const AUTHORITY: &str = "_auth-ldap-ca";

/// Settings with the words in braces that they may hold; `None` for those that hold none.
const KEYS: &[(&str, Option<&[&str]>)] = &[
    ("ldap_server", None),
    ("ldap_domain", None),
    ("ldap_username", None),
    ("ldap_password", None),
    ("ldap_is_active_directory", None),
    ("ldap_dn_extra", None),
    ("ldap_nested_levels", None),
    ("ldap_bind_format", Some(&["username", "domain", "base_dn", "domain_dn", "group_dn"])),
    ("ldap_group_dn", Some(&["base_dn", "domain_dn"])),
    ("ldap_base_dn", None),
    ("ldap_group_member_filter", Some(&["object_dn"])),
    ("ldap_user_filter", Some(&["username", "base_dn", "domain_dn", "group_dn"])),
    ("ldap_attribute_email", None),
    ("ldap_attribute_first_name", None),
    ("ldap_attribute_last_name", None),
    ("ldap_attribute_uid", None),
    ("ldap_attribute_group_membership", None),
];

/// The names of all settings of a directory.
pub fn settings() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|(name, _)| *name).chain(["ldap_ca_cert"])
}

/// A directory that users log in through.
#[cfg(feature = "ldap")]
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    pub(crate) server: String,
    pub(crate) domain: String,
    pub(crate) domain_dn: String,
    pub(crate) base_dn: String,
    pub(crate) group_dn: String,
    pub(crate) bind_format: String,
    pub(crate) user_filter: String,
    pub(crate) member_filter: String,
    pub(crate) email: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) uid: String,
    pub(crate) membership: String,
    /// How far groups in groups are followed.
    pub(crate) levels: u64,
    /// A user who may look for others.
    pub(crate) service: Option<(String, Secret)>,
    pub(crate) authority: Option<String>,
    /// Seconds that an answer may take.
    pub(crate) timeout: u64,
}

#[cfg(feature = "ldap")]
impl Directory {
    fn new(settings: &Map<String, Value>, authority: Option<String>) -> Self {
        let given = |key: &str| settings.get(key).cloned().and_then(text);
        let or = |key: &str, default: &str| given(key).unwrap_or_else(|| default.to_owned());
        let is_active_directory = settings.get("ldap_is_active_directory") == Some(&Value::Bool(true));
        let domain = or("ldap_domain", "");
        let parts: Vec<String> =
            domain.split('.').filter(|part| !part.is_empty()).map(|part| format!("dc={part}")).collect();
        let domain_dn = parts.join(",");
        let base_dn = given("ldap_base_dn").unwrap_or_else(|| match given("ldap_dn_extra") {
            Some(extra) => format!("{extra},{domain_dn}"),
            None => domain_dn.clone(),
        });
        let group_dn =
            or("ldap_group_dn", "{base_dn}").replace("{base_dn}", &base_dn).replace("{domain_dn}", &domain_dn);
        let [bind, user, member, uid] = if is_active_directory {
            [
                "{username}@{domain}",
                "(&(objectClass=user)(sAMAccountName={username}))",
                "(&(objectClass=group)(member={object_dn}))",
                "sAMAccountName",
            ]
        } else {
            ["uid={username},{base_dn}", "(uid={username})", "(|(member={object_dn})(uniqueMember={object_dn}))", "uid"]
        };
        let password = given("ldap_password").map(Secret::new);
        Self {
            server: or("ldap_server", ""),
            bind_format: or("ldap_bind_format", bind),
            user_filter: or("ldap_user_filter", user),
            member_filter: or("ldap_group_member_filter", member),
            email: or("ldap_attribute_email", "mail"),
            first_name: or("ldap_attribute_first_name", "givenName"),
            last_name: or("ldap_attribute_last_name", "sn"),
            uid: or("ldap_attribute_uid", uid),
            membership: or("ldap_attribute_group_membership", "memberOf"),
            levels: settings.get("ldap_nested_levels").and_then(Value::as_u64).unwrap_or(1),
            service: given("ldap_username").zip(password),
            timeout: settings.get("ldap_timeout").and_then(Value::as_u64).unwrap_or(5),
            domain,
            domain_dn,
            base_dn,
            group_dn,
            authority,
        }
    }
}

impl Manager {
    /// Sets up the directory that users log in through from now on, and gives the settings back
    /// without the password.
    pub async fn set_ldap(&self, ctx: &Ctx, mut sent: Map<String, Value>) -> Result<Value> {
        if !cfg!(feature = "ldap") {
            return Err(Error::new(Code::MethodNotAllowed, "This manager was built without LDAP"));
        }
        let authority = sent.shift_remove("ldap_ca_cert").and_then(text);
        let mut settings = read(&sent)?;
        demand_address(&settings, authority.is_some())?;
        let (user, password) = (settings.get("ldap_username"), settings.get("ldap_password"));
        if user.cloned().and_then(text).is_some() != password.cloned().and_then(text).is_some() {
            return Err(Error::bad_parameters(
                "Must supply either both username and password or neither. Note that an empty username or password is invalid",
            ));
        }
        #[cfg(feature = "ldap")]
        Directory::new(&settings, authority.clone()).try_out().await?;
        let plain = settings.get("ldap_password").cloned().and_then(text);
        let hidden = plain.map(|password| self.cipher.encrypt(&password, self.clock.now()));
        settings.insert("ldap_password".to_owned(), hidden.map_or_else(|| json!(""), Value::String));
        let tx = self.begin_write().await?;
        match &authority {
            Some(authority) => drop(certificates::put(&tx, AUTHORITY, authority).await.map_err(failed)?),
            None => certificates::delete(&tx, AUTHORITY).await.map_err(failed)?,
        }
        for (key, value) in &settings {
            config::update(&tx, "rest", key, &Json::from(value), ctx.user_id).await.map_err(failed)?;
        }
        tx.commit().await.map_err(failed)?;
        self.verified.forget();
        settings.shift_remove("ldap_password");
        Ok(Value::Object(settings))
    }

    /// The directory that is set up at this address.
    #[cfg(feature = "ldap")]
    pub(super) async fn directory(&self) -> Result<Directory> {
        let mut settings = Map::new();
        for name in KEYS.iter().map(|(name, _)| *name).chain(["ldap_timeout"]) {
            settings.insert(name.to_owned(), self.rest_setting(name).await?);
        }
        // A password that was set as a plain setting is not encrypted.
        if let Some(stored) = settings.get("ldap_password").and_then(Value::as_str)
            && let Ok(plain) = self.cipher.decrypt(stored)
        {
            settings.insert("ldap_password".to_owned(), plain.expose().as_str().into());
        }
        let authority = certificates::get(&*self.store, AUTHORITY).await.map_err(failed)?;
        Ok(Directory::new(&settings, authority))
    }
}

/// The settings that were sent, checked one by one. What is missing is empty.
fn read(sent: &Map<String, Value>) -> Result<Map<String, Value>> {
    let mut settings = Map::new();
    for (key, words) in KEYS {
        let value = sent.get(*key).filter(|value| !value.is_null()).cloned();
        let value = match (*key, value) {
            ("ldap_server" | "ldap_domain", None) => {
                return Err(Error::bad_parameters(format!("Missing {key} in json request body")));
            }
            ("ldap_is_active_directory", value) => Value::Bool(match value {
                None => false,
                Some(Value::Bool(flag)) => flag,
                Some(Value::String(text)) if matches!(text.to_ascii_lowercase().as_str(), "" | "false") => false,
                Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => true,
                Some(other) => {
                    return Err(Error::bad_parameters(format!("{key} must be <true/false>, got {other}")));
                }
            }),
            ("ldap_nested_levels", value) => match value {
                None => json!(1),
                Some(Value::String(text)) if text.trim().parse::<u64>().is_ok() => {
                    json!(text.trim().parse::<u64>().unwrap_or(1))
                }
                Some(Value::Number(number)) if number.is_u64() => Value::Number(number),
                Some(other) => {
                    return Err(Error::bad_parameters(format!("invalid parameter, should be int, got: {other}")));
                }
            },
            (_, None) => json!(""),
            (_, Some(Value::String(text))) => Value::String(text),
            (_, Some(_)) => {
                return Err(Error::bad_parameters(format!("{key} parameter is expected to be of type str")));
            }
        };
        if let (Some(words), Value::String(text)) = (words, &value) {
            demand_known_words(key, text, words)?;
        }
        settings.insert((*key).to_owned(), value);
    }
    Ok(settings)
}

fn demand_address(settings: &Map<String, Value>, has_authority: bool) -> Result<()> {
    let server = settings.get("ldap_server").and_then(Value::as_str).unwrap_or_default();
    if server.starts_with("ldaps://") {
        if !has_authority {
            return Err(Error::bad_parameters("A CA certificate must be provided to use ldaps."));
        }
    } else if server.starts_with("ldap://") {
        if has_authority {
            return Err(Error::bad_parameters("CA certificate cannot be provided when not using ldaps."));
        }
    } else {
        return Err(Error::bad_parameters(
            "ldap_server must specify protocol and should specify port, e.g. ldap://192.0.2.1:389 or ldaps://192.0.2.45:636",
        ));
    }
    Ok(())
}

/// Refuses `{words}` that would stay as they are.
fn demand_known_words(key: &str, text: &str, words: &[&str]) -> Result<()> {
    let found = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(word, _)| word);
    let unknown: Vec<&str> = found.filter(|word| !words.contains(word)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Error::bad_parameters(format!(
        "Candidate {key} contains disallowed substitutions: {}. Allowed: {}",
        unknown.join(", "),
        words.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[cfg(feature = "ldap")]
    #[test]
    fn names_in_the_directory_follow_from_the_domain() {
        let settings = read(&sent(&json!({"ldap_server": "ldap://h", "ldap_domain": "example.org"}))).unwrap();
        let directory = Directory::new(&settings, None);
        assert_eq!(directory.base_dn, "dc=example,dc=org");
        assert_eq!(directory.group_dn, "dc=example,dc=org");
        assert_eq!(directory.bind_format, "uid={username},{base_dn}");
        let settings = read(&sent(&json!({
            "ldap_server": "ldap://h", "ldap_domain": "example.org", "ldap_dn_extra": "ou=people",
            "ldap_is_active_directory": "True", "ldap_group_dn": "ou=groups,{domain_dn}",
        })))
        .unwrap();
        let directory = Directory::new(&settings, None);
        assert_eq!(directory.base_dn, "ou=people,dc=example,dc=org");
        assert_eq!(directory.group_dn, "ou=groups,dc=example,dc=org");
        assert_eq!(directory.bind_format, "{username}@{domain}");
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        for bad in [
            json!({"ldap_domain": "d"}),
            json!({"ldap_server": "ldap://h", "ldap_domain": "d", "ldap_nested_levels": "x"}),
            json!({"ldap_server": "ldap://h", "ldap_domain": "d", "ldap_user_filter": "(uid={name})"}),
            json!({"ldap_server": "ldap://h", "ldap_domain": 5}),
        ] {
            assert!(read(&sent(&bad)).is_err(), "{bad}");
        }
        let server = |address: &str| sent(&json!({"ldap_server": address}));
        assert!(demand_address(&server("http://h"), false).is_err());
        assert!(demand_address(&server("ldaps://h"), false).is_err());
        assert!(demand_address(&server("ldap://h"), true).is_err());
        assert!(demand_address(&server("ldaps://h"), true).is_ok());
    }
}
