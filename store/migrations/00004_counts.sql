-- What the status, the metrics and the guard show is counted as it changes, so
-- that a look costs the same however many users there are. The triggers are part
-- of each write's own transaction: the counts are exact after every commit.

-- +goose Up
-- Users by what the status tells apart.
CREATE TABLE funnel (
    country     TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    mailed      INTEGER NOT NULL, -- 1: at least one mail
    withdrawn   INTEGER NOT NULL,
    address_bad INTEGER NOT NULL,
    users       INTEGER NOT NULL,
    PRIMARY KEY (country, status, mailed, withdrawn, address_bad)
) STRICT, WITHOUT ROWID;

-- Deliveries that are due, by the minute, and those that wait for a person.
-- What is claimed or sending is as much as one run has in hand, and is counted
-- in its index.
CREATE TABLE queue (
    state      TEXT    NOT NULL,
    country    TEXT    NOT NULL,
    type       TEXT    NOT NULL,
    operator   INTEGER NOT NULL,
    minute     INTEGER NOT NULL, -- of due_at, since the Unix epoch; 0 where nothing is due
    deliveries INTEGER NOT NULL,
    retries    INTEGER NOT NULL, -- of these with an attempt behind them
    PRIMARY KEY (state, country, type, operator, minute)
) STRICT, WITHOUT ROWID;

-- The current links of pending users, by the minute in which they expire.
CREATE TABLE link_expiry (
    minute INTEGER PRIMARY KEY, -- of expires_at, since the Unix epoch
    links  INTEGER NOT NULL
) STRICT;

INSERT INTO funnel SELECT country, status, mails > 0, withdrawn, address_bad, 1 FROM users NOT INDEXED WHERE true
    ON CONFLICT DO UPDATE SET users = users + 1;
INSERT INTO queue SELECT state, country, type, operator, CASE state WHEN 'due' THEN due_at / 60000 ELSE 0 END, 1, attempts > 0
    FROM deliveries NOT INDEXED WHERE state IN ('due', 'held', 'doubt', 'failed')
    ON CONFLICT DO UPDATE SET deliveries = deliveries + 1, retries = retries + excluded.retries;
INSERT INTO link_expiry SELECT l.expires_at / 60000, 1 FROM links l NOT INDEXED JOIN users u ON u.key = l.user_key
    WHERE l.superseded_at IS NULL AND u.status = 'pending'
    ON CONFLICT DO UPDATE SET links = links + 1;

-- +goose StatementBegin
CREATE TRIGGER funnel_gains_a_user AFTER INSERT ON users
BEGIN
    INSERT INTO funnel VALUES (NEW.country, NEW.status, NEW.mails > 0, NEW.withdrawn, NEW.address_bad, 1)
        ON CONFLICT DO UPDATE SET users = users + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER funnel_moves_a_user AFTER UPDATE OF country, status, mails, withdrawn, address_bad ON users
WHEN (NEW.mails > 0) <> (OLD.mails > 0) OR NEW.status <> OLD.status OR NEW.country <> OLD.country
    OR NEW.withdrawn <> OLD.withdrawn OR NEW.address_bad <> OLD.address_bad
BEGIN
    UPDATE funnel SET users = users - 1 WHERE country = OLD.country AND status = OLD.status AND mailed = (OLD.mails > 0)
        AND withdrawn = OLD.withdrawn AND address_bad = OLD.address_bad;
    INSERT INTO funnel VALUES (NEW.country, NEW.status, NEW.mails > 0, NEW.withdrawn, NEW.address_bad, 1)
        ON CONFLICT DO UPDATE SET users = users + 1;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER queue_gains_a_new_delivery AFTER INSERT ON deliveries
