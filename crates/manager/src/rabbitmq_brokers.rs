//! The message brokers of the installation: the one in this process and others that were added.

use nephele_model::page::{ListQuery, Page};
use nephele_model::{Error, Permission, Result};
use nephele_store::Json;
use nephele_store::rabbitmq_brokers::{self, Broker, BrokerChanges, NewBroker};
use serde_json::{Map, Value, json};

use crate::managers::default_network;
use crate::rows::failed;
use crate::users::fill;
use crate::{Ctx, Manager};

impl Manager {
    /// One page of brokers. Credentials are for those who may have them.
    pub async fn list_brokers(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Value>> {
        let page = self.list_with(ctx, &rabbitmq_brokers::RESOURCE, query, "name").await?;
        Ok(page.map(|(_, record)| veil(ctx, record)))
    }

    /// Adds a broker. Error: `conflict_error` when there is one of this name.
    pub async fn add_broker(
        &self,
        ctx: &Ctx,
        name: &str,
        address: &str,
        port: Option<i64>,
        networks: Option<Map<String, Value>>,
    ) -> Result<Value> {
        if name.is_empty() || address.is_empty() {
            return Err(Error::bad_parameters("A broker needs a name and an address"));
        }
        let networks = networks.unwrap_or_else(|| default_network(address));
        if !networks.values().any(|place| place.as_str() == Some(address)) {
            return Err(Error::bad_parameters(format!("The address {address} is in none of the broker's networks")));
        }
        let row = NewBroker {
            name: name.to_owned(),
            host: address.to_owned(),
            port,
            networks: Some(Json::of(&networks)),
            is_external: true,
            certificate_fk: None,
            node: None,
        };
        rabbitmq_brokers::insert(&*self.store, row).await.map_err(|error| match error {
            nephele_store::Error::Unique { .. } => {
                Error::conflict(format!("<RabbitMQBroker name=`{name}`> already exists"))
            }
            other => failed(other),
        })?;
        self.broker_record(ctx, name).await
    }

    /// Adds or changes networks of a broker; none goes away.
    pub async fn update_broker(&self, ctx: &Ctx, name: &str, networks: Map<String, Value>) -> Result<Value> {
        let broker = self.find_broker(name).await?;
        let mut all: Map<String, Value> = match &broker.networks {
            Some(present) => present.parse().map_err(failed)?,
            None => Map::new(),
        };
        all.extend(networks);
        let changes = BrokerChanges { networks: Some(Some(Json::of(&all))), ..BrokerChanges::default() };
        rabbitmq_brokers::update(&*self.store, name, changes).await.map_err(failed)?;
        self.broker_record(ctx, name).await
    }

    /// Removes a broker and gives what it was. The one in this process stays.
    pub async fn remove_broker(&self, ctx: &Ctx, name: &str) -> Result<Value> {
        let broker = self.find_broker(name).await?;
        if broker.node.is_some() {
            return Err(Error::conflict(format!("The broker {name} is part of a manager and cannot be removed")));
        }
        let record = self.broker_record(ctx, name).await?;
        rabbitmq_brokers::delete(&*self.store, name).await.map_err(failed)?;
        Ok(record)
    }

    async fn find_broker(&self, name: &str) -> Result<Broker> {
        let all = rabbitmq_brokers::all(&*self.store).await.map_err(failed)?;
        all.into_iter().find(|broker| broker.name == name).ok_or_else(|| Error::not_found("RabbitMQBroker", name))
    }

    async fn broker_record(&self, ctx: &Ctx, name: &str) -> Result<Value> {
        let filters = vec![("name".to_owned(), vec![name.to_owned()])];
        let page = self.list_brokers(ctx, &ListQuery { filters, ..ListQuery::default() }).await?;
        page.items.into_iter().next().ok_or_else(|| Error::not_found("RabbitMQBroker", name))
    }
}

fn veil(ctx: &Ctx, mut record: Map<String, Value>) -> Value {
    if !ctx.may(Permission::BrokerCredentials) {
        fill(&mut record, &json!({"username": null, "password": null}));
    }
    Value::Object(record)
}
