//! The unmodified `cfy` of the Python package index, with a home of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// An installed `cfy` whose profile, logs and settings live in one folder.
pub struct Cfy {
    program: PathBuf,
    home: PathBuf,
}

/// What a command of `cfy` did.
pub struct Ran {
    /// The exit code; -1 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Cfy {
    /// The `cfy` that `make` installs below the build directory, with this folder as its home.
    pub fn new(home: &Path) -> Self {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
        let program = target.join("cfy/bin/cfy");
        assert!(program.exists(), "{} is missing: `make cfy` installs it", program.display());
        std::fs::create_dir_all(home).expect("a home for cfy");
        Self { program, home: home.to_path_buf() }
    }

    /// Runs a command, whatever its exit code.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(&self.program);
        command.args(arguments).env_clear().env("HOME", &self.home).env("PATH", "/usr/bin:/bin");
        command.env("LC_ALL", "C.UTF-8").env("COLUMNS", "200").current_dir(&self.home);
        let output = command.output().expect("cfy runs");
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a command that must succeed and gives what it printed.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "cfy {}\n{}{}", arguments.join(" "), ran.stdout, ran.stderr);
        ran.stdout
    }

    /// Runs a command with `--json` that must succeed and gives its data.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.push("--json");
        let text = self.ok(&all);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("cfy {}: {error}:\n{text}", all.join(" ")))
    }

    /// Runs a command that must fail with exit code 1 and gives what it printed.
    #[track_caller]
    pub fn fails(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 1, "cfy {}\n{}{}", arguments.join(" "), ran.stdout, ran.stderr);
        ran.stdout + &ran.stderr
    }
}
