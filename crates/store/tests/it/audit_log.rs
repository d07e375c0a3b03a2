//! The triggers of the audit log, on both databases.

use nephele_model::Role;
use nephele_store::audit_log::{self, NewEntry, Selection};
use nephele_store::{Actor, Store, groups, sites, tenants, users};

use crate::house::{House, both};

fn ann() -> Actor {
    Actor { username: Some("ann".to_owned()), execution_id: Some("e1".to_owned()), lease: None }
}

async fn seen(store: &Store, table: &str) -> Vec<(String, Option<String>, Option<String>)> {
    let entries = audit_log::list(store, &Selection::default(), &["id"], false, (0, 0)).await.unwrap();
    let of_table = entries.into_iter().filter(|entry| entry.ref_table.as_deref() == Some(table));
    of_table.map(|entry| (entry.operation.unwrap(), entry.creator_name, entry.execution_id)).collect()
}

fn site(house: &House, name: &str) -> sites::NewSite {
    sites::NewSite {
        id: name.to_owned(),
        name: name.to_owned(),
        visibility: nephele_model::Visibility::Tenant,
        tenant_id: 0,
        creator_id: 0,
        created_at: nephele_store::Db::now(&house.store),
        latitude: None,
        longitude: None,
    }
}

#[tokio::test]
async fn changes_are_noted_with_who_made_them() {
    both(|house| async move {
        let store = &house.store;
        let key = ann().act(sites::insert(store, site(&house, "one"))).await.unwrap();
        // Nobody is present here, whoever wrote before.
        sites::update(store, key, sites::SiteChanges { name: Some("two".into()), ..Default::default() }).await.unwrap();
        let in_transaction = async {
            let tx = store.begin().await.unwrap();
            sites::delete(&tx, key).await.unwrap();
            tx.commit().await.unwrap();
        };
        ann().act(in_transaction).await;
        // A change that is taken back is none, and its actor is not remembered.
        let taken_back = async {
            let tx = store.begin().await.unwrap();
            sites::insert(&tx, site(&house, "never")).await.unwrap();
            drop(tx);
        };
        Actor { username: Some("bob".to_owned()), ..Actor::default() }.act(taken_back).await;
        sites::insert(store, site(&house, "three")).await.unwrap();
        let by_ann = (Some("ann".to_owned()), Some("e1".to_owned()));
        let expected = [
            ("create".to_owned(), by_ann.0.clone(), by_ann.1.clone()),
            ("update".to_owned(), None, None),
            ("delete".to_owned(), by_ann.0, by_ann.1),
            ("create".to_owned(), None, None),
        ];
        assert_eq!(seen(store, "sites").await, expected);
        let only = Selection { creator_name: Some("ann".to_owned()), ..Selection::default() };
        assert_eq!(audit_log::count(store, &only).await.unwrap(), 2);
        let entry = &audit_log::list(store, &only, &[], true, (0, 1)).await.unwrap()[0];
        assert_eq!(entry.ref_identifier.as_ref().unwrap().as_str(), r#"{"name":"two"}"#);
        assert_eq!(entry.tenant_name.as_ref().unwrap().as_str(), tenants::DEFAULT_TENANT);
    })
    .await;
}

#[tokio::test]
async fn memberships_are_noted_and_cascades_too() {
    both(|house| async move {
        let store = &house.store;
        let user = users::insert(store, &"ann".into(), "h", Role::Default).await.unwrap();
        let group = groups::insert(store, "devs", None, Role::Default).await.unwrap();
        assert!(groups::add_user(store, group, user).await.unwrap());
        assert!(!groups::add_user(store, group, user).await.unwrap());
        groups::join_tenant(store, group, 0, Role::Viewer).await.unwrap();
        groups::join_tenant(store, group, 0, Role::Manager).await.unwrap();
        let found = users::memberships(store, &[user]).await.unwrap();
        assert_eq!((found[0].role, found[0].group_name.as_deref()), (Role::Manager, Some("devs")));
        assert_eq!(users::belongings(store, &[user]).await.unwrap()[0].group_name, "devs");
        assert_eq!(groups::by_name(store, "DEVS").await.unwrap().unwrap().id, group);
        groups::delete(store, group).await.unwrap();
        let of = async |table: &str| -> Vec<String> {
            seen(store, table).await.into_iter().map(|(operation, ..)| operation).collect()
        };
        assert_eq!(of("users_groups").await, ["create", "delete"]);
        assert_eq!(of("groups_tenants").await, ["create", "update", "delete"]);
        assert_eq!(of("groups").await, ["create", "delete"]);
        assert_eq!(of("users").await, ["create", "create"]);
    })
    .await;
}

#[tokio::test]
async fn entries_get_their_places_and_lose_their_content() {
    both(|house| async move {
        let store = &house.store;
        let waiting = audit_log::unsealed(store, 3).await.unwrap();
        let places = waiting.iter().zip(1..).map(|(entry, place)| (entry.id, place, format!("h{place}"))).collect();
        audit_log::seal(store, places).await.unwrap();
        assert_eq!(audit_log::head(store).await.unwrap(), Some((3, "h3".to_owned())));
        assert_eq!(audit_log::hash_at(store, 2).await.unwrap().as_deref(), Some("h2"));
        audit_log::empty(store, vec![(waiting[1].id, 0, "d".to_owned())]).await.unwrap();
        let chain = audit_log::after(store, 0, 10).await.unwrap();
        assert_eq!(chain.iter().map(|entry| entry.position).collect::<Vec<_>>(), [Some(1), Some(2), Some(3)]);
        assert_eq!((&chain[1].ref_table, chain[1].digest.as_deref()), (&None, Some("d")));
        let by_nobody = Selection { creator_name: Some("x".to_owned()), ..Selection::default() };
        assert_eq!(audit_log::first_kept(store, &by_nobody).await.unwrap(), Some(1), "no name is not that name");
        assert_eq!(audit_log::first_kept(store, &Selection::default()).await.unwrap(), None);
        audit_log::delete_until(store, 2).await.unwrap();
        assert_eq!(audit_log::after(store, 0, 10).await.unwrap().len(), 1);
        let entry = NewEntry {
            ref_table: "x".to_owned(),
            ref_id: 1,
            ref_identifier: None,
            tenant_id: None,
            operation: "create".to_owned(),
            creator_name: None,
            execution_id: None,
            created_at: nephele_model::Timestamp::from_micros(5),
        };
        audit_log::insert(store, vec![entry]).await.unwrap();
        let early = Selection { before: Some(nephele_model::Timestamp::from_micros(5)), ..Selection::default() };
        assert_eq!(audit_log::count(store, &early).await.unwrap(), 1);
    })
    .await;
}
