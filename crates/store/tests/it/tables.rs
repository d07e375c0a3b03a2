//! Typed reads and writes of the smaller tables.

use nephele_model::blueprint::BlueprintState;
use nephele_model::execution::ExecutionStatus;
use nephele_model::page::ListQuery;
use nephele_model::{Role, Visibility};
use nephele_store::deployments::Deployment;
use nephele_store::labels::{self, Labeled};
use nephele_store::{
    Db, Error, Json, blueprints, deployments, executions, inter_deployment_dependencies as dependencies, maintenance,
    outbox, processes, secrets, sites, tokens, users,
};
use serde_json::json;

use crate::house::{House, admin, both, new_blueprint, user};

#[tokio::test]
async fn blueprints_change_and_go() {
    both(|house| async move {
        let store = &house.store;
        let row = house.blueprint("b").await;
        let again = blueprints::insert(store, new_blueprint(&admin(), "b", store.now())).await;
        assert!(matches!(again, Err(Error::Unique { table }) if table == "blueprints"));

        let changes = blueprints::BlueprintChanges {
            state: Some(BlueprintState::Invalid),
            plan: Some(Some(Json::of(&json!({"z": 1, "a": 2})))),
            error: Some(Some("bad".to_owned())),
            main_file_name: Some(None),
            ..Default::default()
        };
        blueprints::update(store, row, changes).await.unwrap();
        let blueprint = blueprints::find(store, &admin(), &"b".into()).await.unwrap().unwrap();
        assert_eq!((blueprint.state, blueprint.error.as_deref()), (BlueprintState::Invalid, Some("bad")));
        assert_eq!((blueprint.main_file_name, blueprint.created_by.as_str()), (None, "admin"));
        let plan = blueprints::plan(store, row).await.unwrap().unwrap();
        assert_eq!(plan.as_str(), r#"{"z":1,"a":2}"#);
        assert_eq!(blueprints::in_state(store, BlueprintState::Invalid).await.unwrap().len(), 1);
        assert!(blueprints::delete(store, row).await.unwrap());
        assert!(!blueprints::delete(store, row).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn labels_are_replaced_as_a_set() {
    both(|house| async move {
        let store = &house.store;
        let row = house.blueprint("b").await;
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        labels::add(store, Labeled::Blueprint, row, 0, &[pair("a", "1"), pair("b", "2")]).await.unwrap();
        house.clock.forward(5_000_000);
        let tx = store.begin().await.unwrap();
        labels::replace(&tx, Labeled::Blueprint, row, 0, &[pair("c", "3"), pair("b", "2")]).await.unwrap();
        tx.commit().await.unwrap();
        let now = labels::of(store, Labeled::Blueprint, row).await.unwrap();
        let shown: Vec<_> = now.iter().map(|label| (label.key.as_str(), label.created_at == store.now())).collect();
        assert_eq!(shown, [("b", false), ("c", true)], "what stays keeps its age");
        assert_eq!(labels::keys(store, Labeled::Blueprint, 0, "C").await.unwrap(), ["c"]);
        assert_eq!(labels::values_of(store, Labeled::Blueprint, 0, "b").await.unwrap(), ["2"]);
    })
    .await;
}

#[tokio::test]
async fn a_deployment_takes_all_that_is_its_own_along() {
    both(|house| async move {
        let store = &house.store;
        let deployment = house.deployment("d").await;
        house.nodes(&deployment, &["n"], 2).await;
        house.execution(Some(&deployment), "e", ExecutionStatus::Terminated).await;
        assert_eq!(blueprints::deployments_of(store, deployment.blueprint_fk).await.unwrap(), ["d"]);
        assert!(deployments::delete(store, deployment.storage_id).await.unwrap());
        for resource in
            [&nephele_store::nodes::RESOURCE, &nephele_store::node_instances::RESOURCE, &executions::RESOURCE]
        {
            assert_eq!(store.list(resource, &admin(), &ListQuery::default()).await.unwrap().total, 0);
        }
    })
    .await;
}

#[tokio::test]
async fn deployments_share_what_their_plans_declare() {
    async fn kept(house: &House) -> usize {
        let dump = nephele_store::dump::Dump::begin(&house.store).await.unwrap();
        dump.rows("deployment_texts", None).await.unwrap().0.len()
    }
    async fn declare(house: &House, deployment: &Deployment, workflows: serde_json::Value) {
        let changes = deployments::DeploymentChanges {
            workflows: Some(Some(Json::from(workflows))),
            policy_types: Some(Some(Json::of(&json!({"t": 1})))),
            ..Default::default()
        };
        let tx = house.store.begin().await.unwrap();
        deployments::update(&tx, deployment.storage_id, changes).await.unwrap();
        tx.commit().await.unwrap();
    }
    both(|house| async move {
        let (first, second) = (house.deployment("d1").await, house.deployment("d2").await);
        declare(&house, &first, json!({"w": 1})).await;
        declare(&house, &second, json!({"w": 1})).await;
        assert_eq!(kept(&house).await, 2);
        declare(&house, &second, json!({"w": 2})).await;
        assert_eq!(kept(&house).await, 3);
        let read = |deployment: &Deployment| deployments::by_storage_id(&house.store, deployment.storage_id);
        let (one, two) = (read(&first).await.unwrap().unwrap(), read(&second).await.unwrap().unwrap());
        assert_eq!((one.workflows.unwrap().as_str(), two.workflows.unwrap().as_str()), (r#"{"w":1}"#, r#"{"w":2}"#));
        assert_eq!(two.policy_types.unwrap().as_str(), r#"{"t":1}"#);
        declare(&house, &first, json!({"w": 2})).await;
        assert_eq!(kept(&house).await, 2, "the last that had the other one has it no more");
        let query = ListQuery {
            filters: vec![("policy_types".to_owned(), vec![r#"{"t":1}"#.to_owned()])],
            ..ListQuery::default()
        };
        assert_eq!(house.store.list(&deployments::RESOURCE, &admin(), &query).await.unwrap().total, 2);
        deployments::delete(&house.store, first.storage_id).await.unwrap();
        assert_eq!(kept(&house).await, 2);
        deployments::delete(&house.store, second.storage_id).await.unwrap();
        assert_eq!(kept(&house).await, 0);
    })
    .await;
}

#[tokio::test]
async fn executions_move_only_from_where_they_are() {
    both(|house| async move {
        let store = &house.store;
        let deployment = house.deployment("d").await;
        let run = house.execution(Some(&deployment), "e", ExecutionStatus::Pending).await;
        let queued = house.execution(Some(&deployment), "q", ExecutionStatus::Queued).await;
        let row = run.storage_id;
        let step = |from, to, error| executions::set_status(store, row, from, to, error);
        assert!(step(ExecutionStatus::Pending, ExecutionStatus::Started, None).await.unwrap());
        assert!(!step(ExecutionStatus::Pending, ExecutionStatus::Cancelling, None).await.unwrap());
        assert_eq!(executions::active_of_deployment(store, deployment.storage_id).await.unwrap().len(), 1);
        assert_eq!(executions::unfinished_of_deployment(store, deployment.storage_id).await.unwrap().len(), 2);
        assert!(executions::any_queued(store).await.unwrap());
        assert!(executions::next_queued(store, &[], None).await.unwrap().is_none(), "its deployment is busy");
        assert_eq!(executions::unfinished(store).await.unwrap().len(), 2);
        house.clock.forward(1_000_000);
        assert!(step(ExecutionStatus::Started, ExecutionStatus::Failed, Some("it broke")).await.unwrap());
        let ended = executions::by_id(store, &"e".into()).await.unwrap().unwrap();
        assert_eq!(ended.error.as_deref(), Some("it broke"));
        let (started, ended_at) = (ended.started_at.unwrap(), ended.ended_at.unwrap());
        assert_eq!(ended_at.micros() - started.micros(), 1_000_000);
        assert!(executions::active_of_deployment(store, deployment.storage_id).await.unwrap().is_empty());
        let next = executions::next_queued(store, &[], None).await.unwrap().unwrap();
        assert_eq!(next.storage_id, queued.storage_id);

        executions::resume(store, row, "new-sha").await.unwrap();
        assert!(executions::by_token(store, "sha-of-e").await.unwrap().is_none());
        let again = executions::by_token(store, "new-sha").await.unwrap().unwrap();
        assert_eq!((again.status, again.resume, again.ended_at), (ExecutionStatus::Pending, true, None));
        assert_eq!(again.deployment_id.map(|id| id.to_string()).as_deref(), Some("d"));
    })
    .await;
}

#[tokio::test]
async fn users_log_in_and_hold_tokens() {
    both(|house| async move {
        let store = &house.store;
        users::login_failed(store, 0).await.unwrap();
        users::login_failed(store, 0).await.unwrap();
        assert_eq!(users::by_id(store, 0).await.unwrap().unwrap().failed_logins_counter, 2);
        users::login_succeeded(store, 0).await.unwrap();
        let user = users::by_id(store, 0).await.unwrap().unwrap();
        assert_eq!((user.failed_logins_counter, user.first_login_at), (0, Some(store.now())));

        let ann = users::insert(store, &"ann".into(), "h", Role::Default).await.unwrap();
        assert!(ann > 0);
        assert!(matches!(users::insert(store, &"ann".into(), "h", Role::Default).await, Err(Error::Unique { .. })));
        users::join_tenant(store, ann, 0, Role::Viewer).await.unwrap();
        users::join_tenant(store, ann, 0, Role::Manager).await.unwrap();
        assert_eq!(users::memberships(store, &[ann]).await.unwrap()[0].role, Role::Manager);
        let changes = users::UserChanges { active: Some(false), ..Default::default() };
        users::update(store, ann, changes).await.unwrap();
        assert!(!users::by_id(store, ann).await.unwrap().unwrap().active);

        let token = |id: &str, expiration_date| tokens::NewToken {
            id: id.to_owned(),
            secret_hash: "s".to_owned(),
            description: None,
            created_at: store.now(),
            expiration_date,
            user_id: ann,
            process: None,
        };
        tokens::insert(store, token("t1", None)).await.unwrap();
        tokens::insert(store, token("t2", Some(store.now()))).await.unwrap();
        tokens::touch(store, "t1").await.unwrap();
        assert_eq!(tokens::find(store, "t1").await.unwrap().unwrap().last_used, Some(store.now()));
        house.clock.forward(1);
        assert_eq!(tokens::delete_expired(store, ann).await.unwrap(), 1);
        let scope = crate::house::user(ann, 0);
        let page = store.list(&tokens::RESOURCE, &scope, &ListQuery::default()).await.unwrap();
        let item = page.items[0].value().unwrap();
        assert_eq!((&item["value"], &item["username"]), (&json!("ctok-t1-********"), &json!("ann")));
        assert_eq!(store.list(&tokens::RESOURCE, &admin(), &ListQuery::default()).await.unwrap().total, 0);
        assert!(!tokens::delete(store, Some(0), "t1").await.unwrap(), "others' tokens stay");
        assert!(tokens::delete(store, Some(ann), "t1").await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn secrets_and_sites() {
    both(|house| async move {
        let store = &house.store;
        let secret = secrets::NewSecret {
            key: "k".to_owned(),
            visibility: Visibility::Private,
            tenant_id: 0,
            creator_id: 0,
            created_at: store.now(),
            updated_at: Some(store.now()),
            value: Some("cipher".to_owned()),
            is_hidden_value: true,
            schema: None,
            secrets_provider_fk: None,
            provider_options: None,
        };
        let row = secrets::insert(store, secret).await.unwrap();
        assert!(secrets::find(store, &user(7, 0), "k").await.unwrap().is_none());
        let changes = secrets::SecretChanges { value: Some(Some("other".to_owned())), ..Default::default() };
        secrets::update(store, row, changes).await.unwrap();
        let found = secrets::find(store, &admin(), "k").await.unwrap().unwrap();
        assert_eq!((found.value.as_deref(), found.is_hidden_value), (Some("other"), true));
        let listed = store.list(&secrets::RESOURCE, &admin(), &ListQuery::default()).await.unwrap();
        assert!(!listed.items[0].as_str().contains("other"), "lists hold no values");
        let details = store.get(&secrets::DETAILS, &admin(), "k", None).await.unwrap().unwrap().value().unwrap();
        assert_eq!((&details["value"], &details["private_resource"]), (&json!("other"), &json!(true)));
        assert!(secrets::delete(store, row).await.unwrap());

        let site = sites::NewSite {
            id: "paris".to_owned(),
            name: "paris".to_owned(),
            visibility: Visibility::Tenant,
            tenant_id: 0,
            creator_id: 0,
            created_at: store.now(),
            latitude: Some(48.0),
            longitude: Some(2.35),
        };
        let row = sites::insert(store, site).await.unwrap();
        let record = store.get(&sites::RESOURCE, &admin(), "paris", None).await.unwrap().unwrap().value().unwrap();
        assert_eq!((&record["latitude"], &record["location"]), (&json!(48.0), &json!("48.0, 2.35")));
        let changes = sites::SiteChanges { latitude: Some(None), ..Default::default() };
        sites::update(store, row, changes).await.unwrap();
        let record = store.get(&sites::RESOURCE, &admin(), "paris", None).await.unwrap().unwrap().value().unwrap();
        assert_eq!((&record["latitude"], &record["location"]), (&json!(null), &json!(null)));
        assert!(sites::find(store, &admin(), "paris").await.unwrap().is_some());
        assert!(sites::delete(store, row).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn dependencies_and_maintenance() {
    both(|house| async move {
        let store = &house.store;
        let (source, target) = (house.deployment("s").await, house.deployment("t").await);
        let new = |id: &str| dependencies::NewDependency {
            id: id.to_owned(),
            visibility: Visibility::Tenant,
            tenant_id: 0,
            creator_id: 0,
            created_at: store.now(),
            dependency_creator: "component.x".to_owned(),
            source_deployment_fk: Some(source.storage_id),
            target_deployment_fk: Some(target.storage_id),
            target_deployment_func: None,
            external_source: None,
            external_target: None,
        };
        dependencies::insert(store, vec![new("1")]).await.unwrap();
        let tx = store.begin().await.unwrap();
        dependencies::replace(&tx, source.storage_id, vec![new("2"), new("3")]).await.unwrap();
        tx.commit().await.unwrap();
        let needed = dependencies::of_target(store, target.storage_id).await.unwrap();
        assert_eq!(needed.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["2", "3"]);
        let page = store.list(&dependencies::RESOURCE, &admin(), &ListQuery::default()).await.unwrap();
        assert_eq!(page.items[0].value().unwrap()["target_deployment_id"], "t");
        deployments::delete(store, target.storage_id).await.unwrap();
        let left = dependencies::of_source(store, source.storage_id).await.unwrap();
        assert_eq!((left.len(), left[0].target_deployment_fk), (2, None));

        assert!(maintenance::get(store).await.unwrap().is_none());
        maintenance::begin(store, 0, false).await.unwrap();
        maintenance::complete(store).await.unwrap();
        let state = maintenance::get(store).await.unwrap().unwrap();
        assert_eq!((state.status.as_str(), state.activated_at), ("activated", Some(store.now())));
        assert!(maintenance::delete(store).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn outbox_messages_are_claimed_by_one_at_a_time() {
    both(|house| async move {
        let store = &house.store;
        let (first, second) = (house.process().await, house.process().await);
        let message = |(number, process): (i32, Option<i64>)| outbox::NewMessage {
            address: "workers".to_owned(),
            body: Json::of(&number),
            created_at: store.now(),
            process,
        };
        let messages = [(1, None), (2, Some(second)), (3, Some(first)), (4, None)];
        outbox::insert(store, messages.into_iter().map(message).collect()).await.unwrap();
        let claim = async |process| {
            let claimed = outbox::claim(store, process, 2, 1_000).await.unwrap();
            claimed.into_iter().map(|one| (one.id, one.body.as_str().to_owned())).unzip::<_, _, Vec<_>, Vec<_>>()
        };
        let (ids, bodies) = claim(first).await;
        assert_eq!(bodies, ["1", "3"], "the oldest, but none of another process");
        assert_eq!(claim(first).await.1, ["4"]);
        assert!(claim(first).await.1.is_empty());
        outbox::delete(store, &ids[..1]).await.unwrap();
        house.clock.forward(1_000);
        assert_eq!(claim(second).await.1, ["2"], "what one had claimed stays with it");
        assert_eq!(claim(first).await.1, ["3", "4"], "claims end");

        let tx = store.begin().await.unwrap();
        processes::dismiss(&tx, first).await.unwrap();
        tx.commit().await.unwrap();
        assert!(claim(first).await.1.is_empty(), "whoever was dismissed gets nothing");
        house.clock.forward(1_000);
        assert_eq!(claim(second).await.1, ["2", "3"], "others get what it left");
    })
    .await;
}
