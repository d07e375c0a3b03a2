//! Filter rules, sort keys of labels, stored filters and summaries.

use nephele_model::Visibility;
use nephele_model::filter::{AttributeOperator as A, LabelOperator as L, Rule};
use nephele_model::page::{ListQuery, Page, Sort};
use nephele_store::deployments::DeploymentChanges;
use nephele_store::filters::{self, Filtered, NewFilter};
use nephele_store::labels::{self, Labeled};
use nephele_store::sites::{self, NewSite};
use nephele_store::{Db, Group, Record, deployments, node_instances};
use serde_json::json;

use crate::house::{House, admin, both};

/// `d1` with env=prod and env=test on a site, `d2` with env=Dev, `other` without labels.
async fn three(house: &House) {
    for (id, labels) in [("d1", &["prod", "test"][..]), ("d2", &["Dev"]), ("other", &[])] {
        let deployment = house.deployment(id).await;
        let labels: Vec<_> = labels.iter().map(|value| ("env".to_owned(), (*value).to_owned())).collect();
        labels::add(&house.store, Labeled::Deployment, deployment.storage_id, 0, &labels).await.unwrap();
        if id == "d1" {
            let site = NewSite {
                id: "north".to_owned(),
                name: "north".to_owned(),
                visibility: Visibility::Tenant,
                tenant_id: 0,
                creator_id: 0,
                created_at: house.store.now(),
                latitude: None,
                longitude: None,
            };
            sites::insert(&house.store, site).await.unwrap();
            let site = sites::find(&house.store, &admin(), "north").await.unwrap().unwrap();
            let changes = DeploymentChanges { site_fk: Some(Some(site.storage_id)), ..Default::default() };
            deployments::update(&house.store, deployment.storage_id, changes).await.unwrap();
        }
    }
}

async fn list(house: &House, query: ListQuery) -> Page<Record> {
    house.store.list(&deployments::RESOURCE, &admin(), &query).await.unwrap()
}

