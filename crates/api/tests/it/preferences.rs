//! What users prefer: theirs alone, small, and kept whole.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{ADMIN, As, Fresh};

#[tokio::test]
async fn each_user_has_preferences_of_their_own() {
    let fresh = Fresh::start().await;
    let none = fresh.get("/user/preferences").await.expect(200);
    assert_eq!((&none["preferences"], &none["updated_at"]), (&json!({}), &Value::Null));
    let wanted = json!({"theme": "dark", "landing": "/runs", "columns": ["name", "żółć"]});
    let kept = fresh.put("/user/preferences", json!({"preferences": wanted})).await.expect(200);
    assert_eq!(kept["preferences"], wanted);
    assert!(kept["updated_at"].is_string());
    fresh.plain_user("bob", "default").await;
    let bob = As { user: "bob", password: "secret", tenant: None };
    let own = fresh.ask_as(&bob, Method::GET, "/user/preferences", None).await.expect(200);
    assert_eq!(own["preferences"], json!({}), "not those of another");
    let change = json!({"preferences": {"theme": "light"}});
    fresh.ask_as(&bob, Method::PUT, "/user/preferences", Some(change)).await.expect(200);
    // Whatever the tenant, and in whole: what is left out is gone.
    let elsewhere = fresh.elsewhere().await;
    let there = fresh.ask_as(&elsewhere, Method::GET, "/user/preferences", None).await.expect(200);
    assert_eq!(there["preferences"], wanted);
    fresh.put("/user/preferences", json!({"preferences": {"theme": "light"}})).await.expect(200);
    let own = fresh.ask_as(&ADMIN, Method::GET, "/user/preferences", None).await.expect(200);
    assert_eq!(own["preferences"], json!({"theme": "light"}));
    fresh.delete("/users/bob").await.expect(204);
}

#[tokio::test]
async fn what_is_no_object_or_too_much_is_refused() {
    let fresh = Fresh::start().await;
    for wrong in [json!({}), json!({"preferences": []}), json!({"preferences": "dark"}), json!({"preferences": null})] {
        fresh.put("/user/preferences", wrong).await.refused(400, "bad_parameters_error");
    }
    let much = json!({"preferences": {"a": "x".repeat(20_000)}});
    let message = fresh.put("/user/preferences", much).await.refused(400, "bad_parameters_error");
    assert!(message.contains("16384 are kept"), "{message}");
    assert_eq!(fresh.get("/user/preferences").await.expect(200)["preferences"], json!({}));
}
