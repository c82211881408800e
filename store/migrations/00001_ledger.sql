-- The ledger. Every time is in milliseconds since the Unix epoch, UTC; look at
-- one with datetime(due_at / 1000, 'unixepoch').

-- +goose Up
CREATE TABLE users (
    key             INTEGER PRIMARY KEY,
    id              TEXT    NOT NULL UNIQUE, -- the Capa user id
    external_id     TEXT    NOT NULL DEFAULT '',
    email           TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    country         TEXT    NOT NULL CHECK (country IN ('MX', 'DO')),
    locale          TEXT    NOT NULL,
    time_zone       TEXT    NOT NULL,
    type            TEXT    NOT NULL CHECK (type IN ('INDIVIDUAL', 'BUSINESS')),
    status          TEXT    NOT NULL CHECK (status IN ('pending', 'in_review', 'verified', 'rejected', 'opted_out', 'erased')),
    sourced         INTEGER NOT NULL DEFAULT 0, -- 1: comes from the [source] query
    withdrawn       INTEGER NOT NULL DEFAULT 0, -- 1: the [source] query no longer returns the user
    address_bad     INTEGER NOT NULL DEFAULT 0, -- 1: the mail server refused the address for good
    mails           INTEGER NOT NULL DEFAULT 0,
    invited_at      INTEGER,
    last_mail_at    INTEGER,
    link_expires_at INTEGER,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    -- Whether mail may go out to the user at all.
    wanted          INTEGER NOT NULL GENERATED ALWAYS AS (status = 'pending' AND withdrawn = 0 AND address_bad = 0) VIRTUAL
) STRICT;
CREATE INDEX users_email ON users (email COLLATE NOCASE);
CREATE INDEX users_external_id ON users (external_id) WHERE external_id <> '';
CREATE INDEX users_funnel ON users (country, status, mails > 0);

CREATE TABLE runs (
    id          INTEGER PRIMARY KEY,
    trigger     TEXT    NOT NULL CHECK (trigger IN ('schedule', 'command', 'resend')),
    slot        INTEGER UNIQUE, -- the moment of the schedule that it serves
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,
    selected    INTEGER NOT NULL DEFAULT 0,
    sent        INTEGER NOT NULL DEFAULT 0,
    retry       INTEGER NOT NULL DEFAULT 0,
    failed      INTEGER NOT NULL DEFAULT 0,
    held        INTEGER NOT NULL DEFAULT 0,
    doubt       INTEGER NOT NULL DEFAULT 0,
    cancelled   INTEGER NOT NULL DEFAULT 0,
    minted      INTEGER NOT NULL DEFAULT 0,
    outage      TEXT    NOT NULL DEFAULT '',
    error       TEXT    NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE links (
    id            INTEGER PRIMARY KEY,
    user_key      INTEGER NOT NULL REFERENCES users (key),
    url           TEXT    NOT NULL,
    issued_at     INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    superseded_at INTEGER
) STRICT;
-- A user has one current link at most; a superseded one is never mailed.
CREATE UNIQUE INDEX links_current ON links (user_key) WHERE superseded_at IS NULL;
CREATE INDEX links_user ON links (user_key);

CREATE TABLE deliveries (
    id           INTEGER PRIMARY KEY,
    user_key     INTEGER NOT NULL REFERENCES users (key),
    country      TEXT    NOT NULL, -- as in users; with the type it is the lane that a pause stops
    type         TEXT    NOT NULL, -- as in users
    step         TEXT    NOT NULL CHECK (step IN ('invite', 'reminder', 'reissue')),
    round        INTEGER NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('due', 'claimed', 'sending', 'sent', 'failed', 'held', 'cancelled', 'doubt')),
    due_at       INTEGER NOT NULL,
    operator     INTEGER NOT NULL DEFAULT 0, -- 1: asked for by an operator
    attempts     INTEGER NOT NULL DEFAULT 0, -- those that count towards plan.tries
    doubts       INTEGER NOT NULL DEFAULT 0, -- attempts that ended in doubt
    repeat       INTEGER NOT NULL DEFAULT 0, -- 1: the next attempt sends the very same message
    code         TEXT    NOT NULL DEFAULT '',
    reason       TEXT    NOT NULL DEFAULT '',
    link_id      INTEGER REFERENCES links (id),
    message_id   TEXT    NOT NULL DEFAULT '',
    message_date INTEGER,
    digest       BLOB,
    receipt      TEXT    NOT NULL DEFAULT '',
    run_id       INTEGER REFERENCES runs (id), -- the owner, while claimed or sending
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    UNIQUE (user_key, step, round)
) STRICT;
-- One open delivery a user: nothing can mail a user twice at once.
CREATE UNIQUE INDEX deliveries_open ON deliveries (user_key) WHERE state IN ('due', 'claimed', 'sending', 'held', 'doubt');
-- What is due costs the same however many users there are.
CREATE INDEX deliveries_due ON deliveries (country, type, operator, due_at) WHERE state = 'due';
CREATE INDEX deliveries_operator ON deliveries (due_at) WHERE state = 'due' AND operator = 1;
-- SQLite uses these two only for a query that repeats their IN list word for word.
CREATE INDEX deliveries_owned ON deliveries (state) WHERE state IN ('claimed', 'sending');
CREATE INDEX deliveries_attention ON deliveries (state, updated_at) WHERE state IN ('held', 'doubt', 'failed');

