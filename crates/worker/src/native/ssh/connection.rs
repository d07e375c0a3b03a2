//! The way to a host, and to one behind a gateway: from `fabric_env` to the arguments of `ssh`.
//!
//! Invariant: keys and passwords stand in files of the task's folder that others cannot read, and go with it.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nephele_model::operation::Failure;
use nephele_model::python_text;
use serde_json::{Map, Value};

use super::remote::quoted;
use crate::native::task::{Task, mapping, unwritable};

/// What says who one is.
const LOGIN: [&str; 4] = ["key", "key_filename", "password", "connect_kwargs"];

pub(super) struct Connection {
    /// Everything but the command.
    pub(super) arguments: Vec<OsString>,
    pub(super) variables: Vec<(OsString, OsString)>,
    /// Where to, for people.
    pub(super) shown: String,
    /// What `sudo` is told on the host, if it asks.
    pub(super) sudo_password: Option<String>,
}

impl Connection {
    /// `program` is the `ssh` that goes through a gateway, if there is one.
    pub(super) async fn open(task: &Task, settings: &Map<String, Value>, program: &Path) -> Result<Self, Failure> {
        let text = |name: &str| text(settings, name);
        let named = text("host").or_else(|| text("host_string"));
        let host = match named {
            Some(host) => host,
            None => task.session.host_ip().await.ok_or_else(|| {
                Failure::fatal("There is no host: set `fabric_env.host`, or put the node on a host with an `ip`")
            })?,
        };
        let folder = task.operation.dir.path();
        let mut hop = Hop::to(host, settings, folder)?;
        let mut shown = hop.shown();
        if let Some(own) = gateway(settings)? {
            let folder = folder.join("gateway");
            fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
            let gateway = Hop::to(host_of(&own)?, &own, &folder)?;
            shown = format!("{shown} through {}", gateway.shown());
            let command = gateway.proxy(program, &format!("{}:{}", hop.host, hop.port));
            hop.options.push(format!("ProxyCommand={command}"));
        }
        let given = mapping("fabric_env.connect_kwargs", settings.get("connect_kwargs"))?;
        let sudo_password = ["sudo_password", "password"].into_iter().find_map(text);
        let sudo_password = sudo_password.or_else(|| self::text(&given, "password"));
        Ok(Self { arguments: hop.arguments(), variables: hop.variables, shown, sudo_password })
    }
}

/// The host that others are reached through: `user@host:port`, or settings as those of the host. What they do
/// not say of the login is as there.
fn gateway(settings: &Map<String, Value>) -> Result<Option<Map<String, Value>>, Failure> {
    let mut own = match settings.get("gateway") {
        Some(Value::Object(own)) if !own.is_empty() => own.clone(),
        Some(Value::String(text)) if !text.is_empty() => {
            let (user, place) =
                text.rsplit_once('@').map_or((None, text.as_str()), |(user, place)| (Some(user), place));
            let (host, port) = match place.rsplit_once(':') {
                Some((host, port)) if !host.contains(':') => (host, Some(port)),
                _ => (place, None),
            };
            let own = [("host", Some(host)), ("user", user), ("port", port)];
            own.into_iter().filter_map(|(name, text)| Some((name.to_owned(), Value::from(text?)))).collect()
        }
        Some(Value::Array(_)) => {
            return Err(Failure::fatal("`fabric_env.gateway` must be one host, as text or mapping"));
        }
        _ => return Ok(None),
    };
    let mut inherited = vec!["user", "connect_timeout"];
    if !LOGIN.iter().any(|name| own.contains_key(*name)) {
        inherited.extend(LOGIN);
    }
    for name in inherited {
        if let (false, Some(value)) = (own.contains_key(name), settings.get(name)) {
            own.insert(name.to_owned(), value.clone());
        }
    }
    Ok(Some(own))
}

fn host_of(gateway: &Map<String, Value>) -> Result<String, Failure> {
    let host = text(gateway, "host").or_else(|| text(gateway, "host_string"));
    host.ok_or_else(|| Failure::fatal("There is no host: set `fabric_env.gateway.host`"))
}

/// One connection of `ssh`.
struct Hop {
    host: String,
    port: String,
    user: String,
    config: String,
    options: Vec<String>,
    variables: Vec<(OsString, OsString)>,
}

