//! Thousands of made-up texts, read by the original's Python and by us.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::describe::describe;
use crate::mixture::texts;

/// A first number for the made-up texts, and how many there are: some ten seconds of Python.
const SEED: u64 = 20_260_101;
const TEXTS: usize = 10_000;

/// What the original makes of texts, in the same order. One Python process reads them all.
fn original(texts: &[String]) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = folder.join("../../target/cfy/bin/python");
    assert!(python.exists(), "{} is missing: `make cfy` installs it", python.display());
    let mut child = Command::new(&python)
        .arg(folder.join("tests/goldens/oracle.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .spawn()
        .expect("Python starts");
    let mut input = child.stdin.take().expect("standard input");
    let lines: String = texts.iter().map(|text| serde_json::to_string(text).unwrap() + "\n").collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("Python ends");
    writer.join().expect("the writer ends").expect("Python reads all texts");
    assert!(output.status.success(), "oracle.py failed");
    let output = String::from_utf8(output.stdout).expect("UTF-8");
    let answers: Vec<String> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), texts.len());
    answers
}

#[test]
fn made_up_texts_are_read_as_the_original_reads_them() {
    let texts = texts(SEED, TEXTS);
    let answers = original(&texts);
    let wrong: Vec<_> = texts
        .iter()
        .zip(&answers)
        .map(|(text, expected)| (text, expected, describe(text)))
        .filter(|(_, expected, found)| *expected != found)
        .map(|(text, expected, found)| format!("{text:?}\n{expected}\n--- found\n{found}"))
        .collect();
    let shown = wrong.iter().take(5).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(wrong.is_empty(), "{} of {} differ\n\n{shown}", wrong.len(), texts.len());

    // The comparison is worth something only if many of the texts are YAML and many are not.
    let valid = answers.iter().filter(|answer| !answer.contains("\nerror ")).count();
    for class in ["Scanner", "Parser", "Composer", "Constructor"] {
        let count = answers.iter().filter(|answer| answer.contains(&format!("error {class}Error"))).count();
        assert!(count > 50, "only {count} texts with a {class}Error");
    }
    assert!((TEXTS / 4..TEXTS * 9 / 10).contains(&valid), "{valid} of {TEXTS} texts are YAML");
}
