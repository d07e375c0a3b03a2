//! Runs of a workflow on many deployments: each ends, however it went, and deployments are gathered by how. On both
//! databases.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::BoxFuture;
use nephele_bus::{Address, Bus, Local, Message, Result, Subscription};
use nephele_testkit::postgres::Database;
use serde_json::{Value, json};

use crate::harness::{Fresh, SMALL};

/// The bus, and a mine in it: who subscribes to the answers of an execution next panics.
#[derive(Default)]
struct Mined {
    bus: Local,
    is_armed: AtomicBool,
}

impl Bus for Mined {
    fn publish(&self, to: Address, message: Message) -> BoxFuture<'_, Result<()>> {
        self.bus.publish(to, message)
    }

    fn subscribe(&self, from: Address, prefetch: usize) -> BoxFuture<'_, Result<Subscription>> {
        let steps_on_it = from.routing_key.starts_with("execution_responses_");
        assert!(!(steps_on_it && self.is_armed.swap(false, Ordering::SeqCst)), "the mine goes off");
        self.bus.subscribe(from, prefetch)
    }

    fn remove(&self, address: Address) -> BoxFuture<'_, Result<()>> {
        self.bus.remove(address)
    }

    fn depths(&self) -> BoxFuture<'_, Result<Vec<(Address, usize)>>> {
        self.bus.depths()
    }
}

async fn both<F: Future<Output = ()>>(test: impl Fn(Fresh, Arc<Mined>) -> F) {
    let database = Database::empty();
    for url in [None, Some(database.url())] {
        let (folder, bus) = (Arc::new(tempfile::tempdir().unwrap()), Arc::new(Mined::default()));
        let fresh = Fresh::start_with(folder, url, "manager", Arc::clone(&bus) as Arc<dyn Bus>).await;
        fresh.upload("small", SMALL).await.expect(201);
        let ids = ["a", "b", "c"];
        for id in ids {
            let body = json!({"blueprint_id": "small", "inputs": {"greeting": "hi"}});
            fresh.put(&format!("/deployments/{id}"), body).await.expect(201);
        }
        fresh.put("/deployment-groups/all", json!({"deployment_ids": ids})).await.expect(200);
        for target in ["good", "bad"] {
            fresh.put(&format!("/deployment-groups/{target}"), json!({})).await.expect(200);
        }
        test(fresh, bus).await;
    }
}

impl Fresh {
    /// Starts a workflow on all of the group, and gives the group's id and the executions by their deployments.
    async fn start_all(&self, workflow: &str, concurrency: i64) -> (String, [String; 3]) {
        let body = json!({"deployment_group_id": "all", "workflow_id": workflow, "concurrency": concurrency});
        let group = self.post("/execution-groups", body).await.expect(200)["id"].as_str().unwrap().to_owned();
        let list = self.get(&format!("/executions?_group_id={group}")).await.expect(200);
        let of = |deployment: &str| {
            let mut found = list["items"].as_array().unwrap().iter();
            found.find(|one| one["deployment_id"] == deployment).unwrap()["id"].as_str().unwrap().to_owned()
        };
        (group, ["a", "b", "c"].map(of))
    }

    async fn gathered(&self, group: &str) -> Value {
        self.get(&format!("/deployment-groups/{group}")).await.expect(200)["deployment_ids"].clone()
    }

    async fn moves(&self, execution: &str, status: &str) {
        let change = json!({"status": status, "error": "as it was said"});
        self.patch(&format!("/executions/{execution}"), change).await.expect(200);
    }

    async fn group_status(&self, group: &str) -> Value {
        self.get(&format!("/execution-groups/{group}")).await.expect(200)["status"].clone()
    }
}

