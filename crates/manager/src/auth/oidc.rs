//! Tokens of an identity provider (`OpenID` Connect), shown as `Authorization: Bearer`.
//!
//! Invariant: a token counts only if it is signed with a key that the issuer publishes, by an algorithm
//! with a public key, names this issuer and our audience, and its time is now. Keys are fetched over
//! TLS (plain HTTP only from this machine) and kept for ten minutes. Whatever tokens name, the issuer is
//! asked by one request at a time and at most once in ten seconds, also when it does not answer.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use nephele_model::{Error, Result, Secret};
use serde_json::{Map, Value};

use super::external::{Person, text};
use crate::Manager;

const FRESH: Duration = Duration::from_mins(10);
const PAUSE: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(10);
/// How far clocks may be apart, in seconds.
const LEEWAY: u64 = 60;
/// The largest answer of an issuer, in bytes.
const LARGEST: usize = 1 << 20;
/// Algorithms whose keys cannot be used to sign by those who only know what is published.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// The keys of an issuer.
#[derive(Default)]
pub(crate) struct Issuer {
    /// As they were fetched last.
    known: Mutex<Option<Known>>,
    /// Held while it is asked: who was asked last, and when.
    asked: tokio::sync::Mutex<Option<(String, Instant)>>,
}

struct Known {
    issuer: String,
    since: Instant,
    keys: JwkSet,
}

impl Issuer {
    fn key(&self, issuer: &str, id: Option<&str>) -> Option<DecodingKey> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.as_ref().filter(|known| known.issuer == issuer && known.since.elapsed() < FRESH)?;
        let key = match (id, known.keys.keys.as_slice()) {
            (Some(id), _) => known.keys.find(id)?,
            // Without an id the only key is meant.
            (None, [only]) => only,
            (None, _) => return None,
        };
        DecodingKey::from_jwk(key).ok()
    }

    fn learn(&self, issuer: &str, keys: JwkSet) {
        let known = Known { issuer: issuer.to_owned(), since: Instant::now(), keys };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }
}

impl Manager {
    /// The person that a token of the issuer speaks of.
    pub(super) async fn by_identity_token(&self, issuer: &str, token: &Secret) -> Result<Person> {
        let refused =
            |reason: &dyn std::fmt::Display| Error::unauthorized(format!("The identity token is not valid: {reason}"));
        let header = decode_header(token.expose()).map_err(|error| refused(&error))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(refused(&format!("the algorithm {:?} is not taken", header.alg)));
        }
        let Some(audience) = text(self.rest_setting("oidc_audience").await?) else {
            return Err(refused(&"the setting oidc_audience names nobody yet"));
        };
        let key =
            self.issuers_key(issuer, header.kid.as_deref()).await?.ok_or_else(|| refused(&"its key is unknown"))?;
        let mut validation = Validation::new(header.alg);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        let claims: Map<String, Value> =
            decode(token.expose(), &key, &validation).map_err(|error| refused(&error))?.claims;
        self.person(&claims).await
    }

    async fn person(&self, claims: &Map<String, Value>) -> Result<Person> {
        let claim = |name: &str| claims.get(name).cloned().and_then(text);
        let username = match text(self.rest_setting("oidc_username_claim").await?) {
            Some(name) => claim(&name),
            None => claim("preferred_username").or_else(|| claim("sub")),
        };
        let groups = text(self.rest_setting("oidc_groups_claim").await?).unwrap_or_else(|| "groups".to_owned());
        let groups = claims.get(&groups).and_then(Value::as_array).into_iter().flatten();
        Ok(Person {
            username: username.ok_or_else(|| Error::unauthorized("The identity token names no user"))?,
            email: claim("email"),
            first_name: claim("given_name"),
            last_name: claim("family_name"),
            groups: groups.filter_map(|group| group.as_str().map(str::to_owned)).collect(),
        })
    }

    async fn issuers_key(&self, issuer: &str, id: Option<&str>) -> Result<Option<DecodingKey>> {
        if let Some(key) = self.issuer.key(issuer, id) {
            return Ok(Some(key));
        }
        let mut asked = self.issuer.asked.lock().await;
        // Whoever asked meanwhile may have found it.
        if let Some(key) = self.issuer.key(issuer, id) {
            return Ok(Some(key));
        }
        if asked.as_ref().is_some_and(|(whom, when)| whom == issuer && when.elapsed() < PAUSE) {
            return Ok(None);
        }
        *asked = Some((issuer.to_owned(), Instant::now()));
        self.issuer.learn(issuer, fetch_keys(issuer).await?);
        Ok(self.issuer.key(issuer, id))
    }
}

async fn fetch_keys(issuer: &str) -> Result<JwkSet> {
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(Error::internal)?;
    let about = fetch(&client, &format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))).await?;
    if about["issuer"].as_str() != Some(issuer) {
        return Err(unreachable(issuer, "it calls itself otherwise"));
    }
    let place = about["jwks_uri"].as_str().ok_or_else(|| unreachable(issuer, "it does not say where its keys are"))?;
    let keys = fetch(&client, place).await?;
    serde_json::from_value(keys).map_err(|error| unreachable(issuer, &error.to_string()))
}

async fn fetch(client: &reqwest::Client, place: &str) -> Result<Value> {
    let address = reqwest::Url::parse(place).map_err(|error| unreachable(place, &error.to_string()))?;
    if !is_safe(&address) {
        return Err(unreachable(place, "it is neither https nor on this machine"));
    }
    let failed = |error: reqwest::Error| unreachable(place, &error.without_url().to_string());
    let mut response =
        client.get(address).send().await.and_then(reqwest::Response::error_for_status).map_err(failed)?;
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(failed)? {
        body.extend_from_slice(&piece);
        if body.len() > LARGEST {
            return Err(unreachable(place, "its answer is too long"));
        }
    }
    serde_json::from_slice(&body).map_err(|error| unreachable(place, &error.to_string()))
}

fn is_safe(address: &reqwest::Url) -> bool {
    let host = address.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    address.scheme() == "https" || (address.scheme() == "http" && is_here)
}

fn unreachable(place: &str, cause: &str) -> Error {
    tracing::warn!(place, cause, "the identity provider does not answer");
    Error::unauthorized("The identity provider cannot be asked at the moment")
}
