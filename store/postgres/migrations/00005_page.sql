-- What the operator's page looks at, by tables that are kept as the ledger changes,
-- so that a look costs the same however many users there are. As in 00001, each
-- statement appends what it changed about a count, so that no two machines wait for
-- the same row, and a count is exact after every commit.
--
-- The functions that keep them are the owner's: a machine of the release before may
-- work as a role that has no right to these tables. They go by indexes whatever the
-- tables were like when a session planned them.

-- +goose Up
-- What is due, by the hour of due_at since the Unix epoch.
CREATE TABLE forecast_counts (
    hour       bigint  NOT NULL,
    country    text    NOT NULL,
    step       text    NOT NULL,
    operator   boolean NOT NULL,
    deliveries bigint  NOT NULL
);
CREATE INDEX forecast_counts_hour ON forecast_counts (hour);
-- Mails that were sent, by the hour, so that the days of any time zone can be added up.
CREATE TABLE mail_counts (
    hour    bigint NOT NULL,
    country text   NOT NULL,
    step    text   NOT NULL,
    mails   bigint NOT NULL
);
CREATE INDEX mail_counts_hour ON mail_counts (hour);
-- Attempts that ended badly, by the hour.
CREATE TABLE trouble_counts (
    hour     bigint NOT NULL,
    outcome  text   NOT NULL,
    attempts bigint NOT NULL
);
CREATE INDEX trouble_counts_hour ON trouble_counts (hour);
-- How far users came: 0 are pending and have opened their link; 1 to 7 were verified
-- within 1, 6, 24, 72, 168 or 336 hours of their invite, or later.
CREATE TABLE reached_counts (
    what    integer NOT NULL,
    country text    NOT NULL,
    users   bigint  NOT NULL
);
-- The users who wait for a person: their latest delivery is held or in doubt, or it
-- failed and they may still get mail. Another delivery ends that, an operator's
-- resend for example, until it too goes wrong.
CREATE TABLE attention (
    user_key    bigint PRIMARY KEY,
    delivery_id bigint NOT NULL,
    state       text   NOT NULL,
    code        text   NOT NULL,
    country     text   NOT NULL,
    since       bigint NOT NULL
);
CREATE INDEX attention_group ON attention (state, code, country, user_key);
CREATE INDEX attention_since ON attention (state, code, country, since);
CREATE TABLE attention_counts (
    state   text   NOT NULL,
    code    text   NOT NULL,
    country text   NOT NULL,
    users   bigint NOT NULL
);

