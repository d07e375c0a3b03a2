//! The settings of a manager: flags, then `NEPHELE_*` variables, then one TOML file, then defaults.
//!
//! Invariant: this is the only place that reads the environment. A setting is a field of
//! [`Settings`]; its name is the flag, the TOML key and, in capitals, the variable. `docs/operations.md`
//! lists them for people.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use nephele_model::Secret;
use serde::{Deserialize, Serialize};

/// Settings given on the command line; each overrides every other source.
#[derive(Clone, Debug, Default, clap::Args, Serialize)]
pub(crate) struct Flags {
    /// Folder of everything the manager keeps: one to back up, one to delete.
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    data_dir: Option<PathBuf>,
    /// Address of plain HTTP, for programs on this machine.
    #[arg(long, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<SocketAddr>,
    /// Address of HTTPS, for everyone else.
    #[arg(long, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    listen_tls: Option<SocketAddr>,
    /// TOML file with settings.
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
}

/// Every setting of a manager.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) data_dir: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) listen_tls: SocketAddr,
    /// Empty: a SQLite file in the data directory.
    pub(crate) database_url: String,
    /// Password of `admin` at the first start; empty: a random one.
    #[serde(deserialize_with = "secret")]
    pub(crate) admin_password: Secret,
    /// Operations that run at the same time.
    pub(crate) operations: usize,
    /// Memory that the processes of one operation may hold, in MiB; 0: any.
    pub(crate) operation_memory: u64,
    /// Largest blueprint archive, in MiB.
    pub(crate) archive_limit: u64,
    /// The Python that runs plugins.
    pub(crate) python: PathBuf,
    /// Folder of wheels to install from instead of the index of packages; empty: the index.
    pub(crate) wheels: PathBuf,
    /// Folder of types that take the place of the built-in ones; empty: the built-in ones.
    pub(crate) types: PathBuf,
    /// File that says what is run when executions begin and end; empty: `hooks.conf` in the data directory.
    pub(crate) hooks: PathBuf,
    /// What this manager is called; empty: the machine's name.
    pub(crate) hostname: String,
    /// Seconds of silence after which other managers on the same database take over what this one runs.
    pub(crate) lease: u64,
    /// Filter such as `info` or `nephele=debug`.
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For programs: one object a line.
    Json,
}

/// The settings together with their sources.
pub(crate) struct Config {
    pub(crate) settings: Settings,
    figment: Figment,
}

#[derive(Serialize)]
struct Defaults {
    data_dir: PathBuf,
    listen: &'static str,
    listen_tls: &'static str,
    database_url: &'static str,
    admin_password: &'static str,
    operations: usize,
    operation_memory: u64,
    archive_limit: u64,
    python: &'static str,
    wheels: &'static str,
    types: &'static str,
    hooks: &'static str,
    hostname: &'static str,
    lease: u64,
    log: &'static str,
    log_format: &'static str,
}

/// Variables that are text whatever they look like: a password of digits is no number.
#[derive(Serialize)]
struct Variables {
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_password: Option<String>,
}

const NAMES: [&str; 16] = [
    "data_dir",
    "listen",
    "listen_tls",
    "database_url",
    "admin_password",
    "operations",
    "operation_memory",
    "archive_limit",
    "python",
    "wheels",
    "types",
    "hooks",
    "hostname",
    "lease",
    "log",
    "log_format",
];

impl Config {
    /// Reads all sources. Errors name the key and the source that is wrong.
    pub(crate) fn load(flags: &Flags) -> anyhow::Result<Self> {
        let defaults = Defaults {
            data_dir: home_folder("XDG_DATA_HOME", ".local/share").join("nephele"),
            listen: "127.0.0.1:8080",
            listen_tls: "0.0.0.0:53333",
            database_url: "",
            admin_password: "",
            operations: 64,
            operation_memory: 0,
            archive_limit: 2048,
            python: "python3",
            wheels: "",
            types: "",
            hooks: "",
            hostname: "",
            lease: 15,
            log: "info",
            log_format: "text",
        };
        let file = flags
            .config
            .clone()
            .or_else(|| variable("NEPHELE_CONFIG").map(PathBuf::from))
            .unwrap_or_else(|| home_folder("XDG_CONFIG_HOME", ".config").join("nephele/nephele.toml"));
        if flags.config.is_some() && !file.is_file() {
            anyhow::bail!("there is no settings file {}", file.display());
        }
        let figment = Figment::from(Serialized::defaults(defaults))
            .merge(Toml::file(file))
            .merge(Env::prefixed("NEPHELE_").only(&NAMES).ignore(&["admin_password"]))
            .merge(Serialized::globals(Variables { admin_password: variable("NEPHELE_ADMIN_PASSWORD") }))
            .merge(Serialized::globals(flags));
        let settings = figment.extract().context("the settings cannot be used")?;
        Ok(Self { settings, figment })
    }

