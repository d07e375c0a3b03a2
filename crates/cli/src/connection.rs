//! Where the manager is and as whom it is asked: flags, else environment, else this machine's own.
//!
//! Invariant: the first password and the authority in the data directory are used for a manager on
//! this machine only; they never leave it.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use nephele_client::{Client, Credentials, Endpoint, Trust};
use nephele_model::Secret;
use nephele_model::id::TenantName;

/// Options of every command that talks to a manager.
#[derive(Debug, Args)]
pub struct Connection {
    /// The manager's address
    #[arg(long, global = true, env = "NEPHELE_MANAGER", value_name = "URL", default_value = "http://127.0.0.1:8080")]
    manager: String,
    /// Who asks
    #[arg(long, global = true, env = "NEPHELE_USER", default_value = "admin")]
    user: String,
    /// The user's password; for a manager on this machine the one of its first start is the default
    #[arg(long, global = true, env = "NEPHELE_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// The tenant to work in
    #[arg(long, global = true, env = "NEPHELE_TENANT", default_value = "default_tenant")]
    tenant: String,
    /// Certificate of the authority that vouches for the manager; for a manager on this machine its own is the default
    #[arg(long, global = true, env = "NEPHELE_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The data directory of a manager on this machine
    #[arg(long, global = true, env = "NEPHELE_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[arg(long, hide = true, env = "XDG_DATA_HOME", global = true)]
    xdg_data_home: Option<PathBuf>,
    /// Print data as JSON
    #[arg(long, global = true)]
    pub json: bool,
}

impl Connection {
    /// A client with these settings. Nothing is sent yet.
    pub fn client(&self) -> anyhow::Result<Client> {
        let trust = match self.ca.clone().or_else(|| self.local_file("tls/ca.pem")) {
            Some(path) => Trust::CaFile(path),
            None => Trust::System,
        };
        let endpoint = Endpoint { url: self.manager.clone(), trust };
        let password = self.password.clone().or_else(|| self.first_password()).context(
            "no password: give --password or NEPHELE_PASSWORD (the first one stands in the file `admin-password` of \
             the manager's data directory)",
        )?;
        let credentials = Credentials::Basic { username: self.user.clone(), password: Secret::new(password) };
        let tenant = TenantName::new(self.tenant.as_str());
        Ok(Client::new(&endpoint, credentials, Some(tenant))?)
    }

    fn first_password(&self) -> Option<String> {
        let path = self.local_file("admin-password").filter(|_| self.user == "admin")?;
        std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
    }

    /// A file of the data directory, if the manager is on this machine and the file is there.
    fn local_file(&self, name: &str) -> Option<PathBuf> {
        if !is_loopback(&self.manager) {
            return None;
        }
        let default = || {
            let data = self.xdg_data_home.clone().or_else(|| Some(std::env::home_dir()?.join(".local/share")))?;
            Some(data.join("nephele"))
        };
        let path = self.data_dir.clone().or_else(default)?.join(name);
        path.is_file().then_some(path)
    }
}

fn is_loopback(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = authority.split('/').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_this_machine() {
        for local in ["http://127.0.0.1:8080", "https://localhost", "https://[::1]:53333/", "http://127.9.9.9"] {
            assert!(is_loopback(local), "{local}");
        }
        for other in ["http://10.0.0.1", "https://127.0.0.1.example.org", "http://user@example.org:80", ""] {
            assert!(!is_loopback(other), "{other}");
        }
    }
}
