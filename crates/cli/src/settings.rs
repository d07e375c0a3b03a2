//! What was asked for beside the command itself: flags of every command, and the environment.
//!
//! Invariant: nothing else in this crate reads the environment. An option wins over its variable.

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches};
use nephele_model::Secret;

use crate::glossary;

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// Tables and lines for people.
    #[default]
    Table,
    /// JSON as the original prints it: a list has a line for each row.
    Lines,
    /// JSON.
    Json,
    Yaml,
    /// The first column only.
    Name,
}

/// What holds for any command.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag or variable of its own")]
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// Called by the name of the original.
    pub(crate) is_cfy: bool,
    /// Like the original also where it is wrong.
    pub(crate) is_strict: bool,
    pub(crate) format: Format,
    pub(crate) query: Option<String>,
    pub(crate) is_extended: bool,
    pub(crate) is_quiet: bool,
    pub(crate) verbosity: u8,
    pub(crate) has_colours: bool,
    /// The width of the terminal, if the variable COLUMNS tells it.
    pub(crate) columns: Option<u16>,
    /// The manager was named by option or variable.
    pub(crate) is_explicit: bool,
    pub(crate) manager: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret<String>>,
    pub(crate) tenant: Option<String>,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) data_home: Option<PathBuf>,
    /// The folder that holds `.cloudify`.
    pub(crate) home: Option<PathBuf>,
    pub(crate) profile_user: Option<String>,
    pub(crate) profile_password: Option<Secret<String>>,
    pub(crate) profile_tenant: Option<String>,
    pub(crate) profile_token: Option<Secret<String>>,
    pub(crate) profile_certificate: Option<PathBuf>,
    pub(crate) trusts_anybody: bool,
}

/// Options of every command: id, short, long, variable. Ids begin with `@`, as commands may have options
/// of the same name.
const OPTIONS: &[(&str, Option<char>, &str, Option<&str>)] = &[
    ("@manager", None, "manager", Some("NEPHELE_MANAGER")),
    ("@user", None, "user", Some("NEPHELE_USER")),
    ("@password", None, "password", Some("NEPHELE_PASSWORD")),
    ("@tenant", Some('t'), "tenant-name", Some("NEPHELE_TENANT")),
    ("@ca", None, "ca", Some("NEPHELE_CA")),
    ("@data-dir", None, "data-dir", Some("NEPHELE_DATA_DIR")),
    ("@output", None, "output", Some("NEPHELE_OUTPUT")),
    ("@query", None, "query", None),
    ("@format", None, "format", None),
];

const FLAGS: &[(&str, Option<char>, &str)] =
    &[("@json", None, "json"), ("@quiet", Some('q'), "quiet"), ("@extended", Some('x'), "extended-view")];

/// Variables without an option.
const VARIABLES: &[&str] = &[
    "CFY_WORKDIR",
    "CLOUDIFY_PASSWORD",
    "CLOUDIFY_SSL_TRUST_ALL",
    "CLOUDIFY_TENANT",
    "CLOUDIFY_TOKEN",
    "CLOUDIFY_USERNAME",
    "COLUMNS",
    "HOME",
    "LOCAL_REST_CERT_FILE",
    "NEPHELE_CFY_STRICT_COMPAT",
    "NO_COLOR",
    "XDG_DATA_HOME",
];

/// The options as clap wants them, without those whose names the command uses itself.
pub(crate) fn arguments(takes: impl Fn(&str) -> bool, takes_short: impl Fn(char) -> bool) -> Vec<Arg> {
    let base = |id: &'static str, short: Option<char>, long: &'static str| {
        let arg = Arg::new(id).long(long).help(glossary::help(long)).help_heading("Options of every command");
        short.filter(|short| !takes_short(*short)).into_iter().fold(arg, Arg::short)
    };
    let mut made = Vec::new();
    for &(id, short, long, variable) in OPTIONS.iter().filter(|(_, _, long, _)| !takes(long)) {
        let arg = base(id, short, long).value_name("VALUE").hide_env_values(id == "@password");
        let arg = if id == "@output" { arg.value_parser(["table", "json", "yaml", "name"]) } else { arg };
        let arg = if id == "@format" { arg.value_parser(["plain", "json"]) } else { arg };
        let arg = if id == "@tenant" { arg.visible_alias("tenant") } else { arg };
        made.push(variable.into_iter().fold(arg, Arg::env));
    }
    for &(id, short, long) in FLAGS.iter().filter(|(_, _, long)| !takes(long)) {
        made.push(base(id, short, long).action(ArgAction::SetTrue));
    }
    if !takes("verbose") {
        made.push(base("@verbose", Some('v'), "verbose").action(ArgAction::Count));
    }
    made
}

