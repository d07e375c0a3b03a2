//! Keeps the documentation honest: a file or folder that it names must exist.

use std::path::Path;

/// Paths in back-quotes and targets of relative links in a Markdown text.
pub fn named_paths(markdown: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_block = false;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            found.extend(line.split('`').skip(1).step_by(2).filter(|text| is_path(text)).map(str::to_owned));
            found.extend(links(line));
        }
    }
    found
}

/// Paths that a text in `folder` names and that exist neither there nor at `root`.
pub fn missing(markdown: &str, folder: &Path, root: &Path) -> Vec<String> {
    let exists = |path: &str| folder.join(path).exists() || root.join(path).exists();
    named_paths(markdown).into_iter().filter(|path| !exists(path.trim_end_matches('/'))).collect()
}

const ROOTS: &[&str] = &["crates/", "tests/", "examples/", "docs/", "scripts/", "bench/", ".ci/", ".config/"];

fn is_path(text: &str) -> bool {
    let plain = !text.contains(|letter: char| letter.is_whitespace() || "{}*<>$".contains(letter));
    plain && ROOTS.iter().any(|root| text.starts_with(root))
}

fn links(line: &str) -> impl Iterator<Item = String> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let relative = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    relative.filter_map(|target| target.split('#').next()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_files_are_found() {
        let text = "See `crates/model/src/lib.rs`, `crates/model/src/nowhere.rs` and [this](nothing.md).";
        let root = crate::root();
        assert_eq!(missing(text, &root, &root), ["crates/model/src/nowhere.rs", "nothing.md"]);
    }

    #[test]
    fn code_blocks_and_addresses_are_left_alone() {
        assert_eq!(named_paths("```\n`crates/x.rs`\n```\n[a](https://example.org) [b](#c)"), Vec::<String>::new());
    }
}
