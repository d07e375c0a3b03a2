//! Two managers on one PostgreSQL: what one of them runs when it dies, or is stopped for long, the other carries on.
//! Each run ends once, and nothing that had reported its end runs again.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, symlink};
use std::path::PathBuf;
use std::time::Duration;

use nephele_testkit::home::{Home, Manager};
use nephele_testkit::postgres::Database;
use nephele_testkit::rest::Rest;
use serde_json::json;

use crate::crash::{complete, ended, layers, nothing_began_again};
use crate::home;

const NODES: usize = 60;
/// Seconds; the shorter, the sooner the tests are over.
const LEASE: &str = "3";

/// Refuses every end that a run writes, as a database does that is shutting down.
const REFUSE_ENDS: &str = "
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'not now' USING ERRCODE = '57P01';
END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON operations FOR EACH ROW
WHEN (NEW.state = 'succeeded' AND NEW.type = 'RemoteWorkflowTask') EXECUTE FUNCTION refuse()";

/// Two managers that share a database, the file tree and the key of secrets.
struct Pair {
    homes: [Home; 2],
    managers: [Manager; 2],
    rests: [Rest; 2],
    traces: PathBuf,
    database: Database,
}

impl Pair {
    async fn start() -> Self {
        let database = Database::empty();
        let one =
            || home().with_database(database.url()).with_password("first and second").with_setting("lease", LEASE);
        let homes = [one(), one()];
        let first = homes[0].start();
        let (from, to) = (homes[0].data_dir(), homes[1].data_dir());
        fs::DirBuilder::new().mode(0o700).create(&to).unwrap();
        symlink(from.join("resources"), to.join("resources")).unwrap();
        fs::copy(from.join("secrets.key"), to.join("secrets.key")).unwrap();
        let second = homes[1].start();
        let rests = [Rest::new(&homes[0], &first), Rest::new(&homes[1], &second)];
        let traces = homes[0].folder().join("traces");
        fs::create_dir_all(&traces).unwrap();
        rests[0].upload_folder("sixty", &layers(homes[0].folder(), "sixty", NODES, 0.05)).await;
        rests[0].create_deployment("sixty", "sixty", json!({"folder": traces})).await.expect(201);
        Self { homes, managers: [first, second], rests, traces, database }
    }

    /// Begins an installation on the first manager and waits until some of it is done.
    async fn begin(&self) -> String {
        let execution = self.rests[0].start("sixty", "install", json!({})).await;
        let done = format!("/events?execution_id={execution}&event_type=task_succeeded&_size=1");
        self.rests[0].wait_for(&done, |found| found["items"].as_array().is_some_and(|items| !items.is_empty())).await;
        execution
    }

    /// The run has come to its end on the second manager, as if nothing had happened.
    async fn is_whole(&self, execution: &str) {
        let rest = &self.rests[1];
        let end = rest.ended(execution).await;
        assert_eq!(end["status"], "terminated", "{end:#}");
        let instances = rest.ids("/node-instances?deployment_id=sixty&_size=1000").await;
        assert_eq!(instances.len(), NODES);
        let done = ended(&self.traces);
        assert!(instances.iter().all(|instance| done.contains(instance)), "{done:?}");
        let events = rest.events(execution).await;
        nothing_began_again(&events, &self.traces);
        complete(&events, &instances);
    }
}

#[tokio::test]
async fn a_killed_managers_run_is_carried_on() {
    let pair = Pair::start().await;
    let execution = pair.begin().await;
    pair.managers[0].murder();
    let why = format!("/executions/{execution}/why");
    let silent = pair.rests[1].wait_for(&why, |found| found["waits"][0]["kind"] == "takeover").await;
    assert!(silent["waits"][0]["details"]["manager"].is_string(), "{silent:#}");
    pair.is_whole(&execution).await;
    assert_eq!(pair.database.sql("SELECT count(*) FROM processes"), "1");
}

/// The first manager dies when workers have ended, and the run has not written that.
#[tokio::test]
async fn what_had_ended_on_a_killed_manager_does_not_run_again() {
    let pair = Pair::start().await;
    pair.database.sql(REFUSE_ENDS);
    let execution = pair.rests[0].start("sixty", "install", json!({})).await;
    let told = "SELECT parameters::json #>> '{task_kwargs,kwargs,__cloudify_context,node_id}' FROM operations \
                WHERE outcome IS NOT NULL";
    for _ in 0..600 {
        if pair.database.sql(told).lines().count() >= 5 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    pair.managers[0].murder();
    let told = pair.database.sql(told);
    let told: BTreeSet<&str> = told.lines().collect();
    assert!(told.len() >= 5, "{told:?}");
    pair.database.sql("DROP TRIGGER refuse ON operations");
    pair.is_whole(&execution).await;
    let begun = fs::read_to_string(pair.traces.join("begun")).unwrap();
    for instance in told {
        let times = begun.lines().filter(|line| line.split(' ').next() == Some(instance)).count();
        assert_eq!(times, 1, "{instance} had ended");
    }
    assert_eq!(pair.database.sql("SELECT count(*) FROM operations WHERE outcome IS NOT NULL"), "0");
}

#[tokio::test]
async fn a_stopped_managers_run_is_carried_on_and_it_finds_that_out() {
    let pair = Pair::start().await;
    let execution = pair.begin().await;
    pair.managers[0].freeze();
    let owner = format!("SELECT process = (SELECT max(id) FROM processes) FROM executions WHERE id = '{execution}'");
    while pair.database.sql(&owner) != "t" {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // It wakes up in the middle of what the other one does now.
    pair.managers[0].wake();
    pair.is_whole(&execution).await;
    pair.rests[0].wait_for("/managers", |_| pair.homes[0].log().contains("others took over what it ran")).await;
    assert_eq!(pair.database.sql("SELECT count(*) FROM processes"), "2", "it lives under another number");
    pair.rests[0].run("sixty", "check_status").await;
    pair.rests[1].run("sixty", "uninstall").await;
}

#[tokio::test]
async fn a_manager_that_is_started_anew_waits_for_no_lease() {
    let database = Database::empty();
    let home = home().with_database(database.url()).with_setting("lease", "3600");
    let manager = home.start();
    let rest = Rest::new(&home, &manager);
    let traces = home.folder().join("traces");
    fs::create_dir_all(&traces).unwrap();
    rest.upload_folder("twenty", &layers(home.folder(), "twenty", 20, 0.05)).await;
    rest.create_deployment("twenty", "twenty", json!({"folder": traces})).await.expect(201);
    let execution = rest.start("twenty", "install", json!({})).await;
    manager.kill();
    let manager = home.start();
    let end = Rest::new(&home, &manager).ended(&execution).await;
    assert_eq!(end["status"], "terminated", "{end:#}");
}

#[tokio::test]
async fn what_another_manager_runs_can_be_cancelled() {
    let pair = Pair::start().await;
    let execution = pair.begin().await;
    pair.rests[1].post(&format!("/executions/{execution}"), &json!({"action": "cancel"})).await.expect(200);
    let end = pair.rests[1].ended(&execution).await;
    assert_eq!(end["status"], "cancelled", "{end:#}");
}
