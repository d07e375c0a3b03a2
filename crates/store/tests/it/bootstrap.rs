//! The rows that every installation begins with.

use nephele_model::Role;
use nephele_model::page::ListQuery;
use nephele_store::{Bootstrap, config, provider_context, settings, tenants, users};
use serde_json::json;

use crate::house::{admin, both};

#[tokio::test]
async fn the_first_rows_are_there_once() {
    both(|house| async move {
        let store = &house.store;
        assert!(Bootstrap::is_done(store).await.unwrap());
        let again = Bootstrap {
            admin_password_hash: "other".to_owned(),
            settings: vec![("rest".to_owned(), "file_server_root".to_owned(), json!("/elsewhere"))],
            authority: Some("certificate".to_owned()),
        };
        config::update(store, "rest", "default_page_size", &nephele_store::Json::of(&7), 0).await.unwrap();
        let tx = store.begin().await.unwrap();
        again.ensure(&tx).await.unwrap();
        tx.commit().await.unwrap();

        let user = users::by_name(store, &"ADMIN".into()).await.unwrap().expect("the administrator");
        assert_eq!((user.id, user.password.as_str(), user.system_role), (0, "hash", Role::SysAdmin));
        let memberships = users::memberships(store, &[0]).await.unwrap();
        assert_eq!(memberships[0].tenant_name.as_str(), tenants::DEFAULT_TENANT);
        assert_eq!(provider_context::get(store).await.unwrap().expect("a context").name, "provider");

        let found = config::find(store, Some("rest"), "file_server_root").await.unwrap();
        assert_eq!(found[0].value.as_str(), "\"/elsewhere\"");
        assert_eq!(config::find(store, None, "max_workers").await.unwrap().len(), 2);

        let page = store.list(&config::RESOURCE, &admin(), &ListQuery::default()).await.unwrap();
        let item = page.items.iter().map(|item| item.value().unwrap()).find(|item| item["name"] == "default_page_size");
        let item = item.expect("the setting");
        assert_eq!(item["value"], 7);
        assert_eq!(item["schema"], json!({"type": "integer", "minimum": 1}));
        assert_eq!(item["updater_name"], "admin");
        assert_eq!(item["updated_at"], "2020-01-01T00:00:00.000Z");
    })
    .await;
}

#[tokio::test]
async fn settings_are_agreed_on() {
    both(|house| async move {
        let store = &house.store;
        assert_eq!(settings::get(store, "salt").await.unwrap(), None);
        assert_eq!(settings::put_if_absent(store, "salt", "one").await.unwrap(), "one");
        assert_eq!(settings::put_if_absent(store, "salt", "two").await.unwrap(), "one");
        settings::put(store, "salt", "three").await.unwrap();
        assert_eq!(settings::get(store, "salt").await.unwrap().as_deref(), Some("three"));
    })
    .await;
}
