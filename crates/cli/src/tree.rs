//! From words to a command: finds it, also by the beginnings of its words, and has clap read the rest.
//!
//! Invariant: only the command that was called is built with what it takes, so starting costs little. Help and mistakes
//! need the others' names; completions and manual pages everything.

use clap::{ArgMatches, Command as Clap};

use crate::group;
use crate::notation::{self, Parameter};
use crate::settings;
use crate::table::{Act, Command};

/// The name that commands of one word have in the table.
const ALONE: &str = "";

/// All commands of this crate, below a program.
pub(crate) fn complete(program: Clap) -> Clap {
    grown(program, leaf)
}

/// The same without what they take.
pub(crate) fn outline(program: Clap) -> Clap {
    grown(program, |command| Clap::new(command.name).about(command.about))
}

fn grown(mut program: Clap, made: fn(&'static Command) -> Clap) -> Clap {
    for group in group::GROUPS {
        let is_alone =
            |command: &&Command| group.name == ALONE && group::GROUPS.iter().any(|one| one.name == command.name);
        let commands = group.commands.iter().filter(|command| !is_alone(command));
        let commands = commands.map(|command| (words(group.name, command), command));
        for (path, command) in commands {
            program = insert(program, &path, &|name| made(command).name(name));
        }
        if group.name != ALONE {
            program = program.mut_subcommand(group.name, |found| found.about(group.about));
        }
    }
    program
}

/// The words of a command.
fn words(group: &'static str, command: &'static Command) -> Vec<&'static str> {
    std::iter::once(group).filter(|word| *word != ALONE).chain(command.name.split(' ')).collect()
}

fn insert(parent: Clap, path: &[&'static str], make: &dyn Fn(&'static str) -> Clap) -> Clap {
    match path {
        [] => parent,
        [last] => parent.subcommand(make(last)),
        [first, rest @ ..] if parent.get_subcommands().any(|found| found.get_name() == *first) => {
            parent.mut_subcommand(*first, |found| insert(found, rest, make))
        }
        [first, rest @ ..] => parent.subcommand(insert(inner(first), rest, make)),
    }
}

fn inner(name: &'static str) -> Clap {
    let about = match name {
        "labels" | "blueprint-labels" | "deployment-labels" => "Labels",
        "resource-tags" => "Tags of what plugins make",
        "filters" => "Stored rules for lists",
        "groups" => "Several at once",
        "modifications" => "Deployments that were scaled",
        "schedule" => "Workflows at their time",
        "graphs" | "operations" => "What an execution is made of",
        "providers" => "Places that keep secrets",
        "environments" => "Deployments that others lie in",
        "brokers" => "Message brokers",
        "db-nodes" => "The database's machines",
        "managers" => "The managers that work together",
        _ => "",
    };
    Clap::new(name).about(about).subcommand_required(true).arg_required_else_help(true).disable_help_subcommand(true)
}

/// One command with everything that it takes.
fn leaf(command: &'static Command) -> Clap {
    let parameters = notation::read(command.takes);
    let takes = |long: &str| parameters.iter().any(|parameter| !parameter.is_argument && parameter.id == long);
    let takes_short = |short: char| parameters.iter().any(|parameter| parameter.short == Some(short));
    Clap::new(command.name)
        .about(command.about)
        .args_override_self(true)
        .args(parameters.iter().flat_map(notation::to_clap))
        .args(settings::arguments(takes, takes_short))
}

/// A command that was found.
pub(crate) struct Found {
    pub(crate) act: &'static Act,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) matches: ArgMatches,
}

/// What looking for a command comes to.
pub(crate) enum Search {
    /// It is one of this crate's.
    Found(Found),
    /// It is another's, or a mistake, or a question: everything has to be built.
    Other,
}

/// Finds the command that the words (without the program's name) call.
///
/// Errors: what clap says of the words.
pub(crate) fn find(program: &'static str, arguments: &[String], others: &[&str]) -> Result<Search, clap::Error> {
    let Some((command, path, rest)) = resolve(arguments, others) else { return Ok(Search::Other) };
    let parameters = notation::read(command.takes);
    let has_rules = parameters.iter().any(|parameter| parameter.id == "labels-rule");
    let rest = rest.into_iter().map(|word| match word.as_str() {
        "-lr" if has_rules => "--labels-rule".to_owned(),
        "-ar" if has_rules => "--attrs-rule".to_owned(),
        _ => word,
    });
    let name = std::iter::once(program).chain(path.iter().copied()).collect::<Vec<_>>().join(" ");
    let clap = leaf(command).args(settings::variables()).bin_name(name.clone()).version(env!("CARGO_PKG_VERSION"));
    let matches = clap.try_get_matches_from(std::iter::once(name).chain(rest))?;
    Ok(Search::Found(Found { act: &command.act, parameters, matches }))
}