CREATE TABLE attempts (
    id          INTEGER PRIMARY KEY,
    delivery_id INTEGER NOT NULL REFERENCES deliveries (id),
    run_id      INTEGER REFERENCES runs (id),
    at          INTEGER NOT NULL,
    outcome     TEXT    NOT NULL,
    code        TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    reply       TEXT    NOT NULL,
    message_id  TEXT    NOT NULL,
    link_id     INTEGER REFERENCES links (id),
    doubtful    INTEGER NOT NULL -- 1: the mint may have opened a session that nobody got
) STRICT;
CREATE INDEX attempts_delivery ON attempts (delivery_id);

CREATE TABLE pauses (
    country  TEXT    NOT NULL, -- '' pauses everything
    type     TEXT    NOT NULL, -- '' with it
    code     TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    minting  INTEGER NOT NULL, -- 1: only a mint disproves it
    since    INTEGER NOT NULL,
    probe_at INTEGER NOT NULL,
    PRIMARY KEY (country, type)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    user_id TEXT    NOT NULL,
    detail  TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_user ON audit (user_id);

-- +goose StatementBegin
CREATE TRIGGER audit_is_append_only_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_is_append_only_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER attempts_are_append_only_delete BEFORE DELETE ON attempts
BEGIN SELECT RAISE(ABORT, 'attempts are append-only'); END;
-- +goose StatementEnd
-- Erasing a user blanks what the mail server said, which can quote the address;
-- nothing else of an attempt ever changes.
-- +goose StatementBegin
CREATE TRIGGER attempts_are_append_only_update BEFORE UPDATE ON attempts
WHEN NEW.reply <> '' OR NEW.reason <> ''
    OR NEW.id IS NOT OLD.id OR NEW.delivery_id IS NOT OLD.delivery_id OR NEW.run_id IS NOT OLD.run_id
    OR NEW.at IS NOT OLD.at OR NEW.outcome IS NOT OLD.outcome OR NEW.code IS NOT OLD.code
    OR NEW.message_id IS NOT OLD.message_id OR NEW.link_id IS NOT OLD.link_id OR NEW.doubtful IS NOT OLD.doubtful
BEGIN SELECT RAISE(ABORT, 'attempts are append-only'); END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE audit;
DROP TABLE pauses;
DROP TABLE attempts;
DROP TABLE deliveries;
DROP TABLE links;
DROP TABLE runs;
DROP TABLE users;
