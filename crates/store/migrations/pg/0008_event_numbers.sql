-- Here the number of an event that was deleted is never given again: sequences only grow. SQLite needs to be told.
SELECT 1;
