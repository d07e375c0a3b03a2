-- Whether the manager made it by itself: such snapshots also go by themselves.
ALTER TABLE snapshots ADD COLUMN is_scheduled BOOLEAN NOT NULL DEFAULT FALSE;
