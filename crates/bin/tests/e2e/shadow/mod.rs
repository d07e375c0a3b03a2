//! Shadow mode: a manager that runs is mirrored by reading alone, brought in, compared, and left for another one.

mod old_manager;

use std::path::PathBuf;
use std::process::Output;

use nephele_testkit::home::Home;
use nephele_testkit::rest::Rest;
use serde_json::{Value, json};

use crate::home;
use crate::trial::Trial;
use old_manager::OldManager;

fn recorded(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../api/tests/cloudify").join(name)
}

/// The files of somebody who moves.
struct Desk {
    home: Home,
    mirror: PathBuf,
    password: PathBuf,
}

impl Desk {
    fn new(home: Home, password: &str) -> Self {
        let (mirror, file) = (home.folder().join("mirror"), home.folder().join("password"));
        std::fs::write(&file, format!("{password}\n")).unwrap();
        Self { home, mirror, password: file }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.home.command();
        tokio::task::block_in_place(|| {
            command.arg("migrate").args(arguments).env("NEPHELE_DATA_DIR", self.home.data_dir()).output().unwrap()
        })
    }

    #[track_caller]
    fn said(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.said(&[arguments, &["--json"]].concat())).unwrap()
    }

    #[track_caller]
    fn look(&self, url: &str) -> Value {
        let (mirror, password) = (self.mirror.to_str().unwrap(), self.password.to_str().unwrap());
        self.json(&["shadow", "--from", url, "--into", mirror, "--password-file", password])
    }

    fn archive(&self) -> String {
        self.mirror.join("shadow.zip").display().to_string()
    }
}

