//! The managers of the installation: this process and others that were added.
//!
//! Invariant: this process keeps one row of each kind (manager, broker, database node) with the same
//! host, known by the id of its data folder, so that another address or name changes the row and
//! adds none: clients take several for a cluster (spec rest-api.md section 6, number 12).

use std::path::Path;

use nephele_model::page::{ListQuery, Page};
use nephele_model::{Error, Result};
use nephele_store::managers::{self, ManagerChanges, NewManager};
use nephele_store::rabbitmq_brokers::{self, BrokerChanges, NewBroker};
use nephele_store::{AUTHORITY, Db, Json, Record, certificates, db_nodes};
use serde_json::{Map, Value, json};

use crate::rows::failed;
use crate::status::INTERFACE;
use crate::{Ctx, Manager, Settings, crypto};

/// Seconds between two notes that this process is well.
pub(crate) const PULSE: i64 = 30;

/// A manager that is added.
#[derive(Debug)]
pub struct AddedManager {
    /// Its name.
    pub hostname: String,
    /// The address for other parts of the installation.
    pub private_ip: String,
    /// The address for users.
    pub public_ip: String,
    /// The version of its interface.
    pub version: String,
    /// `premium` or `community`.
    pub edition: String,
    /// What it runs on.
    pub distribution: String,
    /// Which release of it.
    pub distro_release: String,
    /// Its id in the replication of files.
    pub fs_sync_node_id: Option<String>,
    /// Addresses by network.
    pub networks: Option<Map<String, Value>>,
    /// The certificate to trust.
    pub ca_cert_content: Option<String>,
}

