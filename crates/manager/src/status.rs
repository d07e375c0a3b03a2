//! What the manager says of itself: version, health, and the one node it consists of.
//!
//! Invariant: lists of managers, brokers and database nodes have one item each with the same host;
//! clients take anything else for a cluster (spec rest-api.md sections 2.13 and 6, number 12).

use nephele_model::Result;
use nephele_model::page::{DEFAULT_PAGE_SIZE, Page};
use nephele_store::{maintenance, provider_context};
use serde_json::{Map, Value, json};

use crate::Manager;
use crate::rows::failed;

/// The version of the interface that clients are promised.
const INTERFACE: &str = "7.0.5";

/// The parts that run in this process, as clients show them.
const SERVICES: [&str; 5] = ["REST service", "File server", "Database", "Message broker", "Workflow executor"];

impl Manager {
    /// `GET /version`.
    pub fn version(&self) -> Value {
        json!({
            "edition": "premium",
            "version": INTERFACE,
            "build": null,
            "date": null,
            "commit": null,
            "distribution": "nephele",
            "distro_release": env!("CARGO_PKG_VERSION"),
        })
    }

    /// Whether the database answers.
    pub async fn is_well(&self) -> bool {
        provider_context::get(&*self.store).await.is_ok()
    }

    /// `GET /status`.
    pub async fn status(&self, summary: bool) -> Value {
        let well = self.is_well().await;
        let services: Map<String, Value> = SERVICES
            .iter()
            .filter(|_| !summary)
            .map(|name| {
                let active = well || *name != "Database";
                let status = if active { "Active" } else { "Inactive" };
                ((*name).to_owned(), json!({"status": status, "is_remote": false, "extra_info": {}}))
            })
            .collect();
        json!({"status": if well { "OK" } else { "Fail" }, "services": services})
    }

    /// `GET /cluster-status`.
    pub async fn cluster_status(&self, summary: bool) -> Value {
        let well = self.is_well().await;
        let status = if well { "OK" } else { "Fail" };
        if summary {
            return json!({"status": status, "services": {}});
        }
        let own = self.status(false).await;
        let node = |services: Value| {
            let name = self.settings.hostname.clone();
            let node = json!({
                "status": status,
                "version": INTERFACE,
                "public_ip": self.settings.host,
                "private_ip": self.settings.host,
                "services": services,
                "metrics": [],
                "failures": [],
            });
            json!({"status": status, "is_external": false, "nodes": {name: node}})
        };
        json!({"status": status, "services": {
            "manager": node(own["services"].clone()),
            "broker": node(json!({})),
            "db": node(json!({})),
        }})
    }

    /// `GET /managers`.
    pub fn managers(&self) -> Page<Value> {
        one(json!({
            "id": 0,
            "hostname": self.settings.hostname,
            "private_ip": self.settings.host,
            "public_ip": self.settings.host,
            "version": INTERFACE,
            "edition": "premium",
            "distribution": "nephele",
            "distro_release": env!("CARGO_PKG_VERSION"),
            "fs_sync_node_id": null,
            "networks": {"default": self.settings.host},
            "last_seen": self.clock.now(),
            "status_report_frequency": 0,
            "ca_cert_content": self.authority(),
        }))
    }

    /// `GET /brokers`. Nobody gets credentials: the bus is inside this process.
    pub fn brokers(&self) -> Page<Value> {
        one(json!({
            "name": self.settings.hostname,
            "host": self.settings.host,
            "management_host": null,
            "port": null,
            "username": null,
            "password": null,
            "params": null,
            "networks": {"default": self.settings.host},
            "is_external": false,
            "ca_cert_content": self.authority(),
        }))
    }

    /// `GET /db-nodes`.
    pub fn db_nodes(&self) -> Page<Value> {
        one(json!({"name": self.settings.hostname, "host": self.settings.host, "is_external": false}))
    }

    /// `GET /maintenance`.
    pub async fn maintenance(&self) -> Result<Value> {
        let state = maintenance::get(&*self.store).await.map_err(failed)?;
        Ok(json!({
            "status": state.as_ref().map_or("deactivated", |state| state.status.as_str()),
            "activation_requested_at": state.as_ref().map_or(json!(""), |state| json!(state.activation_requested_at)),
            "activated_at": state.as_ref().and_then(|state| state.activated_at).map_or(json!(""), |at| json!(at)),
            "remaining_executions": null,
            "requested_by": state.and_then(|state| state.requested_by).map_or(json!(""), |user| json!(user)),
        }))
    }

    /// `GET /provider/context`.
    pub async fn provider_context(&self) -> Result<Value> {
        let row = provider_context::get(&*self.store).await.map_err(failed)?;
        let name = row.as_ref().map_or("provider", |row| row.name.as_str()).to_owned();
        let context: Map<String, Value> = match row {
            Some(row) => row.context.parse().map_err(failed)?,
            None => Map::new(),
        };
        Ok(json!({"id": provider_context::CONTEXT, "name": name, "context": context}))
    }

    /// `POST /provider/context`.
    pub async fn put_provider_context(&self, name: &str, context: &Map<String, Value>) -> Result<()> {
        provider_context::put(&*self.store, name, &nephele_store::Json::of(context)).await.map_err(failed)
    }

    /// The certificate that clients should trust, if this manager has made one.
    pub(crate) fn authority(&self) -> Option<String> {
        std::fs::read_to_string(self.settings.data_dir.join("tls/ca.pem")).ok()
    }
}

fn one(item: Value) -> Page<Value> {
    Page { items: vec![item], total: 1, size: DEFAULT_PAGE_SIZE, offset: 0, filtered: None }
}
