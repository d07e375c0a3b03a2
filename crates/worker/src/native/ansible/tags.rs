//! Which tags of a playbook are run, one after the other: those that the node names, or all that the playbook has.
//!
//! Invariant: a tag that was run well is noted before the next one begins, so that another try goes on with
//! those that are left.

use std::ffi::OsString;

use nephele_model::operation::Failure;
use nephele_model::python_text;
use serde_json::{Map, Value};

use super::failed;
use crate::native::program::Program;
use crate::native::task::Task;

/// Runtime properties: what is left to be run, and what was.
const AVAILABLE: &str = "available_tags";
const COMPLETED: &str = "completed_tags";
/// Tags that name no part of a playbook.
const SPECIAL: [&str; 2] = ["always", "never"];

/// The runs that are to be made, each with its tag; one without if there are no tags.
pub(super) async fn wanted(
    task: &Task,
    program: &Program<'_>,
    arguments: &[OsString],
) -> Result<Vec<Option<String>>, Failure> {
    let mut tags = task.list("tags")?;
    if tags.is_empty() && task.flag("auto_tags") {
        let mut arguments = arguments.to_vec();
        arguments.push("--list-tasks".into());
        let (exit, told) = program.capture(&arguments).await?;
        if exit.code != 0 {
            return Err(failed(task, exit.code, &told, &exit.stderr));
        }
        tags = listed(&told);
    }
    if tags.is_empty() {
        return Ok(vec![None]);
    }
    let properties = task.session.runtime_properties().await?;
    let left = texts(&properties, AVAILABLE);
    let is_begun = !left.is_empty();
    let wanted: Vec<String> = tags.into_iter().filter(|tag| !is_begun || left.contains(tag)).collect();
    let available = Value::from(wanted.clone());
    task.session
        .change(move |properties| {
            if !is_begun {
                properties.insert(COMPLETED.to_owned(), Value::Array(Vec::new()));
            }
            properties.insert(AVAILABLE.to_owned(), available);
        })
        .await?;
    Ok(wanted.into_iter().map(Some).collect())
}

/// Notes that a tag was run.
pub(super) async fn note(task: &Task, tag: &str) -> Result<(), Failure> {
    task.session
        .change(|properties| {
            let left = texts(properties, AVAILABLE).into_iter().filter(|other| other != tag);
            let done = texts(properties, COMPLETED).into_iter().chain(std::iter::once(tag.to_owned()));
            let [left, done]: [Vec<String>; 2] = [left.collect(), done.collect()];
            properties.insert(AVAILABLE.to_owned(), Value::from(left));
            properties.insert(COMPLETED.to_owned(), Value::from(done));
        })
        .await?;
    task.session.flush().await
}

fn texts(properties: &Map<String, Value>, name: &str) -> Vec<String> {
    properties.get(name).and_then(Value::as_array).into_iter().flatten().map(python_text::str).collect()
}

/// The tags of a playbook's tasks in the order in which they come there, as `--list-tasks` tells of them.
fn listed(told: &str) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for line in told.lines().filter(|line| !line.trim_start().starts_with("play #")) {
        let Some((_, listed)) = line.rsplit_once("\tTAGS: [") else { continue };
        for tag in listed.trim_end().trim_end_matches(']').split(',').map(str::trim) {
            if !tag.is_empty() && !SPECIAL.contains(&tag) && !tags.iter().any(|known| known == tag) {
                tags.push(tag.to_owned());
            }
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn tags_come_in_the_order_of_their_tasks() {
        let told = "\nplaybook: p.yaml\n\n  play #1 (web): web\tTAGS: [of_play]\n    tasks:\n      second, TAGS: [x]\tTAGS: \
                    [alpha, zeta]\n      debug\tTAGS: []\n      debug\tTAGS: [always, beta, zeta]\n";
        assert_eq!(listed(told), ["alpha", "zeta", "beta"]);
    }
}
