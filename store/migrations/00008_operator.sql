-- Who may operate, and proof of what was done.

-- +goose Up
-- The chain of the audit log: for each line the SHA-256 over the hash before it and
-- the line (chain.go). It is a table of its own, since a line never changes. SQLite
-- has no SHA-256, so alta adds the entries, in the transaction that adds the line.
CREATE TABLE audit_chain (
    audit_id INTEGER PRIMARY KEY,
    hash     BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;
-- +goose StatementBegin
CREATE TRIGGER audit_chain_is_append_only_update BEFORE UPDATE ON audit_chain
BEGIN SELECT RAISE(ABORT, 'the chain of the audit log is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_chain_is_append_only_delete BEFORE DELETE ON audit_chain
BEGIN SELECT RAISE(ABORT, 'the chain of the audit log is append-only'); END;
-- +goose StatementEnd
CREATE INDEX audit_actor ON audit (actor);

-- The tokens of people and programs that operate alta, by their SHA-256. A row
-- stays when its token was revoked: the audit log names it.
CREATE TABLE tokens (
    id         INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL,
    role       TEXT    NOT NULL CHECK (role = 'viewer' OR role = 'operator'),
    digest     BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    made_at    INTEGER NOT NULL,
    made_by    TEXT    NOT NULL,
    used_at    INTEGER, -- to the minute
    revoked_at INTEGER
) STRICT;
CREATE UNIQUE INDEX tokens_living ON tokens (name) WHERE revoked_at IS NULL;

-- Who is signed in to the page, by the SHA-256 of the cookie.
CREATE TABLE logins (
    digest    BLOB    PRIMARY KEY CHECK (length(digest) = 32),
    token_id  INTEGER REFERENCES tokens (id) DEFERRABLE INITIALLY DEFERRED, -- NULL: the operator's token of the configuration
    bootstrap BLOB, -- the SHA-256 of that one, so that another one there ends the login
    made_at   INTEGER NOT NULL,
    ends_at   INTEGER NOT NULL,
    seen_at   INTEGER NOT NULL, -- to the minute
    CHECK ((token_id IS NULL) = (bootstrap IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX logins_token ON logins (token_id);
CREATE INDEX logins_ends ON logins (ends_at);

-- +goose Down
DROP TABLE logins;
DROP TABLE tokens;
DROP INDEX audit_actor;
DROP TABLE audit_chain;
