//! The reference, running: `reference.py` in the Python that `make cfy` installs.

use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nephele_dsl::builtin;
use serde_json::{Map, Value};

use crate::case::Case;

/// Locations of built-in types that blueprints of this test import; a manager serves them to the reference.
const BUILTIN: &[&str] = &[
    "resource:cloudify/types/types.yaml",
    "resource:cloudify/types/types_1_3.yaml",
    "resource:cloudify/types/types_1_4.yaml",
    "https://cloudify.co/spec/cloudify/6.4.0/types.yaml",
];

/// A process that is ended with its owner.
pub(crate) struct Reference(Child);

impl Reference {
    /// Gives every case to the reference and each answer to `look`, in this order, until it says to stop.
    pub(crate) fn ask(cases: &[Case], mut look: impl FnMut(&Case, Value) -> ControlFlow<()>) {
        let mut reference = Self::start();
        let mut input = reference.0.stdin.take().unwrap();
        let answers = BufReader::new(reference.0.stdout.take().unwrap()).lines();
        std::thread::scope(|scope| {
            // Written from another thread: both sides work at the same time and no pipe fills up.
            scope.spawn(move || {
                // The pipe breaks when the reference is ended early.
                let mut lines = std::iter::once(Value::Object(builtin_types())).chain(cases.iter().map(Case::request));
                let _ = lines.try_for_each(|line| writeln!(input, "{line}"));
            });
            let mut answers = answers;
            for case in cases {
                let line = answers.next().unwrap_or_else(|| panic!("the reference ended at {}", case.name)).unwrap();
                let answer = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{}: {error}", case.name));
                if look(case, answer).is_break() {
                    break;
                }
            }
            reference.end();
        });
    }

    fn start() -> Self {
        let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python: PathBuf = crate_folder.join("../../target/cfy/bin/python");
        assert!(python.exists(), "{} is missing: `make cfy` installs the reference", python.display());
        let mut command = Command::new(python);
        // Sets have one order, so that a difference can be seen again.
        command.arg(crate_folder.join("tests/differential/reference.py")).env("PYTHONHASHSEED", "0");
        Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap())
    }
}

impl Reference {
    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        self.end();
    }
}

fn builtin_types() -> Map<String, Value> {
    BUILTIN.iter().filter_map(|location| Some(((*location).to_owned(), builtin::resolve(location)?.into()))).collect()
}
