-- The execution that this one does again, by its id: it may be deleted before this one.
ALTER TABLE executions ADD COLUMN rerun_of TEXT;
-- Whether it is to begin whatever the rules say; it may have to wait nevertheless.
ALTER TABLE executions ADD COLUMN is_forced BOOLEAN NOT NULL DEFAULT FALSE;
