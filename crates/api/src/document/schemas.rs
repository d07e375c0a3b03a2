//! The shapes of answers. Records are told by the store's fields; the rest is in `shapes.rs`.

use nephele_manager::{Kind, Resource, ShownField};
use nephele_model::Code;
use serde_json::{Map, Value, json};

use super::{Of, shapes};

/// Fields that hold something in every record.
const NEVER_NULL: &[&str] =
    &["id", "name", "visibility", "resource_availability", "private_resource", "username", "state"];
/// Models of which there are records of nothing: what is only planned, what was there already, and what many have in
/// common.
const HOLLOW: &[&str] = &["Agent", "Execution", "Node"];

/// The shapes that the document refers to, as they are needed.
pub(super) struct Schemas(Map<String, Value>);

impl Schemas {
    pub(super) fn new() -> Self {
        let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        let mut schemas = Self(Map::new());
        let refusal = json!({
            "message": {"type": "string", "description": "For a person: what, where, and what to do."},
            "error_code": {"type": "string", "enum": codes},
            "server_traceback": {"type": "null"},
        });
        // Some codes come with details in keys of their own.
        let refusal = json!({
            "type": "object", "properties": refusal, "required": ["message", "error_code", "server_traceback"],
        });
        schemas.0.insert("Refusal".to_owned(), refusal);
        let count = json!({"type": "integer", "minimum": 0});
        let pagination = json!({"total": count, "size": count, "offset": count});
        schemas.0.insert("Pagination".to_owned(), object(pagination));
        let pagination = json!({"$ref": "#/components/schemas/Pagination"});
        let filtered = json!({"type": ["integer", "null"], "description": "How many entries filter rules hide."});
        schemas.0.insert("PlainMetadata".to_owned(), object(json!({"pagination": pagination})));
        schemas.0.insert("Metadata".to_owned(), object(json!({"pagination": pagination, "filtered": filtered})));
        schemas
    }

    pub(super) fn finish(mut self) -> Value {
        self.0.sort_keys();
        Value::Object(self.0)
    }

    /// A reference to a shape, which is described now unless it was before.
    pub(super) fn reference(&mut self, of: Of) -> Value {
        match of {
            Of::Record(resource) => self.record(resource, resource.model, &[]),
            Of::Partly(resource, name, missing) => self.record(resource, name, missing),
            Of::Named(name) => self.named(name),
        }
    }

    fn named(&mut self, name: &str) -> Value {
        if !self.0.contains_key(name) {
            let schema = shapes::shape(name);
            self.0.insert(name.to_owned(), schema);
            for part in shapes::parts(name) {
                self.named(part);
            }
            if let Some(resource) = shapes::held(name) {
                self.record(resource, resource.model, &[]);
            }
        }
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    fn record(&mut self, resource: &'static Resource, name: &str, missing: &[&str]) -> Value {
        if !self.0.contains_key(name) {
            // Its place, so that records which hold each other come to an end.
            self.0.insert(name.to_owned(), Value::Null);
            let (mut properties, mut required) = (Map::new(), Vec::new());
            for field in resource.shown() {
                properties.insert(field.name.to_owned(), self.field(resource.model, field));
                if field.always && !missing.contains(&field.name) {
                    required.push(field.name.to_owned());
                }
            }
            if resource.model == "Node" {
                // Only where functions are evaluated.
                properties.insert("name".to_owned(), json!({"type": "string"}));
            }
            let schema = json!({
                "type": "object", "properties": properties, "required": required, "additionalProperties": false,
            });
            self.0.insert(name.to_owned(), schema);
        }
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    fn field(&mut self, model: &str, field: ShownField) -> Value {
        if let Some(resource) = field.record {
            let inner = resource.shown().map(|field| {
                let known = self.field(resource.model, field);
                (field.name.to_owned(), if field.kind == Kind::Int { known } else { nullable(known) })
            });
            let properties: Map<_, _> = inner.collect();
            let required: Vec<_> = resource.shown().filter(|field| field.always).map(|field| field.name).collect();
            return json!({
                "type": "object", "properties": properties, "required": required, "additionalProperties": false,
            });
        }
        if let Some(known) = self.refined(model, field.name) {
            return known;
        }
        let never = NEVER_NULL.contains(&field.name) && !HOLLOW.contains(&model);
        let known = match field.kind {
            Kind::Int => return json!({"type": "integer"}),
            Kind::Json => return json!({}),
            Kind::Text => json!({"type": "string"}),
            Kind::Bool => json!({"type": "boolean"}),
            Kind::Float => json!({"type": "number"}),
            Kind::Time => json!({"type": "string", "format": "date-time"}),
        };
        if never { known } else { nullable(known) }
    }

    /// What a field holds, where its column does not say all.
    fn refined(&mut self, model: &str, name: &str) -> Option<Value> {
        Some(match (model, name) {
            // Counts, or with `_get_data` what is counted.
            ("User" | "Tenant" | "Group", "tenants" | "groups" | "users") => {
                json!({"type": ["integer", "array", "object"]})
            }
            ("RabbitMQBroker", "username") => json!({"type": ["string", "null"]}),
            ("Secret", "value") => json!({}),
            (_, "labels") if model != "Plugin" => json!({"type": "array", "items": self.named("Label")}),
            ("BlueprintsFilter" | "DeploymentsFilter", "value" | "labels_filter_rules" | "attrs_filter_rules") => {
                json!({"type": "array", "items": self.named("FilterRule")})
            }
            ("Deployment", "workflows") => json!({"type": ["array", "null"], "items": self.named("Workflow")}),
            (_, "deployment_groups" | "deployment_ids" | "execution_ids") => {
                json!({"type": ["array", "null"], "items": {"type": "string"}})
            }
            (
                _,
                "inputs"
                | "parameters"
                | "runtime_properties"
                | "system_properties"
                | "connection_parameters"
                | "outputs"
                | "capabilities"
                | "properties"
                | "plan",
            ) => json!({"type": ["object", "null"]}),
            _ => return None,
        })
    }
}

/// The same, or null.
fn nullable(mut schema: Value) -> Value {
    if let Some(Value::String(kind)) = schema.get("type").cloned() {
        schema["type"] = json!([kind, "null"]);
    }
    schema
}

/// An object with these keys and no others.
pub(super) fn object(properties: Value) -> Value {
    let Value::Object(properties) = properties else { return properties };
    let required: Vec<_> = properties.keys().cloned().collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}
