package postgres

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"alta/internal/pgcluster/pgtest"
	"alta/pipeline"
	"alta/store"
)

// asOlder is how an alta one release older adds a line.
const asOlder = `INSERT INTO audit (at, actor, action, user_id, detail) VALUES (1, 'olga', 'mark', $1, '')`

func act(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Approve(t.Context(), pipeline.Approval{GivenAt: noon, EndsAt: noon.Add(time.Hour)}, operator); err != nil {
		t.Fatal(err)
	}
}

func verified(t *testing.T, s *Store) store.AuditProof {
	t.Helper()
	proof, err := s.VerifyAudit(t.Context(), store.AuditHash{})
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// An older alta beside this one adds lines as it always did: they are in the chain.
func TestLinesOfAnOlderAltaAreInTheChain(t *testing.T) {
	s := newStore(t)
	act(t, s)
	s.exec(t, asOlder, "ana")
	act(t, s)
	s.exec(t, `INSERT INTO audit (at, actor, action, user_id, detail) SELECT 1, 'olga', 'mark', 'u-' || n, '' FROM generate_series(1, 500) n`)
	if proof := verified(t, s); proof.Rows != 503 || proof.Loose != 0 {
		t.Errorf("proof is %+v", proof)
	}
}

// Numbers come from a sequence, which knows nothing of commits. Whoever comes first
// keeps the others waiting, so that the numbers are in the order of the commits.
func TestLinesAreNumberedInTheOrderOfTheirCommits(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	first, err := s.pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Exec(ctx, asOlder, "first"); err != nil {
		t.Fatal(err)
	}
	second := make(chan error, 1)
	go func() {
		_, err := s.pool.Exec(ctx, asOlder, "second")
		second <- err
	}()
	untilWaiting(t, s)
	if _, err := first.Exec(ctx, asOlder, "first again"); err != nil {
		t.Fatal(err)
	}
	if err := first.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil {
		t.Fatal(err)
	}
	page, err := s.AuditPage(ctx, store.AuditFilter{})
	if err != nil || len(page) != 3 || page[0].UserID != "second" || page[1].UserID != "first again" {
		t.Errorf("the log is %+v (%v)", page, err)
	}
	if proof := verified(t, s); proof.Rows != 3 {
		t.Errorf("proof is %+v", proof)
	}
}

// untilWaiting returns once a session waits for an advisory lock.
func untilWaiting(t *testing.T, s *Store) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if number(t, s, `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`) > 0 {
			return
		}
	}
	t.Fatal("nobody waits for the lock")
}

func TestTheAuditLogAndItsChainAreAppendOnly(t *testing.T) {
	s := newStore(t)
	act(t, s)
	for _, statement := range []string{
		`DELETE FROM audit`, `UPDATE audit SET actor = 'mara'`, `DELETE FROM audit_chain`, `UPDATE audit_chain SET hash = sha256('')`,
	} {
		if _, err := s.pool.Exec(t.Context(), statement); !isConstraint(err) {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

func TestWhoeverTampersWithTheAuditLogIsFoundOut(t *testing.T) {
	for _, test := range []struct {
		it, does string
		broke    int // the line, counted from 1
	}{
		{"changes who acted", `UPDATE audit SET actor = 'mara' WHERE id = $1`, 2},
		{"takes a line out", `DELETE FROM audit WHERE id = $1`, 3},
		{"cuts a line off", `DELETE FROM audit WHERE id = $1`, 4},
		{"changes an entry", `UPDATE audit_chain SET hash = sha256('') WHERE audit_id = $1`, 1},
	} {
		t.Run(test.it, func(t *testing.T) {
			s := newStore(t)
			for range 4 {
				act(t, s)
			}
			ids, err := column[int64](t.Context(), s.pool, `SELECT id FROM audit ORDER BY id`)
			if err != nil {
				t.Fatal(err)
			}
			s.exec(t, `ALTER TABLE audit DISABLE TRIGGER USER`)
			s.exec(t, `ALTER TABLE audit_chain DISABLE TRIGGER USER`)
			s.exec(t, test.does, ids[test.broke-1])
			s.exec(t, `ALTER TABLE audit ENABLE TRIGGER USER`)
			for range 2 { // what comes later mends nothing
				proof, err := s.VerifyAudit(t.Context(), store.AuditHash{})
				found, broken := errors.AsType[*store.AuditBreak](err)
				if !broken || found.ID != ids[test.broke-1] || proof.Rows != int64(test.broke-1) {
					t.Errorf("proof is %+v, error is %v, want a break at line %d", proof, err, ids[test.broke-1])
				}
				act(t, s)
			}
		})
	}
}

// The role of a machine that was taken over can add lines, as it must, and can't put
// a table of its own in the way of the chain, nor write an entry.
func TestTheRoleOfAMachineCanForgeNoEntry(t *testing.T) {
	s := newStore(t)
	act(t, s)
	for _, statement := range []string{
		`DROP ROLE IF EXISTS chain_test_machine`, `CREATE ROLE chain_test_machine`,
		`GRANT SELECT, INSERT ON audit TO chain_test_machine`, `GRANT SELECT ON audit_chain TO chain_test_machine`,
		`GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO chain_test_machine`,
	} {
		s.exec(t, statement)
	}
	t.Cleanup(func() {
		for _, statement := range []string{`DROP OWNED BY chain_test_machine`, `DROP ROLE chain_test_machine`} {
			if _, err := s.pool.Exec(context.WithoutCancel(t.Context()), statement); err != nil {
				t.Error(err)
			}
		}
	})
	conn, err := pgx.Connect(t.Context(), s.pool.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	for _, statement := range []string{
		`SET ROLE chain_test_machine`,
		`CREATE TEMPORARY TABLE audit_chain (audit_id bigint, hash bytea)`,
		`SET search_path = pg_temp, public`,
		`INSERT INTO public.audit (at, actor, action, user_id, detail) VALUES (1, 'olga', 'mark', 'ana', '')`,
	} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if proof := verified(t, s); proof.Rows != 2 || proof.Loose != 0 {
		t.Errorf("proof is %+v", proof)
	}
	if _, err := conn.Exec(t.Context(), `INSERT INTO public.audit_chain VALUES (99, sha256(''))`); err == nil {
		t.Error("the role wrote an entry")
	} else if code, _ := sqlState(err); code != codePrivilege {
		t.Error(err)
	}
}

// Lines from before there was a chain are in it after the upgrade, in the order of
// their numbers.
func TestAnUpgradeChainsTheLinesThatAreThere(t *testing.T) {
	url := pgtest.NewDatabase(t, pgtest.Shared(t))
	pool, err := connect(t.Context(), Options{URL: pipeline.NewSecret(url)})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
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
	if _, err := provider.UpTo(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	old := &Store{pool: pool}
	for _, id := range []int64{5, 3, 2000} {
		old.exec(t, `INSERT INTO audit (id, at, actor, action, user_id, detail) VALUES ($1, 1, 'olga', 'mark', 'ana', 'llamó')`, id)
	}
	s := openAt(t, url)
	s.exec(t, `SELECT setval(pg_get_serial_sequence('audit', 'id'), 2000)`)
	act(t, s)
	if proof := verified(t, s); proof.Rows != 4 || proof.Loose != 0 {
		t.Errorf("proof is %+v", proof)
	}
	// And back, and again.
	if _, err := provider.DownTo(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if proof := verified(t, s); proof.Rows != 4 || proof.Loose != 0 {
		t.Errorf("proof is %+v once it was taken back and made again", proof)
	}
}
