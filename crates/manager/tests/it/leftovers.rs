//! Damage as crashes or hands leave it: each kind is made, told, put in order and on record, on both databases.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use nephele_manager::{Leftover, Manager};
use nephele_model::archive::ArchiveStatus;
use nephele_model::blueprint::BlueprintState;
use nephele_model::deployment::{DeploymentStatus, InstallationStatus};
use nephele_model::execution::ExecutionStatus;
use nephele_model::leftover::LeftoverKind;
use nephele_model::update::UpdateState;
use nephele_model::{Timestamp, Visibility};
use nephele_store::blueprints::BlueprintChanges;
use nephele_store::deployment_updates::NewUpdate;
use nephele_store::deployments::{Deployment, DeploymentChanges};
use nephele_store::executions::{Execution, ExecutionChanges, NewExecution};
use nephele_store::exports::{Kind, NewExport};
use nephele_store::outbox::NewMessage;
use nephele_store::{
    Db as _, Json, Scope, audit_log, blueprints, deployment_updates, deployments, executions, exports, outbox,
    processes, tenants,
};
use serde_json::{Value, json};

use crate::house::{House, Made, admin, both};

const DAY: i64 = 86_400_000_000;

async fn execution(house: &House, of: Option<&Deployment>, workflow: &str, status: ExecutionStatus) -> Execution {
    let store = &*house.manager.store;
    let new = NewExecution {
        id: format!("{workflow}-{}", status.as_str()).as_str().into(),
        visibility: Visibility::Tenant,
        tenant_id: tenants::DEFAULT_TENANT_ID,
        creator_id: 0,
        created_at: store.now(),
        scheduled_for: None,
        status,
        workflow_id: workflow.to_owned(),
        parameters: Json::of(&json!({"blueprint_id": "d-bp"})),
        is_system_workflow: false,
        is_dry_run: false,
        allow_custom_parameters: false,
        is_forced: false,
        token: None,
        deployment_fk: of.map(|row| row.storage_id),
        wait_after_fail: 600.0,
        blueprint_id: None,
        rerun_of: None,
        process: None,
    };
    let row = executions::insert(store, new).await.unwrap();
    executions::by_storage_id(store, row).await.unwrap().unwrap()
}

/// The only leftover, before and after it was put in order; the audit log has a word of it.
async fn repaired(house: &House, kind: LeftoverKind, id: &str) {
    let only = |found: Vec<Leftover>| -> (LeftoverKind, String, bool) {
        assert_eq!(found.len(), 1, "{found:#?}");
        (found[0].kind, found[0].id.clone(), found[0].repaired)
    };
    let manager = &house.manager;
    assert_eq!(only(manager.leftovers().await.unwrap()), (kind, id.to_owned(), false));
    assert_eq!(only(manager.repair_leftovers(&admin()).await.unwrap()), (kind, id.to_owned(), true));
    assert!(manager.leftovers().await.unwrap().is_empty());
    let entries = audit_log::unsealed(&*manager.store, 1000).await.unwrap();
    let told = entries.iter().filter_map(|entry| entry.ref_identifier.as_ref()).map(|told| told.value().unwrap());
    let told: Vec<Value> = told.filter(|told| told["leftover"] == kind.as_str() && told["id"] == id).collect();
    assert_eq!(told.len(), 1, "{told:?}");
}

fn scope() -> Scope {
    Scope {
        tenant_id: tenants::DEFAULT_TENANT_ID,
        tenant_name: tenants::DEFAULT_TENANT.into(),
        user_id: 0,
        is_administrator: true,
        all_tenants: Vec::new(),
    }
}

/// So many hours ago.
fn before(hours: u64, manager: &Manager) -> SystemTime {
    let now = SystemTime::UNIX_EPOCH + Duration::from_micros(manager.clock.now().micros().unsigned_abs());
    now - Duration::from_hours(hours)
}

