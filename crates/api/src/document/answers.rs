//! What routes answer: what each row of the table says it gives, and the refusals that all share.

use nephele_manager::Resource;
use nephele_model::Code;
use serde_json::{Map, Value, json};

use super::schemas::Schemas;
use crate::declared::{Content, Reads};
use crate::table::{Access, Route};

/// What an answer is about.
#[derive(Clone, Copy)]
pub(crate) enum Of {
    /// A record with all its fields.
    Record(&'static Resource),
    /// A record under another name, of which some fields may be missing.
    Partly(&'static Resource, &'static str, &'static [&'static str]),
    /// A shape that `schemas.rs` names.
    Named(&'static str),
}

impl Of {
    /// The fields that lists of it can be filtered by.
    pub(super) fn filters(self) -> Vec<&'static str> {
        match self {
            Self::Record(resource) | Self::Partly(resource, ..) => resource.filters(),
            Self::Named(_) => Vec::new(),
        }
    }
}

/// What a route answers when all is well.
#[derive(Clone, Copy)]
pub(crate) enum Gives {
    /// 200 with a page of a list.
    Page(Of),
    /// The same where filter rules hide nothing.
    Plain(Of),
    /// Either of the two.
    AnyPage(Of),
    /// 200 with one thing.
    One(Of),
    /// 201 with one thing.
    Made(Of),
    /// 201 with one thing, or with a page of several.
    MadeOrSeveral(Of),
    /// 200 with one thing, or 201 when it is new.
    OneOrMade(Of),
    /// 200 with one thing, or 204.
    OneOrNothing(Of),
    /// 201 with `null`, or 204 when there was nothing to store.
    Stored,
    /// 204.
    Nothing,
    /// A file, or the part of it that was asked for.
    File,
    /// A file, or what a folder holds.
    FileOrFolder,
    /// Events that do not end.
    Stream,
    /// 200 with lines of text.
    Text,
}

/// The answers of a route by status.
pub(super) fn responses(route: &Route, reads: &Reads, schemas: &mut Schemas) -> Value {
    let mut answers = Map::new();
    let json =
        |schema: Value| json!({"description": "As wanted.", "content": {"application/json": {"schema": schema}}});
    let nothing = |why: &str| json!({"description": why});
    let bytes = |media: &str| json!({"description": "As wanted.", "content": {media: {"schema": {}}}});
    let mut add = |status: u16, answer: Value| answers.insert(status.to_string(), answer);
    match route.gives {
        Gives::Page(of) => add(200, json(page(&schemas.reference(of), true))),
        Gives::Plain(of) => add(200, json(page(&schemas.reference(of), false))),
        Gives::AnyPage(of) => {
            let one = schemas.reference(of);
            add(200, json(json!({"anyOf": [page(&one, true), page(&one, false)]})))
        }
        Gives::One(of) => add(200, json(schemas.reference(of))),
        Gives::Made(of) => add(201, json(schemas.reference(of))),
        Gives::MadeOrSeveral(of) => {
            let one = schemas.reference(of);
            add(201, json(json!({"anyOf": [one, page(&one, false)]})))
        }
        Gives::OneOrMade(of) => {
            add(200, json(schemas.reference(of)));
            add(201, json(schemas.reference(of)))
        }
        Gives::OneOrNothing(of) => {
            add(200, json(schemas.reference(of)));
            add(204, nothing("Done."))
        }
        Gives::Stored => {
            add(201, json(json!({"type": "null"})));
            add(204, nothing("There was nothing to store."))
        }
        Gives::Nothing => add(204, nothing("Done.")),
        Gives::File => {
            add(206, bytes("application/octet-stream"));
            add(304, nothing("The client's copy is as new."));
            add(416, nothing("The file has no such part."));
            add(200, bytes("application/octet-stream"))
        }
        Gives::FileOrFolder => {
            add(206, bytes("application/octet-stream"));
            add(301, nothing("A folder is asked for with a slash at the end."));
            add(304, nothing("The client's copy is as new."));
            add(416, nothing("The file has no such part."));
            let index = json!({"type": "object", "additionalProperties": {"type": "string"}});
            let content = json!({
                "application/octet-stream": {"schema": {}}, "application/gzip": {"schema": {}},
                "application/json": {"schema": index},
            });
            add(
                200,
                json!({"description": "The file, or each file in the folder with its time of change.", "content": content}),
            )
        }
        Gives::Stream => add(200, bytes("text/event-stream")),
        Gives::Text => add(200, bytes("text/plain")),
    };
    for status in refused(route, reads) {
        answers
            .entry(status.to_string())
            .or_insert_with(|| json!({"$ref": format!("#/components/responses/Refused{status}")}));
    }
    answers.sort_keys();
    Value::Object(answers)
}

fn page(item: &Value, filtered: bool) -> Value {
    let metadata = if filtered { "Metadata" } else { "PlainMetadata" };
    json!({
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": item},
            "metadata": {"$ref": format!("#/components/schemas/{metadata}")},
        },
        "required": ["items", "metadata"],
        "additionalProperties": false,
    })
}

/// The statuses with which a route may refuse.
fn refused(route: &Route, reads: &Reads) -> Vec<u16> {
    let changes = route.method != axum::http::Method::GET;
    let mut refused = vec![500];
    let open = matches!(route.access, Access::Public);
    if !open {
        refused.extend([400, 401, 403, 409, 503]);
    }
    if route.path.contains('{') || changes || !open {
        refused.push(404);
    }
    if changes {
        refused.extend([304, 405]);
    }
    if !reads.bodies.is_empty() {
        refused.push(413);
    }
    if reads.bodies.iter().any(|body| matches!(body, Content::Json(_))) {
        refused.push(415);
    }
    if route.path.starts_with("/audit") {
        refused.push(422);
    }
    refused
}

/// One refusal for each status, with the codes that it may have.
pub(super) fn refusals() -> Value {
    let mut statuses: Vec<u16> = Code::ALL.iter().map(|code| code.status()).collect();
    statuses.sort_unstable();
    statuses.dedup();
    let mut refusals = Map::new();
    for status in statuses {
        let codes: Vec<_> = Code::ALL.iter().filter(|code| code.status() == status).collect();
        let description: Vec<_> = codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.meaning())).collect();
        let names: Vec<_> = codes.iter().map(|code| code.as_str()).collect();
        let schema = json!({
            "allOf": [{"$ref": "#/components/schemas/Refusal"}],
            "properties": {"error_code": {"enum": names}},
        });
        let mut refusal = json!({"description": description.join("\n\n")});
        if status != 304 {
            refusal["content"] = json!({"application/json": {"schema": schema}});
        }
        refusals.insert(format!("Refused{status}"), refusal);
    }
    let detail = json!({"type": "object", "properties": {"detail": {}}, "required": ["detail"]});
    refusals.entry("Refused422").or_insert_with(
        || json!({"description": "The parameters make no sense.", "content": {"application/json": {"schema": detail}}}),
    );
    Value::Object(refusals)
}