#[tokio::test]
async fn a_run_that_panics_has_failed_and_holds_up_no_other() {
    both(|fresh, bus| async move {
        bus.is_armed.store(true, Ordering::SeqCst);
        let (group, executions) = fresh.start_all("install", 1).await;
        let targets = json!({"success_group_id": "good", "failure_group_id": "bad"});
        fresh.patch(&format!("/execution-groups/{group}"), targets).await.expect(200);
        let mut failed = Vec::new();
        for execution in &executions {
            let ended = fresh.ended(execution).await;
            if ended["status"] == "failed" {
                assert!(ended["error"].as_str().unwrap().starts_with("The manager cannot go on"), "{ended}");
                failed.push(ended);
            }
        }
        let [failed] = failed.as_slice() else { panic!("one has stepped on the mine: {failed:#?}") };
        assert_eq!(fresh.group_status(&group).await, "failed");
        assert_eq!(fresh.gathered("bad").await, json!([failed["deployment_id"]]));
        assert_eq!(fresh.gathered("good").await.as_array().map(Vec::len), Some(2));
        let id = failed["id"].as_str().unwrap();
        fresh.post(&format!("/executions/{id}"), json!({"action": "resume"})).await.expect(200);
        assert_eq!(fresh.ended(id).await["status"], "terminated");
        assert_eq!(fresh.group_status(&group).await, "terminated");
    })
    .await;
}

#[tokio::test]
async fn deployments_are_gathered_by_how_their_executions_end() {
    both(|fresh, _| async move {
        fresh.stop_runs();
        let (group, [a, b, c]) = fresh.start_all("install", 3).await;
        let path = format!("/execution-groups/{group}");
        fresh.moves(&a, "failed").await;
        assert_eq!((fresh.gathered("good").await, fresh.gathered("bad").await), (json!([]), json!([])));
        // Those that have ended by now are gathered at once, others when they end.
        let changed =
            fresh.patch(&path, json!({"success_group_id": "good", "failure_group_id": "bad"})).await.expect(200);
        assert_eq!(changed["concurrency"], 3);
        assert_eq!((fresh.gathered("good").await, fresh.gathered("bad").await), (json!([]), json!(["a"])));
        fresh.moves(&b, "terminated").await;
        fresh.moves(&c, "cancelled").await;
        assert_eq!((fresh.gathered("good").await, fresh.gathered("bad").await), (json!(["b"]), json!(["a"])));
        assert_eq!(fresh.group_status(&group).await, "failed");

        // A member of one of them already stays one; the other target alone can be changed.
        fresh.put("/deployment-groups/others", json!({})).await.expect(200);
        fresh.patch(&path, json!({"success_group_id": "others"})).await.expect(200);
        fresh.patch(&path, json!({"failure_group_id": "bad", "concurrency": 1})).await.expect(200);
        assert_eq!((fresh.gathered("others").await, fresh.gathered("bad").await), (json!(["b"]), json!(["a"])));
        fresh.patch(&path, json!({"success_group_id": "nope"})).await.refused(404, "not_found_error");
        fresh.patch(&path, json!({"concurrency": -1})).await.refused(400, "bad_parameters_error");
        fresh.patch("/execution-groups/nope", json!({"concurrency": 1})).await.refused(404, "not_found_error");
    })
    .await;
}

#[tokio::test]
async fn a_group_that_cannot_be_started_leaves_nothing_behind() {
    both(|fresh, _| async move {
        let start = async |more: Value| {
            let mut body = json!({"deployment_group_id": "all", "workflow_id": "install"});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            fresh.post("/execution-groups", body).await
        };
        let wrong = json!({"parameters": {"c": {"nonsense": 1}}});
        start(wrong).await.refused(400, "illegal_execution_parameters_error");
        start(json!({"workflow_id": "uninstall"})).await.refused(400, "unavailable_workflow_error");
        for list in ["/execution-groups?workflow_id=install", "/executions?workflow_id=install"] {
            assert_eq!(fresh.get(list).await.expect(200)["metadata"]["pagination"]["total"], 0, "{list}");
        }
        // Those that lack the workflow are left out and told of.
        let none = start(json!({"workflow_id": "dance"})).await.expect(200);
        assert_eq!((&none["execution_ids"], &none["status"]), (&json!([]), &Value::Null));
        let id = none["id"].as_str().unwrap();
        let events = fresh.get(&format!("/events?execution_group_id={id}")).await.expect(200);
        assert_eq!(events["items"].as_array().map(Vec::len), Some(3), "{events:#}");
    })
    .await;
}
