//! Ended phases, and notes about node instances.

use nephele_model::Timestamp;
use nephele_model::execution::ExecutionStatus;
use nephele_model::finding::{Finding, Note};
use nephele_model::phase::{Phase, PhaseEnd, PhaseKind};
use nephele_model::task::JournalBatch;
use nephele_store::journal::{self, Run};
use nephele_store::{Error, Json, node_instances, phases};
use serde_json::{Value, json};

use crate::house::both;

fn phase(name: &str, kind: PhaseKind, end: PhaseEnd, value: Value) -> Phase {
    Phase { name: name.to_owned(), kind, end, value }
}

#[tokio::test]
async fn a_resume_goes_back_before_the_first_phase_that_did_not_end_well() {
    both(|house| async move {
        let store = &house.store;
        let row = house.execution(None, "e", ExecutionStatus::Failed).await.storage_id;
        let ended = [
            phase("begin", PhaseKind::Act, PhaseEnd::Succeeded, json!({"id": "m"})),
            phase("install", PhaseKind::Graph, PhaseEnd::Failed, json!("no")),
            phase("undo", PhaseKind::Act, PhaseEnd::Succeeded, Value::Null),
        ];
        for phase in &ended {
            phases::insert(store, row, phase).await.unwrap();
        }
        assert_eq!(phases::of_execution(store, row).await.unwrap(), ended);
        assert!(matches!(phases::insert(store, row, &ended[0]).await, Err(Error::Unique { .. })));
        let tx = store.begin().await.unwrap();
        assert_eq!(phases::forget_failed(&tx, row).await.unwrap(), ended[1..]);
        assert!(phases::forget_failed(&tx, row).await.unwrap().is_empty());
        tx.commit().await.unwrap();
        assert_eq!(phases::of_execution(store, row).await.unwrap(), ended[..1]);
    })
    .await;
}

#[tokio::test]
async fn notes_are_added_in_order_and_set_what_lists_filter_by() {
    both(|house| async move {
        let store = &house.store;
        let deployment = house.deployment("d").await;
        let ids = house.nodes(&deployment, &["n", "m"], 1).await;
        let run = Run::from(&house.execution(Some(&deployment), "e", ExecutionStatus::Started).await);
        let found = |ok: bool, result: Value| Finding {
            ok,
            task: "p.check".to_owned(),
            result,
            timestamp: Timestamp::from_micros(0),
        };
        let notes = vec![
            (ids[0].clone(), Note::Status(found(true, json!(1)))),
            (ids[0].clone(), Note::Drift(found(true, json!({"size": 3})))),
            (ids[1].clone(), Note::Status(found(true, Value::Null))),
            (ids[1].clone(), Note::Status(found(false, json!("no")))),
            ("nobody".into(), Note::Healed),
        ];
        let before = node_instances::of_deployment(store, deployment.storage_id).await.unwrap();
        journal::write(store, &run, &JournalBatch { notes, ..JournalBatch::default() }, vec![]).await.unwrap();
        let after = node_instances::of_deployment(store, deployment.storage_id).await.unwrap();
        let of = |position: usize| {
            let instance = after.iter().find(|instance| instance.id == ids[position]).unwrap();
            let noted: Value = instance.system_properties.as_ref().map(Json::value).unwrap().unwrap();
            (instance.is_status_check_ok, instance.has_configuration_drift, noted)
        };
        let (well, drifted, noted) = of(0);
        assert!(well && drifted);
        assert_eq!(noted["configuration_drift"]["result"], json!({"size": 3}));
        let (well, drifted, noted) = of(1);
        assert!(!well && !drifted);
        assert_eq!((&noted["previous_status"]["ok"], &noted["status"]["result"]), (&json!(true), &json!("no")));
        let versions = before.iter().zip(&after).map(|(before, after)| after.version - before.version);
        assert!(versions.eq([1, 1]), "each instance has one new version");
    })
    .await;
}
