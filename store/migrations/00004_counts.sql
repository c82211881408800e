-- What the status, the metrics and the guard show is counted as it changes, so
-- that a look costs the same however many users there are. The triggers are part
-- of each write's own transaction: the counts are exact after every commit.
--
-- A count stands in a row with one integer for a key, because several triggers run
-- for each mail. The views funnel and queue take the keys apart again; who reads
-- a count reads it there.

-- +goose Up
-- Users by what the status tells apart:
-- status * 16 + (country = 'DO') * 8 + mailed * 4 + withdrawn * 2 + address_bad.
CREATE TABLE funnel_counts (
    key   INTEGER PRIMARY KEY,
    users INTEGER NOT NULL DEFAULT 0
) STRICT;
-- All that can be counted is there from the start.
INSERT INTO funnel_counts (key) WITH RECURSIVE n (key) AS (SELECT 0 UNION ALL SELECT key + 1 FROM n WHERE key < 95) SELECT key FROM n;

CREATE VIEW funnel AS SELECT
    CASE key / 16 WHEN 0 THEN 'pending' WHEN 1 THEN 'in_review' WHEN 2 THEN 'verified' WHEN 3 THEN 'rejected' WHEN 4 THEN 'opted_out' ELSE 'erased' END AS status,
    CASE key / 8 % 2 WHEN 0 THEN 'MX' ELSE 'DO' END AS country,
    key / 4 % 2 AS mailed, -- 1: at least one mail
    key / 2 % 2 AS withdrawn,
    key % 2 AS address_bad,
    users
FROM funnel_counts;

-- Deliveries that are due, by the minute of due_at since the Unix epoch, and
-- those that wait for a person, under minute 0:
-- minute * 32 + state * 8 + (country = 'DO') * 4 + (type = 'BUSINESS') * 2 + operator.
-- What is claimed or sending is as much as one run has in hand, and is counted
-- in its index. Without a rowid, SQLite makes no copy of the pages that a
-- statement changes for the case that the key is no integer.
CREATE TABLE queue_counts (
    key        INTEGER PRIMARY KEY,
    deliveries INTEGER NOT NULL DEFAULT 0,
    retries    INTEGER NOT NULL DEFAULT 0 -- of these with an attempt behind them
) STRICT, WITHOUT ROWID;

CREATE VIEW queue AS SELECT
    key / 32 AS minute,
    CASE key / 8 % 4 WHEN 0 THEN 'due' WHEN 1 THEN 'held' WHEN 2 THEN 'doubt' ELSE 'failed' END AS state,
    CASE key / 4 % 2 WHEN 0 THEN 'MX' ELSE 'DO' END AS country,
    CASE key / 2 % 2 WHEN 0 THEN 'INDIVIDUAL' ELSE 'BUSINESS' END AS type,
    key % 2 AS operator,
    deliveries, retries
FROM queue_counts;

