-- The index that finds a lasting link by its token. To build it reads all links,
-- for which those who write them must not wait. What a cut left of it is no use, so
-- that it begins anew.

-- +goose NO TRANSACTION
-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS links_token;
CREATE UNIQUE INDEX CONCURRENTLY links_token ON links (token) WHERE token IS NOT NULL;

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS links_token;