    /// Name, value and source of each setting; the password is not shown.
    pub(crate) fn describe(&self) -> Vec<(&'static str, String, String)> {
        let describe = |name: &'static str| {
            let value = self.figment.find_value(name).ok();
            let source = value.as_ref().and_then(|value| self.figment.get_metadata(value.tag())).map_or_else(
                || "default".to_owned(),
                |metadata| match (metadata.name.as_ref(), &metadata.source) {
                    (origin, _) if origin.contains("Defaults") => "default".to_owned(),
                    (origin, _) if origin.contains("Flags") => "command line".to_owned(),
                    (origin, _) if origin.contains("environment") || origin.contains("Variables") => {
                        format!("variable NEPHELE_{}", name.to_uppercase())
                    }
                    (origin, Some(source)) => format!("{origin} {source}"),
                    (origin, None) => origin.to_owned(),
                },
            );
            let text = value.map_or_else(String::new, |value| {
                value.as_str().map_or_else(
                    || {
                        value
                            .to_num()
                            .map_or_else(String::new, |number| format!("{}", number.to_u128().unwrap_or_default()))
                    },
                    str::to_owned,
                )
            });
            let shown = if name == "admin_password" && !text.is_empty() { "********".to_owned() } else { text };
            (name, shown, source)
        };
        NAMES.into_iter().map(describe).collect()
    }
}

impl Settings {
    /// The database's URL; by default a file in the data directory.
    pub(crate) fn database(&self) -> String {
        if self.database_url.is_empty() {
            return format!("sqlite://{}", self.own_database().display());
        }
        self.database_url.clone()
    }

    /// The SQLite database that is used where no other is named.
    pub(crate) fn own_database(&self) -> PathBuf {
        self.data_dir.join("nephele.db")
    }

    /// What this manager is called in events, in its certificate and in the cluster.
    pub(crate) fn hostname(&self) -> String {
        if !self.hostname.is_empty() {
            return self.hostname.clone();
        }
        std::fs::read_to_string("/proc/sys/kernel/hostname")
            .map_or_else(|_| "localhost".to_owned(), |name| name.trim().to_owned())
    }
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

#[expect(clippy::disallowed_methods, reason = "this module reads the environment for all others")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn home_folder(variable_name: &str, below_home: &str) -> PathBuf {
    variable(variable_name).map_or_else(
        || PathBuf::from(variable("HOME").unwrap_or_else(|| "/var/lib".to_owned())).join(below_home),
        PathBuf::from,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_before_the_file_and_the_file_before_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("nephele.toml");
        std::fs::write(&file, "listen = \"127.0.0.1:1\"\nlog = \"debug\"\n").unwrap();
        let flags = Flags { listen: "127.0.0.1:2".parse().ok(), config: Some(file.clone()), ..Flags::default() };
        let config = Config::load(&flags).unwrap();
        assert_eq!((config.settings.listen.port(), config.settings.log.as_str()), (2, "debug"));
        let source = |name| config.describe().into_iter().find(|(other, ..)| *other == name).unwrap().2;
        assert_eq!((source("listen").as_str(), source("archive_limit").as_str()), ("command line", "default"));
        assert!(source("log").contains("nephele.toml"), "{}", source("log"));

        std::fs::write(&file, "listne = 1\n").unwrap();
        assert!(Config::load(&flags).is_err_and(|error| format!("{error:#}").contains("listne")));
    }
}
