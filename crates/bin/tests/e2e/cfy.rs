//! The unmodified `cfy` 7.0.5 against a fresh manager over HTTPS: every command of daily work, its
//! exit code, its JSON and what it brought about; on SQLite and on PostgreSQL.

use std::fs;
use std::path::PathBuf;

use nephele_testkit::cfy::Cfy;
use nephele_testkit::home::{Home, Manager};
use nephele_testkit::postgres::Database;
use serde_json::{Value, json};

use crate::home;
use crate::trial::Trial;

struct Journey {
    cfy: Cfy,
    trial: Trial,
    blueprint: PathBuf,
    inputs: String,
}

/// The row of a list with this value.
#[track_caller]
fn row<'a>(list: &'a Value, key: &str, value: &str) -> &'a Value {
    let rows = list.as_array().unwrap_or_else(|| panic!("not a list: {list:#}"));
    rows.iter().find(|row| row[key] == value).unwrap_or_else(|| panic!("no {key} {value} in {list:#}"))
}

#[track_caller]
fn not_found(said: &str) {
    assert!(said.contains("404") || said.contains("not found"), "{said}");
}

fn travel(home: &Home, manager: &Manager) {
    let trial = Trial::new(home.folder());
    let journey = Journey {
        cfy: Cfy::new(&home.folder().join("cfy-home")),
        blueprint: trial.blueprint.join("blueprint.yaml"),
        inputs: json!({"folder": trial.traces, "word": "good day"}).to_string(),
        trial,
    };
    journey.profiles(home, manager);
    journey.blueprints();
    journey.deployments();
    journey.executions();
    journey.nodes();
    journey.cancel_and_resume();
    journey.delete();
    journey.in_one_step();
}

impl Journey {
    fn profiles(&self, home: &Home, manager: &Manager) {
        let (password, ca) = (home.password(), home.ca());
        let arguments = |password| {
            let fixed = ["profiles", "use", "127.0.0.1", "-u", "admin", "-t", "default_tenant", "--ssl"];
            let rest = ["-p", password, "--rest-port", manager.https_port(), "-c", ca.to_str().unwrap()];
            [fixed.to_vec(), rest.to_vec()].concat()
        };
        let refused = self.cfy.run(&arguments("wrong"));
        assert_ne!(refused.code, 0, "a wrong password was taken: {}", refused.stdout);
        self.cfy.ok(&arguments(&password));
        let status = self.cfy.ok(&["status"]);
        assert!(status.contains("127.0.0.1") || status.to_lowercase().contains("status"), "{status}");
        assert!(!status.contains("Fail"), "{status}");
    }

    fn blueprints(&self) {
        let cfy = &self.cfy;
        let path = self.blueprint.to_str().unwrap();
        cfy.ok(&["blueprints", "upload", path, "-b", "trial"]);
        let list = cfy.json(&["blueprints", "list"]);
        let found = row(&list, "id", "trial");
        assert_eq!(found["state"], "uploaded");
        assert_eq!(found["main_file_name"], "blueprint.yaml");
        assert_eq!(found["description"], "Leaves traces.");
        let table = cfy.ok(&["blueprints", "list"]);
        assert!(table.contains("trial") && table.contains("Showing 1 of 1 blueprints"), "{table}");
        assert_eq!(cfy.json(&["blueprints", "get", "trial"])["id"], "trial");
        let inputs = cfy.ok(&["blueprints", "inputs", "trial"]);
        assert!(inputs.contains("folder") && inputs.contains("word") && inputs.contains("hello"), "{inputs}");

        let archive = self.trial.traces.join("download.tar.gz");
        cfy.ok(&["blueprints", "download", "trial", "-o", archive.to_str().unwrap()]);
        let bytes = fs::read(&archive).unwrap();
        let mut unpacked = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let names: Vec<_> =
            unpacked.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().into_owned()).collect();
        assert!(names.iter().any(|name| name.ends_with("scripts/trace.sh")), "{names:?}");

