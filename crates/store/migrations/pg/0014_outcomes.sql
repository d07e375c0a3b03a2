-- How an operation ended that its run has yet to hear of.
ALTER TABLE operations ADD COLUMN outcome TEXT;
