-- What was there before 00005 is counted, and its indexes are built, while machines
-- of the release before go on. Each statement adds what the triggers have not counted
-- as of the moment that it sees, so that it may as well run twice.

-- +goose NO TRANSACTION
-- +goose Up
INSERT INTO forecast_counts SELECT hour, country, step, operator, sum(n) FROM (
        SELECT due_at / 3600000 AS hour, country, step, operator, count(*) AS n FROM deliveries WHERE state = 'due' GROUP BY 1, 2, 3, 4
        UNION ALL SELECT hour, country, step, operator, -deliveries FROM forecast_counts) c
    GROUP BY 1, 2, 3, 4 HAVING sum(n) <> 0;
INSERT INTO mail_counts SELECT hour, country, step, sum(n) FROM (
        SELECT ended_at / 3600000 AS hour, country, step, count(*) AS n FROM deliveries WHERE state = 'sent' GROUP BY 1, 2, 3
        UNION ALL SELECT hour, country, step, -mails FROM mail_counts) c
    GROUP BY 1, 2, 3 HAVING sum(n) <> 0;
INSERT INTO trouble_counts SELECT hour, outcome, sum(n) FROM (
        SELECT at / 3600000 AS hour, outcome, count(*) AS n FROM attempts WHERE outcome IN ('failed', 'held', 'doubt') GROUP BY 1, 2
        UNION ALL SELECT hour, outcome, -attempts FROM trouble_counts) c
    GROUP BY 1, 2 HAVING sum(n) <> 0;
INSERT INTO reached_counts SELECT what, country, sum(n) FROM (
        SELECT what, country, sum(n) AS n FROM (
            SELECT 0 AS what, country, 1 AS n FROM users WHERE status = 'pending' AND opened_at IS NOT NULL
            UNION ALL SELECT CASE WHEN verified_at - invited_at < 3600000 THEN 1 WHEN verified_at - invited_at < 21600000 THEN 2
                WHEN verified_at - invited_at < 86400000 THEN 3 WHEN verified_at - invited_at < 259200000 THEN 4
                WHEN verified_at - invited_at < 604800000 THEN 5 WHEN verified_at - invited_at < 1209600000 THEN 6 ELSE 7 END, country, 1 FROM users WHERE verified_at IS NOT NULL AND invited_at IS NOT NULL) r GROUP BY 1, 2
        UNION ALL SELECT what, country, -users FROM reached_counts) c
    GROUP BY 1, 2 HAVING sum(n) <> 0;
-- Who may wait for a person is looked for without a lock. For the few who do, those
-- who write wait for a moment.
-- +goose StatementBegin
DO $$
DECLARE candidates bigint[] := ARRAY(SELECT DISTINCT user_key FROM deliveries WHERE state IN ('held', 'doubt', 'failed'));
BEGIN
    LOCK TABLE users, deliveries IN SHARE ROW EXCLUSIVE MODE;
    PERFORM see_to_attention(candidates);
END $$;
-- +goose StatementEnd

-- How an id, an external id, an address or a name begins. The latter loses its case
-- and its accents; which letters do is written down in the package store as well. The
-- index of the addresses takes the place of one that finds whole addresses only.
DROP INDEX CONCURRENTLY IF EXISTS users_begin_id;
CREATE INDEX CONCURRENTLY users_begin_id ON users (id text_pattern_ops);
DROP INDEX CONCURRENTLY IF EXISTS users_begin_external_id;
CREATE INDEX CONCURRENTLY users_begin_external_id ON users (external_id text_pattern_ops, key) WHERE external_id <> '';
DROP INDEX CONCURRENTLY IF EXISTS users_external_id;
DROP INDEX CONCURRENTLY IF EXISTS users_begin_email;
CREATE INDEX CONCURRENTLY users_begin_email ON users (lower(email) text_pattern_ops, key);
DROP INDEX CONCURRENTLY IF EXISTS users_email;
DROP INDEX CONCURRENTLY IF EXISTS users_begin_name;
CREATE INDEX CONCURRENTLY users_begin_name ON users (lower(translate(name, 'ÁÉÍÓÚÜÑáéíóúüñ', 'AEIOUUNaeiouun') COLLATE "C"), key);
DROP INDEX CONCURRENTLY IF EXISTS users_opened;
CREATE INDEX CONCURRENTLY users_opened ON users (country, status, key) WHERE opened_at IS NOT NULL;

-- +goose Down
CREATE INDEX users_email ON users (lower(email));
CREATE INDEX users_external_id ON users (external_id) WHERE external_id <> '';
DROP INDEX CONCURRENTLY IF EXISTS users_opened;
DROP INDEX CONCURRENTLY IF EXISTS users_begin_name;
DROP INDEX CONCURRENTLY IF EXISTS users_begin_email;
DROP INDEX CONCURRENTLY IF EXISTS users_begin_external_id;
DROP INDEX CONCURRENTLY IF EXISTS users_begin_id;
