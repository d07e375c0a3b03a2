-- The process of a manager for whose work a token stands, if it is one's: the token counts as long as that lives.
ALTER TABLE tokens ADD COLUMN process BIGINT;