#[tokio::test]
async fn a_house_in_order_has_none() {
    both(|house| async move {
        let deployment = house.deployment(&admin(), "d", Made::default()).await;
        execution(&house, Some(&deployment), "install", ExecutionStatus::Terminated).await;
        assert!(house.manager.leftovers().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn executions_that_nobody_runs_are_told() {
    both(|house| async move {
        let lost = execution(&house, None, "install", ExecutionStatus::Started).await;
        let gone = ExecutionChanges { process: Some(Some(4711)), ..ExecutionChanges::default() };
        for changes in [ExecutionChanges::default(), gone] {
            executions::update(&*house.manager.store, lost.storage_id, changes).await.unwrap();
            let found = house.manager.repair_leftovers(&admin()).await.unwrap();
            assert_eq!((found[0].kind, found[0].repaired), (LeftoverKind::Execution, false));
        }
        assert!(processes::take(&*house.manager.store, &lost.id, 1).await.unwrap());
        assert!(house.manager.leftovers().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_is_queued_for_nothing_begins() {
    both(|house| async move {
        let queued = execution(&house, None, "create_log_bundle", ExecutionStatus::Queued).await;
        repaired(&house, LeftoverKind::Queue, queued.id.as_str()).await;
        let begun = executions::by_id(&*house.manager.store, &queued.id).await.unwrap().unwrap();
        assert_eq!(begun.status, ExecutionStatus::Pending);
    })
    .await;
}

#[tokio::test]
async fn an_upload_ends_with_its_execution() {
    both(|house| async move {
        let store = &*house.manager.store;
        house.deployment(&admin(), "d", Made::default()).await;
        let failed = execution(&house, None, "upload_blueprint", ExecutionStatus::Failed).await;
        let blueprint = blueprints::find(store, &scope(), &"d-bp".into()).await.unwrap().unwrap();
        let changes = BlueprintChanges {
            state: Some(BlueprintState::Parsing),
            upload_execution_fk: Some(Some(failed.storage_id)),
            ..BlueprintChanges::default()
        };
        blueprints::update(store, blueprint.storage_id, changes).await.unwrap();
        repaired(&house, LeftoverKind::Outcome, failed.id.as_str()).await;
        let blueprint = blueprints::by_storage_id(store, blueprint.storage_id).await.unwrap().unwrap();
        assert_eq!(blueprint.state, BlueprintState::FailedUploading);
    })
    .await;
}

#[tokio::test]
async fn an_update_ends_with_its_execution() {
    both(|house| async move {
        let store = &*house.manager.store;
        let deployment = house.deployment(&admin(), "d", Made::default()).await;
        let ended = execution(&house, Some(&deployment), "update", ExecutionStatus::Cancelled).await;
        let update = NewUpdate {
            id: "u".to_owned(),
            visibility: Visibility::Tenant,
            tenant_id: deployment.tenant_id,
            creator_id: 0,
            created_at: store.now(),
            state: UpdateState::ExecutingWorkflow,
            deployment_fk: deployment.storage_id,
            execution_fk: Some(ended.storage_id),
        };
        deployment_updates::insert(store, update).await.unwrap();
        repaired(&house, LeftoverKind::Outcome, ended.id.as_str()).await;
        let update = deployment_updates::find(store, &scope(), "u").await.unwrap().unwrap();
        assert_eq!(update.state, Some(UpdateState::Failed));
    })
    .await;
}

#[tokio::test]
async fn archives_that_nobody_makes_have_failed() {
    both(|house| async move {
        let store = &*house.manager.store;
        for (kind, of) in [(LeftoverKind::Snapshot, Kind::Snapshot), (LeftoverKind::LogBundle, Kind::LogBundle)] {
            let new = NewExport {
                id: "a".to_owned(),
                tenant_id: tenants::DEFAULT_TENANT_ID,
                creator_id: 0,
                created_at: store.now(),
                status: ArchiveStatus::Creating,
            };
            exports::insert(store, of, new).await.unwrap();
            repaired(&house, kind, "a").await;
            let export = exports::find(store, of, &scope(), "a").await.unwrap().unwrap();
            assert_eq!(export.status, ArchiveStatus::Failed);
        }
    })
    .await;
}

#[tokio::test]
async fn statuses_of_deployments_are_found_out_anew() {
    both(|house| async move {
        let store = &*house.manager.store;
        let deployment = house.deployment(&admin(), "d", Made::default()).await;
        house.nodes(&deployment, &[json!({"id": "n", "type": "t", "number_of_instances": 1})]).await;
        house.instances(&deployment, &[json!({"id": "n_1", "node_id": "n"})]).await;
        let latest = execution(&house, Some(&deployment), "install", ExecutionStatus::Failed).await;
        let (good, bad) = (DeploymentStatus::Good, DeploymentStatus::RequiresAttention);
        let (active, inactive) = (InstallationStatus::Active, InstallationStatus::Inactive);
        for (installation, status) in [(active, good), (active, bad), (inactive, DeploymentStatus::InProgress)] {
            let changes = DeploymentChanges {
                installation_status: Some(installation),
                deployment_status: Some(status),
                latest_execution_fk: Some(Some(latest.storage_id)),
                ..DeploymentChanges::default()
            };
            deployments::update(store, deployment.storage_id, changes).await.unwrap();
            // Its entry in the audit log is not the only one after the first time.
            let found = house.manager.repair_leftovers(&admin()).await.unwrap();
            assert_eq!((found[0].kind, found[0].repaired), (LeftoverKind::Deployment, true));
            assert!(house.manager.leftovers().await.unwrap().is_empty());
            let present = deployments::by_storage_id(store, deployment.storage_id).await.unwrap().unwrap();
            assert_eq!((present.installation_status, present.deployment_status), (Some(inactive), Some(bad)));
        }
    })
    .await;
}

#[tokio::test]
async fn messages_for_the_gone_are_for_anybody() {
    both(|house| async move {
        let store = &*house.manager.store;
        let message = NewMessage {
            address: "a".to_owned(),
            body: Json::of(&json!({})),
            created_at: store.now(),
            process: Some(4711),
        };
        outbox::insert(store, vec![message]).await.unwrap();
        repaired(&house, LeftoverKind::Message, "1").await;
        let here = processes::all(store).await.unwrap()[0];
        assert_eq!(outbox::claim(store, here, 9, 1).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn tokens_of_the_cancelled_end_after_a_day() {
    both(|house| async move {
        let store = &*house.manager.store;
        let cancelled = execution(&house, None, "install", ExecutionStatus::Cancelled).await;
        let ended = |at: Timestamp| ExecutionChanges {
            token: Some(Some("hash".to_owned())),
            ended_at: Some(Some(at)),
            ..ExecutionChanges::default()
        };
        executions::update(store, cancelled.storage_id, ended(store.now())).await.unwrap();
        assert!(house.manager.leftovers().await.unwrap().is_empty());
        executions::update(store, cancelled.storage_id, ended(store.now().plus_micros(-2 * DAY))).await.unwrap();
        repaired(&house, LeftoverKind::Token, cancelled.id.as_str()).await;
        assert_eq!(executions::token(store, &cancelled.id).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn files_of_nothing_go_and_others_stay() {
    both(|house| async move {
        let manager = &house.manager;
        house.deployment(&admin(), "d", Made::default()).await;
        let root = manager.files.root();
        let old = before(48, manager);
        let place = |path: &str, is_old: bool| {
            let path = root.join(path);
            std::fs::create_dir_all(&path).unwrap();
            if is_old {
                std::fs::File::open(path).unwrap().set_modified(old).unwrap();
            }
        };
        let lost = [
            (".uploading/half", LeftoverKind::Temporary),
            ("blueprints/default_tenant/lost", LeftoverKind::Folder),
            ("deployments/default_tenant/lost", LeftoverKind::Folder),
            ("deployments/no_tenant/d", LeftoverKind::Folder),
            ("plugins/lost", LeftoverKind::Folder),
            ("uploaded-blueprints/default_tenant/lost", LeftoverKind::Folder),
        ];
        for (path, _) in lost {
            place(path, true);
        }
        let kept = ["blueprints/default_tenant/d-bp", "deployments/default_tenant/d"];
        let fresh = [".uploading/on its way", "plugins/on its way"];
        for (path, is_old) in kept.map(|path| (path, true)).into_iter().chain(fresh.map(|path| (path, false))) {
            place(path, is_old);
        }
        let told = |found: &[Leftover]| -> BTreeMap<String, (LeftoverKind, bool)> {
            found.iter().map(|one| (one.id.clone(), (one.kind, one.repaired))).collect()
        };
        let expected = |repaired: bool| -> BTreeMap<String, (LeftoverKind, bool)> {
            lost.iter().map(|(path, kind)| ((*path).to_owned(), (*kind, repaired))).collect()
        };
        assert_eq!(told(&manager.leftovers().await.unwrap()), expected(false));
        assert_eq!(told(&manager.repair_leftovers(&admin()).await.unwrap()), expected(true));
        for (path, _) in lost {
            assert!(!root.join(path).exists(), "{path}");
        }
        for path in kept.iter().chain(&fresh) {
            assert!(root.join(path).exists(), "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_manager_that_runs_puts_things_in_order_by_itself() {
    both(|house| async move {
        let manager = Arc::clone(&house.manager);
        let new = NewExport {
            id: "a".to_owned(),
            tenant_id: tenants::DEFAULT_TENANT_ID,
            creator_id: 0,
            created_at: manager.store.now(),
            status: ArchiveStatus::Creating,
        };
        exports::insert(&*manager.store, Kind::Snapshot, new).await.unwrap();
        let folder = manager.files.root().join("plugins/lost");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::File::open(&folder).unwrap().set_modified(before(2, &manager)).unwrap();
        let shutdown = tokio_util::sync::CancellationToken::new();
        let runs = tokio::spawn(manager.clone().run_workflows(shutdown.clone()));
        for _ in 0..200 {
            if exports::find(&*manager.store, Kind::Snapshot, &scope(), "a").await.unwrap().unwrap().status
                == ArchiveStatus::Failed
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let left = manager.leftovers().await.unwrap();
        assert_eq!(left.len(), 1, "{left:#?}");
        assert!(left[0].kind == LeftoverKind::Folder && folder.exists(), "a folder is left to people");
        shutdown.cancel();
        runs.await.unwrap().unwrap();
    })
    .await;
}
