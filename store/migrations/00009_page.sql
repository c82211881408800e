-- What the operator's page looks at, by tables that are kept as the ledger changes,
-- so that a look costs the same however many users there are. As in 00004, triggers
-- keep them in each write's own transaction, and the counts are exact after every
-- commit. What they look for they find in the statements that few mails make: an
-- ordinary mail pays for one more count, that of the hour in which it was sent.

-- +goose Up
-- The queue is counted by step, too, for the forecast:
-- minute * 128 + step * 32 + state * 8 + (country = 'DO') * 4 + (type = 'BUSINESS') * 2 + operator.
DROP TRIGGER queue_gains_a_delivery;
DROP TRIGGER queue_loses_a_delivery;
DROP TRIGGER queue_gains_a_new_delivery;
DROP VIEW queue;
DELETE FROM queue_counts;
INSERT INTO queue_counts SELECT CASE state WHEN 'due' THEN due_at / 60000 * 128 WHEN 'held' THEN 8 WHEN 'doubt' THEN 16 ELSE 24 END
        + CASE step WHEN 'invite' THEN 0 WHEN 'reminder' THEN 32 ELSE 64 END + (country = 'DO') * 4 + (type = 'BUSINESS') * 2 + operator,
    count(*), count(*) FILTER (WHERE attempts > 0)
    FROM deliveries NOT INDEXED WHERE state IN ('due', 'held', 'doubt', 'failed') GROUP BY 1;
CREATE VIEW queue AS SELECT
    key / 128 AS minute,
    CASE key / 8 % 4 WHEN 0 THEN 'due' WHEN 1 THEN 'held' WHEN 2 THEN 'doubt' ELSE 'failed' END AS state,
    CASE key / 4 % 2 WHEN 0 THEN 'MX' ELSE 'DO' END AS country,
    CASE key / 2 % 2 WHEN 0 THEN 'INDIVIDUAL' ELSE 'BUSINESS' END AS type,
    CASE key / 32 % 4 WHEN 0 THEN 'invite' WHEN 1 THEN 'reminder' ELSE 'reissue' END AS step,
    key % 2 AS operator,
    deliveries, retries
FROM queue_counts;

