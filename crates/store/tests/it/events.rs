//! The list of events and logs.

use nephele_model::Timestamp;
use nephele_model::event::{NewEvent, NewLog, Origin};
use nephele_model::execution::ExecutionStatus;
use nephele_model::page::{ListQuery, Sort};
use nephele_store::events::{self, Range};
use nephele_store::journal::Run;
use nephele_store::{Error, Store, deployments, executions, news};
use serde_json::json;

use crate::house::{BEGINNING, admin, both, user};

fn event(message: &str, second: i64) -> NewEvent {
    NewEvent {
        event_type: "workflow_node_event".to_owned(),
        message: message.to_owned(),
        origin: Origin {
            node_instance: Some("n_1".to_owned()),
            operation: Some("i.create".to_owned()),
            ..Origin::default()
        },
        error_causes: None,
        timestamp: Timestamp::from_micros(BEGINNING + second * 1_000_000),
        reported: Some(Timestamp::from_micros(BEGINNING + second * 1_000_000)),
    }
}

fn log(message: &str, second: i64) -> NewLog {
    NewLog {
        logger: "ctx".to_owned(),
        level: "info".to_owned(),
        message: message.to_owned(),
        origin: Origin::default(),
        timestamp: Timestamp::from_micros(BEGINNING + second * 1_000_000),
        reported: Some(Timestamp::from_micros(BEGINNING + second * 1_000_000)),
    }
}

async fn messages(store: &Store, query: &ListQuery, ranges: &[Range]) -> Vec<String> {
    let page = events::list(store, &admin(), query, ranges).await.unwrap();
    page.items.iter().map(|item| item.value().unwrap()["message"].as_str().unwrap().to_owned()).collect()
}

fn filters(pairs: &[(&str, &[&str])]) -> ListQuery {
    let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    ListQuery {
        filters: pairs.iter().map(|(field, values)| ((*field).to_owned(), owned(values))).collect(),
        ..ListQuery::default()
    }
}

#[tokio::test]
async fn events_and_logs_come_in_one_order() {
    both(|house| async move {
        let store = &house.store;
        let deployment = house.deployment("d").await;
        house.nodes(&deployment, &["n"], 1).await;
        let run = Run::from(&house.execution(Some(&deployment), "e", ExecutionStatus::Started).await);
        let other = Run::from(&house.execution(None, "other", ExecutionStatus::Started).await);
        events::insert(store, &run, &[event("late", 9), event("early", 1)], &[log("middle \"é\"", 5)]).await.unwrap();
        house.clock.forward(1_000_000);
        events::insert(store, &other, &[], &[log("elsewhere", 0)]).await.unwrap();

        let by_reported = |descending| ListQuery {
            sort: vec![Sort { field: "reported_timestamp".to_owned(), descending }],
            ..filters(&[("execution_id", &["e"]), ("type", &["cloudify_event", "cloudify_log"])])
        };
        assert_eq!(messages(store, &by_reported(false), &[]).await, ["early", "middle \"é\"", "late"]);
        assert_eq!(messages(store, &by_reported(true), &[]).await, ["late", "middle \"é\"", "early"]);
        assert_eq!(messages(store, &ListQuery::default(), &[]).await, ["elsewhere", "early", "middle \"é\"", "late"]);
        let second = ListQuery { size: Some(1), offset: 1, ..by_reported(false) };
        let page = events::list(store, &admin(), &second, &[]).await.unwrap();
        assert_eq!((page.items.len(), page.total, page.size), (1, 3, 1));

        let found = |pairs: &'static [(&'static str, &'static [&'static str])]| async move {
            messages(store, &filters(pairs), &[]).await.len()
        };
        assert_eq!(found(&[("type", &["cloudify_log"])]).await, 2);
        assert_eq!(found(&[("level", &["info", "debug"])]).await, 2);
        assert_eq!(found(&[("event_type", &["workflow_node_event"])]).await, 2);
        assert_eq!(found(&[("deployment_id", &["d"])]).await, 3);
        assert_eq!(found(&[("blueprint_id", &["d-bp"])]).await, 3);
        assert_eq!(found(&[("node_id", &["n"])]).await, 2);
        assert_eq!(found(&[("node_instance_id", &["n_1"])]).await, 2);
        assert_eq!(found(&[("message.text", &["%ARL%"])]).await, 1);
        assert_eq!(found(&[("operation", &["%create"])]).await, 2);
        let range = Range {
            field: "reported_timestamp".to_owned(),
            from: Some(Timestamp::from_micros(BEGINNING + 1_000_000)),
            to: Some(Timestamp::from_micros(BEGINNING + 9_000_000)),
        };
        assert_eq!(messages(store, &by_reported(false), &[range]).await, ["early", "middle \"é\""]);
        let refused = events::list(store, &admin(), &filters(&[("color", &["x"])]), &[]).await;
        assert!(matches!(refused, Err(Error::Query(refusal)) if refusal.message().starts_with("Unknown field to filter by: color")));
        let stranger = events::list(store, &user(0, 77), &ListQuery::default(), &[]).await.unwrap();
        assert_eq!(stranger.total, 0);

        assert_eq!(events::delete_of_deployment(store, deployment.storage_id, false, &[]).await.unwrap(), 2);
        assert_eq!(messages(store, &by_reported(false), &[]).await.len(), 1);
        assert!(deployments::delete(store, deployment.storage_id).await.unwrap());
        assert_eq!(messages(store, &ListQuery::default(), &[]).await, ["elsewhere"]);
    })
    .await;
}

