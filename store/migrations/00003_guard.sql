-- +goose Up
-- An operator's yes to a run that the guard stopped. There is one at most, the
-- latest; the audit log keeps who gave which.
CREATE TABLE approval (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    due      INTEGER NOT NULL, -- mails that were due when it was given
    mails    INTEGER NOT NULL CHECK (mails >= 0), -- that may still go
    given_at INTEGER NOT NULL,
    ends_at  INTEGER NOT NULL,
    taken    INTEGER NOT NULL DEFAULT 0 -- 1: a run has begun since, so none is waited for
) STRICT;
-- What is usual costs the same however many runs there were.
CREATE INDEX runs_mailed ON runs (id) WHERE sent > 0 AND trigger <> 'resend';

-- +goose Down
DROP INDEX runs_mailed;
DROP TABLE approval;
