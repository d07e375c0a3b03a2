//! What needs a person: every reason, from rows, on both databases.

use nephele_manager::Ctx;
use nephele_model::Role;
use nephele_model::deployment::{DeploymentStatus, InstallationStatus};
use nephele_model::execution::ExecutionStatus;
use nephele_model::instance::InstanceState;
use nephele_store::Db as _;
use nephele_store::deployments::{self, DeploymentChanges};
use nephele_store::managers::{self, NewManager};
use nephele_store::node_instances::{self, InstanceChanges};
use nephele_store::tokens::{self, NewToken};
use serde_json::{Value, json};

use crate::house::{House, Made, admin, both};
use crate::why::execution;

const DAY: i64 = 86_400_000_000;

/// A deployment with two started instances of a node, and how these are changed.
async fn deployment(house: &House, id: &str, installed: InstallationStatus, changes: [InstanceChanges; 2]) -> i64 {
    let ctx = admin();
    let row = house.deployment(&ctx, id, Made::default()).await;
    house.nodes(&row, &[json!({"id": "node"})]).await;
    let instance = |number: u8| json!({"id": format!("{id}_{number}"), "node_id": "node"});
    house.instances(&row, &[instance(1), instance(2)]).await;
    let tx = house.manager.store.begin().await.unwrap();
    let instances = node_instances::of_deployment(&tx, row.storage_id).await.unwrap();
    for (own, change) in instances.into_iter().zip(changes) {
        let change = InstanceChanges { state: change.state.clone().or(Some(InstanceState::STARTED)), ..change };
        node_instances::update(&tx, own.storage_id, own.version, true, change).await.unwrap();
    }
    let stands = DeploymentChanges { installation_status: Some(installed), ..DeploymentChanges::default() };
    deployments::update(&tx, row.storage_id, stands).await.unwrap();
    tx.commit().await.unwrap();
    row.storage_id
}

async fn told(house: &House, ctx: &Ctx) -> Vec<(String, String, String)> {
    let answer = serde_json::to_value(house.manager.attention(ctx).await.unwrap()).unwrap();
    assert_eq!(answer["total"], answer["items"].as_array().unwrap().len(), "{answer}");
    let text = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
    let item = |item: &Value| (text(item, "name"), text(item, "reason"), text(item, "message"));
    let mut items: Vec<_> = answer["items"].as_array().unwrap().iter().map(item).collect();
    items.sort();
    items
}

#[tokio::test]
async fn each_thing_is_told_by_its_weightiest_reason() {
    both(|house| async move {
        let same = || InstanceChanges { is_status_check_ok: Some(true), ..InstanceChanges::default() };
        let drifted = || InstanceChanges { has_configuration_drift: Some(true), ..same() };
        let ill = || InstanceChanges { is_status_check_ok: Some(false), ..same() };
        let stopped = || InstanceChanges { state: Some(InstanceState::STOPPED), ..same() };
        let (active, inactive) = (InstallationStatus::Active, InstallationStatus::Inactive);
        deployment(&house, "calm", active, [same(), same()]).await;
        deployment(&house, "never", inactive, [stopped(), stopped()]).await;
        deployment(&house, "drifted", active, [drifted(), drifted()]).await;
        deployment(&house, "ill", active, [ill(), drifted()]).await;
        deployment(&house, "half", inactive, [same(), stopped()]).await;
        let parent = deployment(&house, "parent", active, [same(), same()]).await;
        let store = &*house.manager.store;
        let below = DeploymentChanges {
            sub_services_status: Some(Some(DeploymentStatus::RequiresAttention)),
            ..DeploymentChanges::default()
        };
        deployments::update(store, parent, below).await.unwrap();
        let busy = deployment(&house, "busy", inactive, [same(), stopped()]).await;
        let cancelled = deployment(&house, "cancelled", inactive, [drifted(), stopped()]).await;
        for (row, status) in [(busy, ExecutionStatus::Started), (cancelled, ExecutionStatus::Cancelled)] {
            let of = deployments::by_storage_id(store, row).await.unwrap().unwrap();
            let run = execution(&house, &admin(), Some(&of), &format!("run-{row}"), status).await;
            let latest =
                DeploymentChanges { latest_execution_fk: Some(Some(run.storage_id)), ..DeploymentChanges::default() };
            deployments::update(store, row, latest).await.unwrap();
        }
        let expected = [
            ("The cancelled", "run_cancelled", "install was cancelled"),
            ("The drifted", "instances_drifted", "2 node instances not as described"),
            ("The half", "half_installed", "1 of 2 node instances started"),
            ("The ill", "instances_unavailable", "1 node instance not well at the last check"),
            ("The parent", "child_deployment", "A service below it needs attention"),
        ];
        let found = told(&house, &admin()).await;
        let found: Vec<_> = found.iter().map(|(name, why, how)| (name.as_str(), why.as_str(), how.as_str())).collect();
        assert_eq!(found, expected);
    })
    .await;
}

#[tokio::test]
async fn tokens_and_silent_managers_are_told_to_whom_they_concern() {
    both(|house| async move {
        let store = &*house.manager.store;
        let token = NewToken {
            id: "abc".to_owned(),
            secret_hash: "hash".to_owned(),
            description: Some("the pipeline's".to_owned()),
            created_at: store.now().plus_micros(-30 * DAY),
            expiration_date: Some(store.now().plus_micros(2 * DAY)),
            user_id: 0,
            process: None,
        };
        tokens::insert(store, token).await.unwrap();
        let far = NewManager {
            hostname: "far".to_owned(),
            private_ip: "10.0.0.9".to_owned(),
            public_ip: "10.0.0.9".to_owned(),
            version: "7.0.5".to_owned(),
            edition: "premium".to_owned(),
            distribution: "x".to_owned(),
            distro_release: "y".to_owned(),
            fs_sync_node_id: None,
            networks: None,
            last_seen: store.now().plus_micros(-600_000_000),
            status_report_frequency: None,
            certificate_fk: None,
            node: None,
        };
        managers::insert(store, far).await.unwrap();
        let reasons = async |ctx: &Ctx| -> Vec<(String, String)> {
            told(&house, ctx).await.into_iter().map(|(name, reason, _)| (name, reason)).collect()
        };
        let pair = |name: &str, reason: &str| (name.to_owned(), reason.to_owned());
        assert_eq!(reasons(&admin()).await, [pair("far", "manager_silent"), pair("the pipeline's", "token_expires")]);
        let viewer = house.user("viv", "default_tenant", Role::Viewer).await;
        assert!(
            !reasons(&viewer).await.contains(&pair("the pipeline's", "token_expires")),
            "not those of another user"
        );
    })
    .await;
}
