package postgres

import (
	"context"
	"crypto/rand"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"alta/internal/pgcluster/pgtest"
	"alta/pipeline"
	"alta/store"
)

// openOld makes a ledger of that version of the schema and returns connections to it.
func openOld(t *testing.T, url string, version int64) *pgxpool.Pool {
	t.Helper()
	pool, err := connect(t.Context(), Options{URL: pipeline.NewSecret(url)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	return pool
}

func execAll(t *testing.T, q querier, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := q.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// What a machine of the release before public links writes, without a word of what
// is new.
const (
	oldUser = `INSERT INTO users (id, email, name, country, locale, time_zone, type, status, created_at, updated_at)
		SELECT n, n || '@example.com', 'A', 'MX', 'es-MX', '', 'INDIVIDUAL', 'pending', 5, 5 FROM unnest('{ana,bob,cid}'::text[]) AS n`
	oldLink = `INSERT INTO links (user_key, sealed, fingerprint, issued_at, expires_at) SELECT key, '\x01', decode(md5(id), 'hex'), 5, 9000000000000 FROM users WHERE id = `
	oldMark = `UPDATE users SET status = 'verified', updated_at = 7 WHERE id = 'ana'`
	oldOut  = `UPDATE users SET status = 'opted_out', updated_at = 8 WHERE id = 'bob'`
	oldKept = `INSERT INTO links (user_key, fingerprint, issued_at, expires_at, superseded_at) SELECT key, sha256(random()::text::bytea), 5, 6, 7 FROM users WHERE id = $1`
	oldSent = `WITH mailed AS (UPDATE users SET mails = mails + 1 WHERE id = $1 RETURNING key)
		UPDATE links l SET sealed = NULL FROM mailed m WHERE l.user_key = m.key AND l.superseded_at IS NULL`
)

func TestAnOlderReleaseGoesOnWhileTheLedgerIsUpgraded(t *testing.T) {
	url := pgtest.NewDatabase(t, pgtest.Shared(t))
	old := openOld(t, url, 1)
	execAll(t, old, oldUser, oldLink+`'ana'`)

	// What the machines of the older release write while that goes on is written.
	var writers sync.WaitGroup
	ended := make(chan struct{})
	for i := range 4 {
		writers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-ended:
					return
				default:
				}
				statement := oldKept
				if i%2 == 0 {
					statement = oldSent
				}
				if _, err := old.Exec(t.Context(), statement, "ana"); err != nil {
					t.Errorf("an older machine: %v", err)
				}
			}
		})
	}
	// Of several machines of the new release one migrates, and the others wait in a
	// way that does not keep it from building an index.
	stores := make([]*Store, 4)
	var all sync.WaitGroup
	for i := range stores {
		all.Go(func() {
			s, err := Open(t.Context(), Options{URL: pipeline.NewSecret(url)})
			if err != nil {
				t.Error(err)
				return
			}
			stores[i] = s
		})
	}
	all.Wait()
	close(ended)
	writers.Wait()
	for _, s := range stores {
		if s != nil {
			defer s.Close()
		}
	}
	if t.Failed() {
		return
	}
	s := stores[0]
	if n := number(t, s, `SELECT count(*) FROM pg_index WHERE indexrelid = 'links_token'::regclass AND indisvalid AND indisunique`); n != 1 {
		t.Error("there is no index of the tokens")
	}
	if n := number(t, s, `SELECT floor FROM ledger`); n != 1 {
		t.Errorf("an older release must know version %d now", n)
	}

	execAll(t, old, oldLink+`'bob'`, `UPDATE links SET token = sha256('t') WHERE user_key = (SELECT key FROM users WHERE id = 'bob')`, oldMark, oldOut)
	if n := number(t, s, `SELECT verified_at FROM users WHERE id = 'ana'`); n != 7 {
		t.Errorf("verified at %d", n)
	}
	ticket, err := s.Ticket(t.Context(), pipeline.DigestTicket("t"))
	if err != nil || !ticket.Dead || ticket.Alive() {
		t.Errorf("the ticket of who opted out by an older alta: %+v (%v)", ticket, err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// A role that knows nothing of the new tables can go on, and the rule that a link
// belongs to one user holds for it.
func TestARoleWithoutRightsToWhatIsNewGoesOn(t *testing.T) {
	s := newStore(t)
	role := "old_" + strings.ToLower(rand.Text())
	execAll(t, s.pool, oldUser, `CREATE ROLE `+role, `GRANT SELECT, INSERT, UPDATE ON users, links, deliveries, funnel_counts, queue_counts, link_expiry TO `+role)
	defer func() {
		ctx := context.WithoutCancel(t.Context())
		if _, err := s.pool.Exec(ctx, `DROP OWNED BY `+role+`; DROP ROLE `+role); err != nil {
			t.Error(err)
		}
	}()
	o, err := s.StartSession(t.Context(), pipeline.Holder{UserID: "cid"}, pipeline.SessionRules{Budget: 1, Lease: 1}, noon)
	if err != nil {
		t.Fatal(err)
	}
	s.exec(t, `UPDATE sessions SET fingerprint = decode(md5('bob'), 'hex') WHERE id = $1`, o.Session)
	err = pgx.BeginFunc(t.Context(), s.pool, func(tx pgx.Tx) error {
		execAll(t, tx, `SET LOCAL ROLE `+role, oldLink+`'ana'`, oldMark, oldOut)
		_, err := tx.Exec(t.Context(), oldLink+`'bob'`)
		return err
	})
	if !broke(err, "links_have_one_user") {
		t.Errorf("a link that a session of another user has is kept with %v", err)
	}
}

// While a transaction that lasts keeps the tables from being changed, the machines
// that serve wait for a second at most, and the migration for its end.
func TestNobodyWaitsBehindAMigrationThatWaits(t *testing.T) {
	url := pgtest.NewDatabase(t, pgtest.Shared(t))
	old := openOld(t, url, 1)
	execAll(t, old, oldUser)
	backup, err := old.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	execAll(t, backup, `LOCK TABLE users, links IN ACCESS SHARE MODE`)
	opened := make(chan error)
	go func() {
		s, err := Open(t.Context(), Options{URL: pipeline.NewSecret(url)})
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	if err := waitForALock(t.Context(), &Store{pool: old}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := old.Exec(ctx, oldSent, "ana"); err != nil {
		t.Errorf("whoever writes waits for the migration: %v", err)
	}
	if err := backup.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

// What a migration that was cut off has left of the index is made anew.
func TestAnIndexThatWasCutOffIsBuiltAnew(t *testing.T) {
	url := pgtest.NewDatabase(t, pgtest.Shared(t))
	old := openOld(t, url, 1)
	execAll(t, old, `ALTER TABLE links ADD COLUMN token bytea`, `CREATE INDEX links_token ON links (id)`)
	s := openAt(t, url)
	if n := number(t, s, `SELECT count(*) FROM pg_index WHERE indexrelid = 'links_token'::regclass AND indisvalid AND indisunique`); n != 1 {
		t.Error("the index of the tokens is not what it should be")
	}
}

// A move that an alta without some of the tables began goes on with them.
func TestAMoveThatAnOlderAltaBeganGoesOn(t *testing.T) {
	url := pgtest.NewDatabase(t, pgtest.Shared(t))
	s := openMoving(t, url)
	m := beginMove(t, s, source)
	take(t, m, "users", user(1))
	closeMove(t, m)
	s.exec(t, `DELETE FROM move WHERE table_name IN ('sessions', 'visits', 'askers', 'news')`)
	m = beginMove(t, s, source)
	take(t, m, "sessions", row(tableNamed("sessions"), map[string]any{"id": int64(7), "user_key": int64(1), "state": "failed"}))
	take(t, m, "askers", row(tableNamed("askers"), map[string]any{"user_key": int64(1)}))
	take(t, m, "visits", row(tableNamed("visits"), map[string]any{"id": int64(3), "kind": "open"}))
	take(t, m, "news", row(tableNamed("news"), map[string]any{"id": int64(4)}))
	if err := m.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"sessions", "askers", "visits", "news"} {
		if c := m.Carried(tableNamed(table)); c.Rows != 1 {
			t.Errorf("%s: %+v", table, c)
		}
	}
	if n := number(t, s, `SELECT nextval(pg_get_serial_sequence('sessions', 'id'))`); n != 8 {
		t.Errorf("the next session has number %d", n)
	}
	closeMove(t, m)
}

// Every column of a table that is carried over is carried over itself, but for what
// is the fleet's own, counted, or worked out; and people sign in again.
func TestEveryColumnIsCarriedHere(t *testing.T) {
	s := newStore(t)
	own := map[string]bool{}
	for _, name := range strings.Fields(`data_key.one approval.one users.wanted deliveries.waiting deliveries.claim deliveries.machine_id deliveries.job_id
		deliveries.probe runs.asked_by runs.job_id runs.machine_id runs.prepared runs.at_most runs.allowed runs.approved_at events.tx`) {
		own[name] = true
	}
	for _, table := range store.Tables() {
		for _, name := range table.Names() {
			own[table.Name+"."+name] = true
		}
	}
	there, err := column[string](t.Context(), s.pool, `SELECT c.relname || '.' || a.attname FROM pg_class c
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'river%' AND c.relname NOT IN
			('goose_db_version', 'ledger', 'move', 'machines', 'run_counts', 'source_returned', 'funnel_counts', 'queue_counts', 'link_expiry', 'logins', 'requests', 'events_on',
			'forecast_counts', 'mail_counts', 'trouble_counts', 'reached_counts', 'attention', 'attention_counts')`)
	if err != nil {
		t.Fatal(err)
	}
	if len(there) != len(own) {
		t.Errorf("%d columns are known, and %d are there", len(own), len(there))
	}
	for _, name := range there {
		if !own[name] {
			t.Errorf("%s is not carried over", name)
		}
	}
}
