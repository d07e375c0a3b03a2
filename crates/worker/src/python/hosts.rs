//! The warm interpreters of a worker: one for each environment that was used lately.
//!
//! Invariant: a host is used only while the packages of its interpreter are those that it was started
//! with. Whatever a host cannot do, a process of its own does; nothing fails for want of a host.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::{Mutex, OnceCell};

use super::host::{Forked, Host};
use super::interpreter::Interpreter;
use super::output::Output;
use super::surroundings::Surroundings;
use crate::forks::Forks;
use crate::operation::Operation;

/// Hosts at a time. An idle one holds about 35 MB.
const MOST: usize = 8;
/// Variables by the beginnings of their names that an interpreter reads when it starts: a process that
/// has others of them cannot be a fork.
const AT_START: [&str; 4] = ["PYTHON", "LD_", "LC_", "LANG"];

/// Hosts by the program of their interpreter.
pub(super) struct Hosts {
    forks: Arc<Forks>,
    surroundings: Arc<Surroundings>,
    places: Mutex<Places>,
}

#[derive(Default)]
struct Places {
    by_program: HashMap<PathBuf, Place>,
    /// Counts uses, to find the place that has gone unused for longest.
    uses: u64,
}

struct Place {
    packages: Packages,
    used: u64,
    /// Empty while it starts; then `None` if the interpreter cannot have one.
    host: Arc<OnceCell<Option<Host>>>,
}

/// What tells a folder of packages from the same folder after a change: its number, and when an entry
/// came or went.
type Packages = Option<(u64, i64, i64)>;

impl Hosts {
    pub(super) fn new(forks: Arc<Forks>, surroundings: Arc<Surroundings>) -> Self {
        Self { forks, surroundings, places: Mutex::default() }
    }

    /// Starts an operation in a fork of its interpreter's host. `None`: it needs a process of its own.
    pub(super) async fn fork(
        &self,
        operation: &Operation,
        interpreter: &Interpreter,
        variables: &[(OsString, OsString)],
        output: &Output,
    ) -> Option<Forked> {
        let foreign = |name: &String| AT_START.iter().any(|start| name.starts_with(start));
        if operation.request.context.execution_env.keys().any(foreign) {
            return None;
        }
        let variables = in_words(variables)?;
        let cell = self.place(interpreter).await?;
        let started = cell.get_or_try_init(|| {
            let variables = self.surroundings.lasting().to_vec();
            Host::start(&interpreter.program, variables, self.surroundings.work(), &self.forks)
        });
        let program = interpreter.program.display();
        let host = match started.await {
            Ok(host) => host.as_ref()?,
            Err(error) => {
                tracing::warn!(%program, %error, "operations run in processes of their own");
                return None;
            }
        };
        let forked = host.fork(operation.dir.path(), variables, output.path()).await;
        forked.inspect_err(|error| tracing::info!(%program, %error, "a host of Python operations had ended")).ok()
    }

    /// The place of an interpreter's host; `None` if there are too many that work.
    async fn place(&self, interpreter: &Interpreter) -> Option<Arc<OnceCell<Option<Host>>>> {
        let packages = packages_of(interpreter);
        let mut places = self.places.lock().await;
        places.uses += 1;
        let used = places.uses;
        let is_sound = |host: &Option<Host>| host.as_ref().is_none_or(Host::is_alive);
        if let Some(place) = places.by_program.get_mut(&interpreter.program)
            && place.packages == packages
            && place.host.get().is_none_or(is_sound)
        {
            place.used = used;
            return Some(Arc::clone(&place.host));
        }
        if !places.by_program.contains_key(&interpreter.program) && places.by_program.len() >= MOST {
            let is_idle = |host: &Option<Host>| host.as_ref().is_none_or(Host::is_idle);
            let idle = places.by_program.iter().filter(|(_, place)| place.host.get().is_some_and(is_idle));
            let oldest = idle.min_by_key(|(_, place)| place.used).map(|(program, _)| program.clone())?;
            places.by_program.remove(&oldest);
        }
        let host = Arc::new(OnceCell::new());
        let place = Place { packages, used, host: Arc::clone(&host) };
        places.by_program.insert(interpreter.program.clone(), place);
        Some(host)
    }
}

fn packages_of(interpreter: &Interpreter) -> Packages {
    let folder = std::fs::metadata(&interpreter.packages).ok()?;
    Some((folder.ino(), folder.mtime(), folder.mtime_nsec()))
}

/// Variables as JSON; `None` if one of them is no text.
fn in_words(variables: &[(OsString, OsString)]) -> Option<Map<String, Value>> {
    let word = |(name, value): &(OsString, OsString)| Some((name.to_str()?.to_owned(), value.to_str()?.into()));
    variables.iter().map(word).collect()
}
