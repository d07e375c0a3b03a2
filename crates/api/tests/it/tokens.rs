//! API tokens and the tokens of executions.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use nephele_bus::Vhost;
use nephele_model::Secret;
use serde_json::json;

use crate::harness::{Answer, Fresh, SMALL};

async fn with(fresh: &Fresh, header: &str, token: &str, path: &str) -> Answer {
    let request = Request::builder()
        .uri(format!("/api/v3.1{path}"))
        .header(header, token)
        .header("tenant", "default_tenant")
        .body(Body::empty())
        .unwrap();
    fresh.send(request).await
}

#[tokio::test]
async fn a_token_works_until_it_is_deleted() {
    let fresh = Fresh::start().await;
    let made = fresh.post("/tokens", json!({"description": "mine", "expiration_date": "+1 hours"})).await.expect(200);
    let value = made["value"].as_str().unwrap();
    with(&fresh, "authentication-token", value, "/blueprints").await.expect(200);
    let listed = fresh.get("/tokens").await.expect(200);
    assert_eq!(listed["items"][0]["value"], format!("ctok-{}-********", made["id"].as_str().unwrap()));
    fresh.delete(&format!("/tokens/{}", made["id"].as_str().unwrap())).await.expect(204);
    let message = with(&fresh, "authentication-token", value, "/blueprints").await;
    assert_eq!(message.refused(401, "unauthorized_error"), "User unauthorized: Unauthorized");
    with(&fresh, "authentication-token", "junk", "/blueprints").await.refused(401, "unauthorized_error");
    assert_eq!(fresh.get("/tokens/nope").await.refused(404, "not_found_error"), "Could not find token nope");
}

#[tokio::test]
async fn a_token_ends_at_its_time() {
    let fresh = Fresh::start().await;
    for past in ["2001-01-01T00:00:00.000Z", "+0 seconds"] {
        let message =
            fresh.post("/tokens", json!({"expiration_date": past})).await.refused(400, "bad_parameters_error");
        assert_eq!(message, "Expiration date was in the past.");
    }
    let made = fresh.post("/tokens", json!({"expiration_date": "+1 seconds"})).await.expect(200);
    let value = made["value"].as_str().unwrap();
    with(&fresh, "authentication-token", value, "/blueprints").await.expect(200);
    // Though it was found good a moment ago.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let message = with(&fresh, "authentication-token", value, "/blueprints").await.refused(401, "unauthorized_error");
    assert_eq!(message, "User unauthorized: Token is expired");
    let forever = fresh.post("/tokens", json!({})).await.expect(200);
    assert_eq!(forever["expiration_date"], json!(null));
    with(&fresh, "authentication-token", forever["value"].as_str().unwrap(), "/blueprints").await.expect(200);
    let others = fresh.get("/tokens").await.expect(200);
    assert_eq!(others["items"].as_array().unwrap().len(), 1, "those that ended are cleared away");
}

#[tokio::test]
async fn an_executions_token_ends_with_it() {
    let fresh = Fresh::start().await;
    let blueprint = fresh.upload("bp", SMALL).await.expect(201);
    let id = blueprint["upload_execution"]["id"].as_str().unwrap().into();
    let token = fresh.manager.mint_token(&id).await.unwrap();
    let answer = with(&fresh, "execution-token", token.expose(), "/blueprints").await;
    answer.refused(401, "unauthorized_error");
}

#[tokio::test]
async fn an_execution_has_a_login_for_messages_of_its_own() {
    let fresh = Fresh::start().await;
    let started = json!({"deployment_id": "", "workflow_id": "own", "force_status": "started", "id": "e-1"});
    fresh.post("/executions", started).await.expect(201);
    let id = "e-1".into();
    let token = fresh.manager.mint_token(&id).await.unwrap();
    let shown = with(&fresh, "execution-token", token.expose(), "/tenants/default_tenant").await.expect(200);
    assert_eq!(shown["rabbitmq_username"], "e-1", "{shown:#}");
    assert_eq!(shown["rabbitmq_vhost"], "rabbitmq_vhost_default_tenant");
    let password = Secret::new(shown["rabbitmq_password"].as_str().unwrap().to_owned());
    let of_user = fresh.get("/tenants/default_tenant").await.expect(200);
    assert_eq!(of_user["rabbitmq_username"], "rabbitmq_user_default_tenant");

    let admitted = async |name: &str, password: &Secret, vhost: Vhost| {
        fresh.manager.admit_messages(name, password, &vhost).await.unwrap().is_some()
    };
    let own = Vhost::Tenant("default_tenant".into());
    assert!(admitted("e-1", &password, Vhost::Manager).await && admitted("e-1", &password, own).await);
    assert!(!admitted("e-1", &password, Vhost::Tenant("other".into())).await);
    assert!(!admitted("e-1", &token, Vhost::Manager).await && !admitted("e-2", &password, Vhost::Manager).await);
    fresh.manager.mint_token(&id).await.unwrap();
    assert!(!admitted("e-1", &password, Vhost::Manager).await, "the password of an earlier run");
    let token = fresh.manager.mint_token(&id).await.unwrap();
    let shown = with(&fresh, "execution-token", token.expose(), "/tenants/default_tenant").await.expect(200);
    let password = Secret::new(shown["rabbitmq_password"].as_str().unwrap().to_owned());
    assert!(admitted("e-1", &password, Vhost::Manager).await);
    fresh.patch("/executions/e-1", json!({"status": "terminated"})).await.expect(200);
    assert!(!admitted("e-1", &password, Vhost::Manager).await, "the execution has ended");
}
