-- Measures docs/scale.md: loads users with three mails behind them into an empty
-- ledger, and prints how large each row is with its indexes. For a database that
-- can be thrown away:
--
--   createdb paper && alta migrate --config paper.toml
--   psql -v users=200000 -f docs/scale.sql paper
\set ON_ERROR_STOP on
\if :{?users} \else \set users 200000 \endif
SELECT NOT EXISTS (SELECT FROM users) AS empty \gset
\if :empty \else \echo This ledger holds users: take another one. \quit \endif

-- A day in the past, in milliseconds.
SELECT (extract(epoch FROM now() - interval '30 days') * 1000)::bigint AS t0 \gset

BEGIN;
INSERT INTO runs (trigger, started_at, finished_at) VALUES ('schedule', :t0, :t0);
INSERT INTO users (id, external_id, email, name, country, locale, time_zone, type, status, mails, invited_at, last_mail_at, link_expires_at, created_at, updated_at)
    SELECT gen_random_uuid(), n::text, 'someone.' || md5(n::text)::varchar(8) || '@example.mx', 'Guadalupe Hernández López', 'MX', 'es-MX',
        'America/Mexico_City', 'INDIVIDUAL', 'pending', 3, :t0, :t0, :t0, :t0, :t0
    FROM generate_series(1, :users) n;
COMMIT;
ANALYZE users;
BEGIN;
-- Each link takes a lock until the commit, which would be too many; this is how 'alta move' goes without.
SET LOCAL alta.moving = 'on';
-- Round after round, as they come in life: a user's rows do not lie together.
INSERT INTO links (user_key, fingerprint, issued_at, expires_at, superseded_at)
    SELECT u.key, decode(md5(u.key || '-' || round), 'hex'), :t0, :t0, CASE WHEN round < 3 THEN :t0 END
    FROM generate_series(1, 3) round, users u ORDER BY round, u.key;
INSERT INTO deliveries (user_key, country, type, step, round, state, ended_at, due_at, attempts, link_id, message_id, message_date, digest,
        receipt, began_at, claim, created_at, updated_at)
    SELECT u.key, 'MX', 'INDIVIDUAL', CASE round WHEN 1 THEN 'invite' ELSE 'reminder' END, greatest(round - 1, 1), 'sent', :t0, :t0, 1,
        (round - 1) * :users + u.key, md5(u.key || ' ' || round)::varchar(26) || '@acme.example', :t0, sha256(u.id::bytea),
        '250 2.0.0 Ok: queued as 4ZQ8Xk2bRhz1', :t0, nextval('claims'), :t0, :t0
    FROM generate_series(1, 3) round, users u ORDER BY round, u.key;
INSERT INTO attempts (delivery_id, run_id, at, outcome, code, reason, reply, message_id, link_id, doubtful)
    SELECT id, 1, :t0, 'sent', '', '', receipt, message_id, link_id, false FROM deliveries ORDER BY id;
COMMIT;
VACUUM ANALYZE users, links, deliveries, attempts;

\echo Bytes a row
SELECT c.relname AS "table", c.reltuples::bigint AS rows, round(pg_table_size(c.oid) / c.reltuples) AS heap,
    round(pg_indexes_size(c.oid) / c.reltuples) AS indexes, round(pg_total_relation_size(c.oid) / c.reltuples) AS total
FROM pg_class c WHERE c.relname IN ('users', 'deliveries', 'attempts', 'links', 'river_job') AND c.reltuples > 0 ORDER BY 1;
\echo Bytes of index a row
SELECT i.indrelid::regclass AS "table", i.indexrelid::regclass AS index, round((pg_relation_size(i.indexrelid) / c.reltuples)::numeric, 1) AS bytes
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relname IN ('users', 'deliveries', 'attempts', 'links', 'river_job') AND c.reltuples > 0 ORDER BY 1, 2;
