//! Plugins that a blueprint declares (spec dsl.md section 1.3).

use indexmap::IndexMap;
use nephele_model::json::{Map, Value};
use nephele_model::python_text;

use super::{Scope, properties};
use crate::diagnostic::{Diagnostic, Fault, suggestion};
use crate::element::Element;
use crate::schema::grammar::PLUGIN_FIELDS;

/// Plugins by name, as plans show them.
pub(crate) type Plugins = IndexMap<String, Map>;

/// The executors that a plugin or an operation may name.
pub(crate) const EXECUTORS: [&str; 2] = ["central_deployment_agent", "host_agent"];

/// Fills `scope.plugins` from the section. One that cannot be used is known by its name.
pub(crate) fn parse(section: &Element<'_, '_>, scope: &mut Scope<'_>) {
    for element in section.entries() {
        for property in element.get("properties").entries() {
            let checked = properties::check_type(&property.get("type"), scope);
            scope.keep(checked);
        }
        let plugin = scope.keep(one(&element)).unwrap_or_default();
        scope.plugins.insert(element.name().into_owned(), plugin);
    }
}

fn one(element: &Element<'_, '_>) -> Result<Map, Diagnostic> {
    let name = element.name();
    let executor = element.get("executor");
    if executor.text().is_none_or(|executor| !EXECUTORS.contains(&executor)) {
        let message = format!(
            "Plugin '{name}' has an illegal 'executor' value '{}'; value must be either '{}' or '{}'",
            python_text::str(&executor.json()),
            EXECUTORS[0],
            EXECUTORS[1]
        );
        return Err(executor
            .problem(Fault::PluginExecutor, message)
            .with_hint(suggestion(executor.text().unwrap_or_default(), EXECUTORS)));
    }
    let mut plugin = Map::with_capacity(PLUGIN_FIELDS.len() + 1);
    for field in PLUGIN_FIELDS {
        let value = element.get(field.name);
        let shown = match field.name {
            "install" if value.node().is_none() => Value::Bool(true),
            "properties" => {
                Value::Object(value.entries().map(|property| (property.name().into_owned(), property.json())).collect())
            }
            _ => value.json(),
        };
        plugin.insert(field.name.to_owned(), shown);
    }
    let given = |key: &str| plugin.get(key).is_some_and(python_text::is_truthy);
    if given("install") && !given("source") && !given("package_name") {
        let message =
            format!("Plugin '{name}' needs to be installed, but does not declare a source or package_name property");
        return Err(element.problem(Fault::PluginWithoutSource, message));
    }
    plugin.insert("name".to_owned(), Value::from(name.into_owned()));
    Ok(plugin)
}
