//! The protocol's own schemas (`schema/`), and messages held against them.

use jsonschema::Validator;
use serde_json::{Value, json};

/// One version of the protocol.
pub(super) struct Protocol {
    pub(super) version: &'static str,
    text: Value,
}

/// All versions that are spoken, the oldest first.
pub(super) fn versions() -> Vec<Protocol> {
    let texts = [
        ("2024-11-05", include_str!("schema/2024-11-05.json")),
        ("2025-03-26", include_str!("schema/2025-03-26.json")),
        ("2025-06-18", include_str!("schema/2025-06-18.json")),
        ("2025-11-25", include_str!("schema/2025-11-25.json")),
        ("2026-07-28", include_str!("schema/2026-07-28.json")),
    ];
    texts.map(|(version, text)| Protocol { version, text: serde_json::from_str(text).unwrap() }).into()
}

impl Protocol {
    pub(super) fn of(version: &str) -> Self {
        versions().into_iter().find(|protocol| protocol.version == version).unwrap()
    }

    /// Whether it begins with a handshake.
    pub(super) fn has_handshake(&self) -> bool {
        self.version < "2026"
    }

    fn validator(&self, definition: &str) -> Validator {
        let place = if self.text["$defs"].is_object() { "$defs" } else { "definitions" };
        assert!(self.text[place][definition].is_object(), "{} defines no {definition}", self.version);
        let mut schema = self.text.clone();
        schema["$ref"] = json!(format!("#/{place}/{definition}"));
        jsonschema::validator_for(&schema).unwrap()
    }

    /// Fails unless a message, or a part of one, is as the definition says.
    #[track_caller]
    pub(super) fn holds(&self, definition: &str, message: &Value) {
        let validator = self.validator(definition);
        let problems: Vec<_> = validator.iter_errors(message).map(|error| error.to_string()).collect();
        assert!(problems.is_empty(), "{} has another {definition}: {problems:#?}\n{message:#}", self.version);
    }

    /// The name of the definition of errors as answers.
    pub(super) fn error(&self) -> &'static str {
        if self.version < "2025-11" { "JSONRPCError" } else { "JSONRPCErrorResponse" }
    }
}

#[test]
fn the_schemas_refuse_what_is_wrong() {
    for protocol in versions() {
        for (definition, wrong) in [
            ("ListToolsResult", json!({"tools": [{"name": "x"}]})),
            ("CallToolResult", json!({"content": "x"})),
            ("JSONRPCRequest", json!({"jsonrpc": "1.0", "id": 1, "method": "ping"})),
            (protocol.error(), json!({"jsonrpc": "2.0", "id": null, "error": {"code": 1, "message": "x"}})),
        ] {
            assert!(!protocol.validator(definition).is_valid(&wrong), "{} {definition}", protocol.version);
        }
    }
}
