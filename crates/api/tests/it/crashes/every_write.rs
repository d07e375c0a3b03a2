//! Every workflow killed at its writes, one by one, and resumed: the end is that of an undisturbed run, and no operation
//! whose end had been noted is run again. With `EVERY_WRITE=1` it is each write, else one in so many. On SQLite, which asks before each commit: from one on it takes everything back,
//! so that nothing that the process still does has any effect.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::{StreamExt as _, stream};
use nephele_manager::Ctx;
use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio::sync::Notify;

use super::copy;
use crate::hands::{Hands, Script};
use crate::harness::Fresh;

/// The key of the default tenant.
const TENANT: i64 = 0;
/// Set to anything it has each write tried, which takes many minutes.
const ALL: &str = "EVERY_WRITE";
const NEVER: u64 = u64::MAX;
/// How many lives are tried at a time: most of them wait for something most of the time.
const AT_ONCE: usize = 6;
/// Events that must come exactly once for each operation and run.
const ENDS: [&str; 5] =
    ["task_succeeded", "task_failed", "workflow_succeeded", "workflow_failed", "workflow_cancelled"];

/// A folder with a database, ready for the last step.
pub(super) struct Scene {
    folder: Arc<TempDir>,
    script: Script,
    /// The executions that are to be carried to their end.
    executions: Vec<String>,
}

impl Scene {
    /// Sets up a scene: `begin` gives the executions, which nobody has taken up before the process ends.
    pub(super) async fn set(script: Script, begin: impl AsyncFn(&Fresh) -> Vec<String>) -> Self {
        let fresh = Fresh::open_in(Arc::new(tempfile::tempdir().unwrap()), None, "manager").await;
        Hands::new(script).take_up(&fresh).await;
        fresh.begin_runs();
        let executions = begin(&fresh).await;
        Self { folder: fresh.die().await, script, executions }
    }

    /// Kills the process at one write in `every`, or at each.
    pub(super) async fn hold_out(&self, every: usize) {
        let every = if std::env::var_os(ALL).is_some() { 1 } else { every };
        let (writes, expected) = self.play(NEVER).await;
        assert!(expected.contains("terminated"), "{expected}");
        let expected = expected.as_str();
        let tried = stream::iter((1..=writes).step_by(every)).map(|at| async move {
            let (_, end) = self.play(at).await;
            assert_eq!(end, expected, "killed at write {at} of {writes}");
        });
        tried.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    }

    /// Dies at a write, and lives again. Gives the writes of the first life and the end.
    async fn play(&self, at: u64) -> (u64, String) {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        copy(self.folder.path(), folder.path());
        let hands = Hands::new(self.script);
        let (writes, end) = self.live(&folder, &hands, at).await;
        let end = match end {
            Some(end) => end,
            None => self.live(&folder, &hands, NEVER).await.1.unwrap(),
        };
        assert_eq!(hands.repeated(), [""; 0], "killed at write {at}");
        (writes, end)
    }

    /// Lives until the executions have ended, or until a write. Gives the number of writes and, if it did not die, the
    /// end.
    async fn live(&self, folder: &Arc<TempDir>, hands: &Hands, at: u64) -> (u64, Option<String>) {
        let fresh = within("opening", Fresh::open_in(Arc::clone(folder), None, "manager")).await;
        within("learning what had ended", hands.learn(&fresh)).await;
        let (writes, death) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
        let (count, toll) = (Arc::clone(&writes), Arc::clone(&death));
        let allow = move || {
            let lives = count.fetch_add(1, Ordering::Relaxed) + 1 < at;
            if !lives {
                toll.notify_one();
            }
            lives
        };
        within("asking before commits", fresh.manager.store.ask_before_commits(allow)).await.unwrap();
        within("taking up operations", hands.take_up(&fresh)).await;
        fresh.begin_runs();
        let carried = async {
            tokio::select! {
                biased;
                () = death.notified() => true,
                () = self.ended(&fresh) => false,
            }
        };
        let died = within("carrying on", carried).await;
        let writes = writes.load(Ordering::Relaxed);
        let end = if died { None } else { Some(within("looking at the end", end(&fresh)).await) };
        if !died {
            within("learning what has ended", hands.learn(&fresh)).await;
        }
        drop(within("dying", fresh.die()).await);
        (writes, end)
    }

