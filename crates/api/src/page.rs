//! The shape of lists: `items` with `metadata`, or a bare array in the first version.
//!
//! Source: spec rest-api.md section 1.9.

use axum::http::StatusCode;
use axum::response::Response;
use nephele_manager::Record;
use nephele_model::page::Page;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::json_text;
use crate::table::Version;

/// What lists consist of.
pub(crate) trait Item {
    /// Appends the item's JSON.
    fn write(&self, body: &mut Vec<u8>) -> serde_json::Result<()>;
}

/// A record is JSON already: long lists are copied, not parsed and written again.
impl Item for Record {
    fn write(&self, body: &mut Vec<u8>) -> serde_json::Result<()> {
        body.extend_from_slice(self.as_str().as_bytes());
        Ok(())
    }
}

impl Item for Value {
    fn write(&self, body: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(body, self)
    }
}

impl Item for Box<RawValue> {
    fn write(&self, body: &mut Vec<u8>) -> serde_json::Result<()> {
        body.extend_from_slice(self.get().as_bytes());
        Ok(())
    }
}

impl Item for String {
    fn write(&self, body: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(body, self)
    }
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
pub(crate) fn answer(page: &Page<impl Item>, version: Version) -> Response {
    if version == Version::V1 {
        let mut body = Vec::new();
        return respond(list(&page.items, &mut body).map(|()| body));
    }
    respond(shape(page, Some(page.filtered.into())))
}

/// A list that has no `filtered`: events and summaries.
pub(crate) fn plain(page: &Page<impl Item>) -> Response {
    respond(shape(page, None))
}

/// One record.
pub(crate) fn record(status: StatusCode, record: &Record) -> Response {
    json_text(status, record.as_str().to_owned().into_bytes())
}

fn respond(body: serde_json::Result<Vec<u8>>) -> Response {
    match body {
        Ok(body) => json_text(StatusCode::OK, body),
        Err(error) => axum::response::IntoResponse::into_response(crate::error::Failure::from(
            nephele_model::Error::internal(error),
        )),
    }
}

fn shape(page: &Page<impl Item>, filtered: Option<Value>) -> serde_json::Result<Vec<u8>> {
    let pagination = Pagination { total: page.total, size: page.size, offset: page.offset };
    let mut body = b"{\"items\":".to_vec();
    list(&page.items, &mut body)?;
    body.extend_from_slice(b",\"metadata\":");
    serde_json::to_writer(&mut body, &Metadata { pagination, filtered })?;
    body.push(b'}');
    Ok(body)
}

fn list(items: &[impl Item], body: &mut Vec<u8>) -> serde_json::Result<()> {
    body.push(b'[');
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            body.push(b',');
        }
        item.write(body)?;
    }
    body.push(b']');
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_old_version_has_no_envelope() {
        let page = Page { items: vec![json!({"a": 1}), json!(2)], total: 2, size: 10, offset: 0, filtered: None };
        let text = |body: Vec<u8>| String::from_utf8(body).unwrap();
        let mut bare = Vec::new();
        list(&page.items, &mut bare).unwrap();
        assert_eq!(text(bare), r#"[{"a":1},2]"#);
        let full = text(shape(&page, Some(Value::Null)).unwrap());
        assert_eq!(
            full,
            r#"{"items":[{"a":1},2],"metadata":{"pagination":{"total":2,"size":10,"offset":0},"filtered":null}}"#
        );
    }
}
