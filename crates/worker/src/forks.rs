//! Keeps the writing of executable files and the starting of processes apart.
//!
//! A file that is open for writing cannot be executed. A process that is just being started holds
//! copies of all open files for a moment, so a script written meanwhile would be refused as "busy".
//! Writers therefore wait while a process is being started, and the other way round.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tokio::process::{Child, Command};
use tokio::sync::RwLock;

#[derive(Default)]
pub(crate) struct Forks(RwLock<()>);

impl Forks {
    /// Writes a file that may be executed, with this mode.
    pub(crate) async fn write(&self, path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
        let _many = self.0.read().await;
        std::fs::write(path, content)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
    }

    /// Starts a process.
    pub(crate) async fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        let _one = self.0.write().await;
        command.spawn()
    }
}
