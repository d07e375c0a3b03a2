//! What the manager says of itself: version, health, what the installation consists of.
//!
//! Source: spec rest-api.md section 2.13.

use nephele_model::Result;
use nephele_store::processes::Heartbeat;
use nephele_store::{db_nodes, managers, provider_context, rabbitmq_brokers};
use serde_json::{Map, Value, json};

use crate::managers::PULSE;
use crate::measures::{is_live, seconds};
use crate::rows::failed;
use crate::{Manager, Settings};

/// The version of the interface that clients are promised.
pub(crate) const INTERFACE: &str = "7.0.5";

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

    /// `GET /cluster-status`. A manager of this database is well as long as its process says within its lease that it
    /// lives, and its broker with it; one that somebody added, as long as its row was renewed.
    pub async fn cluster_status(&self, summary: bool) -> Result<Value> {
        let own = self.status(false).await;
        let well = own["status"] == "OK";
        let word = |well: bool| if well { "OK" } else { "Fail" };
        let recent = self.clock.now().plus_micros(-3 * PULSE * 1_000_000);
        let (mut managers, nothing) = (Map::new(), json!({}));
        let mut all_well = well;
        let heartbeats = self.heartbeats().await?;
        let heart = |node: Option<&str>| heartbeats.iter().rev().find(|heart| Some(heart.node.as_str()) == node);
        for manager in managers::all(&*self.store).await.map_err(failed)? {
            let node_id = manager.node.as_deref();
            let is_own = node_id == Some(self.node.as_str());
            let is_well = match node_id {
                _ if is_own => well,
                Some(_) => heart(node_id).is_some_and(is_live),
                None => manager.last_seen >= recent,
            };
            all_well &= is_well;
            let mut services = if is_own { own["services"].clone() } else { json!({}) };
            if node_id.is_some() {
                services["Heartbeat"] = heartbeat(heart(node_id), !is_own);
            }
            let services = &services;
            let addresses = (manager.public_ip.as_str(), manager.private_ip.as_str());
            managers.insert(manager.hostname, node(word(is_well), &manager.version, addresses, services));
        }
        let status = match (well, all_well) {
            (true, true) => "OK",
            (true, false) => "Degraded",
            _ => "Fail",
        };
        if summary {
            return Ok(json!({"status": status, "services": {}}));
        }
        let place =
            |name: String, host: &str, is_well: bool| (name, node(word(is_well), INTERFACE, (host, host), &nothing));
        // The broker of a manager is a part of its process.
        let is_there = |node_id: Option<&str>| match node_id {
            Some(other) if other != self.node => heart(node_id).is_some_and(is_live),
            _ => well,
        };
        let brokers = rabbitmq_brokers::all(&*self.store).await.map_err(failed)?;
        let all_there = brokers.iter().all(|broker| is_there(broker.node.as_deref()));
        let brokers = brokers.into_iter().map(|broker| {
            let is_well = is_there(broker.node.as_deref());
            place(broker.name, &broker.host, is_well)
        });
        let brokers: Map<String, Value> = brokers.collect();
        let databases = db_nodes::all(&*self.store).await.map_err(failed)?;
        let databases: Map<String, Value> = databases.into_iter().map(|row| place(row.name, &row.host, well)).collect();
        let group =
            |status: &str, nodes: Map<String, Value>| json!({"status": status, "is_external": false, "nodes": nodes});
        Ok(json!({"status": status, "services": {
            "manager": group(status, managers),
            "broker": group(if well && !all_there { "Degraded" } else { word(well) }, brokers),
            "db": group(word(well), databases),
        }}))
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
}

impl Settings {
    /// The certificate that clients should trust, if this manager has made one.
    pub(crate) fn authority(&self) -> Option<String> {
        std::fs::read_to_string(self.data_dir.join("tls/ca.pem")).ok()
    }
}

/// A process's word that it lives, as a service; without a process it has not given it.
fn heartbeat(heart: Option<&Heartbeat>, is_remote: bool) -> Value {
    let status = if heart.is_some_and(is_live) { "Active" } else { "Inactive" };
    let extra_info = heart.map_or_else(
        || json!({}),
        |heart| json!({"silent_seconds": seconds(heart.silent), "lease_seconds": seconds(heart.lease)}),
    );
    json!({"status": status, "is_remote": is_remote, "extra_info": extra_info})
}

fn node(status: &str, version: &str, (public_ip, private_ip): (&str, &str), services: &Value) -> Value {
    json!({
        "status": status,
        "version": version,
        "public_ip": public_ip,
        "private_ip": private_ip,
        "services": services,
        "metrics": [],
        "failures": [],
    })
}