-- Finds out anew whether the users wait for a person. Whoever changes a user's
-- deliveries has locked the user. The number of a delivery is added up to keep the
-- latest from being looked for among those of all users.
-- +goose StatementBegin
CREATE FUNCTION see_to_attention(those bigint[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$ BEGIN
    WITH gone AS (DELETE FROM attention WHERE user_key = ANY(those) RETURNING state, code, country)
        INSERT INTO attention_counts SELECT state, code, country, -count(*) FROM gone GROUP BY 1, 2, 3;
    WITH come AS (
        INSERT INTO attention (user_key, delivery_id, state, code, country, since)
        SELECT u.key, d.id, d.state, d.code, d.country, d.updated_at FROM unnest(those) AS k (key)
            JOIN users u ON u.key = k.key
            JOIN LATERAL (SELECT * FROM deliveries o WHERE o.user_key = u.key ORDER BY o.id + 0 DESC LIMIT 1) d ON true
            WHERE d.state IN ('held', 'doubt') OR d.state = 'failed' AND u.status = 'pending' AND NOT u.withdrawn
            ORDER BY u.key
        RETURNING state, code, country)
        INSERT INTO attention_counts SELECT state, code, country, count(*) FROM come GROUP BY 1, 2, 3;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION tally_new_users() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$ BEGIN
    IF EXISTS (SELECT FROM new_rows WHERE opened_at IS NOT NULL OR verified_at IS NOT NULL) THEN
        INSERT INTO reached_counts SELECT what, country, sum(n) FROM (
            SELECT 0 AS what, country, 1 AS n FROM new_rows WHERE status = 'pending' AND opened_at IS NOT NULL
            UNION ALL SELECT CASE WHEN verified_at - invited_at < 3600000 THEN 1 WHEN verified_at - invited_at < 21600000 THEN 2
                WHEN verified_at - invited_at < 86400000 THEN 3 WHEN verified_at - invited_at < 259200000 THEN 4
                WHEN verified_at - invited_at < 604800000 THEN 5 WHEN verified_at - invited_at < 1209600000 THEN 6 ELSE 7 END, country, 1 FROM new_rows WHERE verified_at IS NOT NULL AND invited_at IS NOT NULL) c
            GROUP BY 1, 2;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION tally_changed_users() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$ DECLARE changed bigint[]; BEGIN
    IF EXISTS (SELECT FROM new_rows WHERE opened_at IS NOT NULL OR verified_at IS NOT NULL)
            OR EXISTS (SELECT FROM old_rows WHERE opened_at IS NOT NULL OR verified_at IS NOT NULL) THEN
        INSERT INTO reached_counts SELECT what, country, sum(n) FROM (
            SELECT 0 AS what, country, -1 AS n FROM old_rows WHERE status = 'pending' AND opened_at IS NOT NULL
            UNION ALL SELECT CASE WHEN verified_at - invited_at < 3600000 THEN 1 WHEN verified_at - invited_at < 21600000 THEN 2
                WHEN verified_at - invited_at < 86400000 THEN 3 WHEN verified_at - invited_at < 259200000 THEN 4
                WHEN verified_at - invited_at < 604800000 THEN 5 WHEN verified_at - invited_at < 1209600000 THEN 6 ELSE 7 END, country, -1 FROM old_rows WHERE verified_at IS NOT NULL AND invited_at IS NOT NULL
            UNION ALL SELECT 0 AS what, country, 1 AS n FROM new_rows WHERE status = 'pending' AND opened_at IS NOT NULL
            UNION ALL SELECT CASE WHEN verified_at - invited_at < 3600000 THEN 1 WHEN verified_at - invited_at < 21600000 THEN 2
                WHEN verified_at - invited_at < 86400000 THEN 3 WHEN verified_at - invited_at < 259200000 THEN 4
                WHEN verified_at - invited_at < 604800000 THEN 5 WHEN verified_at - invited_at < 1209600000 THEN 6 ELSE 7 END, country, 1 FROM new_rows WHERE verified_at IS NOT NULL AND invited_at IS NOT NULL) c
            GROUP BY 1, 2 HAVING sum(n) <> 0;
    END IF;
    changed := ARRAY(SELECT key FROM (
        SELECT key, -1 AS n FROM old_rows WHERE status = 'pending' AND NOT withdrawn
        UNION ALL SELECT key, 1 FROM new_rows WHERE status = 'pending' AND NOT withdrawn) c
        GROUP BY key HAVING sum(n) <> 0);
    IF cardinality(changed) > 0 THEN
        PERFORM see_to_attention(changed);
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION tally_new_deliveries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$ BEGIN
    INSERT INTO forecast_counts SELECT due_at / 3600000, country, step, operator, count(*) FROM new_rows WHERE state = 'due' GROUP BY 1, 2, 3, 4;
    WITH gone AS (DELETE FROM attention a USING new_rows n WHERE a.user_key = n.user_key RETURNING a.state, a.code, a.country)
        INSERT INTO attention_counts SELECT state, code, country, -count(*) FROM gone GROUP BY 1, 2, 3;
    IF EXISTS (SELECT FROM new_rows WHERE state <> 'due') THEN -- as those that are carried over from another ledger
        INSERT INTO mail_counts SELECT ended_at / 3600000, country, step, count(*) FROM new_rows WHERE state = 'sent' GROUP BY 1, 2, 3;
        PERFORM see_to_attention(ARRAY(SELECT DISTINCT user_key FROM new_rows));
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION tally_changed_deliveries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$ DECLARE changed bigint[]; BEGIN
    INSERT INTO forecast_counts SELECT hour, country, step, operator, sum(n) FROM (
        SELECT due_at / 3600000 AS hour, country, step, operator, -1 AS n FROM old_rows WHERE state = 'due'
        UNION ALL SELECT due_at / 3600000, country, step, operator, 1 FROM new_rows WHERE state = 'due') c
        GROUP BY 1, 2, 3, 4 HAVING sum(n) <> 0;
    IF EXISTS (SELECT FROM new_rows WHERE state = 'sent') THEN
        INSERT INTO mail_counts SELECT hour, country, step, sum(n) FROM (
            SELECT ended_at / 3600000 AS hour, country, step, -1 AS n FROM old_rows WHERE state = 'sent'
            UNION ALL SELECT ended_at / 3600000, country, step, 1 FROM new_rows WHERE state = 'sent') c
            GROUP BY 1, 2, 3 HAVING sum(n) <> 0;
    END IF;
    IF EXISTS (SELECT FROM new_rows WHERE state IN ('held', 'doubt', 'failed')) OR EXISTS (SELECT FROM old_rows WHERE state IN ('held', 'doubt', 'failed')) THEN
        changed := ARRAY(SELECT DISTINCT user_key FROM (
            SELECT user_key, id, state, code, country, -1 AS n FROM old_rows WHERE state IN ('held', 'doubt', 'failed')
            UNION ALL SELECT user_key, id, state, code, country, 1 FROM new_rows WHERE state IN ('held', 'doubt', 'failed')) c
            GROUP BY user_key, id, state, code, country HAVING sum(n) <> 0);
        IF cardinality(changed) > 0 THEN
            PERFORM see_to_attention(changed);
        END IF;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION tally_new_attempts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$ BEGIN
    INSERT INTO trouble_counts SELECT at / 3600000, outcome, count(*) FROM new_rows WHERE outcome IN ('failed', 'held', 'doubt') GROUP BY 1, 2;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- In the order in which every write locks them.
CREATE TRIGGER tally_new AFTER INSERT ON users REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION tally_new_users();
CREATE TRIGGER tally_changed AFTER UPDATE ON users REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION tally_changed_users();
CREATE TRIGGER tally_new AFTER INSERT ON deliveries REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION tally_new_deliveries();
CREATE TRIGGER tally_changed AFTER UPDATE ON deliveries REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION tally_changed_deliveries();
CREATE TRIGGER tally_new AFTER INSERT ON attempts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION tally_new_attempts();

-- +goose Down
DROP TRIGGER tally_new ON attempts;
DROP TRIGGER tally_changed ON deliveries;
DROP TRIGGER tally_new ON deliveries;
DROP TRIGGER tally_changed ON users;
DROP TRIGGER tally_new ON users;
DROP FUNCTION tally_new_attempts, tally_changed_deliveries, tally_new_deliveries, tally_changed_users, tally_new_users, see_to_attention;
DROP TABLE attention_counts, attention, reached_counts, trouble_counts, mail_counts, forecast_counts;
