//! What the manager does itself, killed again and again after so many transactions that write, and resumed: the end is
//! the same, and no operation that had reported its end is run again. Steps of different lengths come to different
//! moments. The same with a database that is away for a moment.
//!
//! The database plays death: after so many transactions it refuses every further one, so nothing that the process
//! still does has any effect. A sequence counts, since it goes on when a transaction is taken back. `beginnings.rs` has it
//! play death where something is begun elsewhere, `refusals.rs` refuse single transactions. On SQLite it is one
//! death at each write: see `every_write.rs`. The real process is killed at random moments in
//! `crates/bin/tests/e2e/crash.rs`.

mod beginnings;
mod every_write;
mod refusals;
mod workflows;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use nephele_testkit::postgres::Database;
use serde_json::json;
use tempfile::TempDir;

use crate::deployed::{self, blueprint, component, on_demand, runs, shared_resource, start};
use crate::hands::{Hands, Script};
use crate::harness::{Fresh, SMALL};
use crate::plugins::{ROUND, shapes};

/// Transactions that a process lives for: more than it takes to find out where things stand, and to go one step further.
const LIVES: [i64; 3] = [21, 26, 33];
const NEVER: i64 = 1_000_000;
const NO_END: i64 = 1_000_000_000;

const DEATH: &str = "
CREATE SEQUENCE writes;
CREATE TABLE doom (at BIGINT, until BIGINT);
INSERT INTO doom VALUES (1000000, 1000000000);
CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF current_setting('test.counted', true) IS DISTINCT FROM txid_current()::text THEN
        PERFORM set_config('test.counted', txid_current()::text, true);
        IF EXISTS (SELECT 1 FROM doom, nextval('writes') written WHERE written > at AND written <= until) THEN
            RAISE EXCEPTION 'the process is dead' USING ERRCODE = '57P01';
        END IF;
    END IF;
    RETURN NULL;
END $$;
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public'
        AND tablename NOT IN ('doom', 'users', 'audit_log', 'managers', 'processes') AND tablename NOT LIKE '\\_sqlx%'
    LOOP
        EXECUTE format('CREATE TRIGGER die BEFORE INSERT OR UPDATE OR DELETE ON %I EXECUTE FUNCTION die()', name);
    END LOOP;
END $$";

/// Everything that must not depend on deaths. What an instance keeps for itself begins with an underscore.
const END: &str = "
SELECT 'deployment', id, installation_status, deployment_status FROM deployments ORDER BY id;
SELECT 'execution', d.id, e.workflow_id, e.status, regexp_replace(e.error, '_[0-9a-z]{6}:', ':') FROM executions e
    LEFT JOIN deployments d ON d.storage_id = e.deployment_fk ORDER BY d.id, e.workflow_id, e.storage_id;
SELECT 'instance', n.id, i.state, (SELECT string_agg(name, ' ' ORDER BY name)
    FROM json_object_keys(i.runtime_properties::json) name WHERE name NOT LIKE '\\_%')
    FROM node_instances i JOIN nodes n ON n.storage_id = i.node_fk ORDER BY n.id;
SELECT 'blueprint', id, state FROM blueprints ORDER BY id;
SELECT 'secret', id FROM secrets ORDER BY id;
SELECT 'dependency', split_part(dependency_creator, '.', 1) FROM inter_deployment_dependencies ORDER BY 2;
SELECT 'update', state FROM deployment_updates ORDER BY storage_id;
SELECT 'modification', status FROM deployment_modifications ORDER BY created_at;
SELECT 'plugins update', state FROM plugins_updates;
SELECT 'told', e.event_type, e.operation, x.workflow_id, count(*) FROM events e
    JOIN executions x ON x.storage_id = e.execution_fk WHERE e.event_type IN ('task_succeeded', 'task_failed',
    'workflow_succeeded', 'workflow_failed', 'workflow_cancelled') GROUP BY 2, 3, 4 ORDER BY 2, 3, 4;
SELECT 'task', o.state, count(*) FROM operations o GROUP BY 2 ORDER BY 2;
SELECT 'message', count(*) FROM outbox";

/// A database and the folder beside it, ready for the last step.
struct Scene {
    database: Database,
    folder: Arc<TempDir>,
    /// How operations end, if there are any.
    script: Option<Script>,
    /// The execution that is to be carried to its end.
    execution: String,
}

