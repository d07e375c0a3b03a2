//! Host agents, as workflows and the agents themselves write them down.
//!
//! Invariant: passwords on the bus are encrypted at rest and shown to those only who may read one agent.
//! Source: spec rest-api.md section 2.11.

use nephele_bus::{Message, topology};
use nephele_model::agent::AgentState;
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Error, Permission, Result, Timestamp, id};
use nephele_store::agents::{self as rows, Agent, AgentChanges, NewAgent as Row};
use nephele_store::{Record, outbox};
use serde_json::{Value, json};

use crate::rows::failed;
use crate::workflows::outbox::row;
use crate::{Ctx, Manager, crypto, visibility};

/// The fields of a list.
const LISTED: [&str; 17] = [
    "id",
    "host_id",
    "node_instance_id",
    "ip",
    "install_method",
    "system",
    "version",
    "node",
    "deployment",
    "tenant_name",
    "created_at",
    "rabbitmq_exchange",
    "created_by",
    "rabbitmq_username",
    "visibility",
    "rabbitmq_password",
    "state",
];
const PASSWORD: &str = "rabbitmq_password";
const USERNAME: &str = "rabbitmq_username";
/// Letters and digits of a password that the manager makes up.
const PASSWORD_LENGTH: usize = 32;

/// An agent that a workflow writes down.
#[derive(Debug, Default)]
pub struct NewAgent {
    /// Its name.
    pub name: String,
    /// The node instance that is its host.
    pub node_instance_id: String,
    /// Where it stands.
    pub state: String,
    /// Whether it gets credentials for the bus.
    pub with_credentials: bool,
    /// Its host's address.
    pub ip: Option<String>,
    /// How it gets onto its host.
    pub install_method: String,
    /// Its host's system.
    pub system: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its name on the bus.
    pub username: Option<String>,
    /// Its password on the bus.
    pub password: Option<String>,
    /// The name of its exchange on the bus; its own when absent.
    pub exchange: Option<String>,
    /// Who sees it.
    pub visibility: Option<String>,
    /// Who made it, if that was somebody else.
    pub created_by: Option<String>,
    /// When it was made, if that was earlier.
    pub created_at: Option<Timestamp>,
}

/// What of an agent is to change; what is `None` stays.
#[derive(Debug, Default)]
pub struct AgentUpdate {
    /// Where it stands.
    pub state: Option<String>,
    /// Its host's system.
    pub system: Option<String>,
    /// Its version.
    pub version: Option<String>,
}

impl Manager {
    /// One page of agents, with their credentials if `get_data` and the caller may make agents: whoever
    /// holds them can speak for the agent.
    pub async fn list_agents(&self, ctx: &Ctx, query: &ListQuery, get_data: bool) -> Result<Page<Value>> {
        let mut query = query.clone();
        query.include.get_or_insert_with(|| LISTED.map(str::to_owned).to_vec());
        let page = self.list(ctx, &rows::RESOURCE, &query).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for record in &page.items {
            let mut item = record.value().map_err(failed)?;
            self.reveal(&mut item, get_data && ctx.may(Permission::AgentCreate))?;
            items.push(item);
        }
        let mut items = items.into_iter();
        Ok(page.map(|_| items.next().unwrap_or_default()))
    }

    /// One agent, with its credentials for whoever may make agents.
    pub async fn get_agent(&self, ctx: &Ctx, name: &str) -> Result<Value> {
        id::check("name", name, true)?;
        let mut item = self.get(ctx, &rows::RESOURCE, name, None).await?.value().map_err(failed)?;
        self.reveal(&mut item, ctx.may(Permission::AgentCreate))?;
        Ok(item)
    }

