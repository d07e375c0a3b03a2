//! Names of exchanges, routing keys, queues and virtual hosts (spec workflows.md 1.2). They are
//! wire format: Python agents and workers use the same.

use nephele_model::id::{ExecutionId, TenantName};

/// The exchange of everything that runs beside the manager.
pub const MANAGEMENT: &str = "cloudify.management";
/// The exchange whose messages reach every worker.
pub const MANAGER_SERVICE: &str = "cloudify-mgmtworker-service";

const RESPONSES: &str = "execution_responses_";
const WORKFLOW_RESPONSE: &str = "workflow_response_";
const TENANT_VHOST: &str = "rabbitmq_vhost_";

/// The virtual host: the manager's own or a tenant's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Vhost {
    /// The manager's.
    Manager,
    /// The one that a tenant's agents use.
    Tenant(TenantName),
}

impl Vhost {
    /// The broker's name for it.
    pub fn name(&self) -> String {
        match self {
            Self::Manager => "/".to_owned(),
            Self::Tenant(tenant) => format!("{TENANT_VHOST}{tenant}"),
        }
    }

    /// The one of this name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "/" => Some(Self::Manager),
            _ => name.strip_prefix(TENANT_VHOST).map(|tenant| Self::Tenant(tenant.into())),
        }
    }
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The virtual host.
    pub vhost: Vhost,
    /// The exchange.
    pub exchange: String,
    /// The routing key.
    pub routing_key: String,
}

impl Address {
    /// An address in the manager's own virtual host.
    pub fn manager(exchange: &str, routing_key: &str) -> Self {
        Self { vhost: Vhost::Manager, exchange: exchange.to_owned(), routing_key: routing_key.to_owned() }
    }

    /// Where an answer to a message from this address goes: same host, same exchange.
    #[must_use]
    pub fn answer(&self, reply_to: &str) -> Self {
        Self { routing_key: reply_to.to_owned(), ..self.clone() }
    }

    /// Whether each subscriber gets its own copy of each message.
    pub fn is_fanout(&self) -> bool {
        self.exchange == MANAGER_SERVICE
    }

    /// Which of a few kinds this is; never the name of an execution, an agent or a tenant.
    pub fn kind(&self) -> &'static str {
        let key = self.routing_key.as_str();
        match (&self.vhost, key) {
            (Vhost::Tenant(_), _) => "agents",
            _ if self.is_fanout() => "service",
            (_, "execution") => "executions",
            (_, "workflow") => "workflows",
            (_, "operation") => "operations",
            (_, "native_operation") => "native_operations",
            (_, "hook") => "hooks",
            _ if key.starts_with(RESPONSES) || key.starts_with(WORKFLOW_RESPONSE) => "answers",
            _ => "others",
        }
    }

    /// The name of the queue behind this address; `manager_name` tells the copies of a fan-out apart.
    pub fn queue(&self, manager_name: &str) -> String {
        if self.is_fanout() {
            format!("{}-{manager_name}_{}", self.exchange, self.routing_key)
        } else if self.routing_key.starts_with(RESPONSES) {
            self.routing_key.clone()
        } else {
            format!("{}_{}", self.exchange, self.routing_key)
        }
    }
}

/// Executions for the manager itself to look at.
pub fn executions() -> Address {
    Address::manager("nephele.executions", "execution")
}

/// Workflows to be run by any worker.
pub fn workflows() -> Address {
    Address::manager(MANAGEMENT, "workflow")
}

/// Where a worker says that it has run the workflow of an execution.
pub fn workflow_answers(execution: &ExecutionId) -> Address {
    workflows().answer(&workflow_answer_key(execution))
}

/// The `reply_to` of an execution's workflow.
pub fn workflow_answer_key(execution: &ExecutionId) -> String {
    format!("{WORKFLOW_RESPONSE}{execution}")
}

/// Operations to be run beside the manager, by any worker.
pub fn operations() -> Address {
    Address::manager(MANAGEMENT, "operation")
}

/// Hooks to be run by any worker.
pub fn hooks() -> Address {
    Address::manager(MANAGEMENT, "hook")
}

/// Operations that a manager runs itself.
pub fn native_operations() -> Address {
    Address::manager(MANAGEMENT, "native_operation")
}

/// Service tasks for every worker, such as `cancel-operation`.
pub fn manager_service() -> Address {
    Address::manager(MANAGER_SERVICE, "service")
}

/// Answers of operations that ran beside the manager.
pub fn responses(execution: &ExecutionId) -> Address {
    operations().answer(&response_key(execution))
}

/// The `reply_to` of an execution's operations.
pub fn response_key(execution: &ExecutionId) -> String {
    format!("{RESPONSES}{execution}")
}

/// Operations for one agent; `agent` is its exchange, by default the node instance's id.
pub fn agent_operations(tenant: TenantName, agent: &str) -> Address {
    Address { vhost: Vhost::Tenant(tenant), exchange: agent.to_owned(), routing_key: "operation".to_owned() }
}

/// Service tasks for one agent, such as `ping`.
pub fn agent_service(tenant: TenantName, agent: &str) -> Address {
    agent_operations(tenant, agent).answer("service")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_have_the_names_that_python_declares() {
        assert_eq!(operations().queue("m1"), "cloudify.management_operation");
        assert_eq!(workflows().queue("m1"), "cloudify.management_workflow");
        assert_eq!(manager_service().queue("m1"), "cloudify-mgmtworker-service-m1_service");
        assert_eq!(responses(&"e1".into()).queue("m1"), "execution_responses_e1");
        let agent = agent_service("acme".into(), "web_x1");
        assert_eq!(Vhost::parse(&agent.vhost.name()), Some(agent.vhost.clone()));
        let kinds =
            [agent.clone(), responses(&"e1".into()), workflow_answers(&"e1".into()), manager_service(), hooks()];
        assert_eq!(kinds.map(|address| address.kind()), ["agents", "answers", "answers", "service", "hooks"]);
        assert_eq!((agent.vhost.name(), agent.queue("m1")), ("rabbitmq_vhost_acme".into(), "web_x1_service".into()));
    }
}