/// What the database does to a process.
#[derive(Clone, Copy)]
enum Doom {
    /// After so many transactions it refuses every further one.
    After(i64),
    /// The same, but it takes as many again a moment later, and so on.
    AgainAfter(i64),
    /// After so many transactions it refuses the next one.
    Once(i64),
}

impl Scene {
    /// Sets up a scene: `begin` gives the execution, which nobody has taken up before the process ends.
    async fn set(begin: impl AsyncFn(&Fresh) -> String) -> Self {
        Self::set_up(None, begin).await
    }

    /// The same with hands that do the operations of the scene.
    async fn with_hands(script: Script, begin: impl AsyncFn(&Fresh) -> String) -> Self {
        Self::set_up(Some(script), begin).await
    }

    async fn set_up(script: Option<Script>, begin: impl AsyncFn(&Fresh) -> String) -> Self {
        let database = Database::empty();
        let fresh = Fresh::start_on(Some(database.url())).await;
        if let Some(script) = script {
            Hands::new(script).take_up(&fresh).await;
        }
        let execution = begin(&fresh).await;
        let folder = fresh.die().await;
        database.sql(DEATH);
        Self { database, folder, script, execution }
    }

    fn copy(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(self.folder.path(), folder.path());
        let Self { script, execution, .. } = self;
        let (database, folder) = (self.database.copy(), Arc::new(folder));
        Self { database, folder, script: *script, execution: execution.clone() }
    }

