-- What may begin next is found without a look at all that is queued.
CREATE INDEX executions_in_deployment ON executions (deployment_fk, status, storage_id);
DROP INDEX executions_status;
CREATE INDEX executions_status ON executions (status, storage_id);
DROP INDEX executions_system;
CREATE INDEX executions_system ON executions (status, storage_id) WHERE is_system_workflow;
