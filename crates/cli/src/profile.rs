//! The original's profiles: which managers this user works with, in `~/.cloudify`.
//!
//! Invariant: files are read and written in the original's format, so both programs share them; what a
//! profile holds that we do not know stays in it. Folders are for their owner only.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};

use crate::settings::Settings;

/// The name that stands for working without a manager.
pub(crate) const LOCAL: &str = "local";

/// One profile's file.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) name: String,
    context: Map<String, Value>,
}

impl Profile {
    /// A profile in which nothing is set.
    pub(crate) fn new(name: &str) -> Self {
        let Value::Object(context) = json!({
            "name": name, "manager_ip": null, "ssh_key": null, "ssh_port": 22, "ssh_user": null,
            "provider_context": {}, "manager_username": null, "manager_password": null, "manager_token": null,
            "manager_tenant": null, "rest_port": 80, "rest_protocol": "http", "rest_certificate": null,
            "kerberos_env": false, "cluster": {},
        }) else {
            return Self { name: name.to_owned(), context: Map::new() };
        };
        Self { name: name.to_owned(), context }
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.context.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    pub(crate) fn value(&self, key: &str) -> &Value {
        self.context.get(key).unwrap_or(&Value::Null)
    }

    pub(crate) fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.context.insert(key.to_owned(), value.into());
    }

    pub(crate) fn to_value(&self) -> Value {
        let mut context = self.context.clone();
        context.insert("name".to_owned(), self.name.clone().into());
        Value::Object(context)
    }

    /// The address of the manager, if it has one.
    pub(crate) fn url(&self, host: Option<&str>) -> Option<String> {
        let host = host.or_else(|| self.text("manager_ip"))?;
        let protocol = self.text("rest_protocol").unwrap_or("http");
        let default = if protocol == "https" { 443 } else { 80 };
        let port = match self.value("rest_port") {
            Value::String(text) => text.parse().unwrap_or(default),
            other => other.as_u64().unwrap_or(default),
        };
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
        Some(format!("{protocol}://{host}:{port}"))
    }

    /// The managers of a cluster.
    pub(crate) fn managers(&self) -> Vec<&Value> {
        self.value("cluster")["manager"].as_array().into_iter().flatten().collect()
    }
}

/// The folder `.cloudify`.
pub(crate) struct Profiles {
    folder: PathBuf,
}

impl Profiles {
    pub(crate) fn of(settings: &Settings) -> anyhow::Result<Self> {
        let home = settings.home.as_deref().context("no home folder: set HOME or CFY_WORKDIR")?;
        Ok(Self { folder: home.join(".cloudify") })
    }

