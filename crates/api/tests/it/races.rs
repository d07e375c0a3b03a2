//! Many clients change one node instance at once: of those who know the same version exactly one wins, the others hear of it,
//! and what the winners wrote is all there. On both databases.

use std::collections::BTreeSet;

use nephele_testkit::postgres::Database;
use serde_json::{Value, json};

use crate::harness::{Fresh, SMALL};

const CLIENTS: usize = 8;
const ROUNDS: usize = 6;

async fn instance(fresh: &Fresh) -> String {
    fresh.upload("small", SMALL).await.expect(201);
    fresh.put("/deployments/d1", json!({"blueprint_id": "small", "inputs": {"greeting": "x"}})).await.expect(201);
    let list = fresh.get("/node-instances?deployment_id=d1").await.expect(200);
    format!("/node-instances/{}", list["items"][0]["id"].as_str().unwrap())
}

async fn one_wins(database_url: Option<&str>) {
    let fresh = Fresh::start_on(database_url).await;
    let path = &instance(&fresh).await;
    for round in 0..ROUNDS {
        let version = fresh.get(path).await.expect(200)["version"].as_i64().unwrap();
        let change =
            |client: usize| json!({"version": version, "runtime_properties": {"round": round, "client": client}});
        let answers = (0..CLIENTS).map(|client| fresh.patch(path, change(client)));
        let answers = futures::future::join_all(answers).await;
        let winners: Vec<Value> =
            answers.iter().filter(|answer| answer.status == 200).map(crate::harness::Answer::json).collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            answer.refused(409, "conflict_error");
        }
        let after = fresh.get(path).await.expect(200);
        assert_eq!(after["version"], version + 1);
        assert_eq!(after["runtime_properties"], winners[0]["runtime_properties"]);
    }
}

/// Each client adds marks of its own, and tries again when it was late: no mark is lost.
async fn nothing_is_lost(database_url: Option<&str>) {
    let fresh = &Fresh::start_on(database_url).await;
    let path = &instance(fresh).await;
    let client = async |client: usize| {
        for round in 0..ROUNDS {
            loop {
                let seen = fresh.get(path).await.expect(200);
                let mut properties = seen["runtime_properties"].clone();
                properties[format!("{client}-{round}")] = json!(true);
                let change = json!({"version": seen["version"], "runtime_properties": properties});
                let answer = fresh.patch(path, change).await;
                if answer.status == 200 {
                    break;
                }
                answer.refused(409, "conflict_error");
            }
        }
    };
    let before = fresh.get(path).await.expect(200)["version"].as_u64().unwrap();
    futures::future::join_all((0..CLIENTS).map(client)).await;
    let after = fresh.get(path).await.expect(200);
    let marks: BTreeSet<&String> = after["runtime_properties"].as_object().unwrap().keys().collect();
    assert_eq!(marks.len(), CLIENTS * ROUNDS, "{marks:?}");
    assert_eq!(after["version"], before + (CLIENTS * ROUNDS) as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wins_on_sqlite() {
    one_wins(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wins_on_postgresql() {
    let database = Database::empty();
    one_wins(Some(database.url())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_on_sqlite() {
    nothing_is_lost(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_on_postgresql() {
    let database = Database::empty();
    nothing_is_lost(Some(database.url())).await;
}