    /// Writes down an agent. `None` when there was one already, which stays as it is: workflows do this
    /// again when they heal.
    pub async fn create_agent(&self, ctx: &Ctx, new: NewAgent) -> Result<Option<Value>> {
        id::check("name", &new.name, true)?;
        let state = state(&new.state)?;
        if new.created_at.is_some() {
            ctx.demand(Permission::SetTimestamp)?;
        }
        let creator_id = self.new_owner(ctx, new.created_by).await?.unwrap_or(ctx.user_id);
        let visibility = visibility::choose(ctx, new.visibility.as_deref(), None)?;
        let scope = self.scope(ctx, false).await?;
        let host = self.writable_instance(ctx, &new.node_instance_id).await?;
        let now = self.clock.now();
        let username = new.username.or_else(|| new.with_credentials.then(|| format!("rabbitmq_user_{}", new.name)));
        let password = new.password.or_else(|| new.with_credentials.then(|| crypto::random_text(PASSWORD_LENGTH)));
        let tx = self.begin_write().await?;
        tx.lock(&format!("agent {}", new.name)).await.map_err(failed)?;
        if rows::find(&tx, &scope, &new.name).await.map_err(failed)?.is_some() {
            return Ok(None);
        }
        let row = Row {
            id: new.name.clone(),
            name: new.name.clone(),
            visibility,
            tenant_id: scope.tenant_id,
            creator_id,
            created_at: new.created_at.unwrap_or(now),
            updated_at: Some(now),
            ip: new.ip,
            install_method: new.install_method,
            system: new.system,
            version: new.version.unwrap_or_default(),
            state,
            rabbitmq_username: username,
            rabbitmq_password: password.map(|password| self.cipher.encrypt(&password, now)),
            rabbitmq_exchange: new.exchange.unwrap_or_else(|| new.name.clone()),
            node_instance_fk: host.storage_id,
        };
        rows::insert(&tx, row).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.get_agent(ctx, &new.name).await.map(Some)
    }

    /// Changes an agent.
    pub async fn update_agent(&self, ctx: &Ctx, name: &str, update: AgentUpdate) -> Result<Record> {
        id::check("name", name, true)?;
        let agent = self.find_agent(ctx, name).await?;
        visibility::demand_inside(ctx, agent.visibility, agent.tenant_id, name)?;
        let changes = AgentChanges {
            updated_at: Some(self.clock.now()),
            state: update.state.as_deref().map(state).transpose()?,
            system: update.system,
            version: update.version,
            ..AgentChanges::default()
        };
        rows::update(&*self.store, agent.storage_id, changes).await.map_err(failed)?;
        self.get(ctx, &rows::RESOURCE, name, None).await
    }

    /// Tells every agent of every tenant about new authorities. With `bundle`, those of now stay valid
    /// beside them. Gives how many agents.
    pub async fn replace_agent_certificates(
        &self,
        bundle: bool,
        broker: Option<String>,
        manager: Option<String>,
    ) -> Result<usize> {
        let with_present = |new: Option<String>| match new {
            Some(new) if bundle => {
                let present = self.settings.authority().unwrap_or_default().trim().to_owned();
                let both = [new.trim().to_owned(), present];
                Some(both.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n"))
            }
            new => new,
        };
        let body = json!({"service_task": {
            "task_name": "replace-ca-certs",
            "kwargs": {"new_broker_ca": with_present(broker), "new_manager_ca": with_present(manager)},
        }});
        let agents = rows::all(&*self.store).await.map_err(failed)?;
        let now = self.clock.now();
        let message = |agent: &Agent| {
            let address = topology::agent_service(agent.tenant_name.as_str().into(), &agent.rabbitmq_exchange);
            row(&address, Message::new(body.clone()), now)
        };
        outbox::insert(&*self.store, agents.iter().map(message).collect()).await.map_err(failed)?;
        self.workflows.wake();
        Ok(agents.len())
    }

    pub(crate) async fn find_agent(&self, ctx: &Ctx, name: &str) -> Result<Agent> {
        let scope = self.scope(ctx, false).await?;
        let agent = rows::find(&*self.store, &scope, name).await.map_err(failed)?;
        agent.ok_or_else(|| Error::not_found("Agent", name))
    }

    /// Puts the password in place of what is stored, or takes the credentials out.
    fn reveal(&self, item: &mut Value, shown: bool) -> Result<()> {
        let Some(map) = item.as_object_mut() else { return Ok(()) };
        if let Some(stored) = map.get_mut(PASSWORD) {
            *stored = match stored.as_str().filter(|_| shown) {
                Some(token) => self.cipher.decrypt(token)?.expose().clone().into(),
                None => Value::Null,
            };
        }
        if let Some(name) = map.get_mut(USERNAME).filter(|_| !shown) {
            *name = Value::Null;
        }
        Ok(())
    }
}

fn state(name: &str) -> Result<AgentState> {
    AgentState::parse(name).ok_or_else(|| Error::bad_parameters(format!("Invalid agent state: `{name}`.")))
}