impl Hop {
    /// Files of it are in the folder.
    fn to(host: String, settings: &Map<String, Value>, folder: &Path) -> Result<Self, Failure> {
        let text = |name: &str| text(settings, name);
        let user = text("user").ok_or_else(|| Failure::fatal("There is no user: set `fabric_env.user`"))?;
        if host.starts_with('-') || user.starts_with('-') {
            return Err(Failure::fatal(format!("{user}@{host} is no place to connect to")));
        }
        let port = text("port").unwrap_or_else(|| "22".to_owned());
        let mut options = vec![
            format!("ConnectTimeout={}", text("connect_timeout").unwrap_or_else(|| "10".to_owned())),
            "ServerAliveInterval=15".to_owned(),
            "LogLevel=ERROR".to_owned(),
            "ControlMaster=no".to_owned(),
            "ControlPath=none".to_owned(),
        ];
        options.extend(known_hosts(folder, &host, &port, text("host_key").as_deref())?);
        let mut variables = Vec::new();
        let given = mapping("fabric_env.connect_kwargs", settings.get("connect_kwargs"))?;
        let other = |name: &str| self::text(&given, name);
        let key = match text("key").or_else(|| other("pkey")) {
            Some(key) => Some(write(&folder.join("key"), &format!("{}\n", key.trim()), 0o600)?),
            None => text("key_filename").or_else(|| other("key_filename")).map(PathBuf::from),
        };
        let password = text("password").or_else(|| other("password"));
        match (&key, &password) {
            (Some(key), _) => {
                options.extend(["IdentitiesOnly=yes".to_owned(), "PreferredAuthentications=publickey".to_owned()]);
                options.push(format!("IdentityFile={}", key.display()));
                if let Some(passphrase) = other("passphrase") {
                    variables = answer(folder, &passphrase)?;
                }
            }
            (None, Some(password)) => {
                options.push("PreferredAuthentications=password,keyboard-interactive".to_owned());
                options.push("NumberOfPasswordPrompts=1".to_owned());
                variables = answer(folder, password)?;
            }
            (None, None) => {
                return Err(Failure::fatal(
                    "There is no way to log in: set `fabric_env.key`, `key_filename` or `password`",
                ));
            }
        }
        if variables.is_empty() {
            options.push("BatchMode=yes".to_owned());
        }
        let config = text("ssh_config_path").unwrap_or_else(|| "none".to_owned());
        Ok(Self { host, port, user, config, options, variables })
    }

    fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = ["-F", &self.config].map(OsString::from).into();
        arguments.extend(self.options.iter().flat_map(|option| ["-o".into(), OsString::from(option)]));
        arguments.extend(["-T", "-p", &self.port, "-l", &self.user, &self.host].map(OsString::from));
        arguments
    }

    /// The command of a shell that leads from here through this host to a place.
    fn proxy(&self, program: &Path, place: &str) -> String {
        let set = self.variables.iter().map(|(name, value)| format!("{}={}", name.display(), value.display()));
        let leading = std::iter::once("env".to_owned()).chain(set);
        let through = [program.display().to_string(), "-W".to_owned(), place.to_owned()];
        let rest = self.arguments().into_iter().map(|word| word.to_string_lossy().into_owned());
        let words = leading.chain(through).chain(rest).map(|word| quoted(&word).replace('%', "%%"));
        words.collect::<Vec<_>>().join(" ")
    }

    fn shown(&self) -> String {
        format!("{}@{}:{}", self.user, self.host, self.port)
    }
}

/// Whom to believe that it is the host: the key that the blueprint gives, or anybody.
fn known_hosts(folder: &Path, host: &str, port: &str, key: Option<&str>) -> Result<[String; 2], Failure> {
    let Some(key) = key else {
        return Ok(["StrictHostKeyChecking=no".to_owned(), "UserKnownHostsFile=/dev/null".to_owned()]);
    };
    let name = if port == "22" { host.to_owned() } else { format!("[{host}]:{port}") };
    let file = write(&folder.join("known_hosts"), &format!("{name} {}\n", key.trim()), 0o600)?;
    Ok(["StrictHostKeyChecking=yes".to_owned(), format!("UserKnownHostsFile={}", file.display())])
}

/// Has `ssh` ask a program for the password, which there is no terminal to type into.
fn answer(folder: &Path, password: &str) -> Result<Vec<(OsString, OsString)>, Failure> {
    let file = write(&folder.join("password"), &format!("{password}\n"), 0o600)?;
    let program = write(&folder.join("answer"), &format!("#!/bin/sh\nexec cat '{}'\n", file.display()), 0o700)?;
    Ok(vec![("SSH_ASKPASS".into(), program.into()), ("SSH_ASKPASS_REQUIRE".into(), "force".into())])
}

fn write(file: &Path, content: &str, mode: u32) -> Result<PathBuf, Failure> {
    let opened = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(file);
    let written = opened.and_then(|mut opened| opened.write_all(content.as_bytes()));
    written.map(|()| file.to_owned()).map_err(|error| unwritable(file, &error))
}

fn text(settings: &Map<String, Value>, name: &str) -> Option<String> {
    settings.get(name).filter(|value| !value.is_null()).map(python_text::str).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn gateways_are_read_from_texts_and_mappings() {
        let read = |given: Value| {
            let settings = json!({"user": "ada", "key": "K", "host_key": "H", "gateway": given});
            gateway(settings.as_object().unwrap()).unwrap().map(Value::Object)
        };
        assert_eq!(read(Value::Null), None);
        let own = json!({"host": "gate", "user": "bob", "port": "2222", "key": "K"});
        assert_eq!(read(json!("bob@gate:2222")), Some(own));
        let own = json!({"host": "gate", "password": "P", "user": "ada"});
        assert_eq!(read(json!({"host": "gate", "password": "P"})), Some(own));
        assert!(gateway(json!({"gateway": ["a", "b"]}).as_object().unwrap()).is_err());
    }
}