impl Manager {
    /// One page of managers; of this name, if one is given.
    pub async fn list_managers(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Record>> {
        self.list_shared(ctx, &managers::RESOURCE, query).await
    }

    /// Adds a manager. Error: `conflict_error` when there is one of this name.
    pub async fn add_manager(&self, ctx: &Ctx, added: AddedManager) -> Result<Record> {
        let networks = added.networks.unwrap_or_else(|| default_network(&added.private_ip));
        let certificate_fk = match &added.ca_cert_content {
            Some(certificate) => {
                let name = format!("{}-ca", added.hostname);
                Some(certificates::put(&*self.store, &name, certificate).await.map_err(failed)?)
            }
            None => None,
        };
        let row = NewManager {
            hostname: added.hostname.clone(),
            private_ip: added.private_ip,
            public_ip: added.public_ip,
            version: added.version,
            edition: added.edition,
            distribution: added.distribution,
            distro_release: added.distro_release,
            fs_sync_node_id: added.fs_sync_node_id,
            networks: Some(Json::of(&networks)),
            last_seen: self.clock.now(),
            status_report_frequency: None,
            certificate_fk,
            node: None,
        };
        managers::insert(&*self.store, row).await.map_err(|error| match error {
            nephele_store::Error::Unique { .. } => {
                Error::conflict(format!("<Manager hostname=`{}`> already exists", added.hostname))
            }
            other => failed(other),
        })?;
        self.manager_record(ctx, &added.hostname).await
    }

    /// Changes a manager's id in the replication of files.
    pub async fn update_manager(&self, ctx: &Ctx, hostname: &str, fs_sync_node_id: Option<String>) -> Result<Record> {
        let row = self.find_manager(hostname).await?;
        let changes = ManagerChanges { fs_sync_node_id: fs_sync_node_id.map(Some), ..ManagerChanges::default() };
        managers::update(&*self.store, row.id, changes).await.map_err(failed)?;
        self.manager_record(ctx, hostname).await
    }

    /// Removes a manager and gives what it was. This process itself stays.
    pub async fn remove_manager(&self, ctx: &Ctx, hostname: &str) -> Result<Record> {
        let row = self.find_manager(hostname).await?;
        if row.node.is_some() && row.node.as_deref() == Some(self.node.as_str()) {
            return Err(Error::conflict(format!("The manager {hostname} is the one that answers; stop it instead")));
        }
        let record = self.manager_record(ctx, hostname).await?;
        managers::delete(&*self.store, row.id).await.map_err(failed)?;
        Ok(record)
    }

    async fn find_manager(&self, hostname: &str) -> Result<managers::Manager> {
        let found = managers::by_hostname(&*self.store, hostname).await.map_err(failed)?;
        found.ok_or_else(|| Error::not_found("Manager", hostname))
    }

    async fn manager_record(&self, ctx: &Ctx, hostname: &str) -> Result<Record> {
        let record = self.get_shared(ctx, &managers::RESOURCE, hostname, None).await?;
        record.ok_or_else(|| Error::not_found("Manager", hostname))
    }

    /// Notes now and then that this process is well.
    pub(crate) async fn note_pulse(&self) -> Result<()> {
        let Some(row) = managers::by_node(&*self.store, &self.node).await.map_err(failed)? else { return Ok(()) };
        let changes = ManagerChanges { last_seen: Some(self.clock.now()), ..ManagerChanges::default() };
        managers::update(&*self.store, row.id, changes).await.map_err(failed)
    }
}

/// Addresses by network when none were given.
pub(crate) fn default_network(address: &str) -> Map<String, Value> {
    Map::from_iter([("default".to_owned(), json!(address))])
}

/// The id of a data folder, made once.
pub(crate) fn node_id(data_dir: &Path) -> Result<String> {
    let file = data_dir.join("manager-id");
    if let Ok(id) = std::fs::read_to_string(&file) {
        return Ok(id.trim().to_owned());
    }
    let id = uuid::Uuid::new_v4().to_string();
    crypto::write_private(&file, id.as_bytes())?;
    Ok(id)
}

/// The name of this process among managers: its host's, unless another one has that, perhaps on the same machine.
pub(crate) async fn own_name(db: &dyn Db, hostname: &str, node: &str) -> Result<String> {
    let present = managers::by_hostname(db, hostname).await.map_err(failed)?;
    let is_taken = present.is_some_and(|present| present.node.as_deref() != Some(node));
    Ok(if is_taken { format!("{hostname}-{}", node.get(..8).unwrap_or(node)) } else { hostname.to_owned() })
}

/// Brings the rows that this process keeps up to date.
pub(crate) async fn introduce(db: &dyn Db, settings: &Settings, node: &str) -> Result<()> {
    let now = db.now();
    let certificate_fk = match settings.authority() {
        Some(authority) => Some(certificates::put(db, AUTHORITY, &authority).await.map_err(failed)?),
        None => None,
    };
    let (name, host) = (settings.hostname.clone(), settings.host.clone());
    let networks = Json::of(&default_network(&host));
    if let Some(present) = managers::by_node(db, node).await.map_err(failed)? {
        let moved = present.hostname != name || present.private_ip != host;
        let changes = ManagerChanges {
            hostname: moved.then(|| name.clone()),
            private_ip: moved.then(|| host.clone()),
            public_ip: moved.then(|| host.clone()),
            networks: moved.then(|| Some(networks.clone())),
            version: (present.version != INTERFACE).then(|| INTERFACE.to_owned()),
            last_seen: Some(now),
            ..ManagerChanges::default()
        };
        managers::update(db, present.id, changes).await.map_err(failed)?;
    } else {
        let row = NewManager {
            hostname: name.clone(),
            private_ip: host.clone(),
            public_ip: host.clone(),
            version: INTERFACE.to_owned(),
            edition: "premium".to_owned(),
            distribution: "nephele".to_owned(),
            distro_release: env!("CARGO_PKG_VERSION").to_owned(),
            fs_sync_node_id: None,
            networks: Some(networks.clone()),
            last_seen: now,
            status_report_frequency: Some(PULSE),
            certificate_fk,
            node: Some(node.to_owned()),
        };
        managers::insert(db, row).await.map_err(failed)?;
    }
    let brokers = rabbitmq_brokers::all(db).await.map_err(failed)?;
    match brokers.into_iter().find(|broker| broker.node.as_deref() == Some(node)) {
        Some(present) if present.name == name && present.host == host => {}
        Some(present) => {
            let changes = BrokerChanges {
                name: Some(name.clone()),
                host: Some(host.clone()),
                networks: Some(Some(networks)),
                ..BrokerChanges::default()
            };
            rabbitmq_brokers::update(db, &present.name, changes).await.map_err(failed)?;
        }
        None => {
            let row = NewBroker {
                name: name.clone(),
                host: host.clone(),
                port: None,
                networks: Some(networks),
                is_external: false,
                certificate_fk,
                node: Some(node.to_owned()),
            };
            rabbitmq_brokers::insert(db, row).await.map_err(failed)?;
        }
    }
    // Managers on one machine have one host; it is listed once.
    let nodes = db_nodes::all(db).await.map_err(failed)?;
    if nodes.iter().any(|other| other.host == host && other.node.as_deref() != Some(node)) {
        return Ok(());
    }
    db_nodes::put_own(db, node, &name, &host, false).await.map_err(failed)
}