/// What is read from the environment alone, as clap reads it; nobody is to be shown these.
pub(crate) fn variables() -> impl Iterator<Item = Arg> {
    VARIABLES.iter().map(|name| Arg::new(*name).long(*name).env(*name).hide(true))
}

/// Whether a word is one of these options, and whether a value follows.
pub(crate) fn is_option(word: &str) -> Option<bool> {
    let (name, has_value) = word.split_once('=').map_or((word, false), |(name, _)| (name, true));
    if name.starts_with("-v") && name.trim_start_matches(['-', 'v']).is_empty() || name == "--verbose" {
        return Some(false);
    }
    let same = |short: Option<char>, long: &str| {
        name.strip_prefix("--").is_some_and(|name| name == long)
            || short.is_some_and(|short| name.len() == 2 && name.ends_with(short))
    };
    if FLAGS.iter().any(|(_, short, long)| same(*short, long)) {
        return Some(false);
    }
    let tenant = name == "--tenant";
    (tenant || OPTIONS.iter().any(|(_, short, long, _)| same(*short, long))).then_some(!has_value)
}

impl Settings {
    pub(crate) fn read(matches: &ArgMatches, is_cfy: bool) -> Self {
        let text = |id: &str| {
            let found = matches.try_get_one::<String>(id).ok().flatten();
            found.filter(|text| !text.is_empty()).cloned()
        };
        let flag = |id: &str| matches.try_get_one::<bool>(id).ok().flatten().copied().unwrap_or_default();
        let is_strict = text("NEPHELE_CFY_STRICT_COMPAT").is_some_and(|value| value != "0");
        let is_given = |id: &str| {
            let known = matches.try_get_one::<String>(id).is_ok();
            let source = if known { matches.value_source(id) } else { None };
            matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable)) && text(id).is_some()
        };
        let lines = flag("@json") || text("@format").is_some_and(|format| format == "json");
        let format = match text("@output").as_deref() {
            _ if lines => Format::Lines,
            Some("json") => Format::Json,
            Some("yaml") => Format::Yaml,
            Some("name") => Format::Name,
            _ => Format::Table,
        };
        Self {
            is_cfy: is_cfy || is_strict,
            is_strict,
            format,
            query: text("@query"),
            is_extended: flag("@extended"),
            is_quiet: flag("@quiet"),
            verbosity: matches.try_get_one::<u8>("@verbose").ok().flatten().copied().unwrap_or_default(),
            has_colours: text("NO_COLOR").is_none(),
            columns: text("COLUMNS").and_then(|width| width.parse().ok()),
            is_explicit: is_given("@data-dir") || text("@manager").is_some_and(|manager| manager.contains("://")),
            manager: text("@manager"),
            user: text("@user"),
            password: text("@password").map(Secret::new),
            tenant: text("@tenant"),
            ca: text("@ca").map(PathBuf::from),
            data_dir: text("@data-dir").map(PathBuf::from),
            data_home: text("XDG_DATA_HOME").map(PathBuf::from),
            home: text("CFY_WORKDIR").or_else(|| text("HOME")).map(PathBuf::from),
            profile_user: text("CLOUDIFY_USERNAME"),
            profile_password: text("CLOUDIFY_PASSWORD").map(Secret::new),
            profile_tenant: text("CLOUDIFY_TENANT"),
            profile_token: text("CLOUDIFY_TOKEN").map(Secret::new),
            profile_certificate: text("LOCAL_REST_CERT_FILE").map(PathBuf::from),
            trusts_anybody: text("CLOUDIFY_SSL_TRUST_ALL").is_some(),
        }
    }
}