        assert!(cfy.fails(&["blueprints", "upload", path, "-b", "trial"]).contains("409"));
        not_found(&cfy.fails(&["blueprints", "get", "nothing"]));
        cfy.ok(&["blueprints", "upload", path, "-b", "passing"]);
        cfy.ok(&["blueprints", "delete", "passing"]);
        not_found(&cfy.fails(&["blueprints", "delete", "passing"]));
        let broken = self.trial.traces.join("broken");
        fs::create_dir_all(&broken).unwrap();
        fs::write(broken.join("blueprint.yaml"), "tosca_definitions_version: cloudify_dsl_1_4\nnode_templates: [\n")
            .unwrap();
        let broken = broken.join("blueprint.yaml");
        let said = cfy.fails(&["blueprints", "upload", broken.to_str().unwrap(), "-b", "broken"]);
        assert!(said.contains("Invalid"), "{said}");
        cfy.ok(&["blueprints", "delete", "broken"]);
    }

    fn deployments(&self) {
        let cfy = &self.cfy;
        let said = cfy.fails(&["deployments", "create", "one", "-b", "trial"]);
        assert!(said.contains("folder"), "{said}");
        cfy.ok(&["deployments", "create", "one", "-b", "trial", "-i", &self.inputs]);
        let list = cfy.json(&["deployments", "list"]);
        let found = row(&list, "id", "one");
        assert_eq!(found["blueprint_id"], "trial");
        assert_eq!(found["installation_status"], "inactive");
        let inputs = cfy.ok(&["deployments", "inputs", "one"]);
        assert!(inputs.contains("good day") && inputs.contains(self.trial.traces.to_str().unwrap()), "{inputs}");
        assert!(cfy.fails(&["deployments", "create", "one", "-b", "trial", "-i", &self.inputs]).contains("409"));
        not_found(&cfy.fails(&["deployments", "outputs", "nothing"]));
        assert!(cfy.fails(&["blueprints", "delete", "trial"]).contains("There exist deployments"));
    }

    fn executions(&self) {
        let cfy = &self.cfy;
        let events = cfy.ok(&["executions", "start", "install", "-d", "one"]);
        assert!(events.contains("'install' workflow execution succeeded"), "{events}");
        assert!(events.contains("good day from second"), "{events}");
        assert_eq!(self.trial.lines("ended"), ["create first", "create second"]);

        let list = cfy.json(&["executions", "list", "-d", "one"]);
        let found = row(&list, "workflow_id", "install");
        assert_eq!(found["status"], "completed");
        let id = found["id"].as_str().unwrap();
        let one = cfy.json(&["executions", "get", id]);
        assert_eq!((&one["id"], &one["deployment_id"]), (&json!(id), &json!("one")));
        let events = cfy.ok(&["events", "list", id]);
        for text in ["Starting 'install' workflow execution", "Node instance started", "good day from first"] {
            assert!(events.contains(text), "`{text}` is not in {events}");
        }
        let quiet = cfy.ok(&["events", "list", id, "--no-logs"]);
        assert!(!quiet.contains("good day from first"), "{quiet}");
        not_found(&cfy.fails(&["executions", "get", "nothing"]));
        assert!(cfy.fails(&["executions", "start", "dance", "-d", "one"]).contains("dance"));

        let outputs = cfy.json(&["deployments", "outputs", "one"]);
        assert_eq!(outputs["answer"]["value"], "good day from first");
        let capabilities = cfy.json(&["deployments", "capabilities", "one"]);
        assert_eq!(capabilities["address"]["value"], "good day from second");
        let list = cfy.json(&["deployments", "list"]);
        assert_eq!(row(&list, "id", "one")["installation_status"], "active");
    }

    fn nodes(&self) {
        let cfy = &self.cfy;
        let nodes = cfy.json(&["nodes", "list", "-d", "one"]);
        assert_eq!(nodes.as_array().unwrap().len(), 2);
        assert_eq!(row(&nodes, "id", "second")["type"], "trial.Node");
        let instances = cfy.json(&["node-instances", "list", "-d", "one"]);
        assert_eq!(instances.as_array().unwrap().len(), 2);
        let first = row(&instances, "node_id", "first");
        assert_eq!(first["state"], "started");
        let id = first["id"].as_str().unwrap();
        let one = cfy.json(&["node-instances", "get", id]);
        assert_eq!(one["node_id"], "first");
        let shown = cfy.ok(&["node-instances", "get", id]);
        assert!(shown.contains("good day from first"), "no runtime properties in {shown}");
        not_found(&cfy.fails(&["node-instances", "get", "nothing"]));
    }

    fn cancel_and_resume(&self) {
        let cfy = &self.cfy;
        cfy.ok(&["deployments", "create", "two", "-b", "trial", "-i", &self.inputs]);
        fs::remove_file(self.trial.traces.join("begun")).unwrap();
        fs::remove_file(self.trial.traces.join("ended")).unwrap();
        self.trial.hold();
        let id = std::thread::scope(|scope| {
            let following = scope.spawn(|| cfy.run(&["executions", "start", "install", "-d", "two"]));
            self.trial.wait_begun("create first");
            let list = cfy.json(&["executions", "list", "-d", "two"]);
            let running = row(&list, "workflow_id", "install");
            assert_eq!(running["status"], "started");
            let id = running["id"].as_str().unwrap().to_owned();
            let said = cfy.fails(&["executions", "start", "install", "-d", "two"]);
            assert!(said.contains(&id), "{said}");
            cfy.ok(&["executions", "cancel", &id]);
            self.trial.release();
            let followed = following.join().unwrap();
            assert_eq!(followed.code, 0, "{}{}", followed.stdout, followed.stderr);
            assert!(followed.stdout.contains("cancelled"), "{}", followed.stdout);
            id
        });
        assert_eq!(cfy.json(&["executions", "get", &id])["status"], "cancelled");
        assert_eq!(self.trial.lines("ended"), ["create first"], "work went on after the cancellation");
        self.trial.hold();
        cfy.ok(&["executions", "resume", &id]);
        self.trial.wait_begun("create second");
        std::thread::scope(|scope| {
            let following = scope.spawn(|| cfy.ok(&["events", "list", &id, "--tail"]));
            std::thread::sleep(std::time::Duration::from_secs(3)); // cfy needs a moment to look for the first time
            self.trial.release();
            let events = following.join().unwrap();
            assert!(events.contains("'install' workflow execution succeeded"), "{events}");
        });
        let events = cfy.ok(&["events", "list", &id]);
        assert!(events.contains("Resuming 'install' workflow execution"), "{events}");
        assert_eq!(cfy.json(&["executions", "get", &id])["status"], "completed");
        assert_eq!(self.trial.lines("ended"), ["create first", "create second"]);
        assert!(cfy.fails(&["executions", "cancel", &id]).contains("400"));
    }

    fn delete(&self) {
        let cfy = &self.cfy;
        assert!(cfy.fails(&["deployments", "delete", "one"]).contains("one"), "a living deployment was deleted");
        for deployment in ["one", "two"] {
            cfy.ok(&["executions", "start", "uninstall", "-d", deployment]);
            cfy.ok(&["deployments", "delete", deployment]);
        }
        let ended = self.trial.lines("ended");
        let position = |line: &str| ended.iter().position(|ended| ended == line);
        assert!(position("delete second") < position("delete first"), "{ended:?}");
        assert_eq!(cfy.json(&["deployments", "list"]), json!([]));
        cfy.ok(&["blueprints", "delete", "trial"]);
        assert_eq!(cfy.json(&["blueprints", "list"]), json!([]));
    }

    fn in_one_step(&self) {
        let cfy = &self.cfy;
        let path = self.blueprint.to_str().unwrap();
        let events = cfy.ok(&["install", path, "-b", "step", "-d", "step", "-i", &self.inputs]);
        assert!(events.contains("'install' workflow execution succeeded"), "{events}");
        assert_eq!(cfy.json(&["deployments", "outputs", "step"])["answer"]["value"], "good day from first");
        let events = cfy.ok(&["uninstall", "step"]);
        assert!(events.contains("'uninstall' workflow execution succeeded"), "{events}");
        assert_eq!(cfy.json(&["deployments", "list"]), json!([]));
        assert_eq!(cfy.json(&["blueprints", "list"]), json!([]));
    }
}

#[test]
fn on_sqlite() {
    let home = home();
    let manager = home.start();
    travel(&home, &manager);
}

#[test]
fn on_postgresql() {
    let database = Database::empty();
    let home = home().with_database(database.url());
    let manager = home.start();
    travel(&home, &manager);
}
