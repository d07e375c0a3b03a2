//! The folder that scripts find first in their `PATH`: `ctx` and `ctx-sh`.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::Error;

/// For scripts that `source ctx-sh` to stop as soon as `ctx` fails.
const CTX_SH: &str =
    "# Source this file: a failing `ctx` then ends the script.\nctx() { command ctx \"$@\" || exit $?; }\n";

/// Makes the folder below `work_dir`; `ctx` in it leads to `program`.
pub(super) fn create(work_dir: &Path, program: &Path) -> Result<PathBuf, Error> {
    let dir = work_dir.join("bin");
    let make = || {
        std::fs::create_dir_all(&dir)?;
        std::fs::write(dir.join("ctx-sh"), CTX_SH)?;
        let link = dir.join("ctx");
        if link.symlink_metadata().is_ok() {
            std::fs::remove_file(&link)?;
        }
        symlink(program, &link)?;
        dir.canonicalize()
    };
    make().map_err(Error::machine(dir.display()))
}
