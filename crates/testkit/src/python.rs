//! The Python that `make` prepares below the build directory, and wagons built with its tools.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An interpreter with `cloudify-common`, so that a manager needs not make an environment first.
pub fn program() -> PathBuf {
    tool("python")
}

/// An interpreter with `schemathesis`.
pub fn schemathesis() -> PathBuf {
    prepared("schemathesis", "python")
}

/// `ansible-playbook`, in an environment of its own.
pub fn ansible_playbook() -> PathBuf {
    prepared("ansible", "ansible-playbook")
}

/// `tofu` or `terraform`: the one of the machine, or the one that is prepared where there is none.
pub fn terraform() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let programs = ["tofu", "terraform"].map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)));
    let found = programs.into_iter().flatten().find(|program| program.exists());
    found.unwrap_or_else(|| prepared("terraform", "terraform"))
}

/// `helm`, version 3.
pub fn helm() -> PathBuf {
    prepared("helm", "helm")
}

/// Builds a wagon from a folder with a `setup.py`, with the unmodified `wagon` of the package index. What
/// the package depends on is left out.
pub fn wagon(source: &Path, into: &Path) -> PathBuf {
    create(source, into, &["--wheel-args=--no-deps"])
}

/// The same with all that the package depends on, from the package index.
pub fn whole_wagon(source: &Path, into: &Path) -> PathBuf {
    create(source, into, &[])
}

/// The whole wagon of a release on the package index, built from its source. It takes a minute or two and is kept below
/// the build directory, for later runs.
pub fn released(package: &str, version: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/wagons").join(format!("{package}-{version}"));
    fs::create_dir_all(&folder).expect("a folder below the build directory");
    let lock = fs::File::create(folder.join("lock")).expect("a file to lock");
    lock.lock().expect("the only one who builds it");
    if let Some(kept) = file_with(&folder, "wgn") {
        return kept;
    }
    let building = tempfile::tempdir_in(&folder).expect("a folder");
    let mut pip = Command::new(tool("pip"));
    pip.args(["download", "--quiet", "--no-deps", "--no-binary", package, "-d"]).arg(building.path());
    run(pip.arg(format!("{package}=={version}")));
    let source = file_with(building.path(), "gz").unwrap_or_else(|| panic!("no source of {package} {version}"));
    let built = create(&source, &building.path().join("wagon"), &[]);
    let kept = folder.join(built.file_name().expect("a file"));
    fs::rename(built, &kept).expect("the wagon in its place");
    kept
}

fn create(source: &Path, into: &Path, arguments: &[&str]) -> PathBuf {
    fs::create_dir_all(into).expect("a folder for the wagon");
    let mut command = Command::new(tool("wagon"));
    command.arg("create").arg(source).arg("-o").arg(into).args(arguments).current_dir(into);
    // It looks for pip in PATH.
    let bin = tool("python").parent().expect("a folder").to_owned();
    let said = run(command.env("PATH", format!("{}:/usr/bin:/bin", bin.display())));
    file_with(into, "wgn").unwrap_or_else(|| panic!("no wagon in {}:\n{said}", into.display()))
}

/// Runs a command that must succeed, and gives all that it said.
fn run(command: &mut Command) -> String {
    let output = command.output().expect("the command runs");
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{command:?}:\n{said}");
    said
}

fn file_with(folder: &Path, ending: &str) -> Option<PathBuf> {
    let mut files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    files.find(|file| file.extension().is_some_and(|found| found == ending))
}

fn tool(name: &str) -> PathBuf {
    prepared("cfy", name)
}

/// A program of an environment that `scripts/prepare` makes.
fn prepared(environment: &str, name: &str) -> PathBuf {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target").join(environment).join("bin").join(name);
    assert!(tool.exists(), "{} is missing: `scripts/prepare {environment}` installs it", tool.display());
    tool
}
