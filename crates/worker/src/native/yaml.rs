//! YAML as JSON.

use nephele_model::python_text;
use nephele_yaml11::{Node, Value as Yaml};
use serde_json::{Number, Value};

/// The only document of a text. Errors: why it is none.
pub(super) fn read(text: &str) -> Result<Value, String> {
    let node = nephele_yaml11::load(text).map_err(|error| error.to_string())?;
    Ok(node.as_deref().map(json).unwrap_or_default())
}

/// What JSON does not have is text.
fn json(node: &Node) -> Value {
    match &node.value {
        Yaml::Null => Value::Null,
        Yaml::Bool(truth) => Value::Bool(*truth),
        Yaml::Int(number) => Value::from(*number),
        Yaml::Float(number) => Number::from_f64(*number).map_or_else(|| Value::from(number.to_string()), Value::Number),
        Yaml::String(text) => Value::from(&**text),
        Yaml::BigInt(text) | Yaml::Timestamp(text) | Yaml::Binary(text) => Value::from(&**text),
        Yaml::Sequence(items) | Yaml::Set(items) => items.iter().map(|item| json(item)).collect(),
        Yaml::Mapping(entries) => {
            let field = |key: &Node| match json(key) {
                Value::String(text) => text,
                other => python_text::str(&other),
            };
            Value::Object(entries.iter().map(|entry| (field(&entry.key), json(&entry.value))).collect())
        }
    }
}
