-- How the phases of an execution ended, so that it goes on from there after a crash.
CREATE TABLE phases (
    storage_id INTEGER PRIMARY KEY,
    execution_fk BIGINT NOT NULL REFERENCES executions (storage_id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    "end" TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (execution_fk, name)
);
