-- Events are followed by their numbers, so the number of one that was deleted is not given again.
ALTER TABLE events RENAME TO events_before;
DROP INDEX events_execution;
DROP INDEX events_execution_group;
DROP INDEX events_timestamp;
DROP INDEX events_execution_timestamp;
CREATE TABLE events (
    storage_id INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,
    "timestamp" BIGINT NOT NULL,
    reported_timestamp BIGINT NOT NULL,
    message TEXT,
    event_type TEXT,
    logger TEXT,
    level TEXT,
    operation TEXT,
    node_id TEXT,
    node_name TEXT,
    source_id TEXT,
    target_id TEXT,
    error_causes TEXT,
    manager_name TEXT,
    agent_name TEXT,
    execution_fk BIGINT REFERENCES executions (storage_id) ON DELETE CASCADE,
    execution_group_fk BIGINT REFERENCES execution_groups (storage_id) ON DELETE CASCADE,
    CHECK ((execution_fk IS NULL) <> (execution_group_fk IS NULL))
);
INSERT INTO events SELECT * FROM events_before;
DROP TABLE events_before;
CREATE INDEX events_execution ON events (execution_fk, reported_timestamp, "timestamp", storage_id);
CREATE INDEX events_execution_group ON events (execution_group_fk, reported_timestamp, "timestamp", storage_id)
    WHERE execution_group_fk IS NOT NULL;
CREATE INDEX events_timestamp ON events ("timestamp", storage_id, execution_fk, execution_group_fk);
CREATE INDEX events_execution_timestamp ON events (execution_fk, "timestamp", storage_id);
