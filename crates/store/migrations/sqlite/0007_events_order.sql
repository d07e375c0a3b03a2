-- The list of all events is walked through by its index alone, with the wall between tenants.
DROP INDEX events_timestamp;
CREATE INDEX events_timestamp ON events ("timestamp", storage_id, execution_fk, execution_group_fk);
-- The events of an execution in the order of lists that name none.
CREATE INDEX events_execution_timestamp ON events (execution_fk, "timestamp", storage_id);