type Resolved = (&'static Command, Vec<&'static str>, Vec<String>);

/// Walks along the words. Options that stand between them belong to the command as well.
fn resolve(arguments: &[String], others: &[&str]) -> Option<Resolved> {
    let mut candidates: Vec<(&'static Command, Vec<&'static str>)> = group::GROUPS
        .iter()
        .flat_map(|group| group.commands.iter().map(|command| (command, words(group.name, command))))
        .collect();
    let mut hoisted = Vec::new();
    let mut depth = 0;
    let mut at = 0;
    loop {
        if let [(command, path)] = candidates.as_slice()
            && path.len() == depth
        {
            let rest = arguments.get(at..).unwrap_or_default();
            return Some((command, path.clone(), hoisted.into_iter().chain(rest.iter().cloned()).collect()));
        }
        let word = arguments.get(at)?;
        at += 1;
        if word.starts_with('-') {
            let takes_value = settings::is_option(word)?;
            hoisted.push(word.clone());
            if takes_value {
                hoisted.push(arguments.get(at)?.clone());
                at += 1;
            }
            continue;
        }
        let name =
            abbreviated(word, candidates.iter().map(|(_, path)| path[depth]), if depth == 0 { others } else { &[] })?;
        candidates.retain(|(_, path)| path[depth] == name);
        depth += 1;
        // A command may have the name of a group, as `node-instances` of the local mode: it is meant where nothing of
        // the group follows.
        if candidates.len() > 1 && candidates.iter().any(|(_, path)| path.len() == depth) {
            let longer = || candidates.iter().filter_map(|(_, path)| path.get(depth));
            let next = arguments.get(at)?;
            let is_group = longer().any(|name| name.starts_with(next.as_str())) || settings::is_option(next).is_some();
            let is_question = next == "--help" || next == "-h";
            candidates.retain(|(_, path)| (path.len() > depth) == (is_group || is_question));
        }
    }
}

/// The one name that a word stands for: the name itself, or its only continuation.
fn abbreviated<'a>(word: &str, names: impl Iterator<Item = &'a str>, others: &[&'a str]) -> Option<&'a str> {
    let mut fitting: Vec<&str> = Vec::new();
    for name in names.chain(others.iter().copied()) {
        if name == word {
            return if others.contains(&name) { None } else { Some(name) };
        }
        if name.starts_with(word) && !fitting.contains(&name) {
            fitting.push(name);
        }
    }
    match fitting.as_slice() {
        [name] if !others.contains(name) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(line: &str) -> Option<(String, Vec<String>)> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        resolve(&words, &["up", "audit"]).map(|(_, path, rest)| (path.join(" "), rest))
    }

    #[test]
    fn beginnings_of_words_are_enough() {
        let (path, rest) = called("dep li -o 3").unwrap();
        assert_eq!((path.as_str(), rest.as_slice()), ("deployments list", &["-o".to_owned(), "3".to_owned()][..]));
        assert!(called("de").is_none());
        assert!(called("s").is_none());
        assert_eq!(called("exec st install").unwrap().0, "executions start");
        assert!(called("up").is_none());
    }

    #[test]
    fn a_command_may_have_the_name_of_a_group() {
        assert_eq!(called("node-instances list -d x").unwrap().0, "node-instances list");
        assert_eq!(called("node-instances --json li").unwrap().0, "node-instances list");
        assert_eq!(
            called("node-instances -b app").unwrap(),
            ("node-instances".into(), vec!["-b".into(), "app".into()])
        );
        assert_eq!(called("node-in host -b app").unwrap().0, "node-instances");
        assert!(called("node-instances").is_none() && called("node-instances --help").is_none());
    }

    #[test]
    fn options_may_stand_anywhere() {
        let (path, rest) = called("--json blueprints -t other list").unwrap();
        assert_eq!(path, "blueprints list");
        assert_eq!(rest, ["--json", "-t", "other"]);
    }

    #[test]
    fn the_definitions_do_not_contradict_each_other() {
        complete(Clap::new("nephele")).debug_assert();
    }
}
