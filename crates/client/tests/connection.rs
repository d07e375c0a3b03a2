//! What goes over the wire, seen from a server that repeats what it was asked.

#![expect(clippy::expect_used, reason = "test code fails by panicking")]

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use nephele_client::{Client, Credentials, Endpoint, Error, Trust};
use nephele_model::Secret;
use serde_json::{Value, json};
use tokio::net::TcpListener;

async fn repeat(request: Request) -> Response {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let seen = json!({
        "method": request.method().as_str(),
        "uri": request.uri().to_string(),
        "tenant": header("tenant"),
        "token": header("authentication-token"),
        "execution": header("execution-token"),
        "basic": header("authorization"),
    });
    axum::Json(seen).into_response()
}

async fn refuse() -> Response {
    let body = json!({"message": "Requested `Blueprint` with ID `x` was not found", "error_code": "not_found_error", "server_traceback": null});
    (StatusCode::NOT_FOUND, axum::Json(body)).into_response()
}

fn serve(listener: TcpListener) {
    let router = Router::new().route("/api/v3.1/blueprints/x", axum::routing::get(refuse)).fallback(repeat);
    tokio::spawn(async move { axum::serve(listener, router).await });
}

async fn server() -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    serve(listener);
    Client::new(&Endpoint::new(url), Credentials::None, None).expect("a sound address")
}

#[tokio::test]
async fn requests_carry_path_tenant_and_credentials() -> Result<(), Error> {
    let nobody = server().await;
    let seen = nobody.manager().version().await?;
    assert_eq!((&seen["uri"], &seen["tenant"], &seen["basic"]), (&json!("/api/version"), &Value::Null, &Value::Null));

    let user = nobody.with(
        Credentials::Basic { username: "admin".into(), password: Secret::new("pass".into()) },
        Some("acme".into()),
    );
    let seen = user.deployments().get("a b/c", &[("_include", "id")]).await?;
    assert_eq!(seen["uri"], "/api/v3.1/deployments/a%20b%2Fc?_include=id");
    assert_eq!((&seen["tenant"], &seen["basic"]), (&json!("acme"), &json!("Basic YWRtaW46cGFzcw==")));

    let token = nobody.with(Credentials::Token(Secret::new("ctok-1-2".into())), None);
    assert_eq!(token.secrets().get("k").await?["token"], "ctok-1-2");
    let execution = nobody.with(Credentials::Execution(Secret::new("e".into())), None);
    assert_eq!(execution.executions().start("d", "install", &json!({}), &json!({})).await?["execution"], "e");
    let file = execution.resources().get("blueprints/t/b/dir/a b.sh").await?;
    assert!(String::from_utf8_lossy(&file).contains("/resources/blueprints/t/b/dir/a%20b.sh"));
    Ok(())
}

#[tokio::test]
async fn errors_keep_status_code_and_message() {
    let client = server().await;
    let error = client.blueprints().get("x", &[]).await.expect_err("not there");
    assert!(error.is_not_found());
    assert_eq!(error.error_code(), Some("not_found_error"));
    assert_eq!(error.to_string(), "404: Requested `Blueprint` with ID `x` was not found");
}

#[tokio::test]
async fn patience_outlasts_a_manager_that_starts_late_and_no_patience_reports_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let client = Client::new(&Endpoint::new(format!("http://{address}")), Credentials::None, None).expect("sound");
    assert!(matches!(client.manager().version().await, Err(Error::Unreachable { .. })));
    let patient = client.with_patience(Duration::from_secs(20));
    let asking = tokio::spawn(async move { patient.manager().version().await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    serve(TcpListener::bind(address).await.expect("still free"));
    assert!(asking.await.expect("no panic").is_ok());
}

#[test]
fn settings_that_cannot_work_are_refused_with_a_reason() {
    let refused = |url: &str, trust| {
        let endpoint = Endpoint { url: url.into(), trust };
        Client::new(&endpoint, Credentials::None, None).expect_err("unsound").to_string()
    };
    assert!(refused("localhost", Trust::System).contains("localhost"));
    assert!(refused("ftp://localhost", Trust::System).contains("http://"));
    assert!(refused("https://localhost", Trust::CaFile("/nonexistent.pem".into())).contains("/nonexistent.pem"));
}
