//! Request bodies: JSON with its limits, and streams of uploads.
//!
//! Invariant: no body is read without a limit on its size and on the time it may take. The content
//! type is taken leniently: parameters after it are fine, and uploads are never judged by it
//! (spec rest-api.md section 1.2).

use std::time::Duration;

use axum::RequestExt;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use bytes::Bytes;
use nephele_model::{Code, Error, Result};
use serde_json::{Map, Value};

use crate::arguments::Arguments;
use crate::error::Failure;

/// The largest JSON body, in bytes.
pub(crate) const JSON_LIMIT: usize = 16 << 20;
/// How long a client may take over a JSON body.
const JSON_TIME: Duration = Duration::from_mins(1);

/// A JSON object that the client must send.
pub(crate) struct Body(pub(crate) Arguments);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let declared = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        if !declared.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
            return Err(Error::new(Code::UnsupportedContentType, "Content type must be application/json").into());
        }
        Ok(Self(Arguments(object(&read(request).await?)?)))
    }
}

/// A JSON object that the client may leave out.
pub(crate) struct OptionalBody(pub(crate) Arguments);

impl<S: Send + Sync> FromRequest<S> for OptionalBody {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let bytes = read(request).await?;
        let empty = bytes.is_empty() || bytes.as_ref() == b"null";
        Ok(Self(Arguments(if empty { Map::new() } else { object(&bytes)? })))
    }
}

/// A JSON array that the client must send.
pub(crate) struct ListBody(pub(crate) Vec<Value>);

impl<S: Send + Sync> FromRequest<S> for ListBody {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        match serde_json::from_slice(&read(request).await?) {
            Ok(Value::Array(list)) => Ok(Self(list)),
            _ => Err(Error::bad_parameters("The request body must be a JSON array").into()),
        }
    }
}

/// Text that the client must send.
pub(crate) struct TextBody(pub(crate) String);

impl<S: Send + Sync> FromRequest<S> for TextBody {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let text = String::from_utf8(read(request).await?.to_vec());
        Ok(Self(text.map_err(|_| Error::bad_parameters("The request body is not UTF-8 text"))?))
    }
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Error::bad_parameters("The request body must be a JSON object")),
        Err(error) => Err(Error::bad_parameters(format!("The request body is not valid JSON: {error}"))),
    }
}

async fn read(request: Request) -> Result<Bytes> {
    collect(request.into_limited_body()).await
}

/// A body with its limits.
pub(crate) async fn collect(body: axum::body::Body) -> Result<Bytes> {
    let collected = tokio::time::timeout(JSON_TIME, axum::body::to_bytes(body, JSON_LIMIT))
        .await
        .map_err(|_| Error::bad_parameters("The request body did not arrive in time"))?;
    collected.map_err(|error| {
        Error::bad_parameters(format!("The request body cannot be read, or is larger than {JSON_LIMIT} bytes: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn parse(kind: Option<&str>, text: &'static str) -> Result<Map<String, Value>, Failure> {
        let mut request = Request::builder();
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        Body::from_request(request.body(text.into()).unwrap(), &()).await.map(|body| body.0.0)
    }

    #[tokio::test]
    async fn json_is_taken_with_and_without_a_charset() {
        assert_eq!(parse(Some("application/json; charset=utf-8"), "{\"a\": 1}").await.unwrap()["a"], 1);
        assert!(parse(Some("application/json"), "[1]").await.is_err());
        assert!(parse(Some("application/json"), "{").await.is_err());
        assert!(parse(Some("text/plain"), "{}").await.is_err());
        assert!(parse(None, "").await.is_err());
    }
}
