//! Problems as people and programs read them.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet, normalize_untrusted_str};
use nephele_dsl::{Diagnostic, Place, Severity};
use serde_json::{Value, json};

use super::files::Files;

/// How wide a report may get.
const WIDTH: usize = 120;

/// A list with one object a problem; the shape is documented in `docs/operations.md` and stays.
pub(crate) fn to_json(problems: &[Diagnostic], files: &Files) -> Value {
    let one = |problem: &Diagnostic| {
        let place = problem.place.as_deref();
        let span = place.and_then(|place| place.span);
        json!({
            "severity": problem.fault.severity().as_str(),
            "code": problem.code(),
            "name": problem.fault.name(),
            "class": problem.kind().as_str(),
            "message": problem.message,
            "hint": problem.advice(),
            "file": place.and_then(|place| place.file.as_deref()).map(|file| files.shown(file)),
            "line": span.map(|span| span.start.line + 1),
            "column": span.map(|span| span.start.column + 1),
            "end_line": span.map(|span| span.end.line + 1),
            "end_column": span.map(|span| span.end.column + 1),
            "path": place.map(|place| place.path.as_str()).filter(|path| !path.is_empty()),
        })
    };
    problems.iter().map(one).collect()
}

/// A problem with the line that it stands in and a mark below the place.
pub(crate) fn rendered(problem: &Diagnostic, files: &Files, colours: bool) -> String {
    let level = match problem.fault.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let renderer = if colours { Renderer::styled() } else { Renderer::plain() }.term_width(WIDTH);
    // A message may quote the blueprint, which may hold anything, such as what terminals take as orders.
    let title = level.primary_title(normalize_untrusted_str(problem.brief())).id(problem.fault.name());
    let help = Level::HELP.message(normalize_untrusted_str(problem.advice()));
    let place = problem.place.as_deref();
    let file = place.and_then(|place| place.file.as_deref());
    let (Some(place), Some(file)) = (place, file) else {
        return renderer.render(&[title.element(help)]);
    };
    let shown = normalize_untrusted_str(&files.shown(file));
    let with_text = |text: &str| {
        let range = range(text, place)?;
        let mark = AnnotationKind::Primary.span(range).label(normalize_untrusted_str(&place.path));
        let snippet = Snippet::source(text.to_owned()).path(shown.clone()).annotation(mark);
        Some(snippet)
    };
    if let Some(snippet) = files.with_text(file, with_text).flatten() {
        return renderer.render(&[title.element(snippet).element(help)]);
    }
    let origin = Origin::path(shown);
    let origin = match problem.position() {
        Some((line, column)) => origin.line(line as usize).char_column(column as usize),
        None => origin,
    };
    renderer.render(&[title.element(origin).element(help)])
}

/// The bytes of a place, within its first line.
fn range(text: &str, place: &Place) -> Option<Range<usize>> {
    let span = place.span?;
    let line_start: usize = text.split_inclusive('\n').take(span.start.line as usize).map(str::len).sum();
    let line = text.get(line_start..)?.split(['\n', '\r']).next().unwrap_or_default();
    let byte = |column: u32| line.char_indices().nth(column as usize).map_or(line.len(), |(byte, _)| byte);
    let start = byte(span.start.column);
    let end = if span.end.line > span.start.line { line.trim_end().len() } else { byte(span.end.column) };
    // At least one character is marked, if only behind the last one.
    let least =
        line.get(start..).and_then(|rest| rest.chars().next()).map_or(start, |letter| start + letter.len_utf8());
    Some(line_start + start..line_start + end.max(least))
}
