//! The OpenAPI document of the REST service, made from the route table.
//!
//! Invariant: nothing is said here about a single route. Paths, versions and permissions are the table's,
//! parameters and bodies are told by the code that reads them (`declared.rs`), records by the fields that the
//! store answers with, refusals by the closed list of codes. Only answers that are no records are written down, in
//! `schemas.rs`; the tests of this crate hold every answer they get against the document. `docs/openapi.json` is the
//! same text, and clients are generated from it.

mod answers;
mod reads;
mod schemas;
mod shapes;

use std::sync::OnceLock;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

pub(crate) use answers::{Gives, Of};

use crate::error::json_text;
use crate::routes;
use crate::table::{Access, Route, Version};

/// `GET /openapi.json`. It says nothing that is not public, so nobody needs to log in for it.
pub(crate) async fn serve() -> Response {
    static TEXT: OnceLock<Vec<u8>> = OnceLock::new();
    let text = TEXT.get_or_init(|| document().to_string().into_bytes());
    json_text(StatusCode::OK, text.clone())
}

/// The document.
pub fn document() -> Value {
    let mut components = schemas::Schemas::new();
    let mut paths = Map::new();
    for route in routes().iter().filter(|route| route.until == Version::V31) {
        let operation = operation(route, &mut components);
        let item = paths.entry(shown_path(route)).or_insert_with(|| json!({}));
        item[route.method.as_str().to_ascii_lowercase()] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Nephele",
            "version": "3.1",
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/api/v3.1"}],
        "security": SECURITY.iter().map(|name| json!({*name: []})).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "token": {
                    "type": "apiKey", "in": "header", "name": "Authentication-Token",
                    "description": "A token of `POST /tokens`.",
                },
                "execution": {
                    "type": "apiKey", "in": "header", "name": "Execution-Token",
                    "description": "The token of a running execution, which acts for who started it.",
                },
                "identity": {
                    "type": "http", "scheme": "bearer",
                    "description": "A token of the OpenID Connect provider that is set up.",
                },
            },
            "parameters": {
                "Tenant": {
                    "name": "Tenant", "in": "header", "required": false, "schema": {"type": "string"},
                    "description": "The tenant that the request is about. Without it only what belongs to no tenant can be reached.",
                },
            },
            "responses": answers::refusals(),
            "schemas": components.finish(),
        },
    })
}

const SECURITY: [&str; 4] = ["basic", "token", "execution", "identity"];

const ABOUT: &str = "The REST service of Nephele. Each path is served below `/api/v3.1`, and below older versions from `x-since` on, \
where lists of `v1` are bare arrays and some fields are missing. `x-permission` names the right that a route demands: in the tenant of \
the header `Tenant` unless `x-permission-in` says otherwise. A list takes its fields as filters; a repeated key means any of its values. \
With `_include` an answer has only the named fields. Refusals have one shape, with a code from a closed list.";

fn shown_path(route: &Route) -> String {
    route.path.replace("{*", "{")
}

fn operation(route: &Route, schemas: &mut schemas::Schemas) -> Value {
    let reads = route.reads();
    let mut operation = json!({
        "operationId": route.name(),
        "tags": [route.path.split('/').nth(1).unwrap_or_default()],
        "x-since": route.since.as_str(),
    });
    let (permission, place) = match route.access {
        Access::Public | Access::Authenticated => (None, None),
        Access::Cookie => (Some("monitoring"), Some("cookie")),
        Access::Needs(permission) => (Some(permission.as_str()), None),
        Access::NeedsOrExecution(permission) => (Some(permission.as_str()), Some("header-or-execution")),
        Access::NeedsInNamedTenant(permission) => (Some(permission.as_str()), Some("path")),
        Access::NeedsInSentTenant(permission) => (Some(permission.as_str()), Some("body")),
        Access::Administrators => (Some("administrators"), Some("system")),
    };
    operation["x-permission"] = permission.into();
    if let Some(place) = place {
        operation["x-permission-in"] = place.into();
    }
    if matches!(route.access, Access::Public | Access::Cookie) {
        operation["security"] = json!([]);
    }
    let parameters = reads::parameters(route, &reads);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = reads::body(&reads) {
        operation["requestBody"] = body;
    }
    operation["responses"] = answers::responses(route, &reads, schemas);
    operation
}
