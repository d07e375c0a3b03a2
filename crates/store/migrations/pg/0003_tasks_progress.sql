-- What followers of a run ask for: the tasks that changed after the version they have. Each write of an
-- execution's tasks takes the next version; `tasks_removed` is the last one that took tasks away.
ALTER TABLE executions ADD COLUMN tasks_version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE executions ADD COLUMN tasks_removed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE operations ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
-- When an attempt that waits for its time may begin, and why one failed.
ALTER TABLE operations ADD COLUMN due_at BIGINT;
ALTER TABLE operations ADD COLUMN error TEXT;
CREATE INDEX operations_version ON operations (tasks_graph_fk, version);