    /// The folder of one profile.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.all().join(name)
    }

    /// The folder of all profiles.
    pub(crate) fn all(&self) -> PathBuf {
        self.folder.join("profiles")
    }

    pub(crate) fn active_name(&self) -> Option<String> {
        let name = fs::read_to_string(self.folder.join("active.profile")).ok()?.trim().to_owned();
        (!name.is_empty()).then_some(name)
    }

    /// The profile that is in use, if it has a manager.
    pub(crate) fn active(&self) -> anyhow::Result<Option<Profile>> {
        let Some(name) = self.active_name().filter(|name| name != LOCAL) else { return Ok(None) };
        let Some(profile) = self.read(&name)? else { return Ok(None) };
        Ok(profile.text("manager_ip").is_some().then_some(profile))
    }

    pub(crate) fn read(&self, name: &str) -> anyhow::Result<Option<Profile>> {
        let folder = self.folder(name);
        let (file, old) = (folder.join("context.json"), folder.join("context"));
        let found: Value = if file.is_file() {
            let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
            serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))?
        } else if old.is_file() {
            let text = fs::read_to_string(&old).with_context(|| format!("{} cannot be read", old.display()))?;
            crate::yaml::parse(&text.replace("!CloudifyProfileContext", "").replace("!!python/unicode", ""))?
        } else {
            return Ok(None);
        };
        let mut profile = Profile::new(name);
        profile.context.extend(found.as_object().cloned().unwrap_or_default());
        Ok(Some(profile))
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.all()).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|name| name != LOCAL && !name.starts_with('.')).collect();
        names.sort();
        names
    }

    pub(crate) fn save(&self, profile: &Profile) -> anyhow::Result<()> {
        let folder = self.folder(&profile.name);
        private_folder(&folder)?;
        let file = folder.join("context.json");
        let mut sorted: Vec<_> = profile.to_value().as_object().cloned().unwrap_or_default().into_iter().collect();
        sorted.sort_by(|left, right| left.0.cmp(&right.0));
        let sorted = Value::Object(sorted.into_iter().collect());
        let text = serde_json::to_string_pretty(&sorted)? + "\n";
        fs::write(&file, text).with_context(|| format!("{} cannot be written", file.display()))?;
        self.initialize(false)
    }

    pub(crate) fn activate(&self, name: &str) -> anyhow::Result<()> {
        self.initialize(false)?;
        let file = self.folder.join("active.profile");
        fs::write(&file, name).with_context(|| format!("{} cannot be written", file.display()))
    }

    pub(crate) fn delete(&self, name: &str) -> anyhow::Result<()> {
        if self.read(name)?.is_none() {
            bail!("profile {name} does not exist");
        }
        fs::remove_dir_all(self.folder(name)).with_context(|| format!("profile {name} cannot be deleted"))
    }

    /// Makes the folder and its settings, without which the original refuses to work.
    pub(crate) fn initialize(&self, has_colours: bool) -> anyhow::Result<()> {
        private_folder(&self.all())?;
        let file = self.folder.join("config.yaml");
        if file.is_file() {
            return Ok(());
        }
        let log = self.folder.join("logs/cli.log");
        let text = format!(
            "---\ncolors: {has_colours}\n\nlogging:\n    filename: {}\n    loggers:\n        cloudify.cli.main: info\n        \
             cloudify.rest_client.http: info\n",
            log.display()
        );
        fs::write(&file, text).with_context(|| format!("{} cannot be written", file.display()))
    }

    pub(crate) fn is_initialized(&self) -> bool {
        self.folder.join("config.yaml").is_file()
    }

    /// Forgets the settings.
    pub(crate) fn forget(&self) {
        // It may never have been there.
        let _ = fs::remove_file(self.folder.join("config.yaml"));
    }

    /// A certificate that was put beside the profiles.
    pub(crate) fn certificate(&self, profile: &str) -> Option<PathBuf> {
        let places = [self.folder(profile), self.folder.clone()];
        places.iter().map(|folder| folder.join("public_rest_cert.crt")).find(|file| file.is_file())
    }
}

fn private_folder(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("{} cannot be made", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles() -> (tempfile::TempDir, Profiles) {
        let home = tempfile::tempdir().unwrap();
        let profiles = Profiles { folder: home.path().join(".cloudify") };
        (home, profiles)
    }

    #[test]
    fn what_is_saved_is_read_again() {
        let (_home, profiles) = profiles();
        let mut profile = Profile::new("m");
        profile.set("manager_ip", "10.0.0.1");
        profile.set("rest_port", 8443);
        profile.set("rest_protocol", "https");
        profiles.save(&profile).unwrap();
        profiles.activate("m").unwrap();
        let read = profiles.active().unwrap().unwrap();
        assert_eq!(read.url(None).as_deref(), Some("https://10.0.0.1:8443"));
        assert_eq!(profiles.names(), ["m"]);
        profiles.activate(LOCAL).unwrap();
        assert!(profiles.active().unwrap().is_none());
        profiles.delete("m").unwrap();
        assert!(profiles.delete("m").is_err());
    }

    #[test]
    fn the_old_format_is_understood() {
        let (_home, profiles) = profiles();
        let folder = profiles.folder("old");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("context"), "!CloudifyProfileContext\nmanager_ip: 10.0.0.2\nrest_port: 80\n").unwrap();
        let read = profiles.read("old").unwrap().unwrap();
        assert_eq!(read.url(None).as_deref(), Some("http://10.0.0.2:80"));
    }
}
