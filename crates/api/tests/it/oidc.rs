//! Tokens of an identity provider: a small one of this test, with real keys.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::harness::{Answer, Fresh};

/// A provider that publishes one key and signs with it.
struct Provider {
    issuer: String,
    /// What tokens call the key.
    id: String,
    key: rcgen::KeyPair,
    published: Arc<Mutex<Value>>,
    /// How often the keys were fetched.
    fetched: Arc<AtomicUsize>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Provider {
    async fn start() -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let key = new_key();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let about = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/keys")});
        let (published, fetched) = (Arc::new(Mutex::new(jwks("one", &key))), Arc::new(AtomicUsize::new(0)));
        let (keys, count) = (published.clone(), fetched.clone());
        let serve = move || async move {
            count.fetch_add(1, Ordering::Relaxed);
            keys.lock().unwrap().to_string()
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(move || async move { about.to_string() }))
            .route("/keys", get(serve));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { issuer, id: "one".to_owned(), key, published, fetched, server }
    }

    /// Goes on with another key; the one before is published no more.
    fn rotate(&mut self) {
        (self.id, self.key) = ("two".to_owned(), new_key());
        *self.published.lock().unwrap() = jwks(&self.id, &self.key);
    }

    fn fetched(&self) -> usize {
        self.fetched.load(Ordering::Relaxed)
    }

    fn claims(&self) -> Value {
        json!({
            "iss": self.issuer, "aud": "nephele", "exp": 4_000_000_000_u64, "sub": "1234",
            "preferred_username": "ann", "email": "ann@example.org", "groups": ["devs"],
        })
    }

    fn sign(&self, claims: &Value) -> String {
        self.sign_as(&self.id, claims)
    }

    fn sign_as(&self, id: &str, claims: &Value) -> String {
        let header = Header { kid: Some(id.to_owned()), ..Header::new(Algorithm::ES256) };
        encode(&header, claims, &EncodingKey::from_ec_der(&self.key.serialize_der())).unwrap()
    }
}

fn new_key() -> rcgen::KeyPair {
    rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
}

/// What is published of a key.
fn jwks(id: &str, key: &rcgen::KeyPair) -> Value {
    // An uncompressed point: one byte, then both coordinates.
    let point = key.public_key_raw().to_vec();
    json!({"keys": [{
        "kty": "EC", "crv": "P-256", "kid": id, "alg": "ES256", "use": "sig",
        "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..65]),
    }]})
}

async fn ask(fresh: &Fresh, token: &str) -> Answer {
    send(fresh, "GET", "/user?_get_data=true", "authorization", &format!("Bearer {token}")).await
}

async fn send(fresh: &Fresh, method: &str, path: &str, header: &str, value: &str) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v3.1{path}"))
        .header(header, value)
        .header("tenant", "default_tenant")
        .header("content-type", "application/json")
        .body(Body::from("{}"))
        .unwrap();
    fresh.send(request).await
}

async fn set_up(fresh: &Fresh, provider: &Provider) {
    for (name, value) in [("oidc_issuer", provider.issuer.as_str()), ("oidc_audience", "nephele")] {
        fresh.put(&format!("/config/{name}"), json!({"value": value})).await.expect(200);
    }
    fresh.post("/user-groups", json!({"group_name": "devs", "role": "default"})).await.expect(201);
    let membership = json!({"tenant_name": "default_tenant", "group_name": "devs", "role": "user"});
    fresh.put("/tenants/user-groups", membership).await.expect(200);
}

#[tokio::test]
async fn a_good_token_is_a_login_with_its_groups() {
    let (provider, fresh) = (Provider::start().await, Fresh::start().await);
    let token = provider.sign(&provider.claims());
    ask(&fresh, &token).await.refused(401, "unauthorized_error");
    set_up(&fresh, &provider).await;
    assert_eq!(fresh.get("/idp").await.expect(200), "oidc");
    let ann = ask(&fresh, &token).await.expect(200);
    assert_eq!((&ann["username"], &ann["groups"]), (&json!("ann"), &json!(["devs"])));
    assert_eq!(ann["tenants"]["default_tenant"]["roles"], json!(["user"]));
    // Out of the group there, out of it here.
    let mut claims = provider.claims();
    claims["groups"] = json!([]);
    assert_eq!(ask(&fresh, &provider.sign(&claims)).await.expect(200)["groups"], json!([]));
    // Local users stay.
    fresh.user("local", "viewer").await;
    fresh.by("local", "default_tenant", axum::http::Method::GET, "/user", json!({})).await.expect(200);
    fresh.put("/config/oidc_username_claim", json!({"value": "email"})).await.expect(200);
    ask(&fresh, &token).await.refused(401, "unauthorized_error");
}

/// Clients that know nothing of identity providers go on with a token of ours.
#[tokio::test]
async fn a_login_gives_a_token_of_ours() {
    let (provider, fresh) = (Provider::start().await, Fresh::start().await);
    set_up(&fresh, &provider).await;
    let bearer = format!("Bearer {}", provider.sign(&provider.claims()));
    let made = send(&fresh, "POST", "/tokens", "authorization", &bearer).await.expect(200);
    assert_eq!(made["username"], "ann");
    let token = made["value"].as_str().unwrap();
    send(&fresh, "GET", "/secrets", "authentication-token", token).await.expect(200);
    // A user who is shut out here stays out, whatever is shown.
    fresh.post("/users/active/ann", json!({"action": "deactivate"})).await.expect(200);
    send(&fresh, "GET", "/secrets", "authentication-token", token).await.refused(401, "unauthorized_error");
    send(&fresh, "GET", "/secrets", "authorization", &bearer).await.refused(401, "unauthorized_error");
}