    /// Carries the execution on until it has ended (true) or the database refuses everything.
    async fn carry(&self, doom: Doom) -> bool {
        self.database.sql("SELECT setval('writes', 1, false)");
        let fresh = Fresh::open_in(Arc::clone(&self.folder), Some(self.database.url()), "manager").await;
        let hands = self.script.map(Hands::new);
        if let Some(hands) = &hands {
            hands.learn(&fresh).await;
            hands.take_up(&fresh).await;
        }
        let (at, until) = match doom {
            Doom::After(at) | Doom::AgainAfter(at) => (at, NO_END),
            Doom::Once(at) => (at, at + 1),
        };
        let set = format!("SELECT setval('writes', 1, false); UPDATE doom SET at = {at}, until = {until}");
        self.database.sql(&set);
        fresh.begin_runs();
        let question = format!(
            "SELECT status IN ('terminated', 'failed', 'cancelled') AND (SELECT count(*) FROM outbox) = 0, \
             (SELECT last_value FROM writes) > (SELECT at FROM doom WHERE until = {NO_END}) \
             FROM executions WHERE id = '{}'",
            self.execution
        );
        let mut has_ended = None;
        for _ in 0..1200 {
            has_ended = match (self.database.sql(&question).as_str(), doom) {
                (ended, _) if ended.starts_with("t|") && ended != "t|t" => Some(true),
                ("f|t" | "t|t", Doom::AgainAfter(more)) => {
                    self.database.sql(&format!("UPDATE doom SET at = (SELECT last_value FROM writes) + {more}"));
                    None
                }
                ("f|t" | "t|t", _) => Some(false),
                _ => None,
            };
            if has_ended.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if let (Some(true), Some(hands)) = (has_ended, hands) {
            hands.learn(&fresh).await;
            assert_eq!(hands.repeated(), [""; 0]);
        }
        drop(fresh.die().await);
        self.database.sql(&format!("UPDATE doom SET at = {NEVER}, until = {NO_END}"));
        has_ended.unwrap_or_else(|| panic!("the execution goes on and on:\n{}", self.database.sql(END)))
    }

    /// The end without any trouble, and how many transactions it takes.
    async fn calm(&self) -> (i64, String) {
        let calm = self.copy();
        assert!(calm.carry(Doom::After(NEVER)).await);
        let writes: i64 = calm.database.sql("SELECT last_value FROM writes").parse().unwrap();
        let end = calm.database.sql(END);
        assert!(end.contains("terminated"), "{writes} transactions:\n{end}");
        (writes, end)
    }

    /// Kills the process again and again.
    async fn hold_out(&self) {
        let (writes, expected) = self.calm().await;
        assert!(writes > LIVES[2], "{writes} transactions");
        for transactions in LIVES {
            let scene = self.copy();
            let mut lives = 1;
            while !scene.carry(Doom::After(transactions)).await {
                lives += 1;
                assert!(lives < 100, "no process comes further:\n{}", scene.database.sql(END));
            }
            assert!(lives > 1, "it was over before it was killed");
            assert_eq!(scene.database.sql(END), expected, "killed after each {transactions} transactions");
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every kind of node that the manager sees to itself.
fn every_kind() -> String {
    let part = component(
        "part",
        "id: packed, blueprint_archive: parts/small, main_file_name: blueprint.yaml",
        "id: part, auto_inc_suffix: true, inputs: {greeting: hi}",
    );
    let used = shared_resource("shared");
    blueprint(&format!(
        "{part}      secrets: {{first: one, second: two}}
{used}    relationships: [{{type: cloudify.relationships.depends_on, target: part}}]
  door:
    type: cloudify.nodes.PasswordSecret
    properties: {{length: 20, secret_name: door}}
    relationships: [{{type: cloudify.relationships.depends_on, target: used}}]
  drawing:
    type: cloudify.nodes.Blueprint
    properties:
      resource_config: {{id: drawing, blueprint_archive: parts/small, main_file_name: blueprint.yaml}}
      secrets: {{third: three}}
    relationships: [{{type: cloudify.relationships.depends_on, target: door}}]
"
    ))
}

/// The whole, installed or not, and a workflow of it that begins when a process comes.
async fn whole(fresh: &Fresh, before: &[&str], workflow: &str) -> String {
    deployed::whole(fresh, &every_kind()).await;
    on_demand(fresh, "shared").await;
    for workflow in before {
        runs(fresh, "whole", workflow).await;
    }
    fresh.stop_runs();
    start(fresh, "whole", workflow, json!({})).await
}

#[tokio::test]
async fn an_installation_of_parts_comes_to_the_same_end() {
    Scene::set(async |fresh| whole(fresh, &[], "install").await).await.hold_out().await;
}

#[tokio::test]
async fn an_installation_waits_for_a_database_that_is_away_for_a_moment() {
    let scene = Scene::set(async |fresh| whole(fresh, &[], "install").await).await;
    let (_, expected) = scene.calm().await;
    let away = scene.copy();
    assert!(away.carry(Doom::AgainAfter(25)).await);
    assert_eq!(away.database.sql(END), expected);
}

#[tokio::test]
async fn an_uninstallation_of_parts_comes_to_the_same_end() {
    Scene::set(async |fresh| whole(fresh, &["install"], "uninstall").await).await.hold_out().await;
}

#[tokio::test]
async fn a_look_at_parts_comes_to_the_same_end() {
    Scene::set(async |fresh| whole(fresh, &["install"], "check_status").await).await.hold_out().await;
}

/// Between the last step of a workflow and its end somebody asks it to stop.
#[tokio::test]
async fn what_is_cancelled_as_it_ends_is_cancelled_and_says_so_once() {
    let database = Database::empty();
    let fresh = Fresh::start_on(Some(database.url())).await;
    database.sql(
        "CREATE FUNCTION cancel() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         UPDATE executions SET status = 'cancelling' WHERE workflow_id = 'upload_blueprint'; RETURN NEW; END $$;
         CREATE TRIGGER cancel AFTER UPDATE ON blueprints FOR EACH ROW WHEN (NEW.state = 'uploaded')
         EXECUTE FUNCTION cancel()",
    );
    fresh.upload("small", SMALL).await.expect(201);
    let told = database.sql(
        "SELECT e.status, string_agg(v.event_type, ' ' ORDER BY v.storage_id) FROM executions e \
         JOIN events v ON v.execution_fk = e.storage_id GROUP BY e.storage_id, e.status",
    );
    assert_eq!(told, "cancelled|workflow_started workflow_cancelled");
    drop(fresh.die().await);
}

#[tokio::test]
async fn an_update_of_plugins_comes_to_the_same_end() {
    let scene = Scene::set(async |fresh| {
        fresh.send_bytes(Method::POST, "/plugins", shapes("1.0")).await.expect(201);
        fresh.upload("round", ROUND).await.expect(201);
        for id in ["d1", "d2"] {
            fresh.put(&format!("/deployments/{id}"), json!({"blueprint_id": "round"})).await.expect(201);
        }
        fresh.send_bytes(Method::POST, "/plugins", shapes("1.5")).await.expect(201);
        fresh.stop_runs();
        let begun = fresh.post("/plugins-updates/round/update/initiate", json!({"all_to_minor": true})).await;
        begun.expect(200)["execution_id"].as_str().unwrap().to_owned()
    });
    scene.await.hold_out().await;
}
