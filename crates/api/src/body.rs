//! Request bodies: JSON with its limits, and streams of uploads.
//!
//! Invariant: no body is read without a limit on its size and on the time it may take. The content
//! type is taken leniently: parameters after it are fine, and uploads are never judged by it
//! (spec rest-api.md section 1.2).

use std::time::Duration;

use axum::RequestExt;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use nephele_model::{Code, Error, Result};
use serde_json::{Map, Value};

use crate::arguments::Arguments;
use crate::declared::{Content, Describe, Reads};
use crate::error::Failure;

/// The largest JSON body, in bytes.
pub(crate) const JSON_LIMIT: usize = 16 << 20;
/// How long a client may take over a JSON body.
const JSON_TIME: Duration = Duration::from_mins(1);

/// What a JSON object is read into, key by key.
pub(crate) trait FromBody: Sized {
    /// Reads the object. See [`crate::declared`] for what this may do.
    fn read(body: &mut Arguments) -> Result<Self>;
}

/// A JSON object that the client must send.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: FromBody> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let declared = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        if !declared.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
            return Err(Error::new(Code::UnsupportedContentType, "Content type must be application/json").into());
        }
        Ok(Self(parsed(object(&read(request).await?)?)?))
    }
}

impl<T: FromBody> Describe for Body<T> {
    fn describe(reads: &mut Reads) {
        reads.bodies.push(Content::Json(Arguments::of(T::read)));
        reads.body_required = true;
    }
}

/// A JSON object that the client may leave out.
pub(crate) struct OptionalBody<T>(pub(crate) T);

impl<S: Send + Sync, T: FromBody> FromRequest<S> for OptionalBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let bytes = read(request).await?;
        let empty = bytes.is_empty() || bytes.as_ref() == b"null";
        Ok(Self(parsed(if empty { Map::new() } else { object(&bytes)? })?))
    }
}

impl<T: FromBody> Describe for OptionalBody<T> {
    fn describe(reads: &mut Reads) {
        reads.bodies.push(Content::Json(Arguments::of(T::read)));
    }
}

/// A body of which nothing is read.
impl FromBody for () {
    fn read(_: &mut Arguments) -> Result<Self> {
        Ok(())
    }
}

/// Reads an object into what the handler takes.
pub(crate) fn parsed<T: FromBody>(object: Map<String, Value>) -> Result<T> {
    let mut arguments = Arguments::new(object);
    let parsed = T::read(&mut arguments);
    arguments.check_read(|| Arguments::of(T::read))?;
    parsed
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

impl Describe for ListBody {
    fn describe(reads: &mut Reads) {
        reads.bodies.push(Content::List);
        reads.body_required = true;
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

impl Describe for TextBody {
    fn describe(reads: &mut Reads) {
        reads.bodies.push(Content::Text);
        reads.body_required = true;
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
    let collected = tokio::time::timeout(JSON_TIME, gather(body)).await;
    collected.map_err(|_| Error::bad_parameters("The request body did not arrive in time"))?
}

async fn gather(body: axum::body::Body) -> Result<Bytes> {
    let mut pieces = body.into_data_stream();
    let mut bytes = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        let piece =
            piece.map_err(|error| Error::bad_parameters(format!("The request body cannot be read: {error}")))?;
        if bytes.len() + piece.len() > JSON_LIMIT {
            return Err(too_large("The request body", JSON_LIMIT));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

/// The refusal of more than is taken at once.
pub(crate) fn too_large(what: &str, limit: impl std::fmt::Display) -> Error {
    Error::new(Code::TooLarge, format!("{what} is larger than {limit} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sent(Option<Value>);

    impl FromBody for Sent {
        fn read(body: &mut Arguments) -> Result<Self> {
            Ok(Self(body.take("a")))
        }
    }

    async fn parse(kind: Option<&str>, text: &'static str) -> Result<Option<Value>, Failure> {
        let mut request = Request::builder();
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        Body::<Sent>::from_request(request.body(text.into()).unwrap(), &()).await.map(|body| body.0.0)
    }

    #[tokio::test]
    async fn json_is_taken_with_and_without_a_charset() {
        assert_eq!(parse(Some("application/json; charset=utf-8"), "{\"a\": 1}").await.unwrap().unwrap(), 1);
        assert!(parse(Some("application/json"), "[1]").await.is_err());
        assert!(parse(Some("application/json"), "{").await.is_err());
        assert!(parse(Some("text/plain"), "{}").await.is_err());
        assert!(parse(None, "").await.is_err());
    }
}
