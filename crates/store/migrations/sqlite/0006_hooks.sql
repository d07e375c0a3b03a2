-- What hooks are to hear of: an event of an execution, with the hook that was there for it when it happened. A row goes
-- when its hook has run; the execution may be gone by then.
CREATE TABLE hooks (
    storage_id INTEGER PRIMARY KEY,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    execution_id TEXT NOT NULL,
    hook TEXT NOT NULL,
    event TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX hooks_execution ON hooks (execution_id, storage_id);