-- The current links of pending users, by the minute in which they expire.
CREATE TABLE link_expiry (
    minute INTEGER PRIMARY KEY, -- of expires_at, since the Unix epoch
    links  INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

UPDATE funnel_counts SET users = found.users FROM (
    SELECT CASE status WHEN 'pending' THEN 0 WHEN 'in_review' THEN 16 WHEN 'verified' THEN 32 WHEN 'rejected' THEN 48 WHEN 'opted_out' THEN 64 ELSE 80 END
            + (country = 'DO') * 8 + (mails > 0) * 4 + withdrawn * 2 + address_bad AS key,
        count(*) AS users FROM users NOT INDEXED GROUP BY 1) found
    WHERE funnel_counts.key = found.key;
INSERT INTO queue_counts SELECT CASE state WHEN 'due' THEN due_at / 60000 * 32 WHEN 'held' THEN 8 WHEN 'doubt' THEN 16 ELSE 24 END
        + (country = 'DO') * 4 + (type = 'BUSINESS') * 2 + operator,
    count(*), count(*) FILTER (WHERE attempts > 0)
    FROM deliveries NOT INDEXED WHERE state IN ('due', 'held', 'doubt', 'failed') GROUP BY 1;
INSERT INTO link_expiry SELECT l.expires_at / 60000, count(*) FROM links l NOT INDEXED JOIN users u ON u.key = l.user_key
    WHERE l.superseded_at IS NULL AND u.status = 'pending' GROUP BY 1;

-- +goose StatementBegin
CREATE TRIGGER funnel_gains_a_user AFTER INSERT ON users
BEGIN
    UPDATE funnel_counts SET users = users + 1 WHERE key =
        CASE NEW.status WHEN 'pending' THEN 0 WHEN 'in_review' THEN 16 WHEN 'verified' THEN 32 WHEN 'rejected' THEN 48 WHEN 'opted_out' THEN 64 ELSE 80 END
        + (NEW.country = 'DO') * 8 + (NEW.mails > 0) * 4 + NEW.withdrawn * 2 + NEW.address_bad;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER funnel_moves_a_user AFTER UPDATE OF country, status, mails, withdrawn, address_bad ON users
WHEN (NEW.mails > 0) <> (OLD.mails > 0) OR NEW.status <> OLD.status OR NEW.country <> OLD.country
    OR NEW.withdrawn <> OLD.withdrawn OR NEW.address_bad <> OLD.address_bad
BEGIN
    UPDATE funnel_counts SET users = users - 1 WHERE key =
        CASE OLD.status WHEN 'pending' THEN 0 WHEN 'in_review' THEN 16 WHEN 'verified' THEN 32 WHEN 'rejected' THEN 48 WHEN 'opted_out' THEN 64 ELSE 80 END
        + (OLD.country = 'DO') * 8 + (OLD.mails > 0) * 4 + OLD.withdrawn * 2 + OLD.address_bad;
    UPDATE funnel_counts SET users = users + 1 WHERE key =
        CASE NEW.status WHEN 'pending' THEN 0 WHEN 'in_review' THEN 16 WHEN 'verified' THEN 32 WHEN 'rejected' THEN 48 WHEN 'opted_out' THEN 64 ELSE 80 END
        + (NEW.country = 'DO') * 8 + (NEW.mails > 0) * 4 + NEW.withdrawn * 2 + NEW.address_bad;
END;
-- +goose StatementEnd

-- SQLite builds a table in memory for each list of more than two values that it
-- compares with, so that these comparisons are written out.
-- +goose StatementBegin
CREATE TRIGGER queue_gains_a_new_delivery AFTER INSERT ON deliveries
WHEN NEW.state = 'due' OR NEW.state = 'held' OR NEW.state = 'doubt' OR NEW.state = 'failed'
BEGIN
    INSERT INTO queue_counts (key) VALUES (
        CASE NEW.state WHEN 'due' THEN NEW.due_at / 60000 * 32 WHEN 'held' THEN 8 WHEN 'doubt' THEN 16 ELSE 24 END
        + (NEW.country = 'DO') * 4 + (NEW.type = 'BUSINESS') * 2 + NEW.operator) ON CONFLICT DO NOTHING;
    UPDATE queue_counts SET deliveries = deliveries + 1, retries = retries + (NEW.attempts > 0) WHERE key =
        CASE NEW.state WHEN 'due' THEN NEW.due_at / 60000 * 32 WHEN 'held' THEN 8 WHEN 'doubt' THEN 16 ELSE 24 END
        + (NEW.country = 'DO') * 4 + (NEW.type = 'BUSINESS') * 2 + NEW.operator;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER queue_loses_a_delivery AFTER UPDATE OF state, country, type, operator, due_at, attempts ON deliveries
WHEN OLD.state = 'due' OR OLD.state = 'held' OR OLD.state = 'doubt' OR OLD.state = 'failed'
BEGIN
    UPDATE queue_counts SET deliveries = deliveries - 1, retries = retries - (OLD.attempts > 0) WHERE key =
        CASE OLD.state WHEN 'due' THEN OLD.due_at / 60000 * 32 WHEN 'held' THEN 8 WHEN 'doubt' THEN 16 ELSE 24 END
        + (OLD.country = 'DO') * 4 + (OLD.type = 'BUSINESS') * 2 + OLD.operator;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER queue_gains_a_delivery AFTER UPDATE OF state, country, type, operator, due_at, attempts ON deliveries
WHEN NEW.state = 'due' OR NEW.state = 'held' OR NEW.state = 'doubt' OR NEW.state = 'failed'
BEGIN
    INSERT INTO queue_counts (key) VALUES (
        CASE NEW.state WHEN 'due' THEN NEW.due_at / 60000 * 32 WHEN 'held' THEN 8 WHEN 'doubt' THEN 16 ELSE 24 END
        + (NEW.country = 'DO') * 4 + (NEW.type = 'BUSINESS') * 2 + NEW.operator) ON CONFLICT DO NOTHING;
    UPDATE queue_counts SET deliveries = deliveries + 1, retries = retries + (NEW.attempts > 0) WHERE key =
        CASE NEW.state WHEN 'due' THEN NEW.due_at / 60000 * 32 WHEN 'held' THEN 8 WHEN 'doubt' THEN 16 ELSE 24 END
        + (NEW.country = 'DO') * 4 + (NEW.type = 'BUSINESS') * 2 + NEW.operator;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER link_expiry_gains_a_link AFTER INSERT ON links WHEN NEW.superseded_at IS NULL
BEGIN
    INSERT INTO link_expiry (minute) VALUES (NEW.expires_at / 60000) ON CONFLICT DO NOTHING;
    UPDATE link_expiry SET links = links + 1 WHERE minute = NEW.expires_at / 60000
        AND EXISTS (SELECT 1 FROM users WHERE key = NEW.user_key AND status = 'pending');
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
DROP VIEW queue;
DROP TABLE queue_counts;
DROP VIEW funnel;
DROP TABLE funnel_counts;
