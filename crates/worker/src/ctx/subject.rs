//! A node instance with its node, as an operation sees it: read when first needed, written back
//! when it was changed.

use nephele_client::Client;
use nephele_model::operation::Context;
use serde_json::{Map, Value, json};

use super::raised::Raised;

/// Whose instance: a node operation has its own, a relationship operation one at each end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Own,
    Source,
    Target,
}

pub(super) struct Subject {
    pub(super) id: String,
    pub(super) node_name: String,
    /// Whether functions in runtime properties are seen as they are written: what is stored again must not
    /// have their values in it.
    pub(super) is_as_written: bool,
    instance: Option<Instance>,
    node: Option<Value>,
}

/// An instance as it was read, with the script's changes.
pub(super) struct Instance {
    /// Everything but the runtime properties.
    pub(super) fields: Value,
    pub(super) properties: Map<String, Value>,
    pub(super) is_dirty: bool,
}

impl Subject {
    pub(super) fn new((id, node_name): (String, String)) -> Self {
        Self { id, node_name, is_as_written: false, instance: None, node: None }
    }

    pub(super) async fn instance(&mut self, client: &Client) -> Result<&mut Instance, Raised> {
        let instance = match self.instance.take() {
            Some(instance) => instance,
            None if self.is_as_written => read(client, &self.id, &[]).await?,
            None => fetch(client, &self.id).await?,
        };
        Ok(self.instance.insert(instance))
    }

    pub(super) async fn node(&mut self, client: &Client, context: &Context) -> Result<&Value, Raised> {
        let node = match self.node.take() {
            Some(node) => node,
            None => fetch_node(client, context, &self.node_name, Some(&self.id)).await?,
        };
        Ok(self.node.insert(node))
    }

    /// Stores changes, if there are any, and forgets the instance, so that it is read anew.
    pub(super) async fn update(&mut self, client: &Client) -> Result<(), Raised> {
        if let Some(instance) = self.instance.as_ref().filter(|instance| instance.is_dirty) {
            let body = json!({
                "version": instance.fields["version"],
                "state": instance.fields["state"],
                "runtime_properties": instance.properties,
            });
            client.node_instances().patch(&self.id, &body).await?;
        }
        self.instance = None;
        Ok(())
    }

    /// Reads the instance anew; refuses to lose changes unless `force`.
    pub(super) async fn refresh(&mut self, client: &Client, force: bool) -> Result<(), Raised> {
        if !force && self.instance.as_ref().is_some_and(|instance| instance.is_dirty) {
            return Err(Raised::fatal("runtime_properties are dirty: refreshing now would destroy local changes"));
        }
        self.instance = Some(fetch(client, &self.id).await?);
        Ok(())
    }

    /// The address of the host that the instance is on.
    pub(super) async fn host_ip(&mut self, client: &Client, context: &Context) -> Result<Value, Raised> {
        let id = self.id.clone();
        let instance = self.instance(client).await?;
        let host = instance.fields["host_id"].as_str().unwrap_or_default().to_owned();
        if host.is_empty() {
            return Err(Raised::fatal("host_id missing"));
        }
        let (runtime, properties) = if host == id {
            let runtime = instance.properties.get("ip").cloned().unwrap_or_default();
            (runtime, self.node(client, context).await?["properties"]["ip"].clone())
        } else {
            let instance = fetch(client, &host).await?;
            let name = instance.fields["node_id"].as_str().unwrap_or_default();
            let node = fetch_node(client, context, name, None).await?;
            (instance.properties.get("ip").cloned().unwrap_or_default(), node["properties"]["ip"].clone())
        };
        [runtime, properties]
            .into_iter()
            .find(nephele_model::python_text::is_truthy)
            .ok_or_else(|| Raised::fatal(format!("could not find ip for host node instance: {host}")))
    }
}

/// Reads an instance with the functions in its runtime properties evaluated.
pub(super) async fn fetch(client: &Client, id: &str) -> Result<Instance, Raised> {
    read(client, id, &[("_evaluate_functions", "True")]).await
}

async fn read(client: &Client, id: &str, query: &[(&str, &str)]) -> Result<Instance, Raised> {
    let mut fields = client.node_instances().get(id, query).await?;
    let properties = match fields["runtime_properties"].take() {
        Value::Object(properties) => properties,
        _ => Map::new(),
    };
    Ok(Instance { fields, properties, is_dirty: false })
}

async fn fetch_node(client: &Client, context: &Context, name: &str, seen_from: Option<&str>) -> Result<Value, Raised> {
    let deployment = context.deployment_id.as_deref().unwrap_or_default();
    Ok(client.nodes().get_evaluated(deployment, name, seen_from).await?)
}