/// What is not as it was at the last look.
fn news(report: &Value) -> Vec<(String, u64, u64, u64)> {
    let changes = report["changes"].as_object().unwrap().iter();
    let number = |change: &Value, name: &str| change[name].as_u64().unwrap();
    changes
        .map(|(kind, change)| {
            (kind.clone(), number(change, "added"), number(change, "changed"), number(change, "removed"))
        })
        .filter(|(_, added, changed, removed)| added + changed + removed > 0)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_of_the_original_is_mirrored_by_reading_alone() {
    let original = recorded("n1-full.zip");
    let old = OldManager::start(&original).await;
    let desk = Desk::new(home(), "admin");
    let report = desk.look(&old.url);
    let counted =
        ["deployments", "executions", "node_instances", "events", "tasks_graphs", "users", "secrets", "agents"];
    for kind in counted.into_iter().filter(|kind| *kind != "tasks_graphs") {
        assert_eq!(report["changes"][kind]["total"], old.count(kind), "{kind}: {report:#}");
    }
    assert!(old.asked().iter().all(|asked| asked.starts_with("GET ")));

    // What it makes of the mirror is what it makes of the original's own snapshot; graphs of what has ended well are of no use.
    let rows = |archive: &str| desk.json(&["inspect", archive])["rows"].clone();
    let (mut own, mut theirs) = (rows(&desk.archive()), rows(original.to_str().unwrap()));
    for table in ["tasks_graphs", "operations"] {
        assert!(own[table].as_u64().unwrap() > 0, "{own:#}");
        assert!(own[table].as_u64().unwrap() <= theirs[table].as_u64().unwrap(), "{own:#} {theirs:#}");
        own[table].take();
        theirs[table].take();
    }
    assert_eq!(own, theirs);

    // Nothing is new: nothing is loaded again, not even what there is of most.
    let report = desk.look(&old.url);
    assert_eq!((news(&report), &report["downloads"]), (vec![], &json!(0)), "{report:#}");
    let asked = old.asked();
    assert!(!asked.iter().any(|asked| asked.contains("/archive") || asked.contains("/tasks_graphs")), "{asked:#?}");
    assert!(
        asked.iter().filter(|asked| asked.contains("/events")).all(|asked| asked.contains("_range=")),
        "{asked:#?}"
    );

    old.change("default_tenant", "node_instances", |found| found[0]["runtime_properties"] = json!({"moved": true}));
    old.change("default_tenant", "sites", |found| drop(found.pop()));
    old.change("snap_t2", "executions", |found| {
        let newer = json!({"id": "newer", "created_at": "2031-01-01T00:00:00.000Z", "status": "started"});
        let mut execution = found[0].clone();
        execution.as_object_mut().unwrap().extend(newer.as_object().unwrap().clone());
        found.push(execution);
    });
    old.change("snap_t2", "events", |found| {
        for message in ["one", "two"] {
            let mut event = found[0].clone();
            event["message"] = message.into();
            event["reported_timestamp"] = "2031-01-01T00:00:01.000Z".into();
            event["execution_id"] = "newer".into();
            found.push(event);
        }
    });
    let report = desk.look(&old.url);
    let expected = [("events", 2, 0, 0), ("executions", 1, 0, 0), ("node_instances", 0, 1, 0), ("sites", 0, 0, 1)];
    assert_eq!(
        news(&report),
        expected.map(|(kind, added, changed, removed)| (kind.to_owned(), added, changed, removed))
    );
    assert!(old.held.lock().unwrap().writes.is_empty());

    // The way over says what is in the way, and agents go one by one.
    let mirror = desk.mirror.to_str().unwrap();
    let plan = desk.said(&["plan", mirror]);
    for words in ["Tenant snap_t2: 1 deployments", "execution newer", "[ ] hand over the agent", "maintenance mode"] {
        assert!(plan.contains(words), "`{words}` is not in:\n{plan}");
    }
    let certificate = desk.home.folder().join("ca.pem");
    std::fs::write(&certificate, "PEM").unwrap();
    let password = desk.password.to_str().unwrap();
    let hand_over = || {
        desk.said(&[
            "hand-over",
            mirror,
            "--from",
            &old.url,
            "--password-file",
            password,
            "--manager-ip",
            "10.0.0.2",
            "--manager-certificate",
            certificate.to_str().unwrap(),
        ])
    };
    assert!(hand_over().contains("is handed over"));
    let writes = old.held.lock().unwrap().writes.clone();
    assert_eq!(writes.len(), 1, "{writes:#?}");
    assert_eq!(
        (&writes[0]["workflow_id"], &writes[0]["deployment_id"]),
        (&json!("install_new_agents"), &json!("snap_inst"))
    );
    let told = &writes[0]["parameters"];
    assert_eq!((&told["manager_ip"], &told["manager_certificate"]), (&json!("10.0.0.2"), &json!("PEM")));
    assert_eq!(told["node_instance_ids"].as_array().unwrap().len(), 1);
    assert!(hand_over().contains("All agents of tenant default_tenant are handed over"));
    assert!(desk.said(&["plan", mirror]).contains("[x] hand over the agent"));

    // A mirror of one manager is none of another, and says so before it is touched.
    let other = OldManager::start(&original).await;
    let refused = desk.run(&["shadow", "--from", &other.url, "--into", mirror, "--password-file", password]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("choose another folder"), "{refused:?}");
}

/// A manager with something of most kinds, and something under way.
async fn furnish(rest: &Rest, trial: &Trial) {
    rest.upload_folder("trial", &trial.blueprint).await;
    rest.create_deployment("d1", "trial", json!({"folder": trial.traces})).await.expect(201);
    rest.create_deployment("d2", "trial", json!({"folder": trial.traces})).await.expect(201);
    rest.run("d1", "install").await;
    rest.put("/secrets/s1", &json!({"value": "hunter2"})).await.expect(200);
    rest.put("/sites/paris", &json!({"location": "48.8566, 2.3522"})).await.expect(200);
    rest.put("/users", &json!({"username": "ann", "password": "secret", "role": "default"})).await.expect(201);
    rest.post("/tenants/other", &json!({})).await.expect(201);
    let membership = json!({"tenant_name": "other", "username": "ann", "role": "manager"});
    rest.put("/tenants/users", &membership).await.expect(200);
    rest.with_tenant("other").upload_folder("theirs", &trial.blueprint).await;
    rest.put("/deployment-groups/g1", &json!({"deployment_ids": ["d1", "d2"]})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirrored_manager_moves_with_all_it_has() {
    let old_home = home().with_password("admin");
    let trial = Trial::new(old_home.folder());
    let old = old_home.start();
    let rest = Rest::new(&old_home, &old);
    furnish(&rest, &trial).await;
    let desk = Desk::new(home().with_password("admin"), "admin");
    desk.look(&old.http);
    let report = desk.look(&old.http);
    assert_eq!((news(&report), &report["downloads"]), (vec![], &json!(0)), "{report:#}");

    // The old manager goes on meanwhile.
    rest.run("d2", "install").await;
    rest.delete("/sites/paris").await.expect(204);
    let report = desk.look(&old.http);
    let added = |kind: &str| report["changes"][kind]["added"].as_u64().unwrap();
    assert_eq!((added("executions"), report["changes"]["sites"]["removed"].as_u64()), (1, Some(1)), "{report:#}");
    assert!(added("events") > 4 && report["changes"]["node_instances"]["changed"] == 2, "{report:#}");
    old.stop();

    let archive = desk.archive();
    desk.said(&["run", &archive]);
    let manager = desk.home.start();
    let rest = Rest::new(&desk.home, &manager);
    let (mirror, password) = (desk.mirror.to_str().unwrap(), desk.password.to_str().unwrap());
    let compare = ["compare", mirror, "--with", &manager.http, "--password-file", password];
    let compared = desk.run(&[&compare[..], &["--json"]].concat());
    let found: Value = serde_json::from_slice(&compared.stdout).unwrap();
    assert_eq!((&found["same"], faults(&found)), (&json!(true), vec![]));
    assert!(compared.status.success());
    // It is of something that the two are the same.
    assert!(found["kinds"].as_array().unwrap().iter().filter(|kind| kind["mirrored"] != 0).count() > 8, "{found:#}");

    assert_eq!(rest.get("/secrets/s1").await.expect(200)["value"], "hunter2");
    rest.run("d1", "uninstall").await;
    rest.put("/secrets/s1", &json!({"value": "other", "update_if_exists": true})).await.expect(200);
    rest.delete("/deployment-groups/g1").await.expect(204);
    let compared = desk.run(&compare);
    let said = String::from_utf8_lossy(&compared.stdout).into_owned();
    assert_eq!(compared.status.code(), Some(1));
    for words in [
        "OTHER  default_tenant: secrets",
        "s1 differs in value",
        "OTHER  default_tenant: executions",
        "is not in the mirror",
        "g1 is missing",
        "same   other: blueprints (1)",
    ] {
        assert!(said.contains(words), "`{words}` is not in:\n{said}");
    }
}

/// What is not the same on both sides.
fn faults(comparison: &Value) -> Vec<Value> {
    comparison["kinds"].as_array().unwrap().iter().filter(|kind| kind["faults"] != 0).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tenant_of_a_mirror_is_brought_into_a_manager_that_has_its_own() {
    let old_home = home().with_password("admin");
    let trial = Trial::new(old_home.folder());
    let old = old_home.start();
    furnish(&Rest::new(&old_home, &old), &trial).await;
    let desk = Desk::new(home().with_password("admin"), "admin");
    desk.look(&old.http);
    old.stop();

    let manager = desk.home.start();
    let rest = Rest::new(&desk.home, &manager);
    rest.put("/secrets/own", &json!({"value": "stays"})).await.expect(200);
    rest.upload_folder("own", &trial.blueprint).await;
    manager.stop();

    desk.said(&["run", &desk.archive(), "--tenant", "other"]);
    let manager = desk.home.start();
    let rest = Rest::new(&desk.home, &manager);
    assert_eq!(rest.ids("/blueprints").await, ["own"]);
    assert_eq!(rest.get("/secrets/own").await.expect(200)["value"], "stays");
    let theirs = rest.with_tenant("other");
    assert_eq!(theirs.ids("/blueprints").await, ["theirs"]);
    theirs.create_deployment("d3", "theirs", json!({"folder": trial.traces})).await.expect(201);
    theirs.run("d3", "install").await;
}
