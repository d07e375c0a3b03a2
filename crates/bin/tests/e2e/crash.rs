//! `kill -9` at random moments: a run goes on at the next start, and nothing that had reported its
//! end runs again.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nephele_testkit::home::Home;
use nephele_testkit::postgres::Database;
use nephele_testkit::rest::{Rest, blueprint};
use serde_json::{Value, json};

use crate::home;

const NODES: usize = 60;
const KILLS: usize = 5;

/// The identity is asked for first: a script that a killed manager leaves behind before that has no
/// effect, one that it leaves behind later has begun.
const CREATE: &str = r#"#!/bin/sh
set -eu
id=$(ctx instance id)
echo "$id" >> "$folder/begun"
sleep "$pause"
echo "$id" >> "$folder/ended"
"#;

/// Sixty nodes in three layers, so that work is waiting, running and done at every moment.
fn sixty(folder: &Path) -> PathBuf {
    let mut text = String::from(
        "tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml]\n\
         inputs: {folder: {type: string}}\nnode_templates:\n",
    );
    for number in 0..NODES {
        let pause = 0.1 + 0.05 * f64::from(u8::try_from(number % 20).unwrap());
        write!(
            text,
            "  node_{number}:\n    type: cloudify.nodes.Root\n    interfaces:\n      cloudify.interfaces.lifecycle:\n        \
             create:\n          implementation: create.sh\n          inputs: {{folder: {{get_input: folder}}, \
             pause: {pause:.2}}}\n",
        )
        .unwrap();
        if number >= 20 {
            let target = number - 20;
            writeln!(text, "    relationships: [{{type: cloudify.relationships.connected_to, target: node_{target}}}]")
                .unwrap();
        }
    }
    let path = folder.join("sixty");
    blueprint(&path, &text, &[("create.sh", CREATE)]);
    path
}

fn counts(path: &Path) -> BTreeMap<String, usize> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        *counts.entry(line.to_owned()).or_default() += 1;
    }
    counts
}

/// The instances whose create operation the manager knows to have ended.
fn succeeded(events: &[Value]) -> BTreeSet<String> {
    let done = events.iter().filter(|event| event["event_type"] == "task_succeeded");
    let created = done.filter(|event| event["operation"] == "cloudify.interfaces.lifecycle.create");
    created.map(|event| event["node_instance_id"].as_str().unwrap().to_owned()).collect()
}

/// How often each instance may have begun: fixed from the moment when its end was reported.
#[derive(Default)]
struct Reported(BTreeMap<String, usize>);

impl Reported {
    fn observe(&mut self, events: &[Value], begun: &Path) {
        let counts = counts(begun);
        for instance in succeeded(events) {
            let count = counts.get(&instance).copied().unwrap_or_default();
            self.0.entry(instance).or_insert(count);
        }
    }
}

async fn install(home: &Home, kills: impl IntoIterator<Item = Duration>) {
    let folder = home.folder().join("traces");
    fs::create_dir_all(&folder).unwrap();
    let (begun, ended) = (folder.join("begun"), folder.join("ended"));
    let mut manager = home.start();
    let mut rest = Rest::new(home, &manager);
    rest.upload_folder("sixty", &sixty(home.folder())).await;
    rest.create_deployment("sixty", "sixty", json!({"folder": folder})).await.expect(201);
    let execution = rest.start("sixty", "install", json!({})).await;

    let mut reported = Reported::default();
    let mut interrupted = 0;
    for pause in kills {
        tokio::time::sleep(pause).await;
        interrupted +=
            usize::from(rest.get(&format!("/executions/{execution}")).await.expect(200)["ended_at"].is_null());
        reported.observe(&rest.events(&execution).await, &begun);
        manager.kill();
        manager = home.start();
        rest = Rest::new(home, &manager);
    }
    assert!(interrupted > 0, "every kill came after the end");
    let execution = rest.ended(&execution).await;
    assert_eq!(execution["status"], "terminated", "{execution:#}");

    let instances = rest.ids("/node-instances?deployment_id=sixty&_size=1000").await;
    assert_eq!(instances.len(), NODES);
    let (begun, ended) = (counts(&begun), counts(&ended));
    for instance in &instances {
        assert!(ended.contains_key(instance), "the operation of {instance} never ended");
    }
    for (instance, count) in &reported.0 {
        let now = begun.get(instance).copied().unwrap_or_default();
        assert_eq!(now, *count, "{instance} ran again after its end had been reported");
    }
    complete(&rest.events(execution["id"].as_str().unwrap()).await, &instances);
}

/// Each instance has the events of one whole installation, and the run those of one whole run.
fn complete(events: &[Value], instances: &[String]) {
    let of_type = |kind: &str| events.iter().filter(|event| event["event_type"] == kind).count();
    assert_eq!(of_type("workflow_succeeded"), 1);
    assert_eq!(of_type("workflow_failed"), 0);
    for instance in instances {
        let mine = || events.iter().filter(|event| event["node_instance_id"] == **instance);
        let tasks = |kind: &str| mine().filter(|event| event["event_type"] == kind).count();
        let says = |text: &str| mine().filter(|event| event["message"] == text).count();
        assert!(tasks("task_started") >= 1, "{instance} has no event of its operation's start");
        assert_eq!(tasks("task_succeeded"), 1, "{instance}: events of its operation's end");
        assert_eq!(tasks("task_failed"), 0, "{instance}: events of a failure");
        assert_eq!(says("Node instance created"), 1, "{instance}");
        assert_eq!(says("Node instance started"), 1, "{instance}");
    }
    let order = |text: &str| events.iter().position(|event| event["message"] == text);
    let (first, last) =
        (order("Starting 'install' workflow execution"), order("'install' workflow execution succeeded"));
    assert!(first.is_some() && first < last, "the run's first and last event: {first:?}, {last:?}");
}

#[expect(clippy::print_stderr, reason = "a failure can be repeated with the seed")]
fn random_pauses() -> Vec<Duration> {
    let mut seed = RandomState::new().build_hasher().finish();
    eprintln!("seed {seed}");
    let pauses = (0..KILLS).map(|_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis((seed >> 33) % 900)
    });
    pauses.collect()
}

#[tokio::test]
async fn nothing_is_lost_at_random_moments() {
    install(&home(), random_pauses()).await;
}

#[tokio::test]
async fn nothing_is_lost_on_postgresql() {
    let database = Database::empty();
    install(&home().with_database(database.url()), random_pauses()).await;
}

#[tokio::test]
async fn nothing_is_lost_right_after_the_dispatch() {
    install(&home(), [Duration::ZERO, Duration::from_millis(30), Duration::from_millis(60)]).await;
}