WHEN NEW.state IN ('due', 'held', 'doubt', 'failed')
BEGIN
    INSERT INTO queue VALUES (NEW.state, NEW.country, NEW.type, NEW.operator,
            CASE NEW.state WHEN 'due' THEN NEW.due_at / 60000 ELSE 0 END, 1, NEW.attempts > 0)
        ON CONFLICT DO UPDATE SET deliveries = deliveries + 1, retries = retries + excluded.retries;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER queue_loses_a_delivery AFTER UPDATE OF state, country, type, operator, due_at, attempts ON deliveries
WHEN OLD.state IN ('due', 'held', 'doubt', 'failed')
BEGIN
    UPDATE queue SET deliveries = deliveries - 1, retries = retries - (OLD.attempts > 0)
        WHERE state = OLD.state AND country = OLD.country AND type = OLD.type AND operator = OLD.operator
            AND minute = CASE OLD.state WHEN 'due' THEN OLD.due_at / 60000 ELSE 0 END;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER queue_gains_a_delivery AFTER UPDATE OF state, country, type, operator, due_at, attempts ON deliveries
WHEN NEW.state IN ('due', 'held', 'doubt', 'failed')
BEGIN
    INSERT INTO queue VALUES (NEW.state, NEW.country, NEW.type, NEW.operator,
            CASE NEW.state WHEN 'due' THEN NEW.due_at / 60000 ELSE 0 END, 1, NEW.attempts > 0)
        ON CONFLICT DO UPDATE SET deliveries = deliveries + 1, retries = retries + excluded.retries;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER link_expiry_gains_a_link AFTER INSERT ON links WHEN NEW.superseded_at IS NULL
BEGIN
    INSERT INTO link_expiry SELECT NEW.expires_at / 60000, 1 FROM users WHERE key = NEW.user_key AND status = 'pending'
        ON CONFLICT DO UPDATE SET links = links + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER link_expiry_loses_a_link AFTER UPDATE OF superseded_at ON links
WHEN OLD.superseded_at IS NULL AND NEW.superseded_at IS NOT NULL
BEGIN
    UPDATE link_expiry SET links = links - 1 WHERE minute = OLD.expires_at / 60000
        AND EXISTS (SELECT 1 FROM users WHERE key = OLD.user_key AND status = 'pending');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER link_expiry_loses_a_user AFTER UPDATE OF status ON users WHEN OLD.status = 'pending' AND NEW.status <> 'pending'
BEGIN
    UPDATE link_expiry SET links = links - 1
        WHERE minute = (SELECT expires_at / 60000 FROM links WHERE user_key = NEW.key AND superseded_at IS NULL);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER link_expiry_gains_a_user AFTER UPDATE OF status ON users WHEN OLD.status <> 'pending' AND NEW.status = 'pending'
BEGIN
    INSERT INTO link_expiry SELECT expires_at / 60000, 1 FROM links WHERE user_key = NEW.key AND superseded_at IS NULL
        ON CONFLICT DO UPDATE SET links = links + 1;
END;
-- +goose StatementEnd

-- A list of users, by the order in which they were added, wherever its filters
-- lead. The index that it replaces was changed by every mail.
DROP INDEX users_funnel;
CREATE INDEX users_listed ON users (country, status);

-- What was noted about all users and can quote one's address.
CREATE INDEX runs_quoting ON runs (id) WHERE outage <> '' OR error <> '';

-- +goose Down
DROP INDEX runs_quoting;
DROP INDEX users_listed;
CREATE INDEX users_funnel ON users (country, status, mails > 0);
DROP TRIGGER link_expiry_gains_a_user;
DROP TRIGGER link_expiry_loses_a_user;
DROP TRIGGER link_expiry_loses_a_link;
DROP TRIGGER link_expiry_gains_a_link;
DROP TRIGGER queue_gains_a_delivery;
DROP TRIGGER queue_loses_a_delivery;
DROP TRIGGER queue_gains_a_new_delivery;
DROP TRIGGER funnel_moves_a_user;
DROP TRIGGER funnel_gains_a_user;
DROP TABLE link_expiry;
DROP TABLE queue;
DROP TABLE funnel;
