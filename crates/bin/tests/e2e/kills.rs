//! Fifty times `kill -9` while a service of a hundred nodes is installed, grows, is updated and shrinks: each run goes on by
//! itself at each start and comes to its end within seconds, and nothing that had reported its end runs again.

use std::fs;
use std::time::{Duration, Instant};

use nephele_model::Clock as _;
use nephele_model::clock::SystemClock;
use nephele_testkit::home::{Home, Manager};
use nephele_testkit::postgres::Database;
use nephele_testkit::rest::Rest;
use serde_json::{Value, json};

use crate::crash::{begun, ended, layers, nothing_began_again, random_pauses};
use crate::home;

/// How often the manager is killed in each run.
const KILLS: usize = 10;
/// Milliseconds between a start and the next kill, at most.
const LONGEST: u64 = 400;
/// From the last start to the end of the run, on a machine that does other things as well: with nothing else to do it is
/// a third of that.
const PATIENCE: Duration = Duration::from_secs(30);

struct Service {
    home: Home,
    manager: Option<Manager>,
    rest: Rest,
    interrupted: usize,
}

impl Service {
    async fn new(home: Home) -> Self {
        let manager = home.start();
        let rest = Rest::new(&home, &manager);
        let traces = home.folder().join("traces");
        fs::create_dir_all(&traces).unwrap();
        rest.upload_folder("hundred", &layers(home.folder(), "hundred", 100, 0.01)).await;
        rest.create_deployment("hundred", "hundred", json!({"folder": traces})).await.expect(201);
        Self { home, manager: Some(manager), rest, interrupted: 0 }
    }

    /// Kills the manager again and again, and waits until the execution has ended by itself.
    #[expect(clippy::print_stderr, reason = "how long it took is for people to see")]
    async fn survive(&mut self, execution: &str) {
        for pause in random_pauses(KILLS, LONGEST) {
            tokio::time::sleep(pause).await;
            let found = self.rest.get(&format!("/executions/{execution}")).await.expect(200);
            self.interrupted += usize::from(found["ended_at"].is_null());
            self.manager.take().unwrap().kill();
            let manager = self.home.start();
            self.rest = Rest::new(&self.home, &manager);
            self.manager = Some(manager);
        }
        let (started, at) = (Instant::now(), SystemClock.now().micros());
        let ended = self.rest.ended(execution).await;
        let (took, begun) = (started.elapsed(), begun(&self.home.folder().join("traces")));
        let after: Vec<i64> = begun.into_iter().map(|begun| begun - at).filter(|after| *after > 0).collect();
        let first = after.iter().min().map(|micros| Duration::from_micros(micros.unsigned_abs()));
        eprintln!(
            "ended {took:.1?} after the last start; the first of {} operations began after {first:.1?}",
            after.len()
        );
        assert!(took < PATIENCE, "it took {took:.1?}");
        assert_eq!(ended["status"], "terminated", "{ended:#}");
        let events = self.rest.events(execution).await;
        let of_type = |kind: &str| events.iter().filter(|event| event["event_type"] == kind).count();
        assert_eq!((of_type("workflow_succeeded"), of_type("workflow_failed"), of_type("task_failed")), (1, 0, 0));
        nothing_began_again(&events, &self.home.folder().join("traces"));
    }

    /// Every instance is there and started, and its operation has ended.
    async fn stands(&self, instances: usize) {
        let ended = ended(&self.home.folder().join("traces"));
        let list = self.rest.get("/node-instances?deployment_id=hundred&_size=1000").await.expect(200);
        let items = list["items"].as_array().unwrap();
        assert_eq!(items.len(), instances);
        for item in items {
            assert_eq!(item["state"], "started", "{item:#}");
            assert!(ended.contains(item["id"].as_str().unwrap()), "the operation of {item:#} never ended");
        }
    }

    async fn install(&mut self) {
        let execution = self.rest.start("hundred", "install", json!({})).await;
        self.survive(&execution).await;
        self.stands(100).await;
    }

    async fn scale(&mut self, delta: i64) {
        let parameters = json!({"scalable_entity_name": "node_0", "delta": delta});
        let execution = self.rest.start("hundred", "scale", parameters).await;
        self.survive(&execution).await;
    }

    fn kills_were_in_time(&self, kills: usize) {
        assert!(self.interrupted > kills / 3, "{} kills of {kills} were in time", self.interrupted);
    }
}

#[tokio::test]
async fn a_hundred_nodes_survive_forty_kills() {
    let mut service = Service::new(home()).await;
    service.install().await;
    service.scale(20).await;
    service.stands(120).await;

    let folder = service.home.folder().to_owned();
    service.rest.upload_folder("more", &layers(&folder, "more", 120, 0.01)).await;
    let wanted = json!({"blueprint_id": "more", "skip_drift_check": true});
    let begun: Value = service.rest.post("/deployment-updates/hundred/update/initiate", &wanted).await.expect(200);
    service.survive(begun["execution_id"].as_str().unwrap()).await;
    service.stands(140).await;

    service.scale(-20).await;
    service.stands(120).await;
    service.kills_were_in_time(4 * KILLS);
}

#[tokio::test]
async fn a_hundred_nodes_survive_ten_kills_on_postgresql() {
    let database = Database::empty();
    let mut service = Service::new(home().with_database(database.url())).await;
    service.install().await;
    service.kills_were_in_time(KILLS);
}