-- Mails that were sent, by the hour since the Unix epoch, so that the days of any
-- time zone can be added up: hour * 8 + (country = 'DO') * 4 + step.
CREATE TABLE mail_counts (
    key   INTEGER PRIMARY KEY,
    mails INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE VIEW mails_sent AS SELECT
    key / 8 AS hour,
    CASE key / 4 % 2 WHEN 0 THEN 'MX' ELSE 'DO' END AS country,
    CASE key % 4 WHEN 0 THEN 'invite' WHEN 1 THEN 'reminder' ELSE 'reissue' END AS step,
    mails
FROM mail_counts;

-- Attempts that ended badly, by the hour: hour * 4 + outcome. Attempts are only ever
-- added, and by alta alone, which counts them with that: a trigger would cost every mail.
CREATE TABLE trouble_counts (
    key      INTEGER PRIMARY KEY,
    attempts INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE VIEW troubles AS SELECT
    key / 4 AS hour,
    CASE key % 4 WHEN 0 THEN 'failed' WHEN 1 THEN 'held' ELSE 'doubt' END AS outcome,
    attempts
FROM trouble_counts;

-- How far users came, what * 2 + (country = 'DO'): 0 are pending and have opened
-- their link; 1 to 7 were verified within 1, 6, 24, 72, 168 or 336 hours of their
-- invite, or later.
CREATE TABLE reached_counts (
    key   INTEGER PRIMARY KEY,
    users INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO reached_counts (key) WITH RECURSIVE n (key) AS (SELECT 0 UNION ALL SELECT key + 1 FROM n WHERE key < 15) SELECT key FROM n;

-- The users who wait for a person: their latest delivery is held or in doubt, or it
-- failed and they may still get mail. Another delivery ends that, an operator's
-- resend for example, until it too goes wrong: whoever adds one sees to that, since a
-- trigger would cost every mail.
CREATE TABLE attention (
    user_key    INTEGER PRIMARY KEY,
    delivery_id INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    code        TEXT    NOT NULL,
    country     TEXT    NOT NULL,
    since       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attention_group ON attention (state, code, country);
CREATE INDEX attention_since ON attention (state, code, country, since);
CREATE TABLE attention_counts (
    state   TEXT    NOT NULL,
    code    TEXT    NOT NULL,
    country TEXT    NOT NULL,
    users   INTEGER NOT NULL,
    PRIMARY KEY (state, code, country)
) STRICT, WITHOUT ROWID;

INSERT INTO mail_counts SELECT ended_at / 3600000 * 8 + (country = 'DO') * 4 + CASE step WHEN 'invite' THEN 0 WHEN 'reminder' THEN 1 ELSE 2 END, count(*)
    FROM deliveries NOT INDEXED WHERE state = 'sent' GROUP BY 1;
INSERT INTO trouble_counts SELECT at / 3600000 * 4 + CASE outcome WHEN 'failed' THEN 0 WHEN 'held' THEN 1 ELSE 2 END, count(*)
    FROM attempts NOT INDEXED WHERE outcome IN ('failed', 'held', 'doubt') GROUP BY 1;
UPDATE reached_counts SET users = found.users FROM (
    SELECT (country = 'DO') AS key, count(*) AS users FROM users NOT INDEXED WHERE status = 'pending' AND opened_at IS NOT NULL GROUP BY 1
    UNION ALL SELECT (country = 'DO') + CASE WHEN u.verified_at - u.invited_at < 3600000 THEN 2 WHEN u.verified_at - u.invited_at < 21600000 THEN 4 WHEN u.verified_at - u.invited_at < 86400000 THEN 6
            WHEN u.verified_at - u.invited_at < 259200000 THEN 8 WHEN u.verified_at - u.invited_at < 604800000 THEN 10 WHEN u.verified_at - u.invited_at < 1209600000 THEN 12 ELSE 14 END, count(*)
        FROM users u NOT INDEXED WHERE verified_at IS NOT NULL AND invited_at IS NOT NULL GROUP BY 1) found
    WHERE reached_counts.key = found.key;
INSERT INTO attention SELECT d.user_key, d.id, d.state, d.code, d.country, d.updated_at
    FROM deliveries d NOT INDEXED JOIN users u ON u.key = d.user_key
    WHERE (d.state IN ('held', 'doubt') OR d.state = 'failed' AND u.status = 'pending' AND u.withdrawn = 0)
        AND NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.user_key = d.user_key AND o.id > d.id);
INSERT INTO attention_counts SELECT state, code, country, count(*) FROM attention GROUP BY 1, 2, 3;

-- +goose StatementBegin
CREATE TRIGGER queue_gains_a_new_delivery AFTER INSERT ON deliveries
WHEN NEW.state = 'due' OR NEW.state = 'held' OR NEW.state = 'doubt' OR NEW.state = 'failed'
BEGIN
    INSERT INTO queue_counts (key) VALUES (
        CASE NEW.state WHEN 'due' THEN NEW.due_at / 60000 * 128 WHEN 'held' THEN 8 WHEN 'doubt' THEN 16 ELSE 24 END
        + CASE NEW.step WHEN 'invite' THEN 0 WHEN 'reminder' THEN 32 ELSE 64 END + (NEW.country = 'DO') * 4 + (NEW.type = 'BUSINESS') * 2 + NEW.operator) ON CONFLICT DO NOTHING;
    UPDATE queue_counts SET deliveries = deliveries + 1, retries = retries + (NEW.attempts > 0) WHERE key =
        CASE NEW.state WHEN 'due' THEN NEW.due_at / 60000 * 128 WHEN 'held' THEN 8 WHEN 'doubt' THEN 16 ELSE 24 END
        + CASE NEW.step WHEN 'invite' THEN 0 WHEN 'reminder' THEN 32 ELSE 64 END + (NEW.country = 'DO') * 4 + (NEW.type = 'BUSINESS') * 2 + NEW.operator;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER queue_loses_a_delivery AFTER UPDATE OF state, country, type, operator, due_at, attempts ON deliveries
WHEN OLD.state = 'due' OR OLD.state = 'held' OR OLD.state = 'doubt' OR OLD.state = 'failed'
BEGIN
    UPDATE queue_counts SET deliveries = deliveries - 1, retries = retries - (OLD.attempts > 0) WHERE key =
        CASE OLD.state WHEN 'due' THEN OLD.due_at / 60000 * 128 WHEN 'held' THEN 8 WHEN 'doubt' THEN 16 ELSE 24 END
        + CASE OLD.step WHEN 'invite' THEN 0 WHEN 'reminder' THEN 32 ELSE 64 END + (OLD.country = 'DO') * 4 + (OLD.type = 'BUSINESS') * 2 + OLD.operator;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER queue_gains_a_delivery AFTER UPDATE OF state, country, type, operator, due_at, attempts ON deliveries
WHEN NEW.state = 'due' OR NEW.state = 'held' OR NEW.state = 'doubt' OR NEW.state = 'failed'
BEGIN
    INSERT INTO queue_counts (key) VALUES (
        CASE NEW.state WHEN 'due' THEN NEW.due_at / 60000 * 128 WHEN 'held' THEN 8 WHEN 'doubt' THEN 16 ELSE 24 END
        + CASE NEW.step WHEN 'invite' THEN 0 WHEN 'reminder' THEN 32 ELSE 64 END + (NEW.country = 'DO') * 4 + (NEW.type = 'BUSINESS') * 2 + NEW.operator) ON CONFLICT DO NOTHING;
    UPDATE queue_counts SET deliveries = deliveries + 1, retries = retries + (NEW.attempts > 0) WHERE key =
        CASE NEW.state WHEN 'due' THEN NEW.due_at / 60000 * 128 WHEN 'held' THEN 8 WHEN 'doubt' THEN 16 ELSE 24 END
        + CASE NEW.step WHEN 'invite' THEN 0 WHEN 'reminder' THEN 32 ELSE 64 END + (NEW.country = 'DO') * 4 + (NEW.type = 'BUSINESS') * 2 + NEW.operator;
END;
-- +goose StatementEnd

-- A delivery becomes sent together with its ended_at, which the other steps of a
-- mail leave alone.
-- +goose StatementBegin
CREATE TRIGGER mail_is_sent AFTER UPDATE OF ended_at ON deliveries WHEN NEW.state = 'sent' AND OLD.state <> 'sent'
BEGIN
    INSERT INTO mail_counts (key) VALUES (
        NEW.ended_at / 3600000 * 8 + (NEW.country = 'DO') * 4 + CASE NEW.step WHEN 'invite' THEN 0 WHEN 'reminder' THEN 1 ELSE 2 END) ON CONFLICT DO NOTHING;
    UPDATE mail_counts SET mails = mails + 1 WHERE key =
        NEW.ended_at / 3600000 * 8 + (NEW.country = 'DO') * 4 + CASE NEW.step WHEN 'invite' THEN 0 WHEN 'reminder' THEN 1 ELSE 2 END;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER user_comes_further AFTER UPDATE OF status, country, opened_at, verified_at ON users
WHEN (NEW.opened_at IS NOT NULL OR OLD.opened_at IS NOT NULL OR NEW.verified_at IS NOT NULL OR OLD.verified_at IS NOT NULL)
    AND (NEW.status <> OLD.status OR NEW.country <> OLD.country OR NEW.opened_at IS NOT OLD.opened_at
        OR NEW.verified_at IS NOT OLD.verified_at)
BEGIN
    UPDATE reached_counts SET users = users - 1 WHERE OLD.status = 'pending' AND OLD.opened_at IS NOT NULL AND key = (OLD.country = 'DO');
    UPDATE reached_counts SET users = users + 1 WHERE NEW.status = 'pending' AND NEW.opened_at IS NOT NULL AND key = (NEW.country = 'DO');
    UPDATE reached_counts SET users = users - 1 WHERE OLD.verified_at IS NOT NULL AND OLD.invited_at IS NOT NULL AND key = (OLD.country = 'DO')
        + CASE WHEN OLD.verified_at - OLD.invited_at < 3600000 THEN 2 WHEN OLD.verified_at - OLD.invited_at < 21600000 THEN 4 WHEN OLD.verified_at - OLD.invited_at < 86400000 THEN 6
            WHEN OLD.verified_at - OLD.invited_at < 259200000 THEN 8 WHEN OLD.verified_at - OLD.invited_at < 604800000 THEN 10 WHEN OLD.verified_at - OLD.invited_at < 1209600000 THEN 12 ELSE 14 END;
    UPDATE reached_counts SET users = users + 1 WHERE NEW.verified_at IS NOT NULL AND NEW.invited_at IS NOT NULL AND key = (NEW.country = 'DO')
        + CASE WHEN NEW.verified_at - NEW.invited_at < 3600000 THEN 2 WHEN NEW.verified_at - NEW.invited_at < 21600000 THEN 4 WHEN NEW.verified_at - NEW.invited_at < 86400000 THEN 6
            WHEN NEW.verified_at - NEW.invited_at < 259200000 THEN 8 WHEN NEW.verified_at - NEW.invited_at < 604800000 THEN 10 WHEN NEW.verified_at - NEW.invited_at < 1209600000 THEN 12 ELSE 14 END;
END;
-- +goose StatementEnd
-- Whoever was verified before the first mail, and is mailed after all.
-- +goose StatementBegin
CREATE TRIGGER user_is_invited_late AFTER UPDATE OF invited_at ON users
WHEN OLD.invited_at IS NULL AND NEW.verified_at IS NOT NULL AND NEW.invited_at IS NOT NULL
BEGIN
    UPDATE reached_counts SET users = users + 1 WHERE key = (NEW.country = 'DO')
        + CASE WHEN NEW.verified_at - NEW.invited_at < 3600000 THEN 2 WHEN NEW.verified_at - NEW.invited_at < 21600000 THEN 4 WHEN NEW.verified_at - NEW.invited_at < 86400000 THEN 6
            WHEN NEW.verified_at - NEW.invited_at < 259200000 THEN 8 WHEN NEW.verified_at - NEW.invited_at < 604800000 THEN 10 WHEN NEW.verified_at - NEW.invited_at < 1209600000 THEN 12 ELSE 14 END;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER attention_follows_the_user AFTER UPDATE OF status, withdrawn ON users
WHEN (NEW.status = 'pending' AND NEW.withdrawn = 0) <> (OLD.status = 'pending' AND OLD.withdrawn = 0)
BEGIN
    DELETE FROM attention WHERE user_key = NEW.key AND state = 'failed';
    INSERT INTO attention (user_key, delivery_id, state, code, country, since)
        SELECT user_key, id, state, code, country, updated_at FROM deliveries
        WHERE NEW.status = 'pending' AND NEW.withdrawn = 0 AND state = 'failed'
            AND id = (SELECT max(o.id) FROM deliveries o WHERE o.user_key = NEW.key);
END;
-- +goose StatementEnd
-- Whatever makes a delivery held, in doubt or failed, or makes it anything else again,
-- writes one of these columns, and the claim and the beginning of a mail write none.
-- +goose StatementBegin
CREATE TRIGGER attention_follows_the_delivery AFTER UPDATE OF ended_at, country, operator ON deliveries
WHEN NEW.state = 'held' OR NEW.state = 'doubt' OR NEW.state = 'failed' OR OLD.state = 'held' OR OLD.state = 'doubt' OR OLD.state = 'failed'
BEGIN
    DELETE FROM attention WHERE user_key = NEW.user_key AND delivery_id <= NEW.id;
    INSERT INTO attention (user_key, delivery_id, state, code, country, since)
        SELECT NEW.user_key, NEW.id, NEW.state, NEW.code, NEW.country, NEW.updated_at
        WHERE (NEW.state = 'held' OR NEW.state = 'doubt' OR NEW.state = 'failed'
                AND EXISTS (SELECT 1 FROM users WHERE key = NEW.user_key AND status = 'pending' AND withdrawn = 0))
            AND NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.user_key = NEW.user_key AND o.id > NEW.id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER attention_gains_a_user AFTER INSERT ON attention
BEGIN
    INSERT INTO attention_counts VALUES (NEW.state, NEW.code, NEW.country, 0) ON CONFLICT DO NOTHING;
    UPDATE attention_counts SET users = users + 1 WHERE state = NEW.state AND code = NEW.code AND country = NEW.country;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER attention_loses_a_user AFTER DELETE ON attention
BEGIN
    UPDATE attention_counts SET users = users - 1 WHERE state = OLD.state AND code = OLD.code AND country = OLD.country;
END;
-- +goose StatementEnd

-- A name is found whatever its case and its accents, by how it begins. Whoever writes
-- a name writes it folded, too, as fold in searchsql.go does: to have SQLite do that
-- would make an import a third slower.
ALTER TABLE users ADD COLUMN folded TEXT NOT NULL DEFAULT '';
UPDATE users SET folded = CASE WHEN name GLOB '*[^ -~]*'
    THEN lower(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(name, 'Á', 'a'), 'É', 'e'), 'Í', 'i'), 'Ó', 'o'), 'Ú', 'u'), 'Ü', 'u'), 'Ñ', 'n'), 'á', 'a'), 'é', 'e'), 'í', 'i'), 'ó', 'o'), 'ú', 'u'), 'ü', 'u'), 'ñ', 'n'))
    ELSE lower(name) END;