#[tokio::test]
async fn any_other_token_is_refused() {
    let (provider, fresh) = (Provider::start().await, Fresh::start().await);
    set_up(&fresh, &provider).await;
    let good = provider.sign(&provider.claims());
    let changed = |key: &str, value: Value| {
        let mut claims = provider.claims();
        claims[key] = value;
        claims
    };
    let without = |key: &str| {
        let mut claims = provider.claims();
        claims.as_object_mut().unwrap().remove(key);
        claims
    };
    for claims in [
        changed("iss", json!("http://elsewhere")),
        changed("aud", json!("another")),
        changed("exp", json!(1_000)),
        changed("nbf", json!(4_000_000_000_u64)),
        changed("preferred_username", json!("admin")),
        changed("preferred_username", json!("../ann")),
        changed("preferred_username", json!({"a": 1}))
            .as_object()
            .map(|map| {
                let mut map = map.clone();
                map.remove("sub");
                Value::Object(map)
            })
            .unwrap(),
        without("exp"),
        without("aud"),
        without("iss"),
    ] {
        ask(&fresh, &provider.sign(&claims)).await.refused(401, "unauthorized_error");
    }
    let other = Provider::start().await;
    ask(&fresh, &other.sign(&provider.claims())).await.refused(401, "unauthorized_error");
    let parts: Vec<&str> = good.split('.').collect();
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = format!("{}.{}.", part(json!({"alg": "none", "kid": "one"})), parts[1]);
    let public_as_secret = {
        let header = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::HS256) };
        encode(&header, &provider.claims(), &EncodingKey::from_secret(provider.key.public_key_raw())).unwrap()
    };
    let tampered = format!("{}.{}.{}", parts[0], part(changed("preferred_username", json!("root"))), parts[2]);
    for token in [unsigned, public_as_secret, tampered, format!("{good}x"), "a.b.c".to_owned(), String::from("x")] {
        ask(&fresh, &token).await.refused(401, "unauthorized_error");
    }
    ask(&fresh, &good).await.expect(200);
}

#[tokio::test]
async fn a_provider_in_the_clear_elsewhere_is_not_asked() {
    let (provider, fresh) = (Provider::start().await, Fresh::start().await);
    set_up(&fresh, &provider).await;
    fresh.put("/config/oidc_issuer", json!({"value": "http://192.0.2.1"})).await.expect(200);
    let mut claims = provider.claims();
    claims["iss"] = json!("http://192.0.2.1");
    ask(&fresh, &provider.sign(&claims)).await.refused(401, "unauthorized_error");
}

#[tokio::test]
async fn keys_that_the_issuer_rotates_are_picked_up() {
    let (mut provider, fresh) = (Provider::start().await, Fresh::start().await);
    set_up(&fresh, &provider).await;
    ask(&fresh, &provider.sign(&provider.claims())).await.expect(200);
    let mut claims = provider.claims();
    claims["jti"] = json!("never shown before");
    let old = provider.sign(&claims);
    provider.rotate();
    let new = provider.sign(&provider.claims());
    // The issuer is not asked again at once: see below.
    let taken = async {
        while ask(&fresh, &new).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), taken).await.expect("the new key is never looked for");
    assert_eq!(provider.fetched(), 2);
    ask(&fresh, &new).await.expect(200);
    ask(&fresh, &old).await.refused(401, "unauthorized_error");
}

#[tokio::test]
async fn unknown_keys_do_not_have_the_issuer_asked_again_and_again() {
    let (provider, fresh) = (Provider::start().await, Fresh::start().await);
    set_up(&fresh, &provider).await;
    let claims = provider.claims();
    let storm = async || {
        let tokens: Vec<String> = (0..40).map(|number| provider.sign_as(&format!("k{number}"), &claims)).collect();
        for answer in futures::future::join_all(tokens.iter().map(|token| ask(&fresh, token))).await {
            answer.refused(401, "unauthorized_error");
        }
    };
    // Nothing is known yet, and all come at once.
    let began = Instant::now();
    storm().await;
    storm().await;
    ask(&fresh, &provider.sign(&claims)).await.expect(200);
    assert!(provider.fetched() <= at_most(began), "{}", provider.fetched());
}

/// How often an issuer may have been asked since then.
fn at_most(began: Instant) -> usize {
    usize::try_from(began.elapsed().as_secs() / 10).unwrap() + 1
}

/// An issuer whose answers are of no use is left in peace as well.
#[tokio::test]
async fn an_issuer_that_fails_is_not_asked_for_each_token() {
    let (provider, fresh) = (Provider::start().await, Fresh::start().await);
    set_up(&fresh, &provider).await;
    *provider.published.lock().unwrap() = json!("no keys");
    let began = Instant::now();
    for _ in 0..20 {
        ask(&fresh, &provider.sign(&provider.claims())).await.refused(401, "unauthorized_error");
    }
    assert!((1..=at_most(began)).contains(&provider.fetched()), "{}", provider.fetched());
}
