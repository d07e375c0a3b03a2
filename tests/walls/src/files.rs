//! What every Rust file of the workspace looks like: not too long, and opened by a `//!` text.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// The most lines that a file may have.
pub const MOST_LINES: usize = 500;

/// Names that say nothing of what a file is for.
const NAMELESS: &[&str] = &["utils", "helpers", "common", "misc", "types"];

/// Files in here are named like the sections of a blueprint, whatever those are called.
const SECTIONS: &str = "crates/dsl/src/section";

/// All Rust files below `folder`, build output left out.
pub fn rust_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What is wrong with a file of this name and content, one sentence each.
pub fn violations(path: &Path, content: &str) -> Vec<String> {
    let shown = path.display();
    let lines = content.lines().count();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let first = content.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let long = (lines > MOST_LINES).then(|| format!("{shown} has {lines} lines, more than {MOST_LINES}"));
    let silent = (!first.starts_with("//!")).then(|| format!("{shown} does not begin with `//!`"));
    let nameless = NAMELESS.contains(&stem.as_ref()) && !path.starts_with(SECTIONS);
    let nameless = nameless.then(|| format!("{shown}: the name says nothing"));
    [long, silent, nameless].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_turns_red() {
        let found = violations(Path::new("src/utils.rs"), &"let x;\n".repeat(MOST_LINES + 1));
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(violations(Path::new("src/scan.rs"), "//! Reads.\n"), Vec::<String>::new());
    }
}
