-- What may begin next is found without a look at all that is queued.
CREATE INDEX executions_in_deployment ON executions (deployment_fk, status, storage_id);
DROP INDEX executions_status;
CREATE INDEX executions_status ON executions (status, storage_id);
DROP INDEX executions_system;
CREATE INDEX executions_system ON executions (status, storage_id) WHERE is_system_workflow;

-- Said to be immutable, it could not become a part of the statements that call it, and was called as a statement of its own. What
-- needs no escapes is quoted as it stands.
CREATE OR REPLACE FUNCTION json_quote(value TEXT) RETURNS TEXT
LANGUAGE SQL STABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN value ~ '^[^"\\\x01-\x1f]*$' THEN '"' || value || '"'
             ELSE coalesce(to_json(value)::text, 'null') END $$;

-- A row whose unique column changes is locked against those who refer to it, too: two runs of one deployment, each of which had
-- just referred to it, waited for each other until one was refused.
ALTER TABLE deployments DROP CONSTRAINT deployments_latest_execution_fk_key;
CREATE INDEX deployments_latest_execution ON deployments (latest_execution_fk);
