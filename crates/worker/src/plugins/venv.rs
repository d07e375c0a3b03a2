//! The virtual environment of one plugin: linked to the base environment, whose packages it sees after
//! its own.
//!
//! Source: spec workflows.md section 2.2; other workers look for the same file `agent.pth`.

use std::ffi::OsStr;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::python::base::program_of;
use crate::python::interpreter::Interpreter;
use crate::tool::{Failed, Tools};

/// A fresh environment.
pub(super) struct Venv<'a> {
    pub(super) folder: &'a Path,
    pub(super) tools: &'a Tools,
    /// The operation or order that it is made for.
    pub(super) task: &'a str,
}

impl Venv<'_> {
    /// Makes the environment, whatever was in its place.
    pub(super) async fn make(&self, base: &Interpreter) -> Result<(), Failed> {
        let mut command = Command::new(&base.program);
        command.args(["-m", "venv", "--clear", "--without-pip"]).arg(self.folder);
        self.tools.run(command, self.task).await?;
        let (major, minor) = base.version;
        let packages = self.folder.join(format!("lib/python{major}.{minor}/site-packages"));
        std::fs::write(packages.join("agent.pth"), link(&base.packages)?)?;
        Ok(())
    }

    /// Runs `pip install` with the pip of the base environment, in the folder `from`.
    pub(super) async fn install(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        from: &Path,
    ) -> Result<(), Failed> {
        let mut pip = Command::new(program_of(self.folder));
        pip.args(["-m", "pip", "--disable-pip-version-check", "--no-input", "install"])
            .args(arguments)
            .current_dir(from);
        self.tools.run(pip, self.task).await.map(drop)
    }
}

/// The text of `agent.pth`: the base's packages, and what its own files of this kind say, for Python
/// does not look at those.
fn link(packages: &Path) -> std::io::Result<String> {
    let mut text = format!("# The packages of the base environment.\n{}\n", packages.display());
    let mut files: Vec<PathBuf> = std::fs::read_dir(packages)?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "pth")) {
        // Text is all that can be written here.
        let _ = write!(text, "\n# From {}:\n{}\n", file.display(), std::fs::read_to_string(file)?);
    }
    Ok(text)
}
