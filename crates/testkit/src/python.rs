//! The Python that `make` prepares below the build directory, and wagons built with its tools.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An interpreter with `cloudify-common`, so that a manager needs not make an environment first.
pub fn program() -> PathBuf {
    tool("python")
}

/// Builds a wagon from a folder with a `setup.py`, with the unmodified `wagon` of the package index. What
/// the package depends on is left out.
pub fn wagon(source: &Path, into: &Path) -> PathBuf {
    fs::create_dir_all(into).expect("a folder for the wagon");
    let mut command = Command::new(tool("wagon"));
    command.arg("create").arg(source).arg("-o").arg(into).arg("--wheel-args=--no-deps").current_dir(into);
    // It looks for pip in PATH.
    let bin = tool("python").parent().expect("a folder").to_owned();
    command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    let output = command.output().expect("wagon runs");
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "no wagon from {}:\n{said}", source.display());
    let entries = fs::read_dir(into).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut wagons = entries.filter(|file| file.extension().is_some_and(|ending| ending == "wgn"));
    wagons.next().unwrap_or_else(|| panic!("no wagon in {}:\n{said}", into.display()))
}

fn tool(name: &str) -> PathBuf {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/cfy/bin").join(name);
    assert!(tool.exists(), "{} is missing: `make cfy` installs it", tool.display());
    tool
}
