//! What the original makes of chosen texts, as `goldens/generate.py` wrote it down.

use std::fs;
use std::path::{Path, PathBuf};

use crate::describe::describe;

/// A text and the lines that the original gives for it.
pub(crate) struct Golden {
    pub(crate) place: String,
    pub(crate) text: String,
    expected: String,
}

pub(crate) fn goldens() -> Vec<Golden> {
    let mut found = Vec::new();
    for path in files() {
        let content = fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let mut lines = content.lines().enumerate().peekable();
        while let Some((number, line)) = lines.next() {
            let Some(text) = line.strip_prefix("text ") else { continue };
            let mut expected = Vec::new();
            while let Some((_, line)) = lines.next_if(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
                expected.push(line);
            }
            found.push(Golden {
                place: format!("{name}.golden:{}", number + 1),
                text: serde_json::from_str(text).unwrap(),
                expected: expected.join("\n"),
            });
        }
    }
    found
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "golden")).collect();
    found.sort();
    found
}

#[test]
fn every_golden_is_read_as_the_original_reads_it() {
    let goldens = goldens();
    assert!(goldens.len() >= 250, "only {} goldens", goldens.len());
    let wrong: Vec<_> = goldens
        .iter()
        .map(|golden| (golden, describe(&golden.text)))
        .filter(|(golden, found)| *found != golden.expected)
        .map(|(golden, found)| format!("{} {:?}\n{}\n--- found\n{found}", golden.place, golden.text, golden.expected))
        .collect();
    assert!(wrong.is_empty(), "{} of {} differ\n\n{}", wrong.len(), goldens.len(), wrong.join("\n\n"));
}
