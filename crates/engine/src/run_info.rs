//! What every operation of a run is told about the run, and where new ids come from.

use nephele_model::operation::{CENTRAL, Context, TenantRef};
use serde_json::{Map, Value};
use uuid::Uuid;

/// A source of fresh ids: random in the product, counted in tests.
pub struct Ids(Box<dyn FnMut() -> String + Send + Sync>);

impl Ids {
    /// Random UUIDs.
    pub fn random() -> Self {
        Self::from_fn(|| Uuid::new_v4().to_string())
    }

    /// Whatever `source` says.
    pub fn from_fn(source: impl FnMut() -> String + Send + Sync + 'static) -> Self {
        Self(Box::new(source))
    }

    pub(crate) fn fresh(&mut self) -> String {
        (self.0)()
    }
}

impl std::fmt::Debug for Ids {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Ids")
    }
}

/// The values of a run that go into the context of each of its operations (spec workflows.md
/// section 1.5(b)). Tokens and the address of the REST service are added when a request is sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of `operation::Context`")]
pub struct RunInfo {
    pub execution_id: String,
    pub workflow_id: String,
    pub tenant: String,
    pub workflow_parameters: Map<String, Value>,
    pub execution_creator_username: Option<String>,
    pub blueprint_id: Option<String>,
    pub deployment_id: Option<String>,
    pub deployment_display_name: Option<String>,
    pub deployment_creator: Option<String>,
    pub deployment_resource_tags: Option<Value>,
    pub bypass_maintenance: Option<bool>,
    /// Nothing is stored and no operation runs: only events appear.
    pub dry_run: bool,
    /// Seconds after the first failure during which independent tasks still start; executions
    /// have 600 unless their user says otherwise, 0 ends the run with the first failure.
    pub wait_after_fail: f64,
}

impl RunInfo {
    /// Adds the run's values to a context that knows its node and operation.
    pub(crate) fn fill(&self, context: &mut Context) {
        "operation".clone_into(&mut context.kind);
        context.execution_id.clone_from(&self.execution_id);
        context.workflow_id.clone_from(&self.workflow_id);
        context.tenant = TenantRef { name: self.tenant.clone() };
        context.workflow_parameters.clone_from(&self.workflow_parameters);
        context.execution_creator_username.clone_from(&self.execution_creator_username);
        context.blueprint_id.clone_from(&self.blueprint_id);
        context.deployment_id.clone_from(&self.deployment_id);
        context.deployment_display_name.clone_from(&self.deployment_display_name);
        context.deployment_creator.clone_from(&self.deployment_creator);
        context.deployment_resource_tags.clone_from(&self.deployment_resource_tags);
        context.bypass_maintenance = self.bypass_maintenance;
        address(context);
    }
}

/// Says where an operation goes that has no host: beside the manager.
pub(crate) fn address(context: &mut Context) {
    if runs_beside_the_manager(context) {
        CENTRAL.clone_into(&mut context.task_queue);
        CENTRAL.clone_into(&mut context.task_target);
    }
}

/// What runs on a host goes to the host's agent, whose address only the manager can find out:
/// those requests leave here without one. `auto` means the host if there is one.
fn runs_beside_the_manager(context: &Context) -> bool {
    match context.executor.as_deref() {
        Some("host_agent") => false,
        Some("auto") => context.host_id.is_none(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_operations_on_hosts_leave_without_an_address() {
        let target = |executor: &str, host: Option<&str>| {
            let (executor, host_id) = (Some(executor.to_owned()), host.map(str::to_owned));
            let mut context = Context { executor, host_id, ..Context::default() };
            RunInfo::default().fill(&mut context);
            context.task_target
        };
        assert_eq!(target("central_deployment_agent", Some("vm_1")), CENTRAL);
        assert_eq!(target("auto", None), CENTRAL);
        assert_eq!(target("auto", Some("vm_1")), "");
        assert_eq!(target("host_agent", Some("vm_1")), "");
    }
}
