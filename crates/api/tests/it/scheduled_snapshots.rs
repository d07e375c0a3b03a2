//! Snapshots that are made by themselves, on both databases.

use std::collections::BTreeSet;
use std::time::Duration;

use nephele_testkit::postgres::Database;
use serde_json::{Value, json};

use crate::harness::{Fresh, SMALL};

async fn set(fresh: &Fresh, name: &str, value: Value) {
    fresh.put(&format!("/config/rest.{name}"), json!({"value": value, "force": false})).await.expect(200);
}

async fn snapshots(fresh: &Fresh) -> Vec<Value> {
    fresh.items("/snapshots?_sort=created_at&_size=100").await
}

fn ids(snapshots: &[Value]) -> Vec<String> {
    snapshots.iter().map(|snapshot| snapshot["id"].as_str().unwrap().to_owned()).collect()
}

/// Archives on the disk.
fn archives(fresh: &Fresh) -> usize {
    std::fs::read_dir(fresh.manager.settings.data_dir.join("snapshots")).unwrap().count()
}

async fn makes_them_and_keeps_the_newest(fresh: &Fresh) {
    fresh.upload("small", SMALL).await.expect(201);
    // The name alone makes nobody's own snapshot one of the schedule's.
    let own = fresh.put("/snapshots/scheduled-own", json!({"include_logs": false})).await.expect(201);
    assert_eq!(fresh.ended(own["id"].as_str().unwrap()).await["status"], "terminated");
    set(fresh, "snapshot_keep", json!(2)).await;
    set(fresh, "snapshot_schedule", json!("1 sec")).await;
    let mut seen = BTreeSet::new();
    for _ in 0..600 {
        seen.extend(ids(&snapshots(fresh).await));
        if seen.len() > 4 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(seen.len() > 4, "{seen:?}");

    set(fresh, "snapshot_schedule", json!("")).await;
    for _ in 0..100 {
        seen.extend(ids(&snapshots(fresh).await));
        if snapshots(fresh).await.iter().all(|snapshot| snapshot["status"] == "created") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let left = snapshots(fresh).await;
    assert!(left.iter().all(|snapshot| snapshot["status"] == "created"), "{left:#?}");
    let mut scheduled: Vec<String> = seen.into_iter().filter(|id| id != "scheduled-own").collect();
    scheduled.sort();
    let newest = scheduled.split_off(scheduled.len() - 2);
    assert_eq!(ids(&left), ["scheduled-own", &newest[0], &newest[1]]);
    assert_eq!(archives(fresh), 3);
    let last = left.last().unwrap();
    assert_eq!((&last["created_by"], &last["visibility"]), (&json!("admin"), &json!("private")));
    let archive = fresh.get(&format!("/snapshots/{}/archive", newest[1])).await.bytes;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), archive).unwrap();
    assert!(nephele_manager::verify_snapshot(file.path(), &[]).unwrap().rows > 0);
}

#[tokio::test]
async fn a_schedule_makes_snapshots_on_sqlite() {
    makes_them_and_keeps_the_newest(&Fresh::start_on(None).await).await;
}

#[tokio::test]
async fn a_schedule_makes_snapshots_on_postgresql() {
    let database = Database::empty();
    makes_them_and_keeps_the_newest(&Fresh::start_on(Some(database.url())).await).await;
}

#[tokio::test]
async fn what_is_no_schedule_is_refused() {
    let fresh = Fresh::start().await;
    for bad in ["often", "0 days", "FREQ=OFTEN"] {
        let answer = fresh.put("/config/rest.snapshot_schedule", json!({"value": bad, "force": false})).await;
        let said = answer.refused(409, "conflict_error");
        assert!(said.starts_with("Error validating rest.snapshot_schedule: "), "{said}");
    }
    fresh.put("/config/rest.snapshot_keep", json!({"value": 0, "force": false})).await.refused(409, "conflict_error");
    set(&fresh, "snapshot_schedule", json!("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29")).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(snapshots(&fresh).await.len(), 0, "a rule with times of its own waits for them");
}
