//! The last lines of a terminal while an execution runs: what it does now, how far it is, how long it takes.
//!
//! Invariant: nothing of it is printed where standard error is no terminal, and it is wiped before anything else
//! is printed, so that events stay readable lines.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::call::Call;
use crate::follow::{Look, Source, Watch};
use crate::output;

/// How often the manager is asked.
const PAUSE: Duration = Duration::from_millis(600);

/// How many instances are shown at most.
const MOST: usize = 8;

/// The lines at the end of the terminal.
pub(crate) struct Progress {
    /// None: there is nobody to look at it.
    started: Option<Instant>,
    looked: Option<Instant>,
    shown: usize,
    has_colours: bool,
    width: usize,
}

impl Progress {
    pub(crate) fn start(call: &Call, watch: &Watch, _: &str) -> Self {
        let wanted = watch.look == Look::Lines && watch.source == Source::Execution && !call.settings.is_quiet;
        let is_seen = wanted && !call.settings.is_cfy && io::stderr().is_terminal();
        let width = comfy_table::Table::new().width().or(call.settings.columns).map_or(80, usize::from);
        Self {
            started: is_seen.then(Instant::now),
            looked: None,
            shown: 0,
            has_colours: call.settings.has_colours,
            width,
        }
    }

    pub(crate) const fn none() -> Self {
        Self { started: None, looked: None, shown: 0, has_colours: false, width: 80 }
    }

    /// Prints something else, above the lines.
    pub(crate) fn aside(&mut self, print: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
        self.wipe();
        print()
    }

    /// Leaves the terminal as it was.
    pub(crate) fn finish(&mut self) {
        self.wipe();
        self.started = None;
    }

    fn wipe(&mut self) {
        if self.shown > 0 {
            let mut out = io::stderr().lock();
            // The terminal may be gone; then nobody misses it.
            let _ = write!(out, "\x1b[{}A\r\x1b[J", self.shown);
            let _ = out.flush();
            self.shown = 0;
        }
    }

    /// Asks how far it is, and shows it.
    pub(crate) async fn look(&mut self, call: &Call, execution: &Value) {
        let Some(started) = self.started else { return };
        if self.looked.is_some_and(|looked| looked.elapsed() < PAUSE) {
            return;
        }
        self.looked = Some(Instant::now());
        let deployment = execution["deployment_id"].as_str().unwrap_or_default();
        let query = [("deployment_id", deployment), ("_include", "id,node_id,host_id,state"), ("_sort", "id")];
        let instances = match call.list(&["node-instances"], &query).await {
            Ok(found) => found.items,
            Err(_) => Vec::new(),
        };
        let lines = self.lines(execution, &instances, started.elapsed());
        self.wipe();
        let mut out = io::stderr().lock();
        for line in &lines {
            let _ = writeln!(out, "{line}");
        }
        let _ = out.flush();
        self.shown = lines.len();
    }

    fn lines(&self, execution: &Value, instances: &[Value], elapsed: Duration) -> Vec<String> {
        let number = |key: &str| execution[key].as_u64().unwrap_or_default();
        let (done, all) = (number("finished_operations"), number("total_operations"));
        let clock = format!("{}:{:02}", elapsed.as_secs() / 60, elapsed.as_secs() % 60);
        let head = format!(
            "{} {} {done}/{all} operations, {clock}",
            output::text(&execution["workflow_id"]),
            bar(done, all, 20.min(self.width / 4))
        );
        let mut lines = vec![self.fitted(&head)];
        let moving = instances
            .iter()
            .filter(|one| !matches!(one["state"].as_str(), Some("started" | "uninitialized" | "deleted")));
        let moving: Vec<&Value> = moving.collect();
        for one in moving.iter().take(MOST) {
            // Instances stand below the host that they live on.
            let is_guest = one["host_id"].as_str().is_some_and(|host| one["id"].as_str() != Some(host));
            let branch = if is_guest { "   └ " } else { " • " };
            let line = format!("{branch}{} {}", output::text(&one["id"]), output::text(&one["state"]));
            lines.push(self.fitted(&line));
        }
        if moving.len() > MOST {
            lines.push(self.fitted(&format!(" … and {} more", moving.len() - MOST)));
        }
        lines
    }

    /// As much as fits into a line, dimmed where colours are wanted.
    fn fitted(&self, text: &str) -> String {
        let short: String = text.chars().take(self.width.saturating_sub(1)).collect();
        if self.has_colours { format!("\x1b[2m{short}\x1b[0m") } else { short }
    }
}

fn bar(done: u64, all: u64, width: usize) -> String {
    let width_long = u64::try_from(width).unwrap_or_default();
    let full = (done * width_long).checked_div(all).unwrap_or_default().min(width_long);
    let full = usize::try_from(full).unwrap_or_default();
    format!("[{}{}]", "#".repeat(full), "-".repeat(width - full))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_fit_the_terminal() {
        let progress = Progress { started: None, looked: None, shown: 0, has_colours: false, width: 30 };
        let execution = json!({"workflow_id": "install", "finished_operations": 3, "total_operations": 6});
        let instances: Vec<Value> =
            (0..10).map(|n| json!({"id": format!("web_{n}"), "host_id": null, "state": "creating"})).collect();
        let lines = progress.lines(&execution, &instances, Duration::from_secs(61));
        assert_eq!(lines.len(), 10);
        assert!(lines.iter().all(|line| line.chars().count() < 30), "{lines:?}");
        assert!(lines[0].starts_with("install [###----] 3/6"), "{lines:?}");
        assert_eq!(lines[1], " • web_0 creating");
    }
}
