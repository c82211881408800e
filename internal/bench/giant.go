package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store/postgres"
)

// giantAtOnce are the users of one transaction.
const giantAtOnce = 500_000

// makeGiant fills a ledger with very many users. As many are due as the pulls of
// one process take, evenly among the others, who are put off until a week that
// begins tomorrow. The
// server makes them up itself: an import would take a quarter of an hour.
//
// What is written obeys the foreign keys, so that nobody needs to look; the
// triggers that count are needed.
func (b *bench) makeGiant(ctx context.Context, url string) error {
	s, err := postgres.Open(ctx, postgres.Options{URL: pipeline.NewSecret(url)}) // which makes the tables
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	users, due := b.sharedGiant, sharedPulls*sharedPulled
	if err := execute(ctx, url,
		`ALTER TABLE users ENABLE ALWAYS TRIGGER count_new`,
		`ALTER TABLE deliveries ENABLE ALWAYS TRIGGER count_new`,
		`ALTER TABLE deliveries ENABLE ALWAYS TRIGGER tally_new`); err != nil {
		return err
	}
	began := b.now().UnixMilli()
	if err := onDatabase(ctx, url, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, `SET session_replication_role = replica`); err != nil {
			return err
		}
		for from := 0; from < users; from += giantAtOnce {
			if err := fillGiant(ctx, conn, from, min(from+giantAtOnce, users), users, due, began); err != nil {
				return fmt.Errorf("make users from %d on: %w", from, err)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	return execute(ctx, url,
		`ALTER TABLE users ENABLE TRIGGER count_new`,
		`ALTER TABLE deliveries ENABLE TRIGGER count_new`,
		`ALTER TABLE deliveries ENABLE TRIGGER tally_new`)
}

// fillGiant makes the users from..to of all. Their ids look random and come in
// their order, as those of an import do; two of three live in Mexico, drawn so that
// it tells nothing about who is due.
func fillGiant(ctx context.Context, conn *pgx.Conn, from, to, users, due int, now int64) error {
	if _, err := conn.Exec(ctx, `INSERT INTO users (id, email, name, country, locale, time_zone, type, status, created_at, updated_at)
		SELECT lpad(to_hex(i * (4294967295 / $3::bigint)), 8, '0') || right(md5(i::text)::uuid::text, 28),
			to_hex(i * (4294967295 / $3::bigint)) || '.garcia.' || i || '@correo.example', 'María García Núñez',
			c.country, 'es-' || c.country, CASE c.country WHEN 'MX' THEN 'America/Mexico_City' ELSE 'America/Santo_Domingo' END,
			'INDIVIDUAL', 'pending', $4, $4
		FROM generate_series($1::bigint, $2::bigint - 1) AS i, LATERAL (SELECT CASE WHEN i * 2654435761 % 4294967296 % 3 = 0 THEN 'DO' ELSE 'MX' END AS country) c`,
		from, to, users, now); err != nil {
		return err
	}
	const day, week = 24 * 60 * 60 * 1000, 7 * 24 * 60 // milliseconds, minutes
	_, err := conn.Exec(ctx, `INSERT INTO deliveries (user_key, country, type, step, round, state, due_at, created_at, updated_at)
		SELECT key, country, type, 'invite', 1, 'due', CASE WHEN key % $3::bigint = 0 THEN $4::bigint ELSE $4::bigint + $5::bigint + key % $6::bigint * 60000 END, $4, $4
		FROM users WHERE key > $1 AND key <= $2`,
		from, to, max(users/due, 1), now, int64(day), int64(week))
	return err
}
