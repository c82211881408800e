package postgres

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"io/fs"

	"alta/internal/pgcluster/pgtest"
)

// What was there before the page's counts is counted by the upgrade, whatever an
// older release writes in between, and counting twice changes nothing.
func TestAnUpgradeCountsWhatIsThere(t *testing.T) {
	url := pgtest.NewDatabase(t, pgtest.Shared(t))
	old := openOld(t, url, 2)
	execAll(t, old,
		`INSERT INTO users (key, id, email, name, country, locale, time_zone, type, status, mails, withdrawn, invited_at, opened_at, verified_at, created_at, updated_at)
			SELECT i + 1, 'u' || i, '', 'María', (ARRAY['MX', 'DO'])[i % 2 + 1], 'es-MX', '', 'INDIVIDUAL',
				(ARRAY['pending', 'pending', 'in_review', 'verified', 'erased', 'pending', 'opted_out'])[i % 7 + 1], i % 3, i % 5 = 0,
				CASE WHEN i % 3 > 0 THEN 0 END, CASE WHEN i % 4 = 0 THEN 1 END, CASE WHEN i % 6 < 3 THEN i::bigint * i * 100000 END, 0, 0
			FROM generate_series(0, 299) AS i`,
		`INSERT INTO deliveries (user_key, country, type, step, round, state, ended_at, due_at, code, created_at, updated_at)
			SELECT key, country, type, (ARRAY['invite', 'reminder', 'reissue'])[r], 1, s.state,
				CASE WHEN s.state IN ('sent', 'failed', 'cancelled') THEN key * 100000 END, key * 50000, 'code' || key % 3, 0, key
			FROM users, generate_series(1, 2) AS r, LATERAL (SELECT CASE r WHEN 1 THEN (ARRAY['sent', 'failed', 'cancelled'])[key % 3 + 1]
				ELSE (ARRAY['due', 'held', 'doubt', 'failed', 'sent', 'claimed'])[key % 6 + 1] END AS state) s
			WHERE r = 1 OR key % 2 = 0`,
		`INSERT INTO attempts (delivery_id, at, outcome, code, reason, reply, message_id, doubtful)
			SELECT id, id * 200000, (ARRAY['sent', 'failed', 'held', 'doubt', 'retry'])[id % 5 + 1], '', '', '', '', false FROM deliveries`,
	)
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	db := stdlib.OpenDBFromPool(old)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	up := func(version int64) {
		t.Helper()
		if _, err := provider.UpTo(t.Context(), version); err != nil {
			t.Fatal(err)
		}
	}
	up(5) // the triggers count already
	execAll(t, old,
		`UPDATE users SET status = 'in_review' WHERE status = 'pending' AND key % 11 = 0`,
		`UPDATE users SET status = 'pending' WHERE status = 'opted_out'`,
		`UPDATE deliveries SET state = 'sent', ended_at = 9000000 WHERE state IN ('due', 'held') AND user_key % 5 = 0`,
		`INSERT INTO deliveries (user_key, country, type, step, round, state, due_at, created_at, updated_at)
			SELECT key, country, type, 'reissue', 1, 'due', 7000000, 0, 0 FROM users u WHERE key % 7 = 0
				AND NOT EXISTS (SELECT FROM deliveries d WHERE d.user_key = u.key AND d.ended_at IS NULL)`)
	up(6)
	s := openAt(t, url)
	check := func(when string) {
		t.Helper()
		if err := s.Check(t.Context()); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
	}
	check("after the upgrade")
	for _, table := range append(countTables(), "attention") {
		if table == "link_expiry" {
			continue
		}
		if n := number(t, s, fmt.Sprintf(`SELECT count(*) FROM %s`, table)); n < 3 {
			t.Errorf("%d rows in %s, so little was proven", n, table)
		}
	}
	if _, err := provider.DownTo(context.WithoutCancel(t.Context()), 5); err != nil {
		t.Fatal(err)
	}
	up(6)
	check("after it was counted twice")
	if _, err := provider.DownTo(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	up(6)
	check("after it was taken back and made again")
}
