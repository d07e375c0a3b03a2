//! One search over everything that has a name.

use axum::http::Method;
use serde_json::{Value, json};

use crate::deployed::instance;
use crate::harness::{ADMIN, As, Fresh, SMALL};

async fn found(fresh: &Fresh, who: &As<'_>, text: &str) -> Vec<(String, String)> {
    let answer = fresh.ask_as(who, Method::GET, &format!("/search?q={text}"), None).await.expect(200);
    let text = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
    answer["items"].as_array().unwrap().iter().map(|item| (text(item, "kind"), text(item, "id"))).collect()
}

#[tokio::test]
async fn everything_with_such_a_name_is_found_where_it_may_be_seen() {
    let fresh = Fresh::start().await;
    fresh.upload("shop-bp", SMALL).await.expect(201);
    let body = json!({"blueprint_id": "shop-bp", "inputs": {"greeting": "x"}, "display_name": "The Shop in Oslo"});
    fresh.put("/deployments/d1", body).await.expect(201);
    fresh.put("/secrets/shop_key", json!({"value": "x"})).await.expect(200);
    fresh.put("/secrets/shop_own", json!({"value": "x", "visibility": "private"})).await.expect(200);
    fresh.put("/sites/Shopville", json!({})).await.expect(200);
    let pair = |kind: &str, id: &str| (kind.to_owned(), id.to_owned());
    let all = [
        pair("deployment", "d1"),
        pair("blueprint", "shop-bp"),
        pair("secret", "shop_key"),
        pair("secret", "shop_own"),
        pair("site", "Shopville"),
    ];
    assert_eq!(found(&fresh, &ADMIN, "shop").await, all, "whatever its case, and by what people call it");
    let app = instance(&fresh, "d1", "app").await["id"].as_str().unwrap().to_owned();
    let answer = fresh.get(&format!("/search?q={app}")).await.expect(200);
    assert_eq!(
        answer["items"],
        json!([{"kind": "node_instance", "id": app, "name": app, "about": "app", "deployment_id": "d1"}])
    );
    fresh.user("viv", "viewer").await;
    let viewer = As { user: "viv", password: "secret", tenant: Some("default_tenant") };
    assert_eq!(found(&fresh, &viewer, "shop_").await, [pair("secret", "shop_key")]);
    let elsewhere = fresh.elsewhere().await;
    assert_eq!(found(&fresh, &elsewhere, "shop").await, []);
    fresh.plain_user("nobody", "default").await;
    let nobody = As { user: "nobody", ..viewer };
    assert_eq!(found(&fresh, &nobody, "shop").await, [], "who may list nothing finds nothing");
    // Letters that mean something to the database mean themselves.
    assert_eq!(found(&fresh, &ADMIN, "%25").await, []);
    for wrong in ["/search", "/search?q=", "/search?q=+", &format!("/search?q={}", "x".repeat(201))] {
        fresh.get(wrong).await.refused(400, "bad_parameters_error");
    }
    let nowhere = As { tenant: None, ..ADMIN };
    fresh.ask_as(&nowhere, Method::GET, "/search?q=shop", None).await.refused(403, "forbidden_error");
}
