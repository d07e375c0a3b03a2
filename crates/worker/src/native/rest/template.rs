//! From the text of a template to its calls.

use futures::FutureExt;
use futures::future::BoxFuture;
use nephele_model::operation::Failure;
use serde_json::{Map, Value};

use crate::ctx::session::Session;
use crate::native::yaml;

/// A file of the blueprint whose texts are rendered.
pub(super) struct Template<'a> {
    pub(super) name: &'a str,
    pub(super) session: &'a Session,
}

impl Template<'_> {
    /// The calls: rendered before they are read as YAML, or as they stand there.
    pub(super) async fn calls(
        &self,
        text: String,
        params: &Map<String, Value>,
        prerender: bool,
    ) -> Result<Vec<Value>, Failure> {
        let text = if prerender { self.session.render(self.name, text, params).await? } else { text };
        let mut read = self.read(&text)?;
        match read.get_mut("rest_calls").map(Value::take) {
            Some(Value::Array(calls)) => Ok(calls),
            _ => Err(Failure::fatal(format!("the template {} must have a list `rest_calls`", self.name))),
        }
    }

    /// Renders every text of a call. One that is a statement (`{% … %}`) gives a value, as YAML writes it.
    pub(super) fn fill<'a>(
        &'a self,
        value: Value,
        params: &'a Map<String, Value>,
    ) -> BoxFuture<'a, Result<Value, Failure>> {
        async move {
            Ok(match value {
                Value::String(text) => {
                    let is_statement = text.starts_with("{%") && text.ends_with("%}");
                    let text = self.session.render(self.name, text, params).await?;
                    if is_statement { self.read(&text)? } else { Value::String(text) }
                }
                Value::Array(items) => {
                    let mut filled = Vec::with_capacity(items.len());
                    for item in items {
                        filled.push(self.fill(item, params).await?);
                    }
                    Value::Array(filled)
                }
                Value::Object(fields) => {
                    let mut filled = Map::with_capacity(fields.len());
                    for (name, field) in fields {
                        let name = self.session.render(self.name, name, params).await?;
                        filled.insert(name, self.fill(field, params).await?);
                    }
                    Value::Object(filled)
                }
                other => other,
            })
        }
        .boxed()
    }

    fn read(&self, text: &str) -> Result<Value, Failure> {
        yaml::read(text).map_err(|error| Failure::fatal(format!("the template {} is no YAML: {error}", self.name)))
    }
}
