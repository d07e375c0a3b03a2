//! What a connection may reach: the queues of its execution, and the exchanges through which that asks for
//! operations.
//!
//! Invariant: no execution can take another's answers, nor have an answer sent to another.

use nephele_bus::topology::{self, MANAGEMENT};
use nephele_bus::{Address, Vhost};
use nephele_model::id::ExecutionId;

use crate::refusal::Refusal;

/// The rights of a connection.
pub(crate) struct Access {
    /// Where it is.
    pub(crate) vhost: Vhost,
    /// The queue of its execution's answers.
    own: String,
}

impl Access {
    pub(crate) fn new(vhost: Vhost, execution: &ExecutionId) -> Self {
        Self { vhost, own: topology::response_key(execution) }
    }

    /// Its execution's answers; with agents also those to single questions, whose names nobody can guess.
    pub(crate) fn demand_queue(&self, name: &str) -> Result<(), Refusal> {
        let is_answer = self.vhost != Vhost::Manager && name.contains("_response_");
        if name == self.own || is_answer {
            return Ok(());
        }
        Err(Refusal::access(format_args!("the queue '{name}' is none of this execution")))
    }

    /// The exchange of everything beside the manager; among a tenant's agents all of them.
    pub(crate) fn demand_exchange(&self, name: &str) -> Result<(), Refusal> {
        let is_open = match self.vhost {
            Vhost::Manager => name == MANAGEMENT,
            Vhost::Tenant(_) => !name.is_empty(),
        };
        if is_open { Ok(()) } else { Err(Refusal::access(format_args!("the exchange '{name}' is not for workflows"))) }
    }

    /// The address that a queue is bound to: answers come by the name of their queue.
    pub(crate) fn bound(&self, queue: &str, exchange: &str, routing_key: &str) -> Result<Address, Refusal> {
        self.demand_queue(queue)?;
        self.demand_exchange(exchange)?;
        // What a client leaves empty is the queue's name.
        if !routing_key.is_empty() && routing_key != queue {
            return Err(Refusal::access(format_args!("'{queue}' cannot be bound to '{routing_key}'")));
        }
        Ok(self.address(exchange, queue))
    }

    /// The binding that a queue always has. Brokers remember bindings, and a workflow that goes on after a crash
    /// makes none before it asks for something new.
    pub(crate) fn lasting(&self, queue: &str) -> Option<Address> {
        (self.vhost == Vhost::Manager && queue == self.own).then(|| self.address(MANAGEMENT, queue))
    }

    /// The address that a message goes to: operations, and questions to agents.
    pub(crate) fn target(&self, exchange: &str, routing_key: &str, reply_to: Option<&str>) -> Result<Address, Refusal> {
        self.demand_exchange(exchange)?;
        let asks_agent = routing_key == "service" && self.vhost != Vhost::Manager;
        if routing_key != "operation" && !asks_agent {
            return Err(Refusal::access(format_args!("workflows send nothing to '{routing_key}'")));
        }
        reply_to.map_or(Ok(()), |queue| self.demand_queue(queue))?;
        Ok(self.address(exchange, routing_key))
    }

    fn address(&self, exchange: &str, routing_key: &str) -> Address {
        Address { vhost: self.vhost.clone(), exchange: exchange.to_owned(), routing_key: routing_key.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_reaches_its_own_queues_only() {
        let access = Access::new(Vhost::Manager, &"e1".into());
        let own = "execution_responses_e1";
        assert_eq!(access.bound(own, MANAGEMENT, own).unwrap(), topology::responses(&"e1".into()));
        assert_eq!(access.target(MANAGEMENT, "operation", Some(own)).unwrap(), topology::operations());
        assert!(access.demand_queue("execution_responses_e2").is_err());
        assert!(access.demand_queue("cloudify.management_operation").is_err());
        assert!(access.bound(own, MANAGEMENT, "operation").is_err(), "operations of others would come");
        assert!(access.target(MANAGEMENT, "operation", Some("execution_responses_e2")).is_err());
        assert!(access.target(MANAGEMENT, "workflow", None).is_err());
        assert!(access.target("cloudify-mgmtworker-service", "service", None).is_err());
        assert!(access.target("", "execution_responses_e2", None).is_err());
    }

    #[test]
    fn among_agents_it_asks_any_of_its_tenant() {
        let access = Access::new(Vhost::Tenant("acme".into()), &"e1".into());
        let answer = "web_x1_response_7f";
        assert_eq!(
            access.target("web_x1", "service", Some(answer)).unwrap(),
            topology::agent_service("acme".into(), "web_x1")
        );
        assert_eq!(access.bound(answer, "web_x1", "").unwrap().routing_key, answer);
        assert!(access.demand_queue("web_x1_operation").is_err());
        assert!(access.target("web_x1", answer, None).is_err());
    }
}
