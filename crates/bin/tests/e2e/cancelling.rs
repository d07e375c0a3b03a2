//! Requests to stop that come while a run ends: one of the two wins, and the other is no failure of anything.

use std::time::Duration;

use futures::future::join_all;
use nephele_testkit::home::Home;
use nephele_testkit::postgres::Database;
use nephele_testkit::rest::{Rest, blueprint};
use serde_json::json;

use crate::home;

const RUNS: u64 = 36;
const BLUEPRINT: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  app:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle: {create: create.sh}
";

async fn both_come_to_an_end(home: Home) {
    let manager = home.start();
    let rest = &Rest::new(&home, &manager);
    let app = home.folder().join("app");
    blueprint(&app, BLUEPRINT, &[("create.sh", "#!/bin/sh\n")]);
    rest.upload_folder("app", &app).await;
    for number in 0..RUNS {
        rest.create_deployment(&format!("d{number}"), "app", json!({})).await.expect(201);
    }
    let race = async |number: u64| {
        let id = rest.start(&format!("d{number}"), "install", json!({})).await;
        let path = format!("/executions/{id}");
        let action = ["cancel", "force-cancel", "kill"][usize::try_from(number % 3).unwrap()];
        // From before its first step to after its last.
        tokio::time::sleep(Duration::from_millis(number * 8)).await;
        let asked = rest.post(&path, &json!({"action": action})).await;
        let ended = rest.ended(&id).await;
        let events = rest.events(&id).await;
        let told: Vec<&str> = events
            .iter()
            .filter_map(|event| event["event_type"].as_str())
            .filter(|kind| ["workflow_succeeded", "workflow_failed", "workflow_cancelled"].contains(kind))
            .collect();
        if asked.status == 200 {
            assert_eq!((&ended["status"], &told[..]), (&json!("cancelled"), &["workflow_cancelled"][..]));
        } else {
            asked.refused(400, "illegal_action_error", &["in status terminated"]);
            assert_eq!((&ended["status"], &told[..]), (&json!("terminated"), &["workflow_succeeded"][..]));
        }
        assert_eq!(ended["error"], "", "{ended:#}");
        ended["status"] == "cancelled"
    };
    let cancelled = join_all((0..RUNS).map(race)).await.into_iter().filter(|cancelled| *cancelled).count();
    assert!(cancelled > 0, "every request came too late");
    let log = home.log();
    assert!(!log.contains("cannot go on") && !log.contains("ERROR"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_and_a_request_to_stop_it_both_come_to_an_end_on_sqlite() {
    both_come_to_an_end(home()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_and_a_request_to_stop_it_both_come_to_an_end_on_postgresql() {
    let database = Database::empty();
    both_come_to_an_end(home().with_database(database.url())).await;
}
