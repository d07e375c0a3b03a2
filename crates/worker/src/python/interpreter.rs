//! A Python interpreter, and what is installed for it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokio::process::Command;

use crate::tool::{Failed, Tools};

/// Prints what [`Interpreter`] holds, in words that Python 3 has always known.
const PROBE: &str = "import json, sys, sysconfig; print(json.dumps({'program': sys.executable, \
    'version': list(sys.version_info[:2]), 'packages': sysconfig.get_paths()['purelib']}))";

/// The dispatcher's package, as the folders of its metadata begin.
const DISPATCHER: &str = "cloudify_common-";

/// A Python interpreter.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Interpreter {
    /// The program.
    pub(crate) program: PathBuf,
    /// Major and minor version.
    pub(crate) version: (u32, u32),
    /// The folder of its packages.
    pub(crate) packages: PathBuf,
}

impl Interpreter {
    /// Asks a program what it is. A bare name is looked for in `PATH`.
    pub(crate) async fn probe(program: &Path, tools: &Tools) -> Result<Self, Failed> {
        let mut command = Command::new(program);
        command.args(["-c", PROBE]);
        let told = tools.run(command, "").await?;
        serde_json::from_str(&told)
            .map_err(|_| Failed::Refused(format!("it is no Python interpreter: {}", told.trim())))
    }

    /// Whether `cloudify-common` is installed for it, of a version that leaves the states of operations to
    /// the worker: 6.2 or later (spec workflows.md section 2.1).
    pub(crate) fn has_dispatcher(&self) -> bool {
        let entries = std::fs::read_dir(&self.packages).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).any(|name| speaks(&name))
    }

    /// The folder of the program.
    pub(crate) fn folder(&self) -> &Path {
        self.program.parent().unwrap_or(Path::new("/"))
    }
}

/// Whether a folder of metadata is that of a dispatcher that the worker can talk to.
fn speaks(name: &str) -> bool {
    let version = name.strip_prefix(DISPATCHER).and_then(|rest| rest.strip_suffix(".dist-info"));
    let mut parts = version.into_iter().flat_map(|version| version.split('.')).map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(6)), Some(Ok(minor))) => minor >= 2,
        (Some(Ok(major)), _) => major > 6,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dispatchers_are_known_by_their_version() {
        let known = |name| speaks(name);
        assert!(known("cloudify_common-7.0.5.dist-info") && known("cloudify_common-6.2.0.dist-info"));
        assert!(!known("cloudify_common-6.1.dist-info") && !known("cloudify_common-5.1.0.dist-info"));
        assert!(!known("cloudify_common-7.0.5.egg-info") && !known("cloudify-7.0.5.dist-info"));
    }
}
