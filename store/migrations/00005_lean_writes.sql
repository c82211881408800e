-- The four changes of a mail (claimed, its link, sending, its verdict) are most
-- of what the ledger does, and these are what made each of them dear.

-- +goose Up
-- A delivery has ended once it is sent, failed or cancelled. With that in a
-- column of its own, the index of what is open, and that of what a run owns, are
-- no longer taken apart and put together again by every change of state.
ALTER TABLE deliveries ADD COLUMN ended_at INTEGER; -- NULL while it is open
UPDATE deliveries SET ended_at = updated_at WHERE state IN ('sent', 'failed', 'cancelled');
ALTER TABLE deliveries ADD CONSTRAINT open_or_ended
    CHECK ((ended_at IS NULL) = (state <> 'sent' AND state <> 'failed' AND state <> 'cancelled'));
DROP INDEX deliveries_open;
CREATE UNIQUE INDEX deliveries_open ON deliveries (user_key) WHERE ended_at IS NULL;
DROP INDEX deliveries_owned;
CREATE INDEX deliveries_owned ON deliveries (run_id) WHERE run_id IS NOT NULL;
DROP INDEX deliveries_attention; -- what waits for a person is counted in queue_counts

-- SQLite builds a table in memory for each list of more than two values that it
-- compares with, whenever a statement that checks it runs. Written out, the same
-- comparison costs next to nothing. And a foreign key that is looked at on commit
-- spares each statement a copy of the pages that it changes. The text of a table
-- may be changed in place where its content stays the same: see section 7 of
-- https://www.sqlite.org/lang_altertable.html.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql,
        'CHECK (country IN (''MX'', ''DO''))', 'CHECK (country = ''MX'' OR country = ''DO'')'),
        'CHECK (status IN (''pending'', ''in_review'', ''verified'', ''rejected'', ''opted_out'', ''erased''))',
        'CHECK (status = ''pending'' OR status = ''in_review'' OR status = ''verified'' OR status = ''rejected'' OR status = ''opted_out'' OR status = ''erased'')')
    WHERE type = 'table' AND name = 'users';
UPDATE sqlite_schema SET sql = replace(replace(sql,
        'CHECK (step IN (''invite'', ''reminder'', ''reissue''))',
        'CHECK (step = ''invite'' OR step = ''reminder'' OR step = ''reissue'')'),
        'CHECK (state IN (''due'', ''claimed'', ''sending'', ''sent'', ''failed'', ''held'', ''cancelled'', ''doubt''))',
        'CHECK (state = ''due'' OR state = ''claimed'' OR state = ''sending'' OR state = ''sent'' OR state = ''failed'' OR state = ''held'' OR state = ''cancelled'' OR state = ''doubt'')')
    WHERE type = 'table' AND name = 'deliveries';
UPDATE sqlite_schema SET sql = replace(replace(replace(replace(sql,
        'REFERENCES users (key)', 'REFERENCES users (key) DEFERRABLE INITIALLY DEFERRED'),
        'REFERENCES runs (id)', 'REFERENCES runs (id) DEFERRABLE INITIALLY DEFERRED'),
        'REFERENCES links (id)', 'REFERENCES links (id) DEFERRABLE INITIALLY DEFERRED'),
        'REFERENCES deliveries (id)', 'REFERENCES deliveries (id) DEFERRABLE INITIALLY DEFERRED')
    WHERE type = 'table' AND name IN ('links', 'deliveries', 'attempts');
PRAGMA writable_schema = RESET;

-- These run for each mail. FAIL undoes nothing by itself, for which SQLite would
-- keep the pages that the statement changed; the writer undoes the transaction, or
-- what was done since a savepoint. That a trigger is dropped here also tells
-- other connections of the text that was changed above.
DROP TRIGGER links_have_one_user;
-- +goose StatementBegin
CREATE TRIGGER links_have_one_user BEFORE INSERT ON links
WHEN EXISTS (SELECT 1 FROM links l WHERE l.fingerprint = NEW.fingerprint AND (l.user_key <> NEW.user_key OR l.shared = 1))
BEGIN SELECT RAISE(FAIL, 'links_have_one_user'); END;
-- +goose StatementEnd
DROP TRIGGER mails_keep_the_gap;
-- +goose StatementBegin
CREATE TRIGGER mails_keep_the_gap BEFORE UPDATE OF state ON deliveries
WHEN NEW.state = 'sending' AND NEW.forced = 0 AND EXISTS (
    SELECT 1 FROM deliveries d, runs r
    WHERE r.id = NEW.run_id AND d.user_key = NEW.user_key AND d.id <> NEW.id
        AND d.began_at > NEW.began_at - r.min_gap
        AND (d.state = 'sent' OR EXISTS (SELECT 1 FROM attempts a WHERE a.delivery_id = d.id AND a.outcome = 'doubt')))
