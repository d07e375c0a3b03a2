//! Events that wait for their hooks.

use nephele_store::hooks::{self, NewHook};
use nephele_store::{Db as _, Json};
use serde_json::json;

use crate::house::{House, admin, both};

async fn note(house: &House, execution: &str, event: &str) -> i64 {
    let new = NewHook {
        tenant_id: admin().tenant_id,
        user_id: admin().user_id,
        execution_id: execution.into(),
        hook: Json::of(&json!({"implementation": "a.b"})),
        event: Json::of(&json!({"event_type": event})),
        created_at: house.store.now(),
    };
    hooks::insert(&house.store, new).await.unwrap()
}

#[tokio::test]
async fn events_of_one_execution_come_one_after_the_other() {
    both(|house| async move {
        let store = &house.store;
        let process = house.process().await;
        assert!(hooks::next(store, process, &[]).await.unwrap().is_none());
        let (first, second) = (note(&house, "a", "started").await, note(&house, "a", "failed").await);
        let other = note(&house, "b", "started").await;
        let next =
            async |under_way: &[i64]| hooks::next(store, process, under_way).await.unwrap().map(|hook| hook.storage_id);
        let found = hooks::next(store, process, &[]).await.unwrap().unwrap();
        let younger = house.process().await;
        assert!(hooks::next(store, younger, &[]).await.unwrap().is_none(), "the oldest process runs hooks for all");
        assert_eq!((found.storage_id, found.tenant_name.as_str()), (first, "default_tenant"));
        assert_eq!(found.username.as_str(), "admin");
        assert_eq!(found.event.value().unwrap(), json!({"event_type": "started"}));
        assert_eq!(next(&[first]).await, Some(other), "the second waits for the first");
        assert_eq!(next(&[first, other]).await, None);
        assert!(hooks::delete(store, first).await.unwrap());
        assert_eq!(next(&[other]).await, Some(second));
        assert!(hooks::delete(store, second).await.unwrap() && !hooks::delete(store, second).await.unwrap());
        assert_eq!(next(&[other]).await, None);
    })
    .await;
}