    async fn ended(&self, fresh: &Fresh) {
        let ctx = Ctx::internal("default_tenant".into(), TENANT);
        for id in &self.executions {
            let began = std::time::Instant::now();
            loop {
                // What deletes a deployment goes with it.
                let Ok(found) = fresh.manager.get_execution(&ctx, id, None).await else { break };
                let found = found.value().unwrap();
                if matches!(found["status"].as_str(), Some("terminated" | "failed" | "cancelled")) {
                    break;
                }
                assert!(began.elapsed() < Duration::from_mins(1), "the execution goes on and on: {found:#}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

/// Fails where a step of a life takes far too long, so that it is known which.
async fn within<T>(step: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(2), work).await.unwrap_or_else(|_| panic!("{step} takes minutes"))
}

/// Everything that must not depend on deaths. What an instance keeps for itself begins with an underscore.
async fn end(fresh: &Fresh) -> String {
    let list = async |path: &str| fresh.items(path).await;
    let mut lines = Vec::new();
    let mut add = |kind: &str, rows: &[Value], keys: &[&str]| {
        lines.extend(rows.iter().map(|row| {
            let values: Vec<String> = keys.iter().map(|key| row[*key].to_string()).collect();
            format!("{kind} {}", values.join(" "))
        }));
    };
    let deployment = ["id", "blueprint_id", "installation_status", "deployment_status", "sub_services_count"];
    add("deployment", &list("/deployments").await, &deployment);
    add("blueprint", &list("/blueprints").await, &["id", "state"]);
    add("secret", &list("/secrets").await, &["key"]);
    add("node", &list("/nodes").await, &["deployment_id", "id", "number_of_instances", "planned_number_of_instances"]);
    add("update", &list("/deployment-updates").await, &["deployment_id", "state"]);
    add("modification", &list("/deployment-modifications").await, &["deployment_id", "status"]);
    add("group", &list("/deployment-groups").await, &["id", "deployment_ids"]);
    add("group run", &list("/execution-groups").await, &["workflow_id", "status"]);
    for row in list("/executions?_include_system_workflows=true&_size=1000").await {
        let failed = row["error"].as_str().is_some_and(|error| !error.is_empty());
        lines.push(format!("execution {} {} {} {failed}", row["deployment_id"], row["workflow_id"], row["status"]));
    }
    for row in list("/node-instances").await {
        let keys =
            |key: &str| row[key].as_object().into_iter().flat_map(Map::keys).filter(|name| !name.starts_with('_'));
        let mut known: Vec<&String> = keys("runtime_properties").collect();
        known.sort();
        let notes: Vec<&String> = keys("system_properties").collect();
        lines
            .push(format!("instance {} {} {} {known:?} {notes:?}", row["deployment_id"], row["node_id"], row["state"]));
    }
    for row in list("/deployments/inter-deployment-dependencies").await {
        let creator = row["dependency_creator"].as_str().unwrap_or_default().split('.').next().unwrap_or_default();
        lines.push(format!("dependency {creator} {} {}", row["source_deployment_id"], row["target_deployment_id"]));
    }
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for event in list("/events?type=cloudify_event&_size=10000").await {
        if event["event_type"].as_str().is_some_and(|kind| ENDS.contains(&kind)) {
            *told
                .entry(format!("{} {} {}", event["event_type"], event["workflow_id"], event["operation"]))
                .or_default() += 1;
        }
    }
    lines.sort();
    let mut text = lines.join("\n");
    for (what, times) in told {
        let _ = write!(text, "\ntold {what} {times}");
    }
    text
}
