//! What the processes of Python operations find around them: folders and environment variables.
//!
//! Source: spec workflows.md section 2.3. The client inside `cloudify-common` reaches the manager by
//! these variables, whatever address the message names.

use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use nephele_client::Trust;
use nephele_model::operation::Failure;
use nephele_model::python_text;
use serde_json::json;
use url::Url;

use super::interpreter::Interpreter;
use crate::intake::client_failure;
use crate::operation::Operation;
use crate::task_dir::MARKER;
use crate::{Error, Options};

/// The folder of the deployments' own folders.
const DEPLOYMENTS: &str = "deployments";

/// The folders and variables of one worker.
pub(crate) struct Surroundings {
    /// The working folder of plugins, `AGENT_WORK_DIR`.
    work: PathBuf,
    variables: Vec<(OsString, OsString)>,
    /// Where workflows find messages.
    broker: Option<SocketAddr>,
}

impl Surroundings {
    /// Makes the folders, and the file of the authorities that the client believes.
    pub(crate) fn new(options: &Options) -> Result<Self, Error> {
        let work = options.work_dir.join("work");
        std::fs::create_dir_all(&work).map_err(Error::machine(work.display()))?;
        let root = options.work_dir.canonicalize().map_err(Error::machine(options.work_dir.display()))?;
        let work = root.join("work");
        let authorities = match &options.rest.trust {
            Trust::CaFile(file) => file.clone(),
            // The client insists on a file, of no effect for plain HTTP.
            Trust::System | Trust::Anybody => {
                let file = work.join("authorities.pem");
                std::fs::write(&file, "").map_err(Error::machine(file.display()))?;
                file
            }
        };
        let wrong = |reason: String| {
            nephele_client::Error::Settings(format!("the manager's address {}: {reason}", options.rest.url))
        };
        let url = Url::parse(&options.rest.url).map_err(|error| wrong(error.to_string()))?;
        let host = url.host_str().ok_or_else(|| wrong("it names no host".to_owned()))?.trim_matches(['[', ']']);
        let port = url.port_or_known_default().unwrap_or_default();
        let mut variables = options.environment.clone();
        let mut set = |name: &str, value: &OsStr| variables.push((name.into(), value.to_owned()));
        set("CLOUDIFY_DISPATCH", "true".as_ref());
        set("MANAGER_NAME", options.manager_name.as_ref());
        set("REST_PROTOCOL", url.scheme().as_ref());
        set("REST_HOST", host.as_ref());
        set("REST_PORT", port.to_string().as_ref());
        set("LOCAL_REST_CERT_FILE", authorities.as_os_str());
        set("AGENT_WORK_DIR", work.as_os_str());
        set("CFY_PLUGINS_ROOT", root.as_os_str());
        if let Some(files) = &options.files {
            // That both are the same says that the folders of deployments need no copying.
            set("CFY_RESOURCES_ROOT", files.as_os_str());
            set("MANAGER_FILE_SERVER_ROOT", files.as_os_str());
        }
        for name in ["NO_PROXY", "no_proxy"] {
            let others = variables.iter().rev().find(|(other, _)| other == name).map(|(_, others)| others.clone());
            let mut hosts = OsString::from(host);
            hosts.push(others.filter(|others| !others.is_empty()).map_or_else(OsString::new, |others| {
                let mut rest = OsString::from(",");
                rest.push(others);
                rest
            }));
            variables.push((name.into(), hosts));
        }
        Ok(Self { work, variables, broker: options.broker })
    }

    /// The folder that processes start in.
    pub(crate) fn work(&self) -> &Path {
        &self.work
    }

    /// The variables that are the same for all operations.
    pub(crate) fn lasting(&self) -> &[(OsString, OsString)] {
        &self.variables
    }

    /// The working folder of a deployment, which `ctx.plugin.workdir` leads into.
    pub(crate) fn of_deployment(&self, tenant: &str, deployment: &str) -> PathBuf {
        self.work.join(DEPLOYMENTS).join(tenant).join(deployment)
    }

    /// All variables for an operation in an order in which later ones replace earlier ones of the same
    /// name. The folders of both interpreters come first in `PATH`.
    pub(crate) fn variables(
        &self,
        operation: &Operation,
        interpreter: &Interpreter,
        base: &Interpreter,
    ) -> Vec<(OsString, OsString)> {
        let context = &operation.request.context;
        let mut all = self.variables.clone();
        all.extend(context.execution_env.iter().map(|(name, value)| (name.into(), python_text::str(value).into())));
        if context.bypass_maintenance == Some(true) {
            all.push(("BYPASS_MAINTENANCE".into(), "True".into()));
        }
        all.push((MARKER.into(), (&operation.request.id).into()));
        let inherited = all.iter().rev().find(|(name, _)| name == "PATH").map(|(_, path)| path.clone());
        let folders = [interpreter.folder(), base.folder()].map(Path::to_path_buf);
        let rest = inherited.unwrap_or_else(|| "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into());
        let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&rest))).unwrap_or(rest);
        all.push(("PATH".into(), path));
        all
    }

    /// Makes the folder of a workflow its work folder as well, since the package reads there how messages are
    /// sent: each execution has a login of its own. The folders of deployments are where they always are.
    pub(crate) async fn prepare_workflow(&self, operation: &Operation) -> Result<(), Failure> {
        let Some(broker) = self.broker else { return Ok(()) };
        let tenant = operation.request.context.tenant.name.as_str();
        let found = operation.client.tenants().get(tenant).await.map_err(|error| client_failure(&error))?;
        let config = json!({
            "broker_hostname": broker.ip(), "broker_username": found["rabbitmq_username"],
            "broker_password": found["rabbitmq_password"], "broker_vhost": "/", "broker_ssl_enabled": false,
        });
        let folder = operation.dir.path();
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join("broker_config.json"));
        file.and_then(|mut file| file.write_all(config.to_string().as_bytes()))
            .and_then(|()| symlink(self.work.join(DEPLOYMENTS), folder.join(DEPLOYMENTS)))
            .map_err(|error| {
                Failure::fatal(format!("The worker cannot prepare the workflow in {}: {error}", folder.display()))
            })
    }

    /// The variables that a workflow has beside those of operations.
    pub(crate) fn of_workflow(&self, operation: &Operation) -> Vec<(OsString, OsString)> {
        let Some(broker) = self.broker else { return Vec::new() };
        vec![
            ("AGENT_WORK_DIR".into(), operation.dir.path().into()),
            ("NEPHELE_BROKER_PORT".into(), broker.port().to_string().into()),
        ]
    }
}
