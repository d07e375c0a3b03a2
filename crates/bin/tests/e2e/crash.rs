//! `kill -9` at random moments: a run goes on at the next start, and nothing that had reported its
//! end runs again.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nephele_model::Timestamp;
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
echo "$id $(date +%s%6N)" >> "$folder/begun"
sleep "$pause"
echo "$id" >> "$folder/ended"
"#;

/// So many nodes in layers of twenty, so that work is waiting, running and done at every moment. The operations of a layer
/// differ by `step` seconds each.
pub(crate) fn layers(folder: &Path, name: &str, nodes: usize, step: f64) -> PathBuf {
    let mut text = String::from(
        "tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml]\n\
         inputs: {folder: {type: string}}\nnode_templates:\n",
    );
    for number in 0..nodes {
        let pause = 0.1 + step * f64::from(u8::try_from(number % 20).unwrap());
        write!(
            text,
            "  node_{number}:\n    type: cloudify.nodes.Root\n    interfaces:\n      cloudify.interfaces.lifecycle:\n        \
             create:\n          implementation: create.sh\n          inputs: {{folder: {{get_input: folder}}, \
             pause: {pause:.2}}}\n",
        )
        .unwrap();
        if number == 0 {
            text.push_str("    capabilities: {scalable: {properties: {default_instances: 1}}}\n");
        }
        if number >= 20 {
            let target = number - 20;
            writeln!(text, "    relationships: [{{type: cloudify.relationships.connected_to, target: node_{target}}}]")
                .unwrap();
        }
    }
    let path = folder.join(name);
    blueprint(&path, &text, &[("create.sh", CREATE)]);
    path
}

/// The instances whose operation has come to its end.
pub(crate) fn ended(traces: &Path) -> BTreeSet<String> {
    fs::read_to_string(traces.join("ended")).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// When operations began, in microseconds.
pub(crate) fn begun(traces: &Path) -> Vec<i64> {
    let text = fs::read_to_string(traces.join("begun")).unwrap_or_default();
    text.lines().filter_map(|line| line.split_once(' ')?.1.parse().ok()).collect()
}

/// No operation began once its end was on record.
pub(crate) fn nothing_began_again(events: &[Value], traces: &Path) {
    let done = events.iter().filter(|event| event["event_type"] == "task_succeeded");
    let created = done.filter(|event| event["operation"] == "cloudify.interfaces.lifecycle.create");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let reported: BTreeMap<String, i64> = created
        .map(|event| {
            let at = Timestamp::parse(&text(&event["timestamp"])).unwrap();
            (text(&event["node_instance_id"]), at.micros())
        })
        .collect();
    let begun = fs::read_to_string(traces.join("begun")).unwrap();
    assert!(begun.lines().count() >= reported.len());
    for (instance, at) in begun.lines().filter_map(|line| line.split_once(' ')) {
        let at: i64 = at.parse().unwrap();
        if let Some(reported) = reported.get(instance) {
            // Times of events are in milliseconds.
            assert!(at < reported + 1000, "{instance} began again at {at}, and its end was reported at {reported}");
        }
    }
}

async fn install(home: &Home, kills: impl IntoIterator<Item = Duration>) {
    let folder = home.folder().join("traces");
    fs::create_dir_all(&folder).unwrap();
    let mut manager = home.start();
    let mut rest = Rest::new(home, &manager);
    rest.upload_folder("sixty", &layers(home.folder(), "sixty", NODES, 0.05)).await;
    rest.create_deployment("sixty", "sixty", json!({"folder": folder})).await.expect(201);
    let execution = rest.start("sixty", "install", json!({})).await;

    let mut interrupted = 0;
    for pause in kills {
        tokio::time::sleep(pause).await;
        interrupted +=
            usize::from(rest.get(&format!("/executions/{execution}")).await.expect(200)["ended_at"].is_null());
        manager.kill();
        manager = home.start();
        rest = Rest::new(home, &manager);
    }
    assert!(interrupted > 0, "every kill came after the end");
    let execution = rest.ended(&execution).await;
    assert_eq!(execution["status"], "terminated", "{execution:#}");

    let instances = rest.ids("/node-instances?deployment_id=sixty&_size=1000").await;
    assert_eq!(instances.len(), NODES);
    let ended = ended(&folder);
    for instance in &instances {
        assert!(ended.contains(instance), "the operation of {instance} never ended");
    }
    let events = rest.events(execution["id"].as_str().unwrap()).await;
    nothing_began_again(&events, &folder);
    complete(&events, &instances);
}

/// Each instance has the events of one whole installation, and the run those of one whole run.
pub(crate) fn complete(events: &[Value], instances: &[String]) {
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
pub(crate) fn random_pauses(kills: usize, longest: u64) -> Vec<Duration> {
    let mut seed = RandomState::new().build_hasher().finish();
    eprintln!("seed {seed}");
    let pauses = (0..kills).map(|_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis((seed >> 33) % longest)
    });
    pauses.collect()
}

#[tokio::test]
async fn nothing_is_lost_at_random_moments() {
    install(&home(), random_pauses(KILLS, 900)).await;
}

#[tokio::test]
async fn nothing_is_lost_on_postgresql() {
    let database = Database::empty();
    install(&home().with_database(database.url()), random_pauses(KILLS, 900)).await;
}

#[tokio::test]
async fn nothing_is_lost_right_after_the_dispatch() {
    install(&home(), [Duration::ZERO, Duration::from_millis(30), Duration::from_millis(60)]).await;
}
