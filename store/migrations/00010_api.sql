-- What the API remembers of the requests that came with a key, for a day; and what
-- happened, for the partner's program to hear of.

-- +goose Up
CREATE TABLE requests (
    token   TEXT    NOT NULL, -- the name of whose it was
    key     TEXT    NOT NULL,
    digest  BLOB    NOT NULL CHECK (length(digest) = 32), -- of the request
    made_at INTEGER NOT NULL,
    status  INTEGER, -- of the answer; NULL while the request goes on
    body    BLOB,    -- of the answer; NULL for one that holds a link
    PRIMARY KEY (token, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_made ON requests (made_at);

-- Whether events are noted: one row while they are. Triggers look for it, so that
-- what happens is noted by whichever process writes it.
CREATE TABLE events_on (one INTEGER PRIMARY KEY CHECK (one = 1)) STRICT;

-- What happened. It names a user by the key alone, so that nothing of an erased user
-- is left in it.
CREATE TABLE events (
    id       INTEGER PRIMARY KEY AUTOINCREMENT, -- a cursor never meets a number again
    name     TEXT    NOT NULL DEFAULT ('evt_' || lower(hex(randomblob(16)))), -- the same at each try to deliver
    type     TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    user_key INTEGER,
    step     TEXT    NOT NULL DEFAULT '',
    round    INTEGER NOT NULL DEFAULT 0,
    code     TEXT    NOT NULL DEFAULT '',
    state    TEXT    NOT NULL DEFAULT 'waiting' CHECK (state = 'waiting' OR state = 'delivered' OR state = 'given_up'),
    tries    INTEGER NOT NULL DEFAULT 0,
    next_at  INTEGER NOT NULL, -- of the next try; while somebody tries, when that one counts as lost
    said     TEXT    NOT NULL DEFAULT '' -- to the latest try
) STRICT;
CREATE INDEX events_waiting ON events (next_at) WHERE state = 'waiting';
CREATE INDEX events_at ON events (at);

-- +goose StatementBegin
CREATE TRIGGER event_of_a_mail AFTER UPDATE OF ended_at ON deliveries
WHEN (NEW.state = 'sent' OR NEW.state = 'failed') AND OLD.ended_at IS NULL
BEGIN
    INSERT INTO events (type, at, user_key, step, round, code, next_at)
    SELECT 'mail.' || NEW.state, NEW.ended_at, NEW.user_key, NEW.step, NEW.round, CASE NEW.state WHEN 'failed' THEN NEW.code ELSE '' END, NEW.ended_at
    FROM events_on;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER event_of_a_link AFTER UPDATE OF opened_at ON users WHEN NEW.opened_at IS NOT NULL AND OLD.opened_at IS NULL
BEGIN
    INSERT INTO events (type, at, user_key, next_at) SELECT 'link.opened', NEW.opened_at, NEW.key, NEW.opened_at FROM events_on;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER event_of_a_user AFTER UPDATE OF status ON users WHEN NEW.status = 'verified' AND OLD.status <> 'verified'
BEGIN
    INSERT INTO events (type, at, user_key, next_at) SELECT 'user.verified', NEW.updated_at, NEW.key, NEW.updated_at FROM events_on;
END;
-- +goose StatementEnd
-- An outage goes on for many runs, and is told once.
-- +goose StatementBegin
CREATE TRIGGER event_of_an_outage AFTER INSERT ON pauses WHEN NEW.country = ''
BEGIN
    INSERT INTO events (type, at, code, next_at) SELECT 'run.outage', NEW.since, NEW.code, NEW.since FROM events_on;
END;
-- +goose StatementEnd

-- Neither an unreadable source nor the guard's stop writes a pause: the first run that
-- ends with one tells it. Of the run before, one that an operator's resend began says
-- nothing, since the guard lets it pass. The text of an outage may quote an address, so
-- the event has a code of its own.
-- +goose StatementBegin
CREATE TRIGGER event_of_a_run AFTER UPDATE OF finished_at ON runs WHEN NEW.outage <> '' AND NEW.finished_at IS NOT NULL AND OLD.finished_at IS NULL
BEGIN
    INSERT INTO events (type, at, code, next_at) SELECT 'run.outage', NEW.finished_at, 'run.stopped', NEW.finished_at FROM events_on
    WHERE NOT EXISTS (SELECT 1 FROM pauses p WHERE p.country = '')
    AND coalesce((SELECT r.outage FROM runs r WHERE r.id < NEW.id AND r.finished_at IS NOT NULL AND r.trigger <> 'resend' ORDER BY r.id DESC LIMIT 1), '') = '';
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER event_of_a_run;
DROP TRIGGER event_of_an_outage;
DROP TRIGGER event_of_a_user;
DROP TRIGGER event_of_a_link;
DROP TRIGGER event_of_a_mail;
DROP TABLE events;
DROP TABLE events_on;
DROP TABLE requests;
