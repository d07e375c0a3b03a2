//! Work without a manager: one in this process, for as long as a command takes.
//!
//! Invariant: it is the same manager, on a data directory in the profile `local`, so blueprints behave alike.

use std::path::Path;
use std::sync::Arc;

/// A manager in this process; it stops when this is dropped.
pub trait LocalManager {
    /// Where it listens.
    fn url(&self) -> &str;
}

/// Starts one on a data directory. Given by the binary, which puts the parts together.
pub type Start = dyn Fn(&Path) -> anyhow::Result<Box<dyn LocalManager>> + Send + Sync;

/// Starts managers in this process.
#[derive(Clone)]
pub struct Local(Arc<Start>);

impl Local {
    /// Managers that are started like this.
    pub fn new(start: impl Fn(&Path) -> anyhow::Result<Box<dyn LocalManager>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(start))
    }

    /// Starts one on this data directory.
    pub fn start(&self, data_dir: &Path) -> anyhow::Result<Box<dyn LocalManager>> {
        (self.0)(data_dir)
    }
}
