//! Gets a script's text and puts it where it can be executed.

use std::path::PathBuf;
use std::sync::Arc;

use nephele_client::Error;
use nephele_model::operation::{Failure, Severity};

use super::settings::{Settings, Source};
use crate::forks::Forks;
use crate::operation::Operation;
use crate::resources::Scripts;

/// Writes the script into the task's folder and returns its path.
pub(super) async fn prepare(
    operation: &Operation,
    settings: &Settings,
    scripts: &Scripts,
    forks: &Forks,
) -> Result<PathBuf, Failure> {
    let (name, content) = match &settings.source {
        Source::Text(text) => ("script.sh".to_owned(), Arc::new(dedent(text).into_bytes())),
        Source::Path(path) => (file_name(path), read(operation, settings, scripts, path).await?),
    };
    // A folder of its own: the script's name must not meet the names of the task's records.
    let folder = operation.dir.path().join("script");
    let target = folder.join(name);
    let written = match std::fs::create_dir_all(&folder) {
        Ok(()) => forks.write(&target, &content, 0o755).await,
        failed => failed,
    };
    written
        .inspect(|()| {
            if let Source::Path(path) = &settings.source
                && !path.contains("://")
            {
                operation.logs.info(&format!("Downloaded {path} to {}", target.display()));
            }
        })
        .map_err(|error| Failure::recoverable(format!("The script {} cannot be written: {error}", target.display())))?;
    Ok(target)
}

async fn read(
    operation: &Operation,
    settings: &Settings,
    scripts: &Scripts,
    path: &str,
) -> Result<Arc<Vec<u8>>, Failure> {
    match path.split_once("://") {
        Some(("http" | "https", _)) => download(path, settings.authority.as_deref()).await.map(Arc::new),
        Some(("file", local)) => std::fs::read(local).map(Arc::new).map_err(|error| {
            Failure::new(Severity::Recoverable { retry_after: None }, "OSError", format!("{local}: {error}"))
        }),
        _ => Ok(scripts.get(operation, path).await?),
    }
}

async fn download(url: &str, authority: Option<&str>) -> Result<Vec<u8>, Failure> {
    match nephele_client::download(url, authority).await {
        Ok(content) => Ok(content.into()),
        Err(Error::Refused { status, .. }) => {
            Err(Failure::fatal(format!("Failed downloading script: {url} (status code: {status})")))
        }
        Err(error) => Err(Failure::recoverable(format!("Failed downloading script: {error}"))),
    }
}

/// The last part of a path or URL, for people who read the logs.
fn file_name(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    if matches!(name, "" | "." | "..") { "script".to_owned() } else { name.to_owned() }
}

/// Takes away the white space that all lines begin with; blank lines do not count.
fn dedent(text: &str) -> String {
    let indents = text.lines().filter(|line| !line.trim().is_empty()).map(|line| {
        let length = line.len() - line.trim_start_matches([' ', '\t']).len();
        &line[..length]
    });
    let margin = indents.reduce(common_start).unwrap_or_default();
    let lines = text
        .split('\n')
        .map(|line| if line.trim().is_empty() { "" } else { line.strip_prefix(margin).unwrap_or(line) });
    lines.collect::<Vec<_>>().join("\n")
}

fn common_start<'a>(one: &'a str, other: &str) -> &'a str {
    let length = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    &one[..length]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_go_and_relative_indentation_stays() {
        assert_eq!(dedent("  a\n    b\n \n  c\n"), "a\n  b\n\nc\n");
        assert_eq!(dedent("\ta\n  b"), "\ta\n  b");
        assert_eq!(dedent("a\n b"), "a\n b");
    }

    #[test]
    fn names_come_from_the_end_of_a_path() {
        assert_eq!(file_name("scripts/a b.sh"), "a b.sh");
        assert_eq!(file_name("http://h/x/run.sh"), "run.sh");
        assert_eq!(file_name("dir/.."), "script");
    }
}
