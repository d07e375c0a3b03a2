//! Workflows (spec dsl.md section 4.5).

use indexmap::IndexMap;
use nephele_model::json::{Map, Value, object};
use nephele_model::python_text;

use super::Scope;
use super::inputs::{self, Flavour};
use super::operations::{self, Owner};
use crate::diagnostic::{Diagnostic, Fault};
use crate::element::Element;

/// The workflows as plans show them.
pub(crate) fn parse(section: &Element<'_, '_>, scope: &mut Scope<'_>) -> Map {
    let mut workflows = Map::new();
    for element in section.entries() {
        let workflow = one(&element, scope);
        if let Some(workflow) = scope.keep(workflow) {
            workflows.insert(element.name().into_owned(), workflow);
        }
    }
    workflows
}

fn one(element: &Element<'_, '_>, scope: &mut Scope<'_>) -> Result<Value, Diagnostic> {
    let name = element.name();
    let mut parameters = inputs::parse(&element.get("parameters"), Flavour::Parameter, scope);
    let rules = element.get("availability_rules");
    let active = rules.get("node_instances_active");
    let known = ["all", "partial", "none"];
    if active.items().any(|item| item.text().is_none_or(|text| !known.contains(&text))) {
        let message = format!(
            "Invalid definition of 'active_node_instances' availability rule: '{}'. Allowed values: ('all', \
             'partial', 'none')",
            python_text::str(&active.json())
        );
        return Err(active.problem(Fault::AvailabilityRule, message));
    }
    let mapping_element = element.get("mapping");
    let mapping = element.text().or_else(|| mapping_element.text()).unwrap_or_default();
    let owner = Owner { kind: "workflow", name: &name, fault: Fault::UnmappedWorkflow, context: "" };
    let target = operations::target(mapping, &parameters, owner, scope).map_err(|problem| {
        let written = if mapping_element.is_written() { &mapping_element } else { element };
        element.quoted(written.placed(problem))
    })?;
    if let Some(argument) = target.script_argument {
        let script = object! {"default": mapping, "description": "Workflow script executed by the script plugin"};
        parameters.insert(argument.to_owned(), script);
    }
    let is_cascading = element.get("is_cascading");
    Ok(object! {
        "plugin": target.plugin,
        "operation": target.operation,
        "parameters": parameters,
        "is_cascading": if is_cascading.is_written() { is_cascading.json() } else { Value::Bool(false) },
        "availability_rules": rules.json(),
    })
}

/// The plugins that run workflows, in the order of their first workflow.
pub(crate) fn plugins_to_install(workflows: &Map, scope: &Scope<'_>) -> Value {
    let mut plugins = IndexMap::new();
    for name in workflows.values().filter_map(|workflow| workflow.get("plugin")?.as_str()) {
        if let Some(plugin) = scope.plugins.get(name) {
            plugins.entry(name).or_insert_with(|| Value::Object(plugin.clone()));
        }
    }
    Value::Array(plugins.into_values().collect())
}
