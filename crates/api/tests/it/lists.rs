//! Pages, order, selection and filters, on secrets as on everything else.

use serde_json::{Value, json};

use crate::harness::Fresh;

async fn with_secrets() -> Fresh {
    let fresh = Fresh::start().await;
    for key in ["b", "a", "c"] {
        fresh.put(&format!("/secrets/{key}"), json!({"value": "x"})).await.expect(200);
    }
    fresh
}

fn keys(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["key"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn lists_are_cut_sorted_and_reduced() {
    let fresh = with_secrets().await;
    let all = fresh.get("/secrets").await.expect(200);
    assert_eq!(keys(&all), ["b", "a", "c"]);
    assert_eq!(all["metadata"], json!({"pagination": {"total": 3, "size": 1000, "offset": 0}, "filtered": null}));
    let page = fresh.get("/secrets?_sort=-key&_size=1&_offset=1&_include=key").await.expect(200);
    assert_eq!(page["items"], json!([{"key": "b"}]));
    assert_eq!(page["metadata"]["pagination"], json!({"total": 3, "size": 1, "offset": 1}));
    assert_eq!(keys(&fresh.get("/secrets?key=a&key=c").await.expect(200)), ["a", "c"]);
    assert_eq!(keys(&fresh.get("/secrets?_search=B").await.expect(200)), ["b"]);
    assert_eq!(keys(&fresh.get("/secrets?_size=1&_get_all_results=true").await.expect(200)).len(), 3);
}

#[tokio::test]
async fn unknown_names_are_refused() {
    let fresh = with_secrets().await;
    fresh.get("/secrets?_include=value").await.refused(400, "no_such_include_field_error");
    fresh.get("/secrets?nope=1").await.refused(400, "bad_parameters_error");
    fresh.get("/secrets?_sort=nope").await.refused(400, "bad_parameters_error");
    let message = fresh.get("/secrets?_size=-1").await.refused(400, "bad_parameters_error");
    assert!(message.starts_with("1 validation error for Pagination\n_size\n"));
}

#[tokio::test]
async fn the_first_version_lists_bare_arrays() {
    let fresh = Fresh::start().await;
    for path in ["blueprints", "deployments", "executions", "nodes", "node-instances"] {
        assert_eq!(fresh.get(&format!("/api/v1/{path}")).await.expect(200), json!([]), "{path}");
        let list = fresh.get(&format!("/api/v2.1/{path}")).await.expect(200);
        assert_eq!(list["metadata"]["filtered"], Value::Null);
    }
    assert!(fresh.get("/events").await.expect(200)["metadata"].get("filtered").is_none());
}
