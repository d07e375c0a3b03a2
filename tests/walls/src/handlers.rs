//! Handlers stay short: they take a request apart, call one use case and shape its result.

use std::collections::BTreeSet;
use std::path::PathBuf;

/// The most lines between the braces of a handler.
pub const MOST_LINES: usize = 25;

/// The handlers that rows of the route table name, as module and function.
pub fn named(routes: &str) -> BTreeSet<(String, String)> {
    let rows = routes
        .lines()
        .map(str::trim)
        .filter(|line| ["get(", "put(", "post(", "patch(", "delete("].iter().any(|method| line.starts_with(method)));
    let is_name = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let handler = |word: &str| {
        let mut parts = word.split("::");
        let (module, function) = (parts.next()?, parts.next()?);
        (is_name(module) && is_name(function)).then(|| (module.to_owned(), function.to_owned()))
    };
    rows.flat_map(|row| row.split(", ")).filter_map(handler).collect()
}

/// Where a handler of a module may stand, below the sources of the `api` crate; a long one may have a file.
pub fn places(module: &str, function: &str) -> [PathBuf; 5] {
    ["resource/NAME.rs", "resource/NAME/mod.rs", "NAME.rs", "NAME/mod.rs", "resource/NAME/FUNCTION.rs"]
        .map(|place| PathBuf::from(place.replace("NAME", module).replace("FUNCTION", function)))
}

/// How many lines stand between the braces of a function of this file; `None` when it has no such function.
pub fn length(content: &str, function: &str) -> Option<usize> {
    let begins = |line: &str| {
        let rest = line.strip_prefix("pub(crate) ")?;
        let rest = rest.strip_prefix("async ").unwrap_or(rest).strip_prefix("fn ")?.strip_prefix(function)?;
        rest.starts_with(['(', '<']).then_some(())
    };
    let mut lines = content.lines().skip_while(|line| begins(line).is_none());
    let head = lines.find(|line| line.ends_with(['{', '}']))?;
    if head.ends_with('}') { Some(1) } else { Some(lines.take_while(|line| *line != "}").count()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handlers_are_found_and_counted() {
        let routes = "use a::b;\n        get(\"/a/{id}\", V1, Needs(P::A), things::get::<A>, One(THING)),\n        put(\"/b\", V1, Public, others::put, Nothing),\n";
        let expected = [("others", "put"), ("things", "get")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(named(routes), expected.into());
        let code = "pub(crate) async fn get_all() {}\n\npub(crate) async fn get<T>(\n    a: A,\n) -> B {\n    one();\n    two()\n}\n";
        assert_eq!((length(code, "get"), length(code, "get_all"), length(code, "put")), (Some(2), Some(1), None));
    }
}
