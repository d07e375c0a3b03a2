//! Summaries: how many objects of a kind there are, by one field or by two.
//!
//! Source: spec rest-api.md section 2.13.

use nephele_model::page::{ListQuery, Page};
use nephele_model::{Error, Result};
use nephele_store::{Resource, blueprints, deployments, execution_schedules, executions, node_instances, nodes};
use serde_json::{Map, Value, json};

use crate::rows::failed;
use crate::{Ctx, Manager};

/// What can be summarised.
pub struct Summary {
    /// The name of the number in each item.
    counted: &'static str,
    resource: &'static Resource,
    fields: &'static [&'static str],
}

impl Summary {
    /// Deployments.
    pub const DEPLOYMENTS: Self = Self {
        counted: "deployments",
        resource: &deployments::RESOURCE,
        fields: &["blueprint_id", "tenant_name", "visibility", "site_name", "deployment_status"],
    };
    /// Nodes.
    pub const NODES: Self =
        Self { counted: "nodes", resource: &nodes::RESOURCE, fields: &["deployment_id", "tenant_name", "visibility"] };
    /// Node instances.
    pub const NODE_INSTANCES: Self = Self {
        counted: "node_instances",
        resource: &node_instances::RESOURCE,
        fields: &["deployment_id", "index", "node_id", "state", "host_id", "tenant_name", "visibility"],
    };
    /// Executions.
    pub const EXECUTIONS: Self = Self {
        counted: "executions",
        resource: &executions::DETAILS,
        fields: &[
            "status",
            "status_display",
            "blueprint_id",
            "deployment_id",
            "workflow_id",
            "tenant_name",
            "visibility",
        ],
    };
    /// Schedules of executions.
    pub const EXECUTION_SCHEDULES: Self = Self {
        counted: "execution_schedules",
        resource: &execution_schedules::RESOURCE,
        fields: &["deployment_id", "workflow_id", "tenant_name", "visibility"],
    };
    /// Blueprints.
    pub const BLUEPRINTS: Self =
        Self { counted: "blueprints", resource: &blueprints::DETAILS, fields: &["tenant_name", "visibility"] };

    /// The fields that were asked for, checked.
    fn fields<'a>(&self, target: Option<&'a str>, sub: Option<&'a str>) -> Result<Vec<&'a str>> {
        let mut problems = Vec::new();
        let mut check = |name: &str, field: Option<&str>| match field {
            None => problems.push(format!("{name}\n  field required (type=value_error.missing)")),
            Some(field) if !self.fields.contains(&field) => problems.push(format!(
                "{name}\n  Invalid summary field: {field}. Allowed values: {} (type=value_error)",
                self.fields.join(", ")
            )),
            Some(_) => {}
        };
        check("_target_field", target);
        if sub.is_some() {
            check("_sub_field", sub);
        }
        if problems.is_empty() {
            return Ok([target, sub].into_iter().flatten().collect());
        }
        let plural = if problems.len() == 1 { "" } else { "s" };
        Err(Error::bad_parameters(format!(
            "{} validation error{plural} for SummaryRequest\n{}",
            problems.len(),
            problems.join("\n")
        )))
    }
}

impl Manager {
    /// One page of a summary by `target`, and within that by `sub`.
    pub async fn summarize(
        &self,
        ctx: &Ctx,
        summary: &Summary,
        query: &ListQuery,
        target: Option<&str>,
        sub: Option<&str>,
    ) -> Result<Page<Value>> {
        let fields = summary.fields(target, sub)?;
        let scope = self.scope(ctx, query.all_tenants).await?;
        let found = self.store.summarize(summary.resource, &scope, query, &fields).await.map_err(failed)?;
        let (total, size, offset) = (found.total, found.size, found.offset);
        // Groups with the same first value come one after the other.
        let mut items: Vec<Map<String, Value>> = Vec::new();
        for group in found.items {
            let [target, sub @ ..] = fields.as_slice() else { continue };
            let [value, rest @ ..] = group.values.as_slice() else { continue };
            if items.last().is_none_or(|last| last.get(*target) != Some(value)) {
                items.push(Map::from_iter([
                    ((*target).to_owned(), value.clone()),
                    (summary.counted.to_owned(), json!(0)),
                ]));
            }
            let Some(item) = items.last_mut() else { continue };
            item[summary.counted] = json!(item[summary.counted].as_u64().unwrap_or_default() + group.count);
            if let ([name], [value]) = (sub, rest) {
                let part = json!({*name: value, summary.counted: group.count});
                let parts = item.entry(format!("by {name}")).or_insert_with(|| json!([]));
                parts.as_array_mut().into_iter().for_each(|parts| parts.push(part.clone()));
            }
        }
        Ok(Page { items, total, size, offset, filtered: None }.map(Value::Object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_missing_fields_are_named() {
        let refused = |target, sub| Summary::BLUEPRINTS.fields(target, sub).unwrap_err().message().to_owned();
        assert_eq!(
            refused(None, None),
            "1 validation error for SummaryRequest\n_target_field\n  field required (type=value_error.missing)"
        );
        let two = refused(Some("a"), Some("b"));
        assert!(two.starts_with("2 validation errors") && two.contains("tenant_name, visibility"), "{two}");
        assert_eq!(Summary::BLUEPRINTS.fields(Some("visibility"), None).unwrap(), ["visibility"]);
    }
}
