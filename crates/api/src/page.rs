//! The shape of lists: `items` with `metadata`, or a bare array in the first version.
//!
//! Source: spec rest-api.md section 1.9.

use axum::http::StatusCode;
use axum::response::Response;
use nephele_model::page::Page;
use serde::Serialize;
use serde_json::Value;

use crate::error::json_response;
use crate::table::Version;

#[derive(Serialize)]
struct List<'a, T> {
    items: &'a [T],
    metadata: Metadata,
}

#[derive(Serialize)]
struct Metadata {
    pagination: Pagination,
    /// Absent where nothing can be hidden by filter rules, such as events.
    #[serde(skip_serializing_if = "Option::is_none")]
    filtered: Option<Value>,
}

#[derive(Serialize)]
struct Pagination {
    total: u64,
    size: u64,
    offset: u64,
}

/// A list of a resource that filter rules apply to.
pub(crate) fn answer<T: Serialize>(page: &Page<T>, version: Version) -> Response {
    if version == Version::V1 {
        return json_response(StatusCode::OK, &page.items);
    }
    shape(page, Some(page.filtered.into()))
}

/// A list that has no `filtered`: events and summaries.
pub(crate) fn plain<T: Serialize>(page: &Page<T>) -> Response {
    shape(page, None)
}

fn shape<T: Serialize>(page: &Page<T>, filtered: Option<Value>) -> Response {
    let pagination = Pagination { total: page.total, size: page.size, offset: page.offset };
    json_response(StatusCode::OK, &List { items: &page.items, metadata: Metadata { pagination, filtered } })
}