/// Whoever pages through the events of a run must not miss what is told late.
#[tokio::test]
async fn what_comes_in_later_is_reported_later() {
    both(|house| async move {
        let store = &house.store;
        let run = Run::from(&house.execution(None, "e", ExecutionStatus::Started).await);
        let undated = |message, second| NewEvent { reported: None, ..event(message, second) };
        events::insert(store, &run, &[undated("first", 9)], &[]).await.unwrap();
        house.clock.forward(1_000_000);
        events::insert(store, &run, &[undated("second", 1)], &[]).await.unwrap();
        let sort = vec![Sort { field: "reported_timestamp".to_owned(), descending: false }];
        let told = messages(store, &ListQuery { sort, ..ListQuery::default() }, &[]).await;
        assert_eq!(told, ["first", "second"]);
    })
    .await;
}

/// Who follows events asks for those behind the last one that was told.
#[tokio::test]
async fn the_number_of_an_event_that_went_is_not_given_again() {
    both(|house| async move {
        let store = &house.store;
        let (gone, stays) = (
            house.execution(None, "gone", ExecutionStatus::Started).await,
            house.execution(None, "stays", ExecutionStatus::Started).await,
        );
        events::insert(store, &Run::from(&gone), &[event("a", 1), event("b", 2)], &[]).await.unwrap();
        let last = news::last_event(store).await.unwrap();
        assert!(executions::delete(store, gone.storage_id).await.unwrap());
        events::insert(store, &Run::from(&stays), &[event("c", 3)], &[]).await.unwrap();
        let told = news::events(store, last, 10, &[]).await.unwrap();
        assert_eq!(told.iter().map(|event| event.message.as_deref()).collect::<Vec<_>>(), [Some("c")]);
    })
    .await;
}

#[tokio::test]
async fn every_key_is_always_there() {
    both(|house| async move {
        let store = &house.store;
        let deployment = house.deployment("d").await;
        house.nodes(&deployment, &["n"], 1).await;
        let run = Run::from(&house.execution(Some(&deployment), "e", ExecutionStatus::Started).await);
        events::insert(store, &run, &[event("a", 1)], &[log("b", 2)]).await.unwrap();
        let page = events::list(store, &admin(), &ListQuery::default(), &[]).await.unwrap();
        let mut items: Vec<_> = page.items.iter().map(|item| item.value().unwrap()).collect();
        for item in &mut items {
            assert!(item["_storage_id"].is_i64());
            item["_storage_id"] = json!(1);
        }
        let told = "2020-01-01T00:00:01.000Z";
        assert_eq!(
            items[0],
            json!({
                "_storage_id": 1, "timestamp": told, "reported_timestamp": told,
                "blueprint_id": "d-bp", "deployment_id": "d", "deployment_display_name": "The d", "execution_id": "e",
                "execution_group_id": null, "workflow_id": "install", "message": "a", "error_causes": null,
                "event_type": "workflow_node_event", "operation": "i.create", "source_id": null, "target_id": null,
                "manager_name": null, "agent_name": null, "node_instance_id": "n_1", "node_name": "n",
                "type": "cloudify_event",
            })
        );
        assert_eq!((&items[1]["logger"], &items[1]["level"]), (&json!("ctx"), &json!("info")));
        assert_eq!(items[1].get("event_type"), None);
        assert_eq!(items[1].get("node_name"), Some(&json!(null)));
        let only =
            ListQuery { include: Some(vec!["event_type".to_owned(), "type".to_owned()]), ..ListQuery::default() };
        let page = events::list(store, &admin(), &only, &[]).await.unwrap();
        assert_eq!(page.items[0].as_str(), r#"{"event_type":"workflow_node_event","type":"cloudify_event"}"#);
        assert_eq!(page.items[1].as_str(), r#"{"type":"cloudify_log"}"#);
    })
    .await;
}
