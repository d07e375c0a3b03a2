-- What a user prefers in the console: a small JSON object into which the manager does not look.
CREATE TABLE preferences (
    user_id BIGINT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    value TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);
