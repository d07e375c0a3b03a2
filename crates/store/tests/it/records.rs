//! Records for REST: fields, filters, order, pages, visibility.

use nephele_model::execution::ExecutionStatus;
use nephele_model::page::{ListQuery, Sort};
use nephele_model::{Code, Role, Visibility};
use nephele_store::labels::{self, Labeled};
use nephele_store::{
    Db, Error, agents, blueprints, deployments, executions, inter_deployment_dependencies, node_instances, nodes,
    operations, plugins, secrets, sites, tasks_graphs, tenants, tokens, users,
};
use serde_json::{Value, json};

use crate::house::{House, admin, both, new_blueprint, user};

fn filter(field: &str, values: &[&str]) -> ListQuery {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    ListQuery { filters: vec![(field.to_owned(), values)], ..ListQuery::default() }
}

async fn ids(house: &House, resource: &nephele_store::Resource, query: &ListQuery) -> Vec<String> {
    let page = house.store.list(resource, &admin(), query).await.unwrap();
    page.items.iter().map(|item| item.value().unwrap()["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_resource_lists_and_gets_all_its_fields() {
    both(|house| async move {
        let deployment = house.deployment("d").await;
        house.nodes(&deployment, &["n"], 2).await;
        house.execution(Some(&deployment), "e", ExecutionStatus::Started).await;
        let filled = [&blueprints::RESOURCE, &deployments::RESOURCE, &nodes::RESOURCE, &node_instances::RESOURCE];
        for resource in filled.into_iter().chain([&executions::RESOURCE, &tenants::RESOURCE, &users::RESOURCE]) {
            let page = house.store.list(resource, &admin(), &ListQuery::default()).await.unwrap();
            assert!(page.total > 0 && page.total == page.items.len() as u64, "{}", resource.model);
            page.items[0].value().unwrap();
        }
        let empty =
            [&agents::RESOURCE, &inter_deployment_dependencies::RESOURCE, &operations::RESOURCE, &plugins::RESOURCE];
        for resource in empty.into_iter().chain([&secrets::RESOURCE, &secrets::DETAILS, &sites::RESOURCE]) {
            let page = house.store.list(resource, &admin(), &ListQuery::default()).await.unwrap();
            assert_eq!(page.total, 0, "{}", resource.model);
        }
        for resource in [&tasks_graphs::RESOURCE, &tokens::RESOURCE, &executions::DETAILS] {
            assert!(house.store.get(resource, &admin(), "nope", None).await.unwrap().is_none(), "{}", resource.model);
        }
    })
    .await;
}

#[tokio::test]
async fn a_deployments_record_is_complete() {
    both(|house| async move {
        let deployment = house.deployment("d1").await;
        house.nodes(&deployment, &["n"], 3).await;
        let execution = house.execution(Some(&deployment), "e1", ExecutionStatus::Terminated).await;
        let changes = deployments::DeploymentChanges {
            latest_execution_fk: Some(Some(execution.storage_id)),
            create_execution_fk: Some(Some(execution.storage_id)),
            ..Default::default()
        };
        deployments::update(&house.store, deployment.storage_id, changes).await.unwrap();
        let given = [("env".to_owned(), "pro\"d".to_owned()), ("csys-env-type".to_owned(), "k8s".to_owned())];
        labels::add(&house.store, Labeled::Deployment, deployment.storage_id, 0, &given).await.unwrap();

        let record = house.store.get(&deployments::RESOURCE, &admin(), "d1", None).await.unwrap().unwrap();
        let at = "2020-01-01T00:00:00.000Z";
        let label = |key, value| json!({"key": key, "value": value, "created_at": at, "created_by": "admin"});
        assert_eq!(
            record.value().unwrap(),
            json!({
                "created_at": at, "id": "d1", "visibility": "tenant", "description": null,
                "inputs": {"b": 1, "a": "ä\u{1}\u{0}"}, "groups": null, "permalink": null, "policy_triggers": null,
                "policy_types": null, "outputs": null, "capabilities": null, "scaling_groups": null, "updated_at": null,
                "workflows": null, "runtime_only_evaluation": false, "installation_status": "inactive",
                "deployment_status": null, "sub_services_status": null, "sub_environments_status": null,
                "sub_services_count": 0, "sub_environments_count": 0, "display_name": "The d1", "resource_tags": null,
                "drifted_instances": 0, "unavailable_instances": 3, "latest_execution": "e1",
                "latest_execution_finished_operations": 0, "latest_execution_total_operations": 0,
                "latest_execution_workflow_id": "install", "create_execution": "e1", "blueprint_id": "d1-bp",
                "site_name": null, "latest_execution_status": "completed", "environment_type": "k8s",
                "has_sub_deployments": false, "tenant_name": "default_tenant", "created_by": "admin",
                "resource_availability": "tenant", "private_resource": false, "workdir_zip": null,
                "labels": [label("env", "pro\"d"), label("csys-env-type", "k8s")], "deployment_groups": [],
            })
        );
        assert!(record.as_str().contains(r#""inputs":{"b":1,"#), "JSON is passed through in its order");
    })
    .await;
}

#[tokio::test]
async fn a_blueprint_shows_its_upload_execution_or_an_object_of_nulls() {
    both(|house| async move {
        let row = house.blueprint("b").await;
        let upload = |record: nephele_store::Record| record.value().unwrap()["upload_execution"].clone();
        let get = || async { house.store.get(&blueprints::RESOURCE, &admin(), "b", None).await.unwrap().unwrap() };
        let nulls = upload(get().await);
        assert_eq!((&nulls["id"], &nulls["total_operations"]), (&Value::Null, &json!(0)));

        let execution = house.execution(None, "up", ExecutionStatus::Started).await;
        let changes = blueprints::BlueprintChanges {
            upload_execution_fk: Some(Some(execution.storage_id)),
            ..Default::default()
        };
        blueprints::update(&house.store, row, changes).await.unwrap();
        let shown = upload(get().await);
        let own = house.store.get(&executions::RESOURCE, &admin(), "up", None).await.unwrap().unwrap();
        assert_eq!(shown, own.value().unwrap());
        assert_eq!(shown["parameters"], json!({"p": [1, null]}));
    })
    .await;
}

#[tokio::test]
async fn only_included_fields_are_given() {
    both(|house| async move {
        house.blueprint("b").await;
        let include = ["plan_p".to_owned(), "id".to_owned(), "created_by".to_owned()];
        let record = house.store.get(&blueprints::RESOURCE, &admin(), "b", Some(&include)).await.unwrap().unwrap();
        assert_eq!(record.as_str(), r#"{"id":"b","created_by":"admin","plan_p":null}"#);

        let unknown = ["zz".to_owned()];
        let error = house.store.get(&blueprints::RESOURCE, &admin(), "b", Some(&unknown)).await.unwrap_err();
        let Error::Query(refusal) = error else { panic!("{error}") };
        assert_eq!(refusal.code(), Code::NoSuchIncludeField);
        assert_eq!(
            refusal.message(),
            "Include keys '['zz']' do not exist. Allowed keys are: ['created_at', 'id', 'visibility', 'main_file_name', \
             'plan_p', 'plan', 'requirements', 'updated_at', 'description', 'is_hidden', 'state', 'error', \
             'error_traceback', 'tenant_name', 'created_by', 'resource_availability', 'private_resource', 'labels', \
             'upload_execution']"
        );
    })
    .await;
}

#[tokio::test]
async fn unknown_filters_and_sort_keys_are_refused() {
    both(|house| async move {
        let refused = |query: ListQuery| {
            let store = &house.store;
            async move {
                match store.list(&nodes::RESOURCE, &admin(), &query).await {
                    Err(Error::Query(refusal)) => (refusal.code(), refusal.message().to_owned()),
                    other => panic!("{other:?}"),
                }
            }
        };
        let allowed = "do not exist. Allowed keys are: ['id', 'visibility', 'deploy_number_of_instances', 'host_id', \
            'max_number_of_instances', 'min_number_of_instances', 'number_of_instances', 'planned_number_of_instances', \
            'plugins_p', 'plugins', 'plugins_to_install_p', 'plugins_to_install', 'properties_p', 'properties', \
            'relationships_p', 'relationships', 'operations_p', 'operations', 'type', 'type_hierarchy_p', \
            'type_hierarchy', 'drifted_instances', 'unavailable_instances', 'actual_number_of_instances', \
            'deployment_id', 'blueprint_id', 'deployment_display_name', 'tenant_name', 'created_by', \
            'resource_availability', 'private_resource']";
        let (code, message) = refused(filter("node_id", &["x"])).await;
        assert_eq!((code, message), (Code::BadParameters, format!("Filter keys '['node_id']' {allowed}")));
        let sort = vec![Sort { field: "nope".to_owned(), descending: false }];
        let (code, message) = refused(ListQuery { sort, ..ListQuery::default() }).await;
        assert_eq!((code, message), (Code::BadParameters, format!("Sort keys '['nope']' {allowed}")));
    })
    .await;
}

#[tokio::test]
async fn texts_come_back_as_they_are() {
    both(|house| async move {
        let odd = [
            "plain",
            "\"",
            "back\\slash",
            "line\nbreak\r\t",
            "\u{1}\u{1f}\u{7f}",
            "ü € 𝄞 \u{2028}",
            "{\"a\": [1]}",
            "'$$'",
        ];
        for text in odd {
            house.blueprint(text).await;
            let found = house.store.get(&blueprints::RESOURCE, &admin(), text, None).await.unwrap().unwrap();
            assert_eq!(found.value().unwrap()["id"], text);
        }
    })
    .await;
}

#[tokio::test]
async fn filters_search_and_order() {
    both(|house| async move {
        for id in ["b1", "b_2", "B3"] {
            house.blueprint(id).await;
            house.clock.forward(1_000_000);
        }
        let resource = &blueprints::RESOURCE;
        assert_eq!(ids(&house, resource, &ListQuery::default()).await, ["b1", "b_2", "B3"]);
        assert_eq!(ids(&house, resource, &filter("id", &["B3", "b1"])).await, ["b1", "B3"]);
        assert_eq!(ids(&house, resource, &filter("id", &["b3"])).await, Vec::<String>::new());
        assert_eq!(ids(&house, resource, &filter("created_by", &["admin"])).await.len(), 3);
        assert_eq!(ids(&house, resource, &filter("tenant_name", &["x", "default_tenant"])).await.len(), 3);
        assert_eq!(ids(&house, resource, &filter("private_resource", &["True"])).await.len(), 0);
        assert_eq!(ids(&house, resource, &filter("is_hidden", &["false"])).await.len(), 3);
        assert_eq!(ids(&house, resource, &filter("created_at", &["2020-01-01T00:00:01Z"])).await, ["b_2"]);
        let search = |text: &str| ListQuery { search: Some(text.to_owned()), ..ListQuery::default() };
        assert_eq!(ids(&house, resource, &search("b3")).await, ["B3"]);
        assert_eq!(ids(&house, resource, &search("_")).await, ["b_2"]);
        let sort = |field: &str, descending| ListQuery {
            sort: vec![Sort { field: field.to_owned(), descending }],
            ..ListQuery::default()
        };
        assert_eq!(ids(&house, resource, &sort("created_at", true)).await, ["B3", "b_2", "b1"]);
        assert_eq!(ids(&house, resource, &sort("created_by", true)).await, ["b1", "b_2", "B3"]);

        let deployment = house.deployment("d").await;
        house.nodes(&deployment, &["n", "m"], 2).await;
        let instances = &node_instances::RESOURCE;
        assert_eq!(ids(&house, instances, &filter("deployment_id", &["d"])).await.len(), 4);
        assert_eq!(ids(&house, instances, &filter("node_id", &["m"])).await, ["m_1", "m_2"]);
        assert_eq!(ids(&house, instances, &filter("index", &["2"])).await, ["n_2", "m_2"]);
        assert_eq!(ids(&house, instances, &filter("index", &["two"])).await.len(), 0);
        assert_eq!(ids(&house, &nodes::RESOURCE, &filter("blueprint_id", &["d-bp"])).await.len(), 2);
        let by_name = filter("_search_name", &["THE"]);
        assert_eq!(ids(&house, &deployments::RESOURCE, &by_name).await, ["d"]);
        let both = ListQuery { search: Some("zzz".to_owned()), ..by_name };
        assert_eq!(ids(&house, &deployments::RESOURCE, &both).await, ["d"], "the two searches add up");
    })
    .await;
}

#[tokio::test]
async fn pages_count_all_that_match() {
    both(|house| async move {
        for number in 0..7 {
            house.blueprint(&format!("b{number}")).await;
        }
        let cases = [
            (Some(3), 0, false, 3, 7),
            (Some(3), 6, false, 1, 7),
            (Some(3), 7, false, 0, 7),
            (Some(7), 0, false, 7, 7),
            (Some(0), 0, false, 0, 7),
            (None, 0, false, 7, 7),
            (Some(2), 5, true, 7, 7),
        ];
        for (size, offset, get_all, shown, total) in cases {
            let query = ListQuery { size, offset, get_all, ..ListQuery::default() };
            let page = house.store.list(&blueprints::RESOURCE, &admin(), &query).await.unwrap();
            assert_eq!((page.items.len(), page.total), (shown, total), "{query:?}");
        }
        let first = ListQuery { size: Some(1), ..ListQuery::default() };
        let total = || async { house.store.list(&blueprints::RESOURCE, &admin(), &first).await.unwrap().total };
        assert_eq!(total().await, 7);
        let row = house.blueprint("b7").await;
        assert_eq!(total().await, 8, "a write is counted at once");
        let tx = house.store.begin().await.unwrap();
        blueprints::delete(&tx, row).await.unwrap();
        assert_eq!(total().await, 8, "and not before it is committed");
        tx.commit().await.unwrap();
        assert_eq!(total().await, 7);
        let nothing = ListQuery { size: Some(2), ..filter("id", &["none"]) };
        assert_eq!(house.store.list(&blueprints::RESOURCE, &admin(), &nothing).await.unwrap().total, 0);
    })
    .await;
}

#[tokio::test]
async fn rows_are_seen_by_whom_they_are_for() {
    both(|house| async move {
        let store = &house.store;
        let other_tenant = tenants::insert(store, &"t2".into(), None).await.unwrap();
        let ann = users::insert(store, &"ann".into(), "h", Role::Default).await.unwrap();
        let bob = users::insert(store, &"bob".into(), "h", Role::Default).await.unwrap();
        for (id, visibility) in
            [("own", Visibility::Private), ("all", Visibility::Tenant), ("everywhere", Visibility::Global)]
        {
            let mut new = new_blueprint(&user(ann, 0), id, store.now());
            new.visibility = visibility;
            blueprints::insert(store, new).await.unwrap();
        }
        let seen = |scope: nephele_store::Scope, all_tenants: bool| {
            let query = ListQuery { all_tenants, include: Some(vec!["id".to_owned()]), ..ListQuery::default() };
            async move {
                let page = store.list(&blueprints::RESOURCE, &scope, &query).await.unwrap();
                assert_eq!(page.total, page.items.len() as u64);
                page.items
                    .iter()
                    .map(|item| item.value().unwrap()["id"].as_str().unwrap().to_owned())
                    .collect::<Vec<_>>()
            }
        };
        assert_eq!(seen(user(ann, 0), false).await, ["own", "all", "everywhere"]);
        assert_eq!(seen(admin(), false).await, ["own", "all", "everywhere"]);
        assert_eq!(seen(user(bob, 0), false).await, ["all", "everywhere"]);
        assert_eq!(seen(user(bob, other_tenant), false).await, ["everywhere"]);
        let mut both_tenants = user(bob, other_tenant);
        both_tenants.all_tenants = vec![(0, false), (other_tenant, true)];
        assert_eq!(seen(both_tenants.clone(), true).await, ["all", "everywhere"]);
        both_tenants.all_tenants = vec![(0, true), (other_tenant, false)];
        assert_eq!(seen(both_tenants, true).await, ["own", "all", "everywhere"]);

        let get = |scope, id: &'static str| async move {
            store.get(&blueprints::RESOURCE, &scope, id, None).await.unwrap().is_some()
        };
        assert!(get(user(bob, other_tenant), "everywhere").await);
        assert!(!get(user(bob, other_tenant), "all").await);
        assert!(!get(user(bob, 0), "own").await);

        let taken = |id: &'static str, tenant, visibility| async move {
            nephele_store::scope::taken(store, "blueprints", id, tenant, visibility).await.unwrap().is_some()
        };
        assert!(taken("own", 0, Visibility::Tenant).await);
        assert!(!taken("own", other_tenant, Visibility::Tenant).await);
        assert!(taken("own", other_tenant, Visibility::Global).await);
        assert!(taken("everywhere", other_tenant, Visibility::Private).await);
    })
    .await;
}
