//! Holds answers against the OpenAPI document: every answer that any test of this crate gets.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use axum::http::Method;
use jsonschema::Validator;
use serde_json::{Value, json};

static DOCUMENT: LazyLock<Value> = LazyLock::new(nephele_api::document);
/// A validator for each place of the document that was needed.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Validator>>> = LazyLock::new(Mutex::default);

/// Panics when the document knows the route, but not this answer. `path` is with its query.
pub(crate) fn check(method: &Method, path: &str, status: u16, kind: &str, body: &[u8]) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let Some(path) = path.strip_prefix("/api/v3.1") else { return };
    let Some(template) = template(path) else { return };
    let method = method.as_str().to_ascii_lowercase();
    let operation = &DOCUMENT["paths"][template][&method];
    if operation.is_null() {
        return;
    }
    let mut place = format!("/paths/{}/{method}/responses/{status}", template.replace('~', "~0").replace('/', "~1"));
    let mut answer = &operation["responses"][status.to_string()];
    assert!(!answer.is_null(), "{method} {path} answers {status}, which is not documented: {}", text(body));
    if let Some(shared) = answer["$ref"].as_str() {
        place = shared.trim_start_matches('#').to_owned();
        answer = DOCUMENT.pointer(&place).unwrap();
    }
    let media = kind.split(';').next().unwrap_or_default().trim();
    if answer["content"].is_null() {
        assert!(
            body.is_empty(),
            "{method} {path} answers {status} with a body, which is not documented: {}",
            text(body)
        );
        return;
    }
    let content = &answer["content"][media];
    assert!(!content.is_null(), "{method} {path} answers {status} with `{kind}`, which is not documented");
    // Only the fields that were asked for.
    if media != "application/json" || query.contains("_include") {
        return;
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
    let mut validators = VALIDATORS.lock().unwrap();
    let validator = validators.entry(place.clone()).or_insert_with(|| {
        let schema = json!({"allOf": [content["schema"]], "components": DOCUMENT["components"]});
        jsonschema::validator_for(&schema).unwrap()
    });
    let problems: Vec<String> =
        validator.iter_errors(&body).map(|error| format!("{} at `{}`", error, error.instance_path())).collect();
    drop(validators);
    assert!(problems.is_empty(), "{method} {path} answers {status} in another shape: {problems:#?}\n{body:#}");
}

/// The path of the document that this one matches; one with fewer parameters comes first.
fn template(path: &str) -> Option<&'static str> {
    let sent: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let parts: Vec<&str> = template.split('/').collect();
        let rest = template.ends_with("/{path}") && sent.len() >= parts.len();
        (parts.len() == sent.len() || rest)
            && parts.iter().zip(&sent).all(|(part, sent)| part.starts_with('{') || part == sent)
    };
    let paths = DOCUMENT["paths"].as_object().unwrap().keys().map(String::as_str);
    paths.filter(|template| fits(template)).min_by_key(|template| template.matches('{').count())
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(500)]).into_owned()
}
