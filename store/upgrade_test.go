package store

import (
	"bytes"
	"database/sql"
	"fmt"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"alta/pipeline"
)

// An older alta kept links in clear. After the upgrade no byte of them is left,
// and a mail that was due is still due, with a fresh link.
func TestAnUpgradeForgetsTheLinksThatStoodInClear(t *testing.T) {
	path := newPath(t)
	fileOf(nil)(t, path)
	old := openOld(t, path, 1)
	for i := range 300 {
		for _, statement := range []string{
			`INSERT INTO users (id, email, name, country, locale, time_zone, type, status, mails, created_at, updated_at)
				VALUES ('u' || ?1, 'a@example.com', 'A', 'MX', 'es-MX', '', 'INDIVIDUAL', 'pending', 0, 0, 0)`,
			`INSERT INTO links (user_key, url, issued_at, expires_at) SELECT key, 'https://kyc.example.com/canary-' || ?1, 0, 9e12 FROM users WHERE id = 'u' || ?1`,
			`INSERT INTO deliveries (user_key, country, type, step, round, state, due_at, link_id, created_at, updated_at)
				SELECT user_key, 'MX', 'INDIVIDUAL', 'invite', 1, 'due', 0, id, 0, 0 FROM links WHERE url LIKE '%canary-' || ?1`,
		} {
			if _, err := old.Exec(statement, i); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(contents(t, path), []byte("canary-")) {
		t.Fatal("the links were never there, so the test would prove nothing")
	}

	s := openAt(t, path)
	if n := bytes.Count(contents(t, path), []byte("canary-")) + bytes.Count(contents(t, path+"-wal"), []byte("canary-")); n > 0 {
		t.Errorf("%d links stand in the files", n)
	}
	run, _, err := s.StartRun(t.Context(), ByCommand, noon, 0, noon)
	if err != nil {
		t.Fatal(err)
	}
	q := s.Queue(run, Everything)
	b, err := q.Pull(t.Context(), noon, 1)
	if err != nil || len(b.Deliveries) != 1 || !b.Deliveries[0].Link.URL.IsZero() {
		t.Fatalf("pulled %v (%v), want one without a link", b.Deliveries, err)
	}
	d := &b.Deliveries[0]
	fill(t, q, d)
	if err := q.Begin(t.Context(), d, noon); err != nil {
		t.Error(err)
	}
}

// openOld makes a ledger whose schema is of an earlier version.
func openOld(t *testing.T, path string, version int64) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", dsn(path, walMode+"&_secure_delete=on"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(fmt.Sprintf(`PRAGMA application_id = %d`, applicationID)); err != nil {
		t.Fatal(err)
	}
	return db
}

// Each migration can be taken back and made again, with users in the ledger, and
// leaves the same schema and the same counts.
func TestMigrationsCanBeTakenBackAndMadeAgain(t *testing.T) {
	path := newPath(t)
	s := openAt(t, path)
	enrolIDs(t, s, "a", "b", "c")
	run, _, err := s.StartRun(t.Context(), ByCommand, noon, 0, noon)
	if err != nil {
		t.Fatal(err)
	}
	q := s.Queue(run, Everything)
	batch, err := q.Pull(t.Context(), noon, 2)
	if err != nil {
		t.Fatal(err)
	}
	plan := pipeline.Plan{MaxMails: 6, Tries: 3, ReissueOnExpiry: true}
	for i, fault := range []error{nil, &pipeline.Fault{Kind: pipeline.Hold}} {
		d := &batch.Deliveries[i]
		fill(t, q, d)
		if err := q.Begin(t.Context(), d, noon); err != nil {
			t.Fatal(err)
		}
		if err := q.Record(t.Context(), d, plan.Judge(d, fault, noon), noon); err != nil {
			t.Fatal(err)
		}
	}
	before := everything(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", dsn(path, walMode))
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.DownTo(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	again := openAt(t, path)
	if diff := cmp.Diff(before, everything(t, again)); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
	if err := again.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// everything is the ledger's schema and what its counts say.
func everything(t *testing.T, s *Store) []string {
	t.Helper()
	all, err := column[string](boundTo(t.Context(), s.reads), `SELECT * FROM (
		SELECT name || ': ' || coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE '%goose%' ORDER BY name)
		UNION ALL SELECT * FROM (SELECT printf('%s %s %d %d', country, status, mailed, users) FROM funnel WHERE users > 0 ORDER BY 1)
		UNION ALL SELECT * FROM (SELECT printf('%s %s %s %d %d %d', state, country, type, operator, minute, deliveries) FROM queue WHERE deliveries > 0 ORDER BY 1)
		UNION ALL SELECT * FROM (SELECT printf('%d %d', minute, links) FROM link_expiry WHERE links > 0 ORDER BY 1)
		UNION ALL SELECT * FROM (SELECT printf('%d %s %d', id, state, ended_at) FROM deliveries ORDER BY id)`)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
