-- The processes of managers that live. The number of one is never another's.
CREATE TABLE processes (
    id INTEGER PRIMARY KEY,
    node TEXT NOT NULL,
    hostname TEXT NOT NULL,
    seen_at BIGINT NOT NULL,
    lease BIGINT NOT NULL
);
-- The process that runs an execution.
ALTER TABLE executions ADD COLUMN process BIGINT;
-- The process whose bus a message is for; any, if there is none.
ALTER TABLE outbox ADD COLUMN process BIGINT;
