//! Query strings that nobody sends by accident, to every list: SQL where names belong, pages without end, on both databases.

use nephele_testkit::postgres::Database;
use serde_json::{Value, json};

use crate::harness::{Fresh, SMALL};

/// Texts that would do something if they became part of a statement.
const SQL: &[&str] =
    &["id'", "id\"", "id;DROP TABLE users", "(SELECT 1)", "id--", "id,1", "\\", "%", "_", "' OR '1'='1", "$1", "?1"];

fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Every list, with what else it must be asked.
async fn lists(fresh: &Fresh) -> Vec<String> {
    let document = nephele_api::document();
    let executions = fresh.get("/executions?_size=1").await.expect(200);
    let execution = format!("execution_id={}", executions["items"][0]["id"].as_str().unwrap());
    let mut found = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let parameters = operations["get"]["parameters"].as_array().cloned().unwrap_or_default();
        // An export takes the filters of a list and gives no page; workflows are those of all deployments, as in the original.
        let is_whole = ["/secrets/share/export", "/workflows"].contains(&path.as_str());
        if parameters.iter().any(|one| one["name"] == "_size") && !is_whole {
            let of = |one: &Value| format!("{}={}", one["name"].as_str().unwrap(), word(one));
            let needed = parameters.iter().filter(|one| one["in"] == "query" && one["required"] == true);
            let mut query: Vec<String> = needed.map(of).collect();
            if ["/operations", "/tasks_graphs"].contains(&path.as_str()) {
                query.push(execution.clone());
            }
            let path = path.replace("{kind}", "deployments").replace("{key}", "env").replace("{role}", "viewer");
            found.push(format!("{path}?{}", query.join("&")));
        }
    }
    assert!(found.len() > 30, "only {} lists", found.len());
    found
}

/// A value of a parameter. Every summary counts by tenant.
fn word(parameter: &Value) -> &str {
    if parameter["name"] == "_target_field" {
        return "tenant_name";
    }
    let schema = &parameter["schema"];
    schema["items"]["enum"][0].as_str().or_else(|| schema["enum"][0].as_str()).unwrap_or("nothing")
}

async fn filled(database_url: Option<&str>) -> Fresh {
    let fresh = Fresh::start_on(database_url).await;
    fresh.upload("small", SMALL).await.expect(201);
    for id in ["d1", "d2"] {
        let body = json!({"blueprint_id": "small", "inputs": {"greeting": "x"}, "labels": [{"env": "a"}]});
        fresh.put(&format!("/deployments/{id}"), body).await.expect(201);
    }
    fresh
}

async fn sql_in_queries(database_url: Option<&str>) {
    let fresh = filled(database_url).await;
    let users = async || fresh.get("/users?_include=username,role,active").await.expect(200);
    let before = users().await;
    for list in lists(&fresh).await {
        for text in SQL.iter().map(|text| escaped(text)) {
            for key in ["_sort", "_include", "_search", "id", "_filter_id"] {
                let answer = fresh.get(&format!("{list}&{key}={text}")).await;
                assert!(!answer.status.is_server_error(), "{list}&{key}={text}: {answer:?}");
            }
            let answer = fresh.get(&format!("{list}&{text}=x")).await;
            assert!(!answer.status.is_server_error(), "{list}&{text}=x: {answer:?}");
        }
    }
    for text in SQL {
        // In a search and in a filter they are nothing but text.
        let none = fresh.get(&format!("/deployments?id={}", escaped(text))).await.expect(200);
        assert_eq!(none["items"], json!([]), "{text}");
        let none = fresh.get(&format!("/deployments?_search={}", escaped(text))).await.expect(200);
        assert_eq!(none["items"], json!([]), "{text}");
        let rules = json!({"filter_rules": [{"key": text, "values": [text], "operator": "any_of", "type": "label"}]});
        let found = fresh.post("/searches/deployments", rules).await;
        assert!(found.status.is_client_error() || found.json()["items"] == json!([]), "{text}: {found:?}");
    }
    assert_eq!(users().await, before);
}

#[tokio::test]
async fn sql_in_queries_is_only_text_on_sqlite() {
    sql_in_queries(None).await;
}

#[tokio::test]
async fn sql_in_queries_is_only_text_on_postgresql() {
    let database = Database::empty();
    sql_in_queries(Some(database.url())).await;
}

async fn pages(database_url: Option<&str>) {
    let fresh = filled(database_url).await;
    for list in lists(&fresh).await {
        for (size, offset) in [
            ("9223372036854775807", "0"),
            ("1", "9223372036854775807"),
            ("9223372036854775807", "9223372036854775807"),
            ("0", "0"),
        ] {
            let answer = fresh.get(&format!("{list}&_size={size}&_offset={offset}")).await.expect(200);
            let items = answer["items"].as_array().unwrap();
            assert!(size != "0" && offset == "0" || items.is_empty(), "{list} {size} {offset}: {answer}");
        }
        for bad in ["-1", "-9223372036854775808", "9223372036854775808", "1e3", "0x10", "１", "NaN", "1;2", "null"] {
            for key in ["_size", "_offset"] {
                let answer = fresh.get(&format!("{list}&{key}={}", escaped(bad))).await;
                answer.refused(400, "bad_parameters_error");
            }
        }
    }
    // The same key again and again, and a long query.
    let many = (0..2000).map(|number| format!("&id=d{number}")).collect::<Vec<_>>().concat();
    assert_eq!(
        fresh.get(&format!("/deployments?_sort=id{many}")).await.expect(200)["items"].as_array().unwrap().len(),
        2
    );
    let sorts: String = (0..200).map(|_| "&_sort=-id").collect();
    assert!(!fresh.get(&format!("/deployments?_size=1{sorts}")).await.status.is_server_error());
    let fields = vec!["id"; 2000].join(",");
    let found = fresh.get(&format!("/deployments?_include={fields}&id=d1")).await.expect(200);
    assert_eq!(found["items"], json!([{"id": "d1"}]));
}

#[tokio::test]
async fn pages_without_end_are_cut_or_refused_on_sqlite() {
    pages(None).await;
}

#[tokio::test]
async fn pages_without_end_are_cut_or_refused_on_postgresql() {
    let database = Database::empty();
    pages(Some(database.url())).await;
}
