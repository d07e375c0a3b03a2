//! Failures as HTTP answers: the one place where a [`model::Error`](nephele_model::Error) meets a status.
//!
//! Invariant: a body has `message`, `error_code` and `server_traceback` (always null), and causes
//! never leave the log. Source: spec rest-api.md section 1.7; `docs/errors.md` is made from the same
//! codes.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use nephele_model::{Code, Error};
use serde_json::{Map, Value, json};

/// The answer to a request that was refused or failed.
#[derive(Debug)]
pub(crate) struct Failure(Error);

/// What handlers return.
pub(crate) type Answer<T = Response> = Result<T, Failure>;

impl Failure {
    /// Nothing is served under this path.
    pub(crate) fn unknown_path(path: &str) -> Response {
        plain(StatusCode::NOT_FOUND, Code::NotFound, &format!("There is nothing at {path}"))
    }

    /// The path is served, with other methods.
    pub(crate) fn method_not_allowed(method: &str, path: &str) -> Response {
        plain(
            StatusCode::METHOD_NOT_ALLOWED,
            Code::MethodNotAllowed,
            &format!("The method {method} is not allowed for {path}"),
        )
    }
}

fn plain(status: StatusCode, code: Code, message: &str) -> Response {
    json_response(status, &json!({"message": message, "error_code": code.as_str(), "server_traceback": null}))
}

/// A JSON body with this status.
pub(crate) fn json_response(status: StatusCode, body: &impl serde::Serialize) -> Response {
    let text = match serde_json::to_vec(body) {
        Ok(text) => text,
        Err(error) => return Failure(Error::internal(error)).into_response(),
    };
    json_text(status, text)
}

/// A body that is JSON text already.
pub(crate) fn json_text(status: StatusCode, text: Vec<u8>) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let status = StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status.is_server_error() {
            tracing::error!(error = ?error, "request failed");
        } else {
            tracing::debug!(error = ?error, "request refused");
        }
        // A client takes a body here for an error of its own.
        if status == StatusCode::NOT_MODIFIED {
            return status.into_response();
        }
        let mut body = Map::new();
        body.insert("message".to_owned(), error.message().into());
        body.insert("error_code".to_owned(), error.code().as_str().into());
        body.insert("server_traceback".to_owned(), Value::Null);
        if let Some(Value::Object(details)) = error.details() {
            body.extend(details.clone());
        }
        let mut response = json_response(status, &body);
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"nephele\""));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_code_is_answered_with_its_status_and_name() {
        for code in Code::ALL {
            let response = Failure(Error::new(*code, "text")).into_response();
            let status = response.status().as_u16();
            assert_eq!(status, code.status());
            let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
            if status == 304 {
                assert!(body.is_empty());
            } else {
                let expected = json!({"message": "text", "error_code": code.as_str(), "server_traceback": null});
                assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected);
            }
        }
    }

    #[tokio::test]
    async fn details_stand_beside_the_message() {
        let error = Error::new(Code::InvalidFilterRule, "bad").with_details(json!({"err_reason": "why"}));
        let body = axum::body::to_bytes(Failure(error).into_response().into_body(), 1 << 16).await.unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["err_reason"], "why");
    }
}
