-- Parts of plans that a blueprint's deployments have in common, and that are far longer than all else in their rows, are
-- kept once: lists read rows by the thousand.
CREATE TABLE deployment_texts (
    storage_id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL
);
-- The manager writes this trigger anew at its start.
DROP TRIGGER IF EXISTS audit_deployments_update;
ALTER TABLE deployments ADD COLUMN policy_triggers_fk BIGINT REFERENCES deployment_texts (storage_id);
ALTER TABLE deployments ADD COLUMN policy_types_fk BIGINT REFERENCES deployment_texts (storage_id);
ALTER TABLE deployments ADD COLUMN workflows_fk BIGINT REFERENCES deployment_texts (storage_id);
-- Digests are made by the manager; those of texts that were there before it find nothing, and need not.
INSERT INTO deployment_texts (digest, text) SELECT concat('before ', row_number() OVER ()), found.text FROM (
    SELECT policy_triggers AS text FROM deployments WHERE policy_triggers IS NOT NULL
    UNION SELECT policy_types FROM deployments WHERE policy_types IS NOT NULL
    UNION SELECT workflows FROM deployments WHERE workflows IS NOT NULL
) found;
UPDATE deployments SET policy_triggers_fk = t.storage_id FROM deployment_texts t WHERE t.text = deployments.policy_triggers;
UPDATE deployments SET policy_types_fk = t.storage_id FROM deployment_texts t WHERE t.text = deployments.policy_types;
UPDATE deployments SET workflows_fk = t.storage_id FROM deployment_texts t WHERE t.text = deployments.workflows;
ALTER TABLE deployments DROP COLUMN policy_triggers;
ALTER TABLE deployments DROP COLUMN policy_types;
ALTER TABLE deployments DROP COLUMN workflows;
CREATE INDEX deployments_policy_triggers ON deployments (policy_triggers_fk);
CREATE INDEX deployments_policy_types ON deployments (policy_types_fk);
CREATE INDEX deployments_workflows ON deployments (workflows_fk);
