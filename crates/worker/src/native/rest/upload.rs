//! Files that a call sends, as the parts of a form.
//!
//! `files` has their content, alone or with a name, a type and headers; `files_raw` names files of the blueprint.

use nephele_model::operation::Failure;
use nephele_model::python_text;
use reqwest::RequestBuilder;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::multipart::{Form, Part};
use serde_json::{Map, Value};

use crate::native::task::{Task, mapping};

/// The files of a call, by the names of their parts.
pub(super) async fn files(task: &Task, call: &Map<String, Value>) -> Result<Vec<(String, Part)>, Failure> {
    let mut files = Vec::new();
    let own = mapping("files", call.get("files"))?;
    let raw = call.get("files_raw").or_else(|| call.get("raw_files"));
    for (name, path) in mapping("files_raw", raw)?.into_iter().filter(|(name, _)| !own.contains_key(name)) {
        let content = task.fetch(&python_text::str(&path)).await?;
        files.push((name.clone(), Part::bytes(content).file_name(name)));
    }
    for (name, file) in own {
        files.push((name.clone(), part(name, &file)?));
    }
    Ok(files)
}

/// `content`, or `[name, content, type, headers]`, of which the last two may be missing.
fn part(name: String, file: &Value) -> Result<Part, Failure> {
    let wrong =
        || Failure::fatal(format!("`files.{name}` must be a text, or a list of name, content, type and headers"));
    let items = match file {
        Value::Array(items) if (2..=4).contains(&items.len()) => items,
        Value::Array(_) | Value::Object(_) | Value::Null => return Err(wrong()),
        content => return Ok(Part::text(python_text::str(content)).file_name(name)),
    };
    let mut part = Part::text(python_text::str(&items[1]));
    if python_text::is_truthy(&items[0]) {
        part = part.file_name(python_text::str(&items[0]));
    }
    if let Some(kind) = items.get(2).filter(|kind| python_text::is_truthy(*kind)) {
        part = part.mime_str(&python_text::str(kind)).map_err(|_| wrong())?;
    }
    let mut headers = HeaderMap::new();
    for (name, value) in mapping("headers", items.get(3))? {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        headers.insert(name, HeaderValue::from_str(&python_text::str(&value)).map_err(|_| wrong())?);
    }
    Ok(part.headers(headers))
}

/// The request with files, and with fields of a form beside them.
pub(super) fn with(
    request: RequestBuilder,
    files: Vec<(String, Part)>,
    fields: Option<&Value>,
) -> Result<RequestBuilder, Failure> {
    if files.is_empty() {
        return Ok(request);
    }
    let mut form = Form::new();
    for (name, value) in mapping("payload", fields)? {
        form = form.text(name, python_text::str(&value));
    }
    Ok(request.multipart(files.into_iter().fold(form, |form, (name, part)| form.part(name, part))))
}

/// The request with the fields of a form, encoded as those of addresses are.
pub(super) fn form(request: RequestBuilder, fields: &Map<String, Value>) -> RequestBuilder {
    let mut encoded = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let values = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
        for value in values {
            encoded.append_pair(name, &python_text::str(value));
        }
    }
    request.header("content-type", "application/x-www-form-urlencoded").body(encoded.finish())
}
