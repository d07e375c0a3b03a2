//! The database refuses single transactions, whichever: what was to be written is written a moment later, and the end is that
//! of an undisturbed run. Nothing fails, nothing is done twice.

use futures::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::workflows::{drifted, ill, no_start, no_third, site, updated};
use super::{Doom, END, Scene, whole};
use crate::deployed::{blueprint, deploy, runs, start};
use crate::hands::{Script, well};
use crate::harness::Fresh;

/// How many are tried at a time: each waits for seconds before it goes on.
const AT_ONCE: usize = 6;

impl Scene {
    /// Refuses one transaction in so many, each in a run of its own.
    async fn shrug_off(&self, every: usize) {
        let (writes, expected) = self.calm().await;
        let expected = expected.as_str();
        let tried = stream::iter((0..writes).step_by(every)).map(|at| async move {
            let scene = self.copy();
            assert!(scene.carry(Doom::Once(at)).await, "the execution stopped");
            assert_eq!(scene.database.sql(END), expected, "refused transaction {at} of {writes}");
        });
        tried.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    }
}

/// A site in which a workflow begins after others.
async fn in_site(script: Script, before: &[&str], workflow: &str, parameters: Value) -> Scene {
    Scene::with_hands(script, async |fresh| site(fresh, before, workflow, parameters.clone()).await.remove(0)).await
}

async fn scaled(script: Script, delta: i64) {
    let parameters = json!({"scalable_entity_name": "app", "delta": delta});
    in_site(script, &["install"], "scale", parameters).await.shrug_off(23).await;
}

#[tokio::test]
async fn growing_goes_on() {
    scaled(well, 1).await;
}

#[tokio::test]
async fn shrinking_goes_on() {
    scaled(well, -1).await;
}

#[tokio::test]
async fn growing_that_fails_is_taken_back() {
    scaled(no_third, 1).await;
}

#[tokio::test]
async fn what_looks_after_instances_goes_on() {
    in_site(ill, &["install"], "heal", json!({})).await.shrug_off(27).await;
    in_site(no_start, &["install"], "rollback", json!({})).await.shrug_off(23).await;
}

#[tokio::test]
async fn an_update_goes_on() {
    Scene::with_hands(drifted, async |fresh| updated(fresh).await.remove(0)).await.shrug_off(27).await;
}

#[tokio::test]
async fn parts_come_and_go_all_the_same() {
    for (before, workflow) in [(&[][..], "install"), (&["install"], "uninstall")] {
        Scene::set(async |fresh| whole(fresh, before, workflow).await).await.shrug_off(67).await;
    }
}

/// Services are uninstalled with the environment that they are in.
#[tokio::test]
async fn services_go_all_the_same() {
    let begin = async |fresh: &Fresh| {
        // Types of earlier versions know nothing of services.
        let empty = blueprint("  app: {type: cloudify.nodes.Root}\n").replace("dsl_1_4", "dsl_1_5");
        deploy(fresh, "env", &empty, json!({"labels": [{"csys-obj-type": "environment"}]})).await;
        let labels = json!([{"csys-obj-type": "service"}, {"csys-obj-parent": "env"}]);
        deploy(fresh, "web", &empty, json!({"labels": labels})).await;
        for id in ["env", "web"] {
            runs(fresh, id, "install").await;
        }
        fresh.stop_runs();
        start(fresh, "env", "uninstall", json!({"recursive": true})).await
    };
    Scene::set(begin).await.shrug_off(9).await;
}
