//! What hosts need in addition: waiting until they answer, and their agents (spec workflows.md
//! section 6.3).

use super::steps::Steps;
use crate::error::Result;
use crate::graph::Block;
use crate::task::OnSuccess;

/// How a host gets its agent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    None,
    Remote,
    /// By the host itself as it boots; the manager waits for it.
    InitScript,
    /// Through a plugin; the manager waits for it.
    Plugin,
    /// By someone else.
    Provided,
}

impl Method {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Remote => "remote",
            Self::InitScript => "init_script",
            Self::Plugin => "plugin",
            Self::Provided => "provided",
        }
    }
}

pub(super) fn method(steps: Steps<'_>) -> Method {
    let properties = &steps.node().properties;
    match properties.get("install_agent").and_then(serde_json::Value::as_bool) {
        Some(true) => return Method::Remote,
        Some(false) => return Method::None,
        None => {}
    }
    let wanted = properties.get("agent_config").and_then(|config| config["install_method"].as_str());
    let methods = [Method::Remote, Method::InitScript, Method::Plugin, Method::Provided];
    methods.into_iter().find(|method| Some(method.name()) == wanted).unwrap_or(Method::None)
}

fn agent(operation: &str) -> String {
    format!("cloudify.interfaces.cloudify_agent.{operation}")
}

/// After the host was started.
pub(super) fn post_start(steps: Steps<'_>) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    if let Some(Block::Task(mut task)) = steps.operation("cloudify.interfaces.host.get_state")? {
        task.on_success = OnSuccess::HostStarted;
        blocks.push(Block::Task(task));
    }
    let method = method(steps);
    if method != Method::None {
        blocks.push(steps.event("Creating agent"));
        blocks.extend(steps.operation(&agent("create"))?);
        blocks.push(steps.event("Agent created"));
    }
    if matches!(method, Method::InitScript | Method::Plugin) {
        blocks.push(steps.event("Waiting for agent to start"));
        blocks.extend(steps.operation(&agent("start"))?);
        blocks.push(steps.event("Agent started"));
    }
    let monitoring = ["cloudify.interfaces.monitoring_agent.install", "cloudify.interfaces.monitoring_agent.start"];
    blocks.extend(steps.operations(&monitoring)?);
    Ok(blocks)
}

/// Before the host is stopped.
pub(super) fn pre_stop(steps: Steps<'_>) -> Result<Vec<Block>> {
    let monitoring = ["cloudify.interfaces.monitoring_agent.stop", "cloudify.interfaces.monitoring_agent.uninstall"];
    let mut blocks = steps.operations(&monitoring)?;
    let stop = match method(steps) {
        Method::None => return Ok(blocks),
        Method::Remote => "stop",
        Method::InitScript | Method::Plugin | Method::Provided => "stop_amqp",
    };
    blocks.push(steps.event("Stopping agent"));
    blocks.extend(steps.operation(&agent(stop))?);
    blocks.push(steps.event("Deleting agent"));
    blocks.extend(steps.operation(&agent("delete"))?);
    blocks.push(steps.event("Agent deleted"));
    Ok(blocks)
}
