//! Node instances: ids, versions, states.

use nephele_model::instance::InstanceState;
use nephele_store::node_instances::{self, InstanceChanges};
use nephele_store::{Error, Json, nodes};
use serde_json::json;

use crate::house::{admin, both, new_instance};

#[tokio::test]
async fn taken_ids_are_renamed_with_all_that_points_at_them() {
    both(|house| async move {
        let store = &house.store;
        let first = house.deployment("d1").await;
        let ids = house.nodes(&first, &["host", "app"], 1).await;
        assert_eq!(ids.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["host_1", "app_1"]);

        let second = house.deployment("d2").await;
        let names = ["host", "app"];
        nodes::insert(store, names.iter().map(|name| crate::house::new_node(&second, name)).collect()).await.unwrap();
        let mut app = new_instance("app", "new");
        app.host_id = Some("host_1".into());
        app.relationships = Json::of(&json!([{"target_id": "host_1", "target_name": "host", "type": "t"}]));
        let tx = store.begin().await.unwrap();
        let ids = node_instances::insert(&tx, &second, vec![new_instance("host", "1"), app]).await.unwrap();
        tx.commit().await.unwrap();
        let new = ids[0].as_str();
        assert!(new.starts_with("host_") && new.len() == "host_".len() + 6 && new != "host_1", "{new}");
        assert_eq!(ids[1].as_str(), "app_new");
        let app = node_instances::find(store, &admin(), &"app_new".into()).await.unwrap().unwrap();
        assert_eq!(app.host_id.as_ref(), Some(&ids[0]));
        assert_eq!(app.relationships.unwrap().value().unwrap()[0]["target_id"], new);
        assert_eq!((app.node_id.as_str(), app.deployment_id.as_str()), ("app", "d2"));

        let tx = store.begin().await.unwrap();
        node_instances::insert(&tx, &second, vec![new_instance("app", "x"), new_instance("app", "y")]).await.unwrap();
        let unknown = node_instances::insert(&tx, &second, vec![new_instance("zz", "1")]).await;
        assert!(matches!(unknown, Err(Error::NotFound { kind: "Node", .. })));
        tx.commit().await.unwrap();
        let all = node_instances::of_deployment(store, second.storage_id).await.unwrap();
        let numbers: Vec<_> = all.iter().map(|one| (one.node_id.as_str(), one.index.unwrap())).collect();
        assert_eq!(numbers, [("host", 1), ("app", 1), ("app", 2), ("app", 3)]);
    })
    .await;
}

#[tokio::test]
async fn an_older_version_is_refused_unless_forced() {
    both(|house| async move {
        let store = &house.store;
        let deployment = house.deployment("d").await;
        house.nodes(&deployment, &["n"], 1).await;
        let row = node_instances::of_deployment(store, deployment.storage_id).await.unwrap()[0].storage_id;
        let set = |version, force, value: i32| async move {
            let tx = store.begin().await.unwrap();
            let changes =
                InstanceChanges { runtime_properties: Some(Json::of(&json!({"v": value}))), ..Default::default() };
            let result = node_instances::update(&tx, row, version, force, changes).await;
            tx.commit().await.unwrap();
            result
        };
        assert_eq!(set(1, false, 1).await.unwrap(), 2);
        assert!(matches!(set(1, false, 2).await, Err(Error::Conflict { stored: 2, sent: 1 })));
        assert_eq!(set(1, true, 3).await.unwrap(), 3);
        assert_eq!(set(99, false, 4).await.unwrap(), 4, "a newer version passes");
        assert_eq!(set(4, false, 4).await.unwrap(), 4, "what is there already is no change");
        let tx = store.begin().await.unwrap();
        assert_eq!(node_instances::update(&tx, row, 4, false, InstanceChanges::default()).await.unwrap(), 4);
        drop(tx);
        let now = node_instances::find(store, &admin(), &"n_1".into()).await.unwrap().unwrap();
        assert_eq!((now.version, now.runtime_properties.unwrap().as_str()), (4, r#"{"v":4}"#));
    })
    .await;
}

#[tokio::test]
async fn states_move_in_order_and_bring_their_notes() {
    both(|house| async move {
        let store = &house.store;
        let deployment = house.deployment("d").await;
        let ids = house.nodes(&deployment, &["n"], 2).await;
        let moves = [
            (ids[0].clone(), InstanceState::CREATING),
            (ids[0].clone(), InstanceState::CONFIGURED),
            (ids[0].clone(), InstanceState::STARTED),
            (ids[1].clone(), InstanceState::new("odd")),
        ];
        let tx = store.begin().await.unwrap();
        node_instances::set_states(&tx, 0, &moves).await.unwrap();
        tx.commit().await.unwrap();
        let all = node_instances::of_deployment(store, deployment.storage_id).await.unwrap();
        assert_eq!((all[0].state.as_str(), all[0].version), ("started", 4));
        assert!(all[0].is_status_check_ok && !all[0].has_configuration_drift);
        let well = json!({"ok": true, "result": null, "task": null, "timestamp": "2020-01-01T00:00:00.000000"});
        assert_eq!(
            all[0].system_properties.as_ref().unwrap().value().unwrap(),
            json!({"configuration_drift": well, "previous_status": null, "status": well})
        );
        assert_eq!((all[1].state.as_str(), all[1].version, all[1].is_status_check_ok), ("odd", 2, false));
        let counts = node_instances::count_by_state(store, deployment.storage_id).await.unwrap();
        assert_eq!(counts, [(InstanceState::new("odd"), 1), (InstanceState::STARTED, 1)]);
    })
    .await;
}
