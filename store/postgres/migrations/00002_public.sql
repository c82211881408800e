-- Lasting links: what users and links have besides. An alta of the release before
-- knows nothing of it and goes on beside this.
--
-- Each statement is a transaction of its own, so that none waits for one table while
-- it keeps another from those who have it and want this one, and can be made again.
-- Whoever waits to change a table keeps all who come later from it, so that none waits
-- for long: migrate.go tries again. The index reads all links, for which those who
-- write them must not wait; what a cut has left of it is no use, so that it begins
-- anew.

-- +goose NO TRANSACTION
-- +goose Up
-- +goose StatementBegin
DO $$ BEGIN
    PERFORM set_config('lock_timeout', '1s', true);
    ALTER TABLE users
        ADD COLUMN IF NOT EXISTS opened_at bigint, -- when a person first opened the link of a mail
        ADD COLUMN IF NOT EXISTS verified_at bigint; -- when the status last became verified
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
DO $$ BEGIN
    PERFORM set_config('lock_timeout', '1s', true);
    ALTER TABLE links
        ADD COLUMN IF NOT EXISTS token bytea, -- of a lasting link: the SHA-256 of its token
        ADD COLUMN IF NOT EXISTS dead_at bigint; -- of a lasting link: when its user opted out
END $$;
-- +goose StatementEnd
DROP INDEX CONCURRENTLY IF EXISTS links_token;
CREATE UNIQUE INDEX CONCURRENTLY links_token ON links (token) WHERE token IS NOT NULL;

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS links_token;
ALTER TABLE links DROP COLUMN IF EXISTS dead_at, DROP COLUMN IF EXISTS token;
ALTER TABLE users DROP COLUMN IF EXISTS verified_at, DROP COLUMN IF EXISTS opened_at;
