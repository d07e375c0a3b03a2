//! Secrets that travel between managers, and secrets whose values other machines keep.

use axum::extract::Path;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::harness::{As, Fresh};

#[tokio::test]
async fn secrets_travel_with_a_passphrase() {
    let fresh = Fresh::start().await;
    fresh.put("/secrets/plain", json!({"value": "one"})).await.expect(200);
    fresh.put("/secrets/hidden", json!({"value": "two", "is_hidden_value": true})).await.expect(200);
    let exported = fresh.get("/secrets/share/export?_passphrase=long%20enough").await.expect(200);
    let listed = exported.as_array().unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|secret| secret["encrypted"] == true && secret["value"] != "one"), "{exported}");

    let other = Fresh::start().await;
    let import = async |body: Value| other.post("/secrets/share/import", body).await;
    let wrong = import(json!({"secrets_list": listed, "override_collisions": false, "passphrase": "not this one"}))
        .await
        .expect(200);
    assert!(!wrong["secrets_errors"].as_object().unwrap().is_empty(), "{wrong}");
    let done = import(json!({"secrets_list": listed, "override_collisions": false, "passphrase": "long enough"}))
        .await
        .expect(200);
    assert_eq!(done["secrets_errors"], json!({}), "{done}");
    assert_eq!(other.get("/secrets/plain").await.expect(200)["value"], "one");
    let hidden = other.get("/secrets/hidden").await.expect(200);
    assert_eq!((&hidden["value"], &hidden["is_hidden_value"]), (&json!("two"), &json!(true)));
    let again = import(json!({"secrets_list": listed, "override_collisions": false, "passphrase": "long enough"}))
        .await
        .expect(200);
    assert_eq!(again["colliding_secrets"]["default_tenant"].as_array().unwrap().len(), 2, "{again}");
}

#[tokio::test]
async fn what_may_not_be_seen_is_not_read_out() {
    let fresh = Fresh::start().await;
    fresh.user("ann", "user").await;
    let ann = As { user: "ann", password: "secret", tenant: Some("default_tenant") };
    fresh.put("/secrets/hidden", json!({"value": "two", "is_hidden_value": true})).await.expect(200);
    fresh.put("/secrets/private", json!({"value": "three", "visibility": "private"})).await.expect(200);
    let elsewhere = fresh.elsewhere().await;
    fresh.ask_as(&elsewhere, Method::PUT, "/secrets/theirs", Some(json!({"value": "four"}))).await.expect(200);
    let exported = fresh.ask_as(&ann, Method::GET, "/secrets/share/export", None).await.expect(200);
    for value in ["two", "three", "four"] {
        assert!(!exported.to_string().contains(value), "{exported}");
    }
    let foreign = json!({"override_collisions": false, "secrets_list": [{
        "key": "x", "value": "y", "visibility": "tenant", "tenant_name": "other", "is_hidden_value": false, "encrypted": false,
    }]});
    fresh.ask_as(&ann, Method::POST, "/secrets/share/import", Some(foreign)).await;
    fresh.ask_as(&elsewhere, Method::GET, "/secrets/x", None).await.refused(404, "not_found_error");
}

/// A Vault with one secret, as far as managers ask it.
async fn vault() -> String {
    async fn secret(Path(path): Path<String>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
        if headers.get("X-Vault-Token").is_none_or(|token| token != "t0ken") {
            return (StatusCode::FORBIDDEN, Json(json!({"errors": ["permission denied"]})));
        }
        match path.as_str() {
            "app/db" => (StatusCode::OK, Json(json!({"data": {"data": {"password": "from afar", "port": 5432}}}))),
            "app" => (StatusCode::OK, Json(json!({"data": {"data": {}}}))),
            _ => (StatusCode::NOT_FOUND, Json(json!({"errors": []}))),
        }
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/v1/secret/data/{*path}", get(secret));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

#[tokio::test]
async fn values_are_read_from_a_vault() {
    let fresh = Fresh::start().await;
    let url = vault().await;
    let provider = |token: &str| {
        json!({
            "name": "v", "type": "vault",
            "connection_parameters": {"url": url, "token": token, "path": "app"},
        })
    };
    let check = async |mut body: Value| {
        body["test"] = json!(true);
        fresh.put("/secrets-providers", body).await
    };
    check(provider("t0ken")).await.expect(204);
    assert!(check(provider("wrong")).await.status.is_client_error());
    let made = fresh.put("/secrets-providers", provider("t0ken")).await.expect(200);
    assert_eq!(made["name"], "v");
    fresh.put("/secrets-providers", provider("t0ken")).await.refused(409, "conflict_error");
    fresh
        .put("/secrets-providers", json!({"name": "w", "type": "drawer", "connection_parameters": {}}))
        .await
        .refused(400, "bad_parameters_error");

    let secret = json!({"provider_name": "v", "provider_options": {"path": "db"}});
    fresh.put("/secrets/password", secret.clone()).await.expect(200);
    assert_eq!(fresh.get("/secrets/password").await.expect(200)["value"], "from afar");
    fresh.put("/secrets/absent", secret).await.expect(200);
    let answer = fresh.get("/secrets/absent").await;
    assert_eq!(answer.status, 404, "{answer:?}");
    assert!(!String::from_utf8_lossy(&answer.bytes).contains("t0ken"));
    let message = fresh.delete("/secrets-providers/v").await;
    assert!(message.status.is_client_error(), "{message:?}");

    let elsewhere = fresh.elsewhere().await;
    fresh.ask_as(&elsewhere, Method::GET, "/secrets-providers/v", None).await.refused(404, "not_found_error");
    let borrowed = Some(json!({"provider_name": "v", "provider_options": {"path": "db"}}));
    fresh.ask_as(&elsewhere, Method::PUT, "/secrets/x", borrowed).await.refused(404, "not_found_error");
}

#[tokio::test]
async fn logins_of_providers_are_not_shown_to_everyone() {
    let fresh = Fresh::start().await;
    let body =
        json!({"name": "v", "type": "vault", "connection_parameters": {"url": "http://127.0.0.1:1", "token": "t0ken"}});
    fresh.put("/secrets-providers", body).await.expect(200);
    fresh.user("eve", "viewer").await;
    let eve = As { user: "eve", password: "secret", tenant: Some("default_tenant") };
    for path in ["/secrets-providers", "/secrets-providers/v"] {
        let answer = fresh.ask_as(&eve, Method::GET, path, None).await;
        assert!(!String::from_utf8_lossy(&answer.bytes).contains("t0ken"), "{path}: {answer:?}");
    }
    let unreachable = json!({"provider_name": "v", "provider_options": {"path": "db"}});
    fresh.put("/secrets/s", unreachable).await.expect(200);
    fresh.get("/secrets/s").await.refused(400, "failed_dependency");
}
