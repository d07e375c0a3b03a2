//! Where plugins are installed: on managers and on agents. Workers do it and report how far they are.
//!
//! Invariant: a place is noted as pending in the transaction that sends the order.

use nephele_bus::{Message, topology};
use nephele_model::plugin::InstallationState;
use nephele_model::{Code, Error, Result};
use nephele_store::plugins::{self as rows, Place, Plugin};
use nephele_store::{Record, Tx, agents, outbox};
use serde_json::{Value, json};

use crate::rows::failed;
use crate::workflows::outbox::row;
use crate::{Ctx, Manager};

/// How long a worker's right to carry out an order lasts.
const ORDER: &str = "+1 hour";

impl Manager {
    /// `POST /plugins/ID`: has a plugin installed on managers and agents, which are named by their hosts'
    /// names and their own.
    pub async fn install_plugin(
        &self,
        ctx: &Ctx,
        id: &str,
        action: &str,
        managers: &[String],
        on_agents: &[String],
    ) -> Result<Record> {
        let plugin = self.find_plugin(ctx, id).await?;
        if action != "install" {
            return Err(Error::new(Code::UnknownAction, action));
        }
        let missing: Vec<&str> = self.missing_managers(managers);
        if !missing.is_empty() {
            return Err(Error::new(
                Code::NotFound,
                format!("Cannot install: requested managers do not exist: {}", missing.join(", ")),
            ));
        }
        let scope = self.scope(ctx, false).await?;
        let found = agents::by_names(&*self.store, &scope, on_agents).await.map_err(failed)?;
        let missing: Vec<&str> = on_agents
            .iter()
            .filter(|name| !found.iter().any(|agent| agent.name == **name))
            .map(String::as_str)
            .collect();
        if !missing.is_empty() {
            return Err(Error::new(
                Code::NotFound,
                format!("Cannot install: requested agents do not exist: {}", missing.join(", ")),
            ));
        }
        let record = self.get_plugin(ctx, id, None).await?.value().map_err(failed)?;
        let places: Vec<Place> = managers
            .iter()
            .cloned()
            .map(Place::Manager)
            .chain(found.iter().map(|agent| Place::Agent(agent.storage_id)))
            .collect();
        // Workers fetch the plugin and say how far they are as the caller.
        let made = self.create_token(ctx, Some(format!("Installs plugin {id}")), Some(ORDER)).await?;
        let token = made["value"].as_str();
        let tx = self.begin_write().await?;
        for place in &places {
            let state = InstallationState::Pending;
            rows::set_state(&tx, plugin.storage_id, place, state, None).await.map_err(failed)?;
        }
        let pending = |state: InstallationState| state == InstallationState::Pending;
        self.order(&tx, ctx, &plugin, &record, ("install-plugin", token), pending).await?;
        tx.commit().await.map_err(failed)?;
        self.workflows.wake();
        self.get_plugin(ctx, id, None).await
    }

    /// `PUT /plugins/ID`: what a worker says of the installation at its place.
    pub async fn note_installation(
        &self,
        ctx: &Ctx,
        id: &str,
        state: &str,
        error: Option<&str>,
        manager: Option<&str>,
        agent: Option<&str>,
    ) -> Result<Record> {
        let state = InstallationState::parse(state).ok_or_else(|| {
            let valid: Vec<&str> = InstallationState::ALL.iter().map(|state| state.as_str()).collect();
            Error::bad_parameters(format!("Invalid state: `{state}`. Valid states are: {}", valid.join(", ")))
        })?;
        // Workers of other tenants use global plugins as well.
        let plugin = if ctx.execution.is_some() {
            self.find_plugin(ctx, id).await?
        } else {
            self.writable_plugin(ctx, id).await?
        };
        let place = match (manager, agent) {
            (Some(_), Some(_)) => return Err(Error::conflict("Expected agent or manager, got both")),
            (None, None) => return Err(Error::conflict("Expected agent or manager, got none")),
            (Some(name), None) => {
                if !self.missing_managers(&[name.to_owned()]).is_empty() {
                    return Err(Error::not_found("Manager", name));
                }
                Place::Manager(name.to_owned())
            }
            (None, Some(name)) => Place::Agent(self.find_agent(ctx, name).await?.storage_id),
        };
        let tx = self.begin_write().await?;
        tx.lock(&format!("plugin {}", plugin.storage_id)).await.map_err(failed)?;
        rows::set_state(&tx, plugin.storage_id, &place, state, error).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.get_plugin(ctx, id, None).await
    }

    /// Has a plugin removed wherever it may be.
    pub(super) async fn order_removal(&self, tx: &Tx, ctx: &Ctx, plugin: &Plugin, record: &Value) -> Result<()> {
        self.order(tx, ctx, plugin, record, ("uninstall-plugin", None), InstallationState::is_present).await
    }

    /// Sends a task to all places of a plugin that are in a chosen state.
    async fn order(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        plugin: &Plugin,
        record: &Value,
        (task, token): (&str, Option<&str>),
        chosen: impl Fn(InstallationState) -> bool,
    ) -> Result<()> {
        let places = rows::installations(tx, plugin.storage_id).await.map_err(failed)?;
        let places: Vec<_> = places.into_iter().filter(|place| chosen(place.state)).collect();
        let body = |target: Option<Vec<&str>>| {
            let mut arguments = json!({
                "plugin": record,
                "rest_host": [self.settings.host],
                "rest_port": self.settings.port,
                "rest_token": token,
                "tenant": {"name": ctx.tenant},
            });
            if let Some(target) = target {
                arguments["target"] = json!(target);
            }
            Message::new(json!({"service_task": {"task_name": task, "kwargs": arguments}}))
        };
        let now = self.clock.now();
        let mut messages = Vec::new();
        let managers: Vec<&str> = places.iter().filter_map(|place| place.manager_name.as_deref()).collect();
        if !managers.is_empty() {
            messages.push(row(&topology::manager_service(), body(Some(managers)), now));
        }
        for place in &places {
            if let (Some(agent), Some(tenant)) = (&place.agent_name, &place.agent_tenant) {
                messages.push(row(&topology::agent_service(tenant.as_str().into(), agent), body(None), now));
            }
        }
        outbox::insert(tx, messages).await.map_err(failed)
    }

    /// Those of these hosts that are no managers.
    fn missing_managers<'a>(&self, names: &'a [String]) -> Vec<&'a str> {
        names.iter().filter(|name| **name != self.settings.hostname).map(String::as_str).collect()
    }
}