BEGIN SELECT RAISE(FAIL, 'mails_keep_the_gap'); END;
-- +goose StatementEnd
DROP TRIGGER final_states_stay;
-- +goose StatementBegin
CREATE TRIGGER final_states_stay BEFORE UPDATE OF state ON deliveries
WHEN (OLD.state = 'sent' OR OLD.state = 'cancelled') AND NEW.state IS NOT OLD.state
BEGIN SELECT RAISE(FAIL, 'a delivery that was sent or cancelled stays so'); END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER links_have_one_user;
-- +goose StatementBegin
CREATE TRIGGER links_have_one_user BEFORE INSERT ON links
WHEN EXISTS (SELECT 1 FROM links l WHERE l.fingerprint = NEW.fingerprint AND (l.user_key <> NEW.user_key OR l.shared = 1))
BEGIN SELECT RAISE(ABORT, 'links_have_one_user'); END;
-- +goose StatementEnd
DROP TRIGGER mails_keep_the_gap;
-- +goose StatementBegin
CREATE TRIGGER mails_keep_the_gap BEFORE UPDATE OF state ON deliveries
WHEN NEW.state = 'sending' AND NEW.forced = 0 AND EXISTS (
    SELECT 1 FROM deliveries d, runs r
    WHERE r.id = NEW.run_id AND d.user_key = NEW.user_key AND d.id <> NEW.id
        AND d.began_at > NEW.began_at - r.min_gap
        AND (d.state = 'sent' OR EXISTS (SELECT 1 FROM attempts a WHERE a.delivery_id = d.id AND a.outcome = 'doubt')))
BEGIN SELECT RAISE(ABORT, 'mails_keep_the_gap'); END;
-- +goose StatementEnd
DROP TRIGGER final_states_stay;
-- +goose StatementBegin
CREATE TRIGGER final_states_stay BEFORE UPDATE OF state ON deliveries
WHEN OLD.state IN ('sent', 'cancelled') AND NEW.state IS NOT OLD.state
BEGIN SELECT RAISE(ABORT, 'a delivery that was sent or cancelled stays so'); END;
-- +goose StatementEnd

PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, ' DEFERRABLE INITIALLY DEFERRED', '')
    WHERE type = 'table' AND name IN ('links', 'deliveries', 'attempts');
UPDATE sqlite_schema SET sql = replace(replace(sql,
        'CHECK (step = ''invite'' OR step = ''reminder'' OR step = ''reissue'')',
        'CHECK (step IN (''invite'', ''reminder'', ''reissue''))'),
        'CHECK (state = ''due'' OR state = ''claimed'' OR state = ''sending'' OR state = ''sent'' OR state = ''failed'' OR state = ''held'' OR state = ''cancelled'' OR state = ''doubt'')',
        'CHECK (state IN (''due'', ''claimed'', ''sending'', ''sent'', ''failed'', ''held'', ''cancelled'', ''doubt''))')
    WHERE type = 'table' AND name = 'deliveries';
UPDATE sqlite_schema SET sql = replace(replace(sql,
        'CHECK (country = ''MX'' OR country = ''DO'')', 'CHECK (country IN (''MX'', ''DO''))'),
        'CHECK (status = ''pending'' OR status = ''in_review'' OR status = ''verified'' OR status = ''rejected'' OR status = ''opted_out'' OR status = ''erased'')',
        'CHECK (status IN (''pending'', ''in_review'', ''verified'', ''rejected'', ''opted_out'', ''erased''))')
    WHERE type = 'table' AND name = 'users';
PRAGMA writable_schema = RESET;

CREATE INDEX deliveries_attention ON deliveries (state, updated_at) WHERE state IN ('held', 'doubt', 'failed');
DROP INDEX deliveries_owned;
CREATE INDEX deliveries_owned ON deliveries (state) WHERE state IN ('claimed', 'sending');
DROP INDEX deliveries_open;
CREATE UNIQUE INDEX deliveries_open ON deliveries (user_key) WHERE state IN ('due', 'claimed', 'sending', 'held', 'doubt');
ALTER TABLE deliveries DROP CONSTRAINT open_or_ended;
ALTER TABLE deliveries DROP COLUMN ended_at;
