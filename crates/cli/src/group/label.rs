//! `... labels list|add|delete` of blueprints, deployments and groups of deployments.

use std::process::ExitCode;

use anyhow::bail;
use nephele_client::Method;
use serde_json::{Value, json};

use crate::call::Call;
use crate::labels;
use crate::table::{Columns, Outcome};

/// What has labels.
#[derive(Clone, Copy)]
pub(super) struct Labelled {
    pub(super) path: &'static str,
    /// The argument that names it.
    pub(super) argument: &'static str,
    /// How its labels are written.
    pub(super) put: bool,
}

impl Labelled {
    fn id<'a>(&self, call: &'a Call) -> &'a str {
        call.needed(self.argument)
    }

    async fn current(&self, call: &Call) -> anyhow::Result<Vec<(String, String)>> {
        Ok(labels::of(&call.get(&[self.path, self.id(call)], &[]).await?))
    }

    async fn write(&self, call: &Call, labels: &[(String, String)]) -> anyhow::Result<()> {
        let labels: Value = labels.iter().map(|(key, value)| json!({key.as_str(): value})).collect();
        let method = if self.put { Method::PUT } else { Method::PATCH };
        call.send(method, &[self.path, self.id(call)], &json!({"labels": labels})).await?;
        Ok(())
    }

    pub(super) async fn list(self, call: &Call) -> Outcome {
        let found = labels::by_key(&self.current(call).await?);
        if call.print.is_data() {
            call.print.value(&Value::Object(found))?;
            return Ok(ExitCode::SUCCESS);
        }
        let quoted =
            |value: &Value| Value::from(format!("\"{}\"", labels::escaped(value.as_str().unwrap_or_default())));
        let rows = found.iter().map(|(key, values)| {
            let values: Vec<Value> = values.as_array().into_iter().flatten().map(quoted).collect();
            json!({"key": key, "values": values})
        });
        call.print.rows(&Columns::of(&["key", "values"]), rows.collect())?;
        Ok(ExitCode::SUCCESS)
    }

    pub(super) async fn add(self, call: &Call) -> Outcome {
        let given = labels::read(call.needed("LABELS_LIST"))?;
        let mut all = self.current(call).await?;
        let before = all.len();
        for (key, value) in given {
            let label = (key, value.unwrap_or_default());
            if !all.contains(&label) {
                all.push(label);
            }
        }
        if all.len() == before {
            call.print.say("All of these labels are there already")?;
        } else {
            self.write(call, &all).await?;
            call.print.say(format!("{} labels are added successfully", all.len() - before))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    pub(super) async fn delete(self, call: &Call) -> Outcome {
        let given = labels::read_loose(call.needed("LABEL"));
        if given.iter().any(|(key, _)| key.is_empty()) {
            bail!("`{}` is no label: write key:value, or only the key", call.needed("LABEL"));
        }
        let all = self.current(call).await?;
        let goes = |label: &(String, String)| {
            given.iter().any(|(key, value)| *key == label.0 && value.as_ref().is_none_or(|value| *value == label.1))
        };
        let kept: Vec<_> = all.iter().filter(|label| !goes(label)).cloned().collect();
        if kept.len() == all.len() {
            call.print.say("None of these labels is there")?;
        } else {
            self.write(call, &kept).await?;
            call.print.say(format!("{} labels are deleted successfully", all.len() - kept.len()))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
