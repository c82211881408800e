-- Links are sealed with the data key, and two rules of the plan become rules of
-- the database: a link belongs to one user, and a user gets no second mail
-- within plan.min_gap. Links of older ledgers stood in clear and are forgotten:
-- those in mails keep working, and a mail that is still due gets a fresh one.

-- +goose Up
CREATE TABLE data_key (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    digest BLOB    NOT NULL -- tells whether a key is the one that seals the links
) STRICT;

ALTER TABLE links ADD COLUMN sealed BLOB;      -- the URL, encrypted; NULL once it is of no use to anybody
ALTER TABLE links ADD COLUMN fingerprint BLOB; -- knows the same URL again; a keyed hash
ALTER TABLE links ADD COLUMN shared INTEGER NOT NULL DEFAULT 0; -- 1: it was handed out for two users, so it is for nobody
UPDATE links SET url = '';
ALTER TABLE links DROP COLUMN url;
CREATE INDEX links_fingerprint ON links (fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX links_sealed ON links (expires_at) WHERE sealed IS NOT NULL;

ALTER TABLE deliveries ADD COLUMN forced INTEGER NOT NULL DEFAULT 0; -- 1: an operator overrode the gap
ALTER TABLE deliveries ADD COLUMN began_at INTEGER;                  -- the latest time at which it was sending
UPDATE deliveries SET began_at = message_date WHERE state IN ('sent', 'sending')
    OR EXISTS (SELECT 1 FROM attempts a WHERE a.delivery_id = deliveries.id AND a.outcome = 'doubt');

ALTER TABLE runs ADD COLUMN min_gap INTEGER NOT NULL DEFAULT 0; -- plan.min_gap in that run, in milliseconds

CREATE INDEX runs_unfinished ON runs (id) WHERE finished_at IS NULL;

CREATE INDEX attempts_doubtful ON attempts (id) WHERE doubtful = 1;

-- +goose StatementBegin
CREATE TRIGGER links_have_one_user BEFORE INSERT ON links
WHEN EXISTS (SELECT 1 FROM links l WHERE l.fingerprint = NEW.fingerprint AND (l.user_key <> NEW.user_key OR l.shared = 1))
BEGIN SELECT RAISE(ABORT, 'links_have_one_user'); END;
-- +goose StatementEnd

-- A mail that was ever in doubt may have arrived, so it counts like one that was
-- sent. Its own repeat is the same mail, and the same row.
-- +goose StatementBegin
CREATE TRIGGER mails_keep_the_gap BEFORE UPDATE OF state ON deliveries
WHEN NEW.state = 'sending' AND NEW.forced = 0 AND EXISTS (
    SELECT 1 FROM deliveries d, runs r
    WHERE r.id = NEW.run_id AND d.user_key = NEW.user_key AND d.id <> NEW.id
        AND d.began_at > NEW.began_at - r.min_gap
        AND (d.state = 'sent' OR EXISTS (SELECT 1 FROM attempts a WHERE a.delivery_id = d.id AND a.outcome = 'doubt')))
BEGIN SELECT RAISE(ABORT, 'mails_keep_the_gap'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER final_states_stay BEFORE UPDATE OF state ON deliveries
WHEN OLD.state IN ('sent', 'cancelled') AND NEW.state IS NOT OLD.state
BEGIN SELECT RAISE(ABORT, 'a delivery that was sent or cancelled stays so'); END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER final_states_stay;
DROP TRIGGER mails_keep_the_gap;
DROP TRIGGER links_have_one_user;
DROP INDEX attempts_doubtful;
DROP INDEX runs_unfinished;
ALTER TABLE runs DROP COLUMN min_gap;
ALTER TABLE deliveries DROP COLUMN began_at;
ALTER TABLE deliveries DROP COLUMN forced;
DROP INDEX links_sealed;
DROP INDEX links_fingerprint;
ALTER TABLE links DROP COLUMN shared;
ALTER TABLE links DROP COLUMN fingerprint;
ALTER TABLE links DROP COLUMN sealed;
ALTER TABLE links ADD COLUMN url TEXT NOT NULL DEFAULT '';
DROP TABLE data_key;
