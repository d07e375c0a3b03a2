//! Templates in resources: Jinja2's syntax, with the operation's `ctx` among the variables.

use minijinja::value::{Serde, Value as Variable};
use minijinja::{Environment, Output, State as Rendering};
use nephele_model::python_text;
use serde_json::{Map, Value, json};

use super::raised::Raised;
use super::session::{Session, State};
use super::subject::Side;

/// Whether there is anything to render.
pub(super) fn is_template(content: &[u8]) -> bool {
    content.windows(2).any(|pair| matches!(pair, b"{{" | b"{#" | b"{%"))
}

/// Renders a resource with `variables` and `ctx`.
pub(super) async fn render(
    session: &Session,
    state: &mut State,
    name: &str,
    content: Vec<u8>,
    variables: Value,
) -> Result<Vec<u8>, Raised> {
    let text = String::from_utf8(content)
        .map_err(|_| Raised::new("UnicodeDecodeError", format!("the template {name} is not UTF-8 text")))?;
    let mut variables = match variables {
        Value::Object(variables) => variables,
        _ => Map::new(),
    };
    if variables.contains_key("ctx") {
        return Err(Raised::fatal("Key not allowed - a key named ctx is in template_variables"));
    }
    // Reading all of `ctx` takes several requests.
    if text.contains("ctx") {
        variables.insert("ctx".to_owned(), snapshot(session, state).await?);
    }
    let mut environment = Environment::new();
    environment.set_formatter(format);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    let rendered = environment.render_named_str(name, &text, Serde(variables));
    rendered.map(String::into_bytes).map_err(|error| Raised::new("TemplateError", format!("{error:#}")))
}

/// Prints values as Python does, where the two differ.
fn format(out: &mut Output, _: &mut Rendering, value: &Variable) -> Result<(), minijinja::Error> {
    let text = match serde_json::to_value(value) {
        _ if value.is_undefined() => String::new(),
        Ok(value) => python_text::str(&value),
        Err(_) => value.to_string(),
    };
    out.write_str(&text).map_err(minijinja::Error::from)
}

/// What a template can see of `ctx`.
async fn snapshot(session: &Session, state: &mut State) -> Result<Value, Raised> {
    let context = session.context();
    let client = &session.operation.client;
    let mut ctx = json!({
        "operation": context.operation, "plugin": context.plugin, "execution_id": context.execution_id,
        "workflow_id": context.workflow_id, "workflow_parameters": context.workflow_parameters,
        "tenant_name": context.tenant.name, "task_id": context.task_id, "task_name": context.task_name,
        "blueprint": {"id": context.blueprint_id},
        "deployment": {
            "id": context.deployment_id, "display_name": context.deployment_display_name,
            "tenant_name": context.tenant.name, "creator": context.deployment_creator,
        },
    });
    for (side, subject) in &mut state.subjects {
        let node = subject.node(client, context).await?.clone();
        let host_ip = subject.host_ip(client, context).await.ok();
        let id = subject.id.clone();
        let node_name = subject.node_name.clone();
        let instance = subject.instance(client).await?;
        let seen = json!({
            "node": {
                "id": node_name, "name": node_name, "properties": node["properties"], "type": node["type"],
                "type_hierarchy": node["type_hierarchy"], "number_of_instances": node["number_of_instances"],
            },
            "instance": {
                "id": id, "runtime_properties": instance.properties, "host_ip": host_ip,
                "index": instance.fields["index"], "relationships": instance.fields["relationships"],
                "scaling_groups": instance.fields["scaling_groups"],
            },
        });
        match (side, seen) {
            (Side::Own, Value::Object(seen)) => {
                if let Some(ctx) = ctx.as_object_mut() {
                    ctx.extend(seen);
                }
            }
            (Side::Source, seen) => ctx["source"] = seen,
            (_, seen) => ctx["target"] = seen,
        }
    }
    Ok(ctx)
}
