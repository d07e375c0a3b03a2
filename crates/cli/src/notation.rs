//! The notation in which commands declare what they take, and its translation to clap.
//!
//! Words, separated by blanks: `NAME` is an argument, `[NAME]` one that may be left out, `[NAME]...` one
//! that may be repeated; `-b,--blueprint-id=` is an option with a value, `--force` a flag,
//! `--include-logs/--no-logs` a flag and its opposite. After `=` may stand the kind of value (`int`,
//! `float`), its default in parentheses, `*` for an option that may be repeated, `!` for one that must be
//! given. Words without a leading dash or bracket that [`expand`] knows stand for several options.

use clap::builder::ValueParser;
use clap::{Arg, ArgAction};

use crate::glossary;

/// One thing that a command takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    /// The long name of an option without dashes, or the name of an argument.
    pub(crate) id: &'static str,
    pub(crate) short: Option<char>,
    /// The long name of a flag's opposite.
    pub(crate) opposite: Option<&'static str>,
    pub(crate) kind: Kind,
    pub(crate) default: Option<&'static str>,
    pub(crate) is_argument: bool,
    pub(crate) is_repeated: bool,
    pub(crate) is_required: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Flag,
    Text,
    Integer,
    Number,
}

/// What several commands share.
const fn expand(word: &str) -> Option<&'static str> {
    Some(match word.as_bytes() {
        b"ALL_TENANTS" => "-a,--all-tenants",
        b"PAGES" => "-o,--pagination-offset=int(0) -s,--pagination-size=int(1000)",
        b"SEARCH" => "--search=",
        b"RULES" => "--labels-rule=* --attrs-rule=*",
        b"VISIBILITY" => "-l,--visibility=(tenant)",
        b"RETRIES" => "--task-retries=int(0) --task-retry-interval=int(1) --task-thread-pool-size=int(1)",
        b"WATCH" => "--include-logs/--no-logs --json-output",
        _ => return None,
    })
}

/// Reads the notation.
pub(crate) fn read(text: &'static str) -> Vec<Parameter> {
    let mut found = Vec::new();
    for word in text.split_ascii_whitespace() {
        if let Some(more) = expand(word) {
            found.extend(read(more));
        } else if let Some(field) = word.strip_prefix("SORT(").and_then(|rest| rest.strip_suffix(')')) {
            found.push(Parameter { default: Some(field), ..option("sort-by", Kind::Text) });
            found.push(option("descending", Kind::Flag));
        } else if word.starts_with('-') {
            found.push(read_option(word));
        } else {
            found.push(read_argument(word));
        }
    }
    found
}

const fn option(id: &'static str, kind: Kind) -> Parameter {
    Parameter {
        id,
        short: None,
        opposite: None,
        kind,
        default: None,
        is_argument: false,
        is_repeated: false,
        is_required: false,
    }
}

fn read_argument(word: &'static str) -> Parameter {
    let bare = word.trim_end_matches("...");
    let name = bare.trim_start_matches('[').trim_end_matches(']');
    Parameter {
        is_argument: true,
        is_repeated: word.ends_with("..."),
        is_required: bare == name,
        ..option(name, Kind::Text)
    }
}

fn read_option(word: &'static str) -> Parameter {
    let (names, value) = word.split_once('=').map_or((word, None), |(names, value)| (names, Some(value)));
    let (names, opposite) = names.split_once('/').map_or((names, None), |(names, other)| (names, Some(other)));
    let mut found = option("", Kind::Flag);
    found.opposite = opposite.map(|name| name.trim_start_matches('-'));
    for name in names.split(',') {
        match name.strip_prefix("--") {
            Some(long) => found.id = long,
            None => found.short = name.chars().nth(1),
        }
    }
    let Some(value) = value else { return found };
    let kind_end = value.find(['(', '*', '!']).unwrap_or(value.len());
    found.kind = match &value[..kind_end] {
        "int" => Kind::Integer,
        "float" => Kind::Number,
        _ => Kind::Text,
    };
    found.default = value.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(default, _)| default);
    let signs = value.rsplit(')').next().unwrap_or_default();
    found.is_repeated = signs.contains('*');
    found.is_required = signs.contains('!');
    found
}

/// As clap wants it: one argument, two for a flag with an opposite.
pub(crate) fn to_clap(parameter: &Parameter) -> Vec<Arg> {
    let Parameter { id, kind, .. } = *parameter;
    let arg = Arg::new(id).help(glossary::help(id));
    if parameter.is_argument {
        let arg = arg.value_name(id).required(parameter.is_required);
        let number = if parameter.is_required { 1.. } else { 0.. };
        return vec![if parameter.is_repeated { arg.num_args(number).action(ArgAction::Append) } else { arg }];
    }
    let mut arg = arg.long(id);
    if let Some(short) = parameter.short {
        arg = arg.short(short);
    }
    if kind == Kind::Flag {
        let Some(opposite) = parameter.opposite else {
            return vec![arg.action(ArgAction::SetTrue)];
        };
        let other =
            Arg::new(opposite).long(opposite).action(ArgAction::SetTrue).overrides_with(id).hide_short_help(true);
        return vec![arg.action(ArgAction::SetTrue).overrides_with(opposite), other];
    }
    arg = arg
        .value_name(value_name(id))
        .allow_hyphen_values(true)
        .required(parameter.is_required)
        .action(if parameter.is_repeated { ArgAction::Append } else { ArgAction::Set })
        .value_parser(checked(kind));
    if let Some(default) = parameter.default {
        arg = arg.default_value(default);
    }
    vec![arg]
}

fn value_name(id: &'static str) -> &'static str {
    id.rsplit('-').next().map_or("VALUE", |last| match last {
        "id" | "of" => "ID",
        "path" | "file" | "key" | "certificate" => "FILE",
        "inputs" | "parameters" | "properties" => "KEY=VALUE",
        "listen" => "ADDRESS",
        "origin" => "ORIGIN",
        "rule" => "RULE",
        "labels" => "KEY:VALUE",
        "timeout" => "SECONDS",
        "offset" | "size" | "count" | "port" | "concurrency" | "preview" => "N",
        "name" | "username" | "tenant" => "NAME",
        _ => "VALUE",
    })
}

fn checked(kind: Kind) -> ValueParser {
    ValueParser::new(move |text: &str| {
        let fine = match kind {
            Kind::Integer => text.parse::<i64>().is_ok(),
            Kind::Number => text.parse::<f64>().is_ok(),
            Kind::Text | Kind::Flag => true,
        };
        if fine { Ok(text.to_owned()) } else { Err(format!("`{text}` is not a number")) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_parameters() {
        let found = read("KEY [OTHER] [MORE]... -p,--parameters=* --timeout=int(900) -l,--visibility=! SORT(key)");
        let [key, other, more, parameters, timeout, visibility, sort, descending] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert!(key.is_argument && key.is_required && !other.is_required && more.is_repeated);
        assert_eq!((parameters.id, parameters.short, parameters.is_repeated), ("parameters", Some('p'), true));
        assert_eq!((timeout.kind, timeout.default), (Kind::Integer, Some("900")));
        assert!(visibility.is_required && visibility.default.is_none());
        assert_eq!((sort.default, descending.kind), (Some("key"), Kind::Flag));
    }

    #[test]
    fn a_flag_may_have_an_opposite() {
        let [logs] = read("--include-logs/--no-logs").try_into().unwrap();
        assert_eq!((logs.id, logs.opposite, logs.kind), ("include-logs", Some("no-logs"), Kind::Flag));
        assert_eq!(to_clap(&logs).len(), 2);
    }
}
