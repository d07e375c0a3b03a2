//! The base environment: a Python with `cloudify-common`, made when it is first needed.
//!
//! Invariant: the environment counts as there only when the record of its requirements is, which is
//! written last; anything else in its place is made anew. It is made once, whoever asks at a time.

use std::path::{Path, PathBuf};

use nephele_model::operation::{Failure, Severity};
use tokio::process::Command;
use tokio::sync::OnceCell;

use super::interpreter::Interpreter;
use crate::tool::{Failed, Tools};

/// What the environment consists of. `pkg_resources`, which plugins import, left setuptools with
/// version 80; `wheel` builds source plugins.
const REQUIREMENTS: [&str; 3] = ["cloudify-common[dispatcher]==7.0.5", "setuptools<80", "wheel<1"];
/// The file that says which requirements are met.
const RECORD: &str = "requirements.txt";
/// The oldest Python that `cloudify-common` runs with.
const OLDEST: (u32, u32) = (3, 6);

/// Makes and gives the base environment.
pub(crate) struct Base {
    /// The program that the environment is made with.
    python: PathBuf,
    /// Wheels to install from instead of the package index.
    wheels: Option<PathBuf>,
    folder: PathBuf,
    tools: Tools,
    ready: OnceCell<Interpreter>,
}

impl Base {
    pub(crate) fn new(python: PathBuf, wheels: Option<PathBuf>, folder: PathBuf, tools: Tools) -> Self {
        Self { python, wheels, folder, tools, ready: OnceCell::new() }
    }

    /// The interpreter of the base environment. `task` is the operation that needs it.
    pub(crate) async fn get(&self, task: &str) -> Result<&Interpreter, Failure> {
        self.ready.get_or_try_init(|| self.find_or_make(task)).await
    }

    /// The arguments of `pip install` that say where packages come from.
    pub(crate) fn package_source(&self) -> Vec<PathBuf> {
        let from = |wheels: &PathBuf| vec!["--no-index".into(), "--find-links".into(), wheels.clone()];
        self.wheels.as_ref().map(from).unwrap_or_default()
    }

    async fn find_or_make(&self, task: &str) -> Result<Interpreter, Failure> {
        let named = Interpreter::probe(&self.python, &self.tools).await.map_err(|failed| self.no_python(&failed))?;
        if named.version < OLDEST {
            let (major, minor) = named.version;
            return Err(self.no_python(&format!("it is Python {major}.{minor}, which is too old")));
        }
        if named.has_dispatcher() {
            return Ok(named);
        }
        if let Some(made) = self.made_earlier().await {
            return Ok(made);
        }
        tracing::info!(folder = %self.folder.display(), "making the Python environment of plugins");
        self.make(&named, task).await.map_err(|failed| self.not_made(&failed))
    }

    async fn made_earlier(&self) -> Option<Interpreter> {
        let record = std::fs::read_to_string(self.folder.join(RECORD)).ok()?;
        if record != REQUIREMENTS.join("\n") {
            return None;
        }
        let found = Interpreter::probe(&program_of(&self.folder), &self.tools).await.ok()?;
        found.has_dispatcher().then_some(found)
    }

    async fn make(&self, named: &Interpreter, task: &str) -> Result<Interpreter, Failed> {
        let mut venv = Command::new(&named.program);
        venv.args(["-m", "venv", "--clear"]).arg(&self.folder);
        self.tools.run(venv, task).await?;
        let program = program_of(&self.folder);
        let mut pip = Command::new(&program);
        pip.args(["-m", "pip", "--disable-pip-version-check", "--no-input", "install"]);
        pip.args(self.package_source()).args(REQUIREMENTS);
        self.tools.run(pip, task).await?;
        let made = Interpreter::probe(&program, &self.tools).await?;
        std::fs::write(self.folder.join(RECORD), REQUIREMENTS.join("\n"))?;
        Ok(made)
    }

    fn no_python(&self, why: &dyn std::fmt::Display) -> Failure {
        let message = format!(
            "Operations of plugins need Python 3.6 or later, and `{}` cannot be used: {why}. Install Python 3, or name \
             an interpreter with the setting `python` (NEPHELE_PYTHON), start the manager again and resume the execution.",
            self.python.display()
        );
        Failure::new(Severity::Fatal, "PythonNotFoundError", message)
    }

    fn not_made(&self, why: &dyn std::fmt::Display) -> Failure {
        let from = match &self.wheels {
            Some(folder) => format!("the wheels in {}", folder.display()),
            None => "the package index".to_owned(),
        };
        let message = format!(
            "The Python environment of plugins could not be made in {} from {from}: {why}\nIt consists of {}. Without a \
             network, collect them elsewhere with `pip download -d FOLDER REQUIREMENTS` and name the folder with the \
             setting `wheels` (NEPHELE_WHEELS); on Debian, venv is in the package python3-venv. Then resume the execution.",
            self.folder.display(),
            REQUIREMENTS.join(", "),
        );
        Failure::new(Severity::Fatal, "PythonEnvironmentError", message)
    }
}

/// The interpreter of a virtual environment.
pub(crate) fn program_of(environment: &Path) -> PathBuf {
    environment.join("bin/python")
}
