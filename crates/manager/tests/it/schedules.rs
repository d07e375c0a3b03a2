//! Schedules that are due: what is too late, what failed before and what is still busy starts nothing, and each goes on to
//! its next time; on both databases.

use std::sync::Arc;
use std::time::Duration;

use nephele_model::Visibility;
use nephele_model::execution::ExecutionStatus;
use nephele_store::deployments::{self, Deployment, DeploymentChanges};
use nephele_store::execution_schedules::{
    self as rows, ExecutionSchedule, ExecutionScheduleChanges, NewExecutionSchedule,
};
use nephele_store::executions::{self, ExecutionChanges};
use nephele_store::{Db as _, Json};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::house::{House, Made, admin, both};
use crate::why::execution;

const MINUTE: i64 = 60_000_000;

/// A deployment with a workflow that nobody runs here.
async fn deployment(house: &House, id: &str) -> Deployment {
    let made = house.deployment(&admin(), id, Made::default()).await;
    let workflow =
        json!({"operation": "cloudify.plugins.workflows.install", "plugin": "default_workflows", "parameters": {}});
    let workflows = Some(Some(Json::of(&json!({"install": workflow}))));
    let changes = DeploymentChanges { workflows, ..DeploymentChanges::default() };
    deployments::update(&*house.manager.store, made.storage_id, changes).await.unwrap();
    made
}

/// An hourly schedule that is due since some minutes.
async fn due(house: &House, deployment: &str, minutes: i64, change: impl FnOnce(&mut NewExecutionSchedule)) -> i64 {
    let deployment = self::deployment(house, deployment).await;
    let now = house.manager.store.now();
    let since = now.plus_micros(-(minutes + 600) * MINUTE);
    let mut new = NewExecutionSchedule {
        id: "s".to_owned(),
        visibility: Visibility::Tenant,
        tenant_id: deployment.tenant_id,
        creator_id: deployment.creator_id,
        created_at: now,
        next_occurrence: Some(now.plus_micros(-minutes * MINUTE)),
        since: Some(since),
        until: None,
        rule: Json::of(&json!({"recurrence": "1 hours", "count": null, "weekdays": null})),
        slip: 0,
        workflow_id: "install".to_owned(),
        parameters: None,
        execution_arguments: Json::of(&json!({})),
        stop_on_fail: false,
        enabled: true,
        deployment_fk: deployment.storage_id,
    };
    change(&mut new);
    rows::insert(&*house.manager.store, new).await.unwrap()
}

async fn schedule(house: &House, row: i64) -> ExecutionSchedule {
    rows::by_storage_id(&*house.manager.store, row).await.unwrap().unwrap()
}

/// Lets the manager start what is due, until nothing is.
async fn serve(house: &House) {
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(Arc::clone(&house.manager).run_schedules(shutdown.clone()));
    while !rows::due(&*house.manager.store).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    shutdown.cancel();
    serving.await.unwrap();
}

/// The statuses of the executions that were started for the schedule's deployment.
async fn started(house: &House, row: i64) -> Vec<ExecutionStatus> {
    let deployment = schedule(house, row).await.deployment_fk;
    let runs = executions::of_deployment(&*house.manager.store, deployment).await.unwrap();
    runs.into_iter().map(|run| run.status).collect()
}

/// Makes it due again after its latest execution came to stand here.
async fn again(house: &House, row: i64, status: ExecutionStatus) {
    let store = &*house.manager.store;
    let runs = executions::of_deployment(store, schedule(house, row).await.deployment_fk).await.unwrap();
    let changes = ExecutionChanges { status: Some(status), ..ExecutionChanges::default() };
    executions::update(store, runs.last().unwrap().storage_id, changes).await.unwrap();
    let changes = ExecutionScheduleChanges { next_occurrence: Some(Some(store.now())), ..Default::default() };
    rows::update(store, row, changes).await.unwrap();
}

#[tokio::test]
async fn what_is_late_starts_within_its_slip_and_a_minute() {
    both(|house| async move {
        let (in_time, late) =
            (due(&house, "in-time", 5, |new| new.slip = 5).await, due(&house, "late", 5, |new| new.slip = 3).await);
        let off = due(&house, "off", 0, |new| new.enabled = false).await;
        let last = due(&house, "last", 0, |new| new.until = Some(new.created_at)).await;
        serve(&house).await;
        assert_eq!(started(&house, in_time).await, [ExecutionStatus::Pending]);
        assert_eq!(started(&house, late).await, []);
        assert_eq!(started(&house, off).await, []);
        assert_eq!(started(&house, last).await, [ExecutionStatus::Pending]);
        let now = house.manager.store.now();
        for row in [in_time, late] {
            let next = schedule(&house, row).await.next_occurrence.unwrap();
            assert!(next > now && next < now.plus_micros(60 * MINUTE), "{next}");
        }
        assert_eq!(schedule(&house, last).await.next_occurrence, None, "there is no time after its end");
    })
    .await;
}

#[tokio::test]
async fn a_failure_ends_a_schedule_if_that_is_wanted_and_a_run_under_way_is_not_doubled() {
    both(|house| async move {
        let strict = due(&house, "strict", 0, |new| new.stop_on_fail = true).await;
        let lenient = due(&house, "lenient", 0, |_| {}).await;
        serve(&house).await;
        for row in [strict, lenient] {
            assert_eq!(started(&house, row).await, [ExecutionStatus::Pending]);
            again(&house, row, ExecutionStatus::Started).await;
        }
        serve(&house).await;
        for row in [strict, lenient] {
            assert_eq!(started(&house, row).await, [ExecutionStatus::Started], "it is still under way");
            assert!(schedule(&house, row).await.enabled);
            again(&house, row, ExecutionStatus::Failed).await;
        }
        serve(&house).await;
        assert_eq!(started(&house, lenient).await, [ExecutionStatus::Failed, ExecutionStatus::Pending]);
        assert_eq!(started(&house, strict).await, [ExecutionStatus::Failed]);
        assert!(!schedule(&house, strict).await.enabled);
    })
    .await;
}

#[tokio::test]
async fn an_execution_that_cannot_begin_fails_and_keeps_no_other_from_its_end() {
    both(|house| async move {
        let store = &*house.manager.store;
        let other = due(&house, "broken", 0, |_| {}).await;
        serve(&house).await;
        let broken = schedule(&house, other).await.deployment_fk;
        let waiting = executions::of_deployment(store, broken).await.unwrap().remove(0);
        let queued = ExecutionChanges { status: Some(ExecutionStatus::Queued), ..ExecutionChanges::default() };
        executions::update(store, waiting.storage_id, queued).await.unwrap();
        // What its plan says of workflows cannot be read.
        let changes = DeploymentChanges { workflows: Some(Some(Json::of(&json!([])))), ..DeploymentChanges::default() };
        deployments::update(store, broken, changes).await.unwrap();

        let deployment = deployments::by_storage_id(store, broken).await.unwrap().unwrap();
        let busy = execution(&house, &admin(), Some(&deployment), "busy", ExecutionStatus::Started).await;
        house.manager.set_status(&busy.id, ExecutionStatus::Terminated, None).await.unwrap();
        let waiting = executions::by_storage_id(store, waiting.storage_id).await.unwrap().unwrap();
        assert_eq!(waiting.status, ExecutionStatus::Failed);
        assert!(waiting.error.unwrap().starts_with("Error dequeueing execution: "));
    })
    .await;
}