CREATE INDEX users_folded ON users (folded);
CREATE INDEX users_opened ON users (country, status) WHERE opened_at IS NOT NULL;

-- +goose Down
DROP INDEX users_opened;
DROP INDEX users_folded;
ALTER TABLE users DROP COLUMN folded;
DROP TRIGGER attention_follows_the_delivery;
DROP TRIGGER attention_follows_the_user;
DROP TRIGGER user_is_invited_late;
DROP TRIGGER user_comes_further;
DROP TRIGGER mail_is_sent;
DROP TRIGGER queue_gains_a_delivery;
DROP TRIGGER queue_loses_a_delivery;
DROP TRIGGER queue_gains_a_new_delivery;
DROP TABLE attention_counts;
DROP TABLE attention;
DROP TABLE reached_counts;
DROP VIEW troubles;
DROP TABLE trouble_counts;
DROP VIEW mails_sent;
DROP TABLE mail_counts;
DROP VIEW queue;
DELETE FROM queue_counts;
INSERT INTO queue_counts SELECT CASE state WHEN 'due' THEN due_at / 60000 * 32 WHEN 'held' THEN 8 WHEN 'doubt' THEN 16 ELSE 24 END
        + (country = 'DO') * 4 + (type = 'BUSINESS') * 2 + operator,
    count(*), count(*) FILTER (WHERE attempts > 0)
    FROM deliveries NOT INDEXED WHERE state IN ('due', 'held', 'doubt', 'failed') GROUP BY 1;
CREATE VIEW queue AS SELECT
    key / 32 AS minute,
    CASE key / 8 % 4 WHEN 0 THEN 'due' WHEN 1 THEN 'held' WHEN 2 THEN 'doubt' ELSE 'failed' END AS state,
    CASE key / 4 % 2 WHEN 0 THEN 'MX' ELSE 'DO' END AS country,
    CASE key / 2 % 2 WHEN 0 THEN 'INDIVIDUAL' ELSE 'BUSINESS' END AS type,
    key % 2 AS operator,
    deliveries, retries
FROM queue_counts;
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
