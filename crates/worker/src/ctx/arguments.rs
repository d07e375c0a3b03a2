//! The command line of `ctx`: options of its own, then what goes to the worker.
//!
//! The rules are those of Python's argparse, as far as scripts can meet them: options may stand
//! before or after the arguments, `-5` and texts with a space are no options, `--` ends the options.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

/// What is printed with a mistake in the options.
pub(super) const USAGE: &str = "usage: ctx [-h] [-t TIMEOUT] [--socket-url SOCKET_URL] \
[--json-arg-prefix JSON_ARG_PREFIX] [-j] [args ...]\n";

/// A command line, understood.
#[derive(Debug, PartialEq)]
pub(super) struct Arguments {
    pub(super) timeout: Duration,
    pub(super) socket_url: Option<String>,
    pub(super) json_output: bool,
    /// What goes to the worker.
    pub(super) values: Vec<Value>,
}

/// Why a command line cannot be carried out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Help was asked for.
    Help,
    /// The options are wrong; the text says how.
    Usage(String),
    /// An argument after the JSON prefix is no JSON.
    Json(String),
}

/// The options that take a value, and those that do not.
const OPTIONS: [(&str, &str, bool); 5] = [
    ("-t", "--timeout", true),
    ("", "--socket-url", true),
    ("", "--json-arg-prefix", true),
    ("-j", "--json-output", false),
    ("-h", "--help", false),
];

/// Reads a command line without the program's name.
pub(super) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Arguments, Refusal> {
    let mut words: VecDeque<String> = arguments.into_iter().collect();
    let mut timeout = Duration::from_secs(30);
    let (mut socket_url, mut prefix, mut json_output) = (None, "@".to_owned(), false);
    let mut positional: Vec<String> = Vec::new();
    let mut closed = false;
    let mut stray: Vec<String> = Vec::new();
    while let Some(word) = words.pop_front() {
        if word == "--" {
            take(&mut positional, &mut stray, closed, words);
            break;
        }
        if !looks_like_option(&word) {
            take(&mut positional, &mut stray, closed, [word]);
            continue;
        }
        closed = !positional.is_empty();
        // Options of one letter may be written together.
        if let Some(rest) = word.strip_prefix("-j").filter(|rest| !rest.is_empty() && !rest.starts_with('=')) {
            json_output = true;
            words.push_front(format!("-{rest}"));
            continue;
        }
        let Some((option, attached)) = find(&word)? else {
            stray.push(word);
            continue;
        };
        let mut value = || match attached.clone().or_else(|| words.pop_front_if(|next| !looks_like_option(next))) {
            Some(value) => Ok(value),
            None => Err(Refusal::Usage(format!("argument {}: expected one argument", describe(option)))),
        };
        match option {
            "--timeout" => {
                let text = value()?;
                let seconds = text
                    .trim()
                    .parse()
                    .map_err(|_| Refusal::Usage(format!("argument -t/--timeout: invalid int value: '{text}'")))?;
                timeout = Duration::from_secs(seconds);
            }
            "--socket-url" => socket_url = Some(value()?),
            "--json-arg-prefix" => prefix = value()?,
            "--json-output" => json_output = true,
            _ => return Err(Refusal::Help),
        }
    }
    if !stray.is_empty() {
        return Err(Refusal::Usage(format!("unrecognized arguments: {}", stray.join(" "))));
    }
    let values = positional.into_iter().map(|text| decode(&prefix, text)).collect::<Result<_, _>>()?;
    Ok(Arguments { timeout, socket_url, json_output, values })
}

/// All arguments stand together; what comes after a later option is left over.
fn take(positional: &mut Vec<String>, stray: &mut Vec<String>, closed: bool, words: impl IntoIterator<Item = String>) {
    if closed { stray.extend(words) } else { positional.extend(words) }
}

fn looks_like_option(word: &str) -> bool {
    word.len() > 1 && word.starts_with('-') && !is_negative_number(word) && (!word.contains(' ') || is_known(word))
}

fn is_negative_number(word: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let number = &word[1..];
    match number.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction) && !fraction.is_empty(),
        None => digits(number),
    }
}

fn is_known(word: &str) -> bool {
    let name = word.split_once('=').map_or(word, |(name, _)| name);
    OPTIONS.iter().any(|(short, long, _)| name == *short || name == *long)
}

/// The long name of the option that a word means, with a value that is attached to it. Long names
/// may be shortened as long as they are clear.
fn find(word: &str) -> Result<Option<(&'static str, Option<String>)>, Refusal> {
    if word.starts_with("--") {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value.to_owned())));
        let exact = OPTIONS.iter().find(|(_, long, _)| *long == name);
        let matching: Vec<_> = match exact {
            Some(option) => vec![option],
            None => OPTIONS.iter().filter(|(_, long, _)| long.starts_with(name)).collect(),
        };
        return match matching[..] {
            [(_, long, true)] => Ok(Some((long, value))),
            [(_, long, false)] if value.is_none() => Ok(Some((long, None))),
            [(_, long, false)] => {
                Err(Refusal::Usage(format!("argument {}: ignored explicit argument", describe(long))))
            }
            [] => Ok(None),
            _ => {
                let names: Vec<_> = matching.iter().map(|(_, long, _)| *long).collect();
                Err(Refusal::Usage(format!("ambiguous option: {name} could match {}", names.join(", "))))
            }
        };
    }
    let short = OPTIONS.iter().find(|(short, _, _)| !short.is_empty() && word.starts_with(short));
    Ok(short.and_then(|(short, long, takes_value)| {
        let rest = &word[short.len()..];
        match (takes_value, rest) {
            (_, "") => Some((*long, None)),
            (true, rest) => Some((*long, Some(rest.strip_prefix('=').unwrap_or(rest).to_owned()))),
            (false, _) => None,
        }
    }))
}

fn describe(long: &str) -> String {
    let short = OPTIONS.iter().find(|(_, own, _)| *own == long).map_or("", |(short, _, _)| *short);
    if short.is_empty() { long.to_owned() } else { format!("{short}/{long}") }
}

/// An argument after the prefix is JSON.
fn decode(prefix: &str, text: String) -> Result<Value, Refusal> {
    match text.strip_prefix(prefix) {
        None => Ok(Value::String(text)),
        Some(json) => {
            serde_json::from_str(json).map(collapse).map_err(|error| Refusal::Json(format!("{text}: {error}")))
        }
    }
}

/// Objects that stand for something that JSON cannot express become that text.
fn collapse(value: Value) -> Value {
    const REPR: &str = "__non_json_serializable_repr__";
    match value {
        Value::Object(mut fields) => match fields.shift_remove(REPR) {
            Some(repr) => repr,
            None => Value::Object(fields.into_iter().map(|(key, value)| (key, collapse(value))).collect()),
        },
        Value::Array(items) => Value::Array(items.into_iter().map(collapse).collect()),
        other => other,
    }
}
