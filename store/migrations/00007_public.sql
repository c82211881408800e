-- Links that never expire, and what comes of them: sessions that are minted at the
-- click, visits, who wants to be mailed later, and what the partner tells of users.

-- +goose Up
ALTER TABLE users ADD COLUMN opened_at INTEGER;   -- when a person first opened the link of a mail
ALTER TABLE users ADD COLUMN verified_at INTEGER; -- when the user last became verified

-- A lasting link has a token, and expires_at is the end of the year 9999. Its
-- sealed URL is wiped once the mail is sent: then only the digest is left.
ALTER TABLE links ADD COLUMN token BLOB;      -- SHA-256 of it
ALTER TABLE links ADD COLUMN dead_at INTEGER; -- when its user opted out
CREATE UNIQUE INDEX links_token ON links (token) WHERE token IS NOT NULL;

-- Links that were minted for a user who asked, and not for a mail.
CREATE TABLE sessions (
    id          INTEGER PRIMARY KEY,
    user_key    INTEGER NOT NULL REFERENCES users (key) DEFERRABLE INITIALLY DEFERRED,
    link_id     INTEGER REFERENCES links (id) DEFERRABLE INITIALLY DEFERRED, -- of the mail that led here; NULL when a partner's app asked
    state       TEXT    NOT NULL CHECK (state = 'minting' OR state = 'open' OR state = 'failed'),
    began_at    INTEGER NOT NULL,
    lease_ends  INTEGER NOT NULL, -- one that is still minting then has failed, and is in doubt
    issued_at   INTEGER,
    expires_at  INTEGER,
    doubtful    INTEGER NOT NULL DEFAULT 0, -- 1: the mint may have opened a session that nobody got
    probe       INTEGER NOT NULL DEFAULT 0, -- 1: alta minted of itself, to see whether the partner API is back
    sealed      BLOB,                       -- as in links
    fingerprint BLOB,                       -- as in links
    shared      INTEGER NOT NULL DEFAULT 0  -- as in links
) STRICT;
CREATE INDEX sessions_user ON sessions (user_key);
CREATE UNIQUE INDEX sessions_minting ON sessions (user_key) WHERE state = 'minting';
CREATE INDEX sessions_lease ON sessions (lease_ends) WHERE state = 'minting';
CREATE INDEX sessions_fingerprint ON sessions (fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX sessions_sealed ON sessions (expires_at) WHERE sealed IS NOT NULL;
CREATE INDEX sessions_failed ON sessions (began_at) WHERE state = 'failed';
CREATE INDEX sessions_doubtful ON sessions (id) WHERE doubtful = 1;

CREATE TABLE visits (
    id       INTEGER PRIMARY KEY,
    link_id  INTEGER NOT NULL REFERENCES links (id) DEFERRABLE INITIALLY DEFERRED,
    kind     TEXT    NOT NULL CHECK (kind = 'scan' OR kind = 'open' OR kind = 'mint' OR kind = 'use' OR kind = 'turn'),
    hour     INTEGER NOT NULL, -- its start
    n        INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    UNIQUE (link_id, kind, hour)
) STRICT;

-- Users who want to be mailed when the partner API is back.
CREATE TABLE askers (
    user_key INTEGER PRIMARY KEY REFERENCES users (key) DEFERRABLE INITIALLY DEFERRED,
    link_id  INTEGER NOT NULL REFERENCES links (id) DEFERRABLE INITIALLY DEFERRED, -- of the mail that led here
    asked_at INTEGER,   -- NULL once the wish is answered, or of no use
    answered_at INTEGER -- when the latest mail was made due for one; there is one a day
) STRICT;
CREATE INDEX askers_asked ON askers (asked_at) WHERE asked_at IS NOT NULL;

CREATE TABLE news (
    id          INTEGER PRIMARY KEY,
    external_id TEXT    NOT NULL, -- the Capa user id where alta itself has asked
    event       TEXT    NOT NULL,
    user_key    INTEGER REFERENCES users (key) DEFERRABLE INITIALLY DEFERRED, -- NULL where nobody is known, or several are
    effect      TEXT    NOT NULL,
    n           INTEGER NOT NULL,
    first_at    INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,
    settled_at  INTEGER, -- NULL while it waits for an operator
    UNIQUE (external_id, event)
) STRICT;
CREATE INDEX news_user ON news (user_key);
CREATE INDEX news_inbox ON news (first_at) WHERE settled_at IS NULL;

-- A link belongs to one user, whether it was minted for a mail or for a session.
DROP TRIGGER links_have_one_user;
-- +goose StatementBegin
CREATE TRIGGER links_have_one_user BEFORE INSERT ON links
WHEN EXISTS (SELECT 1 FROM links l WHERE l.fingerprint = NEW.fingerprint AND (l.user_key <> NEW.user_key OR l.shared = 1))
    OR EXISTS (SELECT 1 FROM sessions s WHERE s.fingerprint = NEW.fingerprint AND (s.user_key <> NEW.user_key OR s.shared = 1))
BEGIN SELECT RAISE(FAIL, 'links_have_one_user'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER sessions_have_one_user BEFORE UPDATE OF fingerprint ON sessions
WHEN EXISTS (SELECT 1 FROM links l WHERE l.fingerprint = NEW.fingerprint AND (l.user_key <> NEW.user_key OR l.shared = 1))
    OR EXISTS (SELECT 1 FROM sessions s WHERE s.fingerprint = NEW.fingerprint AND (s.user_key <> NEW.user_key OR s.shared = 1))
BEGIN SELECT RAISE(FAIL, 'sessions_have_one_user'); END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER sessions_have_one_user;
DROP TRIGGER links_have_one_user;
DROP TABLE news;
DROP TABLE askers;
DROP TABLE visits;
DROP TABLE sessions;
-- +goose StatementBegin
CREATE TRIGGER links_have_one_user BEFORE INSERT ON links
WHEN EXISTS (SELECT 1 FROM links l WHERE l.fingerprint = NEW.fingerprint AND (l.user_key <> NEW.user_key OR l.shared = 1))
BEGIN SELECT RAISE(FAIL, 'links_have_one_user'); END;
-- +goose StatementEnd
DROP INDEX links_token;
ALTER TABLE links DROP COLUMN dead_at;
ALTER TABLE links DROP COLUMN token;
ALTER TABLE users DROP COLUMN verified_at;
ALTER TABLE users DROP COLUMN opened_at;
