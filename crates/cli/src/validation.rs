//! Checks a blueprint on this machine: reads it with everything it imports, and shows what is wrong.
//!
//! Invariant: no manager is asked and nothing is written. Where files come from is [`files`], how problems
//! look is [`report`]. The exit code tells the outcome: 0 in order (perhaps with warnings), 1 not.

mod archive;
pub(crate) mod files;
mod plugins;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use nephele_dsl::{Diagnostic, Options, Resolver, Severity, Source};

use crate::output;
use files::Files;

/// What is to be checked, and how it is to be told.
pub(crate) struct Request {
    /// A blueprint's file, a folder or an archive.
    pub(crate) path: PathBuf,
    /// The blueprint's file inside a folder or archive.
    pub(crate) main_file: String,
    /// A folder with the YAML files of plugins.
    pub(crate) plugins: Option<PathBuf>,
    pub(crate) json: bool,
    /// Whether colours are wanted where they can be seen.
    pub(crate) colours: bool,
}

/// Errors: the blueprint cannot be read at all.
pub(crate) fn run(request: &Request) -> anyhow::Result<ExitCode> {
    let (files, main) = files::open(&request.path, &request.main_file, request.plugins.as_deref())?;
    let (text, shown) = (files.main_text(&main)?, files.shown(&main));
    let resolver = Resolver::new(&files);
    let (plan, mut problems) = match nephele_dsl::parse(&Source::new(main, text), &resolver, &Options::default()) {
        Ok(parsed) => (true, parsed.warnings),
        Err(problems) => (false, problems),
    };
    files.sort(&mut problems);
    if request.json {
        output::json(&report::to_json(&problems, &files))?;
    } else {
        tell(&shown, &problems, &files, request.colours)?;
        if plan {
            output::line("Blueprint validated successfully")?;
        }
    }
    Ok(if plan { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The plan of a blueprint that is in order.
pub(crate) fn plan(path: &std::path::Path, main_file: &str) -> anyhow::Result<serde_json::Value> {
    let (files, main) = files::open(path, main_file, None)?;
    let source = Source::new(main.clone(), files.main_text(&main)?);
    match nephele_dsl::parse(&source, &Resolver::new(&files), &Options::default()) {
        Ok(parsed) => Ok(serde_json::to_value(&parsed.plan)?),
        Err(problems) => {
            let first = problems.first().map(|problem| report::rendered(problem, &files, false)).unwrap_or_default();
            anyhow::bail!("the blueprint is not in order\n{first}")
        }
    }
}

fn tell(main: &str, problems: &[Diagnostic], files: &Files, colours: bool) -> anyhow::Result<()> {
    for problem in problems {
        output::note(format!("{}\n", report::rendered(problem, files, colours)))?;
    }
    let Some(first) = problems.first() else { return Ok(()) };
    let count = |severity| problems.iter().filter(|problem| problem.fault.severity() == severity).count();
    let counted = [Severity::Error, Severity::Warning].map(|severity| (count(severity), severity.as_str()));
    let counted = counted.into_iter().filter(|(number, _)| *number > 0);
    let counted: Vec<String> =
        counted.map(|(number, what)| format!("{number} {what}{}", if number == 1 { "" } else { "s" })).collect();
    let name = first.fault.name();
    output::note(format!("{main}: {}. What they mean: docs/errors.md#{name}", counted.join(", ")))
}
