//! Parameters and bodies of requests, as the handlers' own code tells them.

use serde_json::{Map, Value, json};

use super::Gives;
use crate::declared::{Content, Declared, Keys, Reads, Shape};
use crate::table::{Access, Route};

/// Places in paths that hold one of a few words.
const WORDS: &[(&str, &[&str])] = &[
    ("kind", &["blueprints", "deployments"]),
    ("phase", &["initiate", "finalize"]),
    ("action", &["activate", "deactivate"]),
];

/// Everything around the body.
pub(super) fn parameters(route: &Route, reads: &Reads) -> Vec<Value> {
    let named = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = named.map(|name| {
        let name = name.trim_start_matches('*');
        let words = WORDS.iter().find(|(place, _)| *place == name);
        let schema = match words {
            Some((_, words)) => json!({"type": "string", "enum": words}),
            None => json!({"type": "string", "minLength": 1}),
        };
        json!({"name": name, "in": "path", "required": true, "schema": schema})
    });
    let mut parameters: Vec<Value> = in_path.collect();
    parameters.extend(reads.query.iter().map(in_query));
    if let (true, Gives::Page(of) | Gives::Plain(of) | Gives::AnyPage(of)) = (reads.filters, route.gives) {
        let read = |name: &&str| reads.query.iter().all(|known| known.key != *name);
        parameters.extend(
            of.filters()
                .into_iter()
                .filter(read)
                .map(|name| in_query(&Declared { key: name.to_owned(), shape: Shape::Repeated, required: false })),
        );
    }
    let in_tenant = !matches!(
        route.access,
        Access::Public | Access::Cookie | Access::NeedsInNamedTenant(_) | Access::NeedsInSentTenant(_)
    );
    if in_tenant {
        parameters.push(json!({"$ref": "#/components/parameters/Tenant"}));
    }
    parameters
}

fn in_query(declared: &Declared) -> Value {
    let list = |items: Value| json!({"type": "array", "items": items});
    let text = || json!({"type": "string"});
    let schema = match &declared.shape {
        Shape::Flag | Shape::Switch => json!({"type": "boolean"}),
        Shape::Count => json!({"type": "integer", "minimum": 0, "maximum": i64::MAX}),
        Shape::Words(words) => json!({"type": "string", "enum": words}),
        Shape::WordList(words) => list(json!({"type": "string", "enum": words})),
        Shape::Fields | Shape::Repeated => list(text()),
        Shape::Sort => list(json!({"type": "string", "pattern": "^[+-]?[A-Za-z0-9_:.-]+$"})),
        _ => text(),
    };
    let mut parameter = json!({"name": declared.key, "in": "query", "required": declared.required, "schema": schema});
    match &declared.shape {
        Shape::Fields => parameter["explode"] = false.into(),
        Shape::Present => parameter["description"] = "Any text that is not empty means yes.".into(),
        Shape::Sort => parameter["description"] = "Fields to sort by; `-` before one turns its order round.".into(),
        _ => {}
    }
    parameter
}

/// The body; `None` where none is read.
pub(super) fn body(reads: &Reads) -> Option<Value> {
    let mut content = Map::new();
    for kind in &reads.bodies {
        let (media, schema) = match kind {
            Content::Json(keys) => ("application/json", object(keys)),
            Content::List => ("application/json", json!({"type": "array", "items": {}})),
            Content::Text => ("text/plain", json!({"type": "string"})),
            Content::Bytes => ("application/octet-stream", json!({})),
            Content::Form(keys, file) => {
                let properties = json!({"params": object(keys), *file: {"type": "string", "contentMediaType": "application/octet-stream"}});
                ("multipart/form-data", json!({"type": "object", "properties": properties, "required": ["params"]}))
            }
            Content::Files => {
                let file = json!({"type": "string", "contentMediaType": "application/octet-stream"});
                let properties = json!({"file": file, "mtime": {"type": "string"}});
                ("multipart/form-data", json!({"type": "object", "properties": properties, "required": ["file"]}))
            }
        };
        content.insert(media.to_owned(), json!({"schema": schema}));
    }
    (!content.is_empty()).then(|| json!({"required": reads.body_required, "content": content}))
}

fn object(keys: &Keys) -> Value {
    let mut object = members(&keys.keys);
    if keys.closed {
        object["additionalProperties"] = false.into();
    }
    object
}

fn members(keys: &[Declared]) -> Value {
    let properties: Map<_, _> = keys.iter().map(|key| (key.key.clone(), in_body(key))).collect();
    let required: Vec<_> = keys.iter().filter(|key| key.required).map(|key| key.key.clone()).collect();
    let mut object = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        object["required"] = required.into();
    }
    object
}

/// A value of a body. What may be left out may also be null.
fn in_body(declared: &Declared) -> Value {
    let mut schema = match &declared.shape {
        Shape::Any => return json!({}),
        Shape::Flag | Shape::Switch | Shape::Present => json!({"type": "boolean"}),
        Shape::Integer => json!({"type": "integer"}),
        Shape::Count => json!({"type": "integer", "minimum": 0}),
        Shape::Number => json!({"type": "number"}),
        Shape::Object => json!({"type": "object"}),
        Shape::List => json!({"type": "array", "items": {}}),
        Shape::Texts | Shape::Fields | Shape::Repeated | Shape::Sort => {
            json!({"type": "array", "items": {"type": "string"}})
        }
        Shape::Words(words) => json!({"type": "string", "enum": words}),
        Shape::WordList(words) => json!({"type": "array", "items": {"type": "string", "enum": words}}),
        Shape::Part(keys) => members(keys),
        Shape::Parts(keys) => json!({"type": "array", "items": members(keys)}),
        Shape::Text | Shape::Time => json!({"type": "string"}),
    };
    if !declared.required {
        schema["type"] = json!([schema["type"], "null"]);
        if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            words.push(Value::Null);
        }
    }
    schema
}