fn ids(page: &Page<Record>) -> Vec<String> {
    page.items.iter().map(|item| item.value().unwrap()["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_operator_finds_its_rows_and_tells_how_many_it_hides() {
    both(|house| async move {
        three(&house).await;
        let values = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
        let label = |operator, given: &[&str]| Rule::label("env", operator, values(given));
        let about = |key: &str, operator, given: &[&str]| Rule::attribute(key, operator, values(given));
        for (rule, found) in [
            (label(L::AnyOf, &["prod", "x"]), &["d1"][..]),
            (label(L::AnyOf, &["dev"]), &[]),
            (label(L::NotAnyOf, &["prod"]), &["d1", "d2"]),
            (label(L::NotAnyOf, &["prod", "test"]), &["d2"]),
            (label(L::IsNot, &["prod"]), &["d2", "other"]),
            (label(L::IsNull, &[]), &["other"]),
            (label(L::IsNotNull, &[]), &["d1", "d2"]),
            (about("id", A::AnyOf, &["d1", "other"]), &["d1", "other"]),
            (about("id", A::NotAnyOf, &["d1"]), &["d2", "other"]),
            (about("blueprint_id", A::Contains, &["2-", "r-b"]), &["d2", "other"]),
            (about("display_name", A::Contains, &["THE"]), &[]),
            (about("display_name", A::NotContains, &["d1", "d2"]), &["other"]),
            (about("id", A::StartsWith, &["D"]), &["d1", "d2"]),
            (about("id", A::EndsWith, &["ER", "2"]), &["d2", "other"]),
            (about("site_name", A::IsNotEmpty, &[]), &["d1"]),
            (about("site_name", A::NotAnyOf, &["north"]), &[]),
            (about("tenant_name", A::AnyOf, &["default_tenant"]), &["d1", "d2", "other"]),
            (about("installation_status", A::AnyOf, &["inactive"]), &["d1", "d2", "other"]),
            (about("schedules", A::IsNotEmpty, &[]), &[]),
            (about("no_column", A::AnyOf, &["x"]), &["d1", "d2", "other"]),
        ] {
            let page = list(&house, ListQuery { rules: vec![rule.clone()], ..ListQuery::default() }).await;
            assert_eq!(ids(&page), found, "{rule:?}");
            assert_eq!((page.total, page.filtered), (found.len() as u64, Some(3 - found.len() as u64)), "{rule:?}");
        }
        let both_rules = vec![label(L::IsNotNull, &[]), about("id", A::EndsWith, &["2"])];
        let page = list(&house, ListQuery { rules: both_rules, ..ListQuery::default() }).await;
        assert_eq!(ids(&page), ["d2"]);
    })
    .await;
}

#[tokio::test]
async fn labels_sort_by_all_their_values_and_nulls_are_the_largest() {
    both(|house| async move {
        three(&house).await;
        let by = |field: &str, descending| ListQuery {
            sort: vec![Sort { field: field.to_owned(), descending }],
            ..ListQuery::default()
        };
        assert_eq!(ids(&list(&house, by("label:env", false)).await), ["d2", "d1", "other"]);
        assert_eq!(ids(&list(&house, by("label:env", true)).await), ["other", "d1", "d2"]);
        assert_eq!(ids(&list(&house, by("site_name", false)).await), ["d1", "d2", "other"]);
        assert_eq!(ids(&list(&house, by("site_name", true)).await), ["d2", "other", "d1"]);
    })
    .await;
}

#[tokio::test]
async fn filters_keep_their_rules_in_order() {
    both(|house| async move {
        let rules =
            vec![Rule::attribute("id", A::Contains, vec!["a".to_owned()]), Rule::label("env", L::IsNull, vec![])];
        let new = NewFilter {
            id: "mine".to_owned(),
            visibility: Visibility::Private,
            tenant_id: 0,
            creator_id: 0,
            created_at: house.store.now(),
            rules: rules.clone(),
            is_system_filter: false,
        };
        filters::insert(&house.store, Filtered::Blueprint, new).await.unwrap();
        let found = filters::find(&house.store, Filtered::Blueprint, &admin(), "mine").await.unwrap().unwrap();
        assert_eq!(found.rules().unwrap(), rules);
        assert!(filters::find(&house.store, Filtered::Deployment, &admin(), "mine").await.unwrap().is_none());
        let resource = filters::resource(Filtered::Blueprint);
        let shown = house.store.get(resource, &admin(), "mine", None).await.unwrap().unwrap().value().unwrap();
        let on_label = json!({"key": "env", "values": [], "operator": "is_null", "type": "label"});
        assert_eq!((&shown["labels_filter_rules"], &shown["value"][1]), (&json!([on_label]), &on_label));
        filters::update(&house.store, Filtered::Blueprint, found.storage_id, &[], Visibility::Tenant).await.unwrap();
        let found = filters::find(&house.store, Filtered::Blueprint, &admin(), "mine").await.unwrap().unwrap();
        assert!(found.rules().unwrap().is_empty() && found.visibility == Visibility::Tenant);
        filters::delete(&house.store, Filtered::Blueprint, found.storage_id).await.unwrap();
        let own = house.store.list(filters::resource(Filtered::Deployment), &admin(), &ListQuery::default()).await;
        let own = own.unwrap();
        assert_eq!((own.total, ids(&own)[0].as_str()), (22, "csys-environment-filter"));
    })
    .await;
}

#[tokio::test]
async fn summaries_count_groups() {
    both(|house| async move {
        for id in ["d1", "d2"] {
            let deployment = house.deployment(id).await;
            house.nodes(&deployment, &["n", "m"], 3).await;
        }
        let of = async |fields: &[&str], query: ListQuery| {
            house.store.summarize(&node_instances::RESOURCE, &admin(), &query, fields).await.unwrap()
        };
        let group = |values: &[serde_json::Value], count| Group { values: values.to_vec(), count };
        let page = of(&["deployment_id"], ListQuery::default()).await;
        assert_eq!(page.items, [group(&[json!("d1")], 6), group(&[json!("d2")], 6)]);
        let only = ListQuery { filters: vec![("node_id".to_owned(), vec!["n".to_owned()])], ..ListQuery::default() };
        let page = of(&["index", "host_id"], ListQuery { size: Some(2), offset: 1, ..only }).await;
        assert_eq!(page.items, [group(&[json!(2), json!(null)], 2), group(&[json!(3), json!(null)], 2)]);
        assert_eq!((page.total, page.size, page.offset), (3, 2, 1));
    })
    .await;
}
