//! The operation's surroundings for code of the worker itself: the same objects as behind `ctx`, without the
//! words that lead to them.
//!
//! A relationship operation works with its source.

use nephele_model::operation::{Failure, Severity};
use serde_json::{Map, Value};

use super::raised::Raised;
use super::render;
use super::session::{Session, State};
use super::subject::{Side, Subject};

impl Session {
    /// The same with functions in runtime properties as they are written.
    #[must_use]
    pub(crate) fn reading_as_written(mut self) -> Self {
        self.state.get_mut().subjects.iter_mut().for_each(|(_, subject)| subject.is_as_written = true);
        self
    }

    /// The node's properties: as written, and evaluated.
    pub(crate) async fn properties(&self) -> Result<[Map<String, Value>; 2], Raised> {
        let mut state = self.state.lock().await;
        let context = self.context();
        let client = &self.operation.client;
        let subject = own(&mut state)?;
        let evaluated = subject.node(client, context).await?["properties"].clone();
        let deployment = context.deployment_id.as_deref().unwrap_or_default();
        let written = client.nodes().get(deployment, &subject.node_name).await?["properties"].take();
        Ok([written, evaluated].map(|properties| match properties {
            Value::Object(properties) => properties,
            _ => Map::new(),
        }))
    }

    /// The runtime properties of the instance.
    pub(crate) async fn runtime_properties(&self) -> Result<Map<String, Value>, Raised> {
        let mut state = self.state.lock().await;
        Ok(own(&mut state)?.instance(&self.operation.client).await?.properties.clone())
    }

    /// The runtime properties of the other end of a relationship.
    pub(crate) async fn target_runtime_properties(&self) -> Result<Map<String, Value>, Raised> {
        let mut state = self.state.lock().await;
        Ok(state.subject(Side::Target)?.instance(&self.operation.client).await?.properties.clone())
    }

    /// Changes the runtime properties of the instance; [`Session::flush`] stores them.
    pub(crate) async fn change(&self, change: impl FnOnce(&mut Map<String, Value>) + Send) -> Result<(), Raised> {
        let mut state = self.state.lock().await;
        let instance = own(&mut state)?.instance(&self.operation.client).await?;
        change(&mut instance.properties);
        instance.is_dirty = true;
        Ok(())
    }

    /// The address of the host that the instance is on, if it is on any.
    pub(crate) async fn host_ip(&self) -> Option<String> {
        let mut state = self.state.lock().await;
        let ip = own(&mut state).ok()?.host_ip(&self.operation.client, self.context()).await.ok()?;
        ip.as_str().map(str::to_owned)
    }

    /// Renders a template with `variables` and `ctx`.
    pub(crate) async fn render(
        &self,
        name: &str,
        text: String,
        variables: &Map<String, Value>,
    ) -> Result<String, Raised> {
        if !render::is_template(text.as_bytes()) {
            return Ok(text);
        }
        let mut state = self.state.lock().await;
        let variables = Value::Object(variables.clone());
        let rendered = render::render(self, &mut state, name, text.into_bytes(), variables).await?;
        Ok(String::from_utf8_lossy(&rendered).into_owned())
    }
}

fn own(state: &mut State) -> Result<&mut Subject, Raised> {
    let (_, subject) =
        state.subjects.first_mut().ok_or_else(|| Raised::fatal("the operation belongs to no node instance"))?;
    Ok(subject)
}

impl From<Raised> for Failure {
    fn from(raised: Raised) -> Self {
        let severity = match raised.kind {
            "NonRecoverableError" | "HttpException" | "TemplateError" | "UnicodeDecodeError" => Severity::Fatal,
            _ => Severity::Recoverable { retry_after: None },
        };
        Self::new(severity, raised.kind, raised.message)
    }
}
