package app

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/internal/pgcluster/pgtest"
	"alta/pipeline"
	"alta/store"
	"alta/store/postgres"
)

// errKilled ends a move as a kill would: nothing is done after it.
var errKilled = errors.New("killed by the test")

// moveOnce makes one attempt at a move, in a process of its own as it were, which
// ends after the n-th step; 0 is for none. It returns the steps that were passed.
func moveOnce(t *testing.T, path, url string, n int) (steps []string, err error) {
	t.Helper()
	file, err := store.Open(t.Context(), path)
	check(t, err)
	defer func() { check(t, file.Close()) }()
	lock, err := file.Lock()
	check(t, err)
	defer func() { check(t, lock.Unlock()) }()
	target, err := postgres.Open(t.Context(), postgres.Options{URL: pipeline.NewSecret(url), Moving: true})
	check(t, err)
	defer func() { check(t, target.Close()) }()
	a := &app{
		out: io.Discard, screen: &screen{out: io.Discard}, now: func() time.Time { return moveNow }, local: time.Now, log: slog.New(slog.DiscardHandler),
		getenv: func(name string) string { return map[string]string{"SUDO_USER": "olga"}[name] },
		config: &Config{Database: DatabaseConfig{Path: path, Key: pipeline.NewSecret(strings.Repeat("5a", store.KeySize))}},
	}
	a.config.Plan.OnDoubt = "resend"
	m := &mover{app: a, file: fileLedger{file}, target: target, page: 5, step: func(name string) error {
		steps = append(steps, name)
		if len(steps) == n {
			return errKilled
		}
		return nil
	}}
	return steps, m.run(t.Context())
}

func TestALedgerWithEveryKindOfRowMoves(t *testing.T) {
	t.Parallel()
	path, url := fullLedger(t), newLedgerDatabase(t, pgtest.Shared(t))
	noted := auditTip(t, path)
	if _, err := moveOnce(t, path, url, 0); err != nil {
		t.Fatal(err)
	}
	file := openFile(t, path)
	target, err := openTarget(t, url, false)
	check(t, err)
	shared := sharedAt(t, target)
	for _, table := range store.Tables() {
		if n, err := file.CountRows(t.Context(), table); err != nil || n == 0 {
			t.Errorf("%d rows of %s (%v), so that nothing is proved of it", n, table.Name, err)
		}
	}
	states := map[pipeline.State]bool{}
	asked := ask(t, file)
	for _, ds := range asked.Deliveries {
		for _, d := range ds {
			states[d.State] = true
		}
	}
	for _, s := range []pipeline.State{pipeline.Due, pipeline.Sent, pipeline.Failed, pipeline.Held, pipeline.Cancelled, pipeline.InDoubt} {
		if !states[s] {
			t.Errorf("no delivery is %s, so that nothing is proved of it", s)
		}
	}
	sameAnswers(t, asked, ask(t, shared))
	if diff := cmp.Diff(askPublic(t, file, asked.Users), askPublic(t, shared, asked.Users)); diff != "" {
		t.Errorf("the file (-) and PostgreSQL (+) answer differently about the public pages:\n%s", diff)
	}
	for name, l := range map[string]ledger{"the file": file, "PostgreSQL": shared} {
		lines, err := l.Audit(t.Context(), "")
		check(t, err)
		last := lines[len(lines)-1]
		if last.Action != "move" || last.Actor != "olga" || !last.At.Equal(moveNow) {
			t.Errorf("%s audits %+v", name, last)
		}
		if proof, err := l.VerifyAudit(t.Context(), noted); err != nil || !proof.Holds || proof.Loose > 0 {
			t.Errorf("the audit log in %s: %+v (%v)", name, proof, err)
		}
	}
	if who, err := shared.TokenByDigest(t.Context(), store.DigestSecret(moveToken), moveNow); err != nil || who.Name != "mara" {
		t.Errorf("the token is %+v's (%v)", who, err)
	}
	// New rows are numbered behind those that came.
	_, err = shared.Enrol(t.Context(), []pipeline.User{{ID: "new", Email: "new@correo.example", Name: "New", Country: pipeline.MX}}, store.Imported,
		func(pipeline.User, pipeline.History) (pipeline.Next, bool) {
			return pipeline.Next{Step: pipeline.Invite, DueAt: moveNow}, true
		}, moveNow)
	check(t, err)
	check(t, shared.Check(t.Context()))
}

// auditTip is the hash that an operator would note before the move.
func auditTip(t *testing.T, path string) store.AuditHash {
	t.Helper()
	s, err := store.Open(t.Context(), path)
	check(t, err)
	proof, err := s.VerifyAudit(t.Context(), store.AuditHash{})
	check(t, err)
	check(t, s.Close())
	return proof.Hash
}

// Whatever it was doing when it was killed, the same command brings it to its end,
// and at no moment may both send.
func TestAMoveThatWasKilledGoesOn(t *testing.T) {
	t.Parallel()
	original := fullLedger(t)
	steps, err := moveOnce(t, copyOf(t, original), newLedgerDatabase(t, pgtest.Shared(t)), 0)
	check(t, err)
	if len(steps) < 25 || steps[len(steps)-1] != "finished" || steps[len(steps)-2] != "marked" {
		t.Fatalf("the steps are %q", steps)
	}
	for n, name := range steps {
		t.Run(name, func(t *testing.T) {
			path, url := copyOf(t, original), newLedgerDatabase(t, pgtest.Shared(t))
			passed, err := moveOnce(t, path, url, n+1)
			if !errors.Is(err, errKilled) || len(passed) != n+1 {
				t.Fatalf("the move ended after %q with %v", passed, err)
			}
			wantOneSender(t, path, url, name == "finished")
			again, err := moveOnce(t, path, url, 0)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(name, "page of") && len(again)+len(passed) != len(steps)+1 {
				t.Errorf("it took %d steps and then %d, of %d, so it did not go on where it was", len(passed), len(again), len(steps))
			}
			target, err := openTarget(t, url, false)
			check(t, err)
			sameAnswers(t, ask(t, openFile(t, path)), ask(t, sharedAt(t, target)))
			if _, err := moveOnce(t, path, url, 0); err != nil {
				t.Errorf("once more: %v", err)
			}
			lines, err := target.Audit(t.Context(), "")
			check(t, err)
			if n := strings.Count(lines[len(lines)-1].Action+lines[len(lines)-2].Action, "move"); n != 1 {
				t.Errorf("the move is audited %d times", n)
			}
		})
	}
}

// wantOneSender wants that a run can begin in one of the two at most.
func wantOneSender(t *testing.T, path, url string, ended bool) {
	t.Helper()
	state, err := openFile(t, path).Move(t.Context())
	check(t, err)
	_, sharedErr := openTarget(t, url, false)
	switch {
	case ended && (state.At.IsZero() || sharedErr != nil):
		t.Errorf("the file moved at %v, and PostgreSQL opens with %v", state.At, sharedErr)
	case !ended && !errors.Is(sharedErr, postgres.ErrMoving):
		t.Errorf("PostgreSQL opens with %v, want a refusal", sharedErr)
	}
}

// A file that lived on after a move was cut off is carried over from the start.
func TestAMoveOfALedgerThatChangedMeanwhileBeginsAnew(t *testing.T) {
	t.Parallel()
	path, url := fullLedger(t), newLedgerDatabase(t, pgtest.Shared(t))
	if _, err := moveOnce(t, path, url, 12); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	file := openFile(t, path)
	check(t, file.Mark(t.Context(), "sent", pipeline.Verified, nil, moveActor, moveNow))
	if _, err := moveOnce(t, path, url, 0); err != nil {
		t.Fatal(err)
	}
	target, err := openTarget(t, url, false)
	check(t, err)
	sameAnswers(t, ask(t, file), ask(t, sharedAt(t, target)))
}

func TestAMoveIsRefused(t *testing.T) {
	t.Parallel()
	path, cluster := fullLedger(t), pgtest.Shared(t)
	wantErr := func(t *testing.T, err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
	t.Run("into a ledger with users", func(t *testing.T) {
		url := newLedgerDatabase(t, cluster)
		target, err := openTarget(t, url, false)
		check(t, err)
		_, err = target.Enrol(t.Context(), []pipeline.User{{ID: "ana", Email: "a@correo.example", Name: "Ana", Country: pipeline.MX}}, store.Imported,
			func(pipeline.User, pipeline.History) (pipeline.Next, bool) { return pipeline.Next{}, false }, moveNow)
		check(t, err)
		_, err = moveOnce(t, copyOf(t, path), url, 0)
		wantErr(t, err, "the ledger is not empty: it holds users; a ledger moves into a new database")
	})
	t.Run("into one that another ledger has begun to move to", func(t *testing.T) {
		url := newLedgerDatabase(t, cluster)
		if _, err := moveOnce(t, copyOf(t, path), url, 8); !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		_, err := moveOnce(t, copyOf(t, path), url, 0)
		wantErr(t, err, "another ledger has begun to move here")
	})
	t.Run("when it has moved elsewhere", func(t *testing.T) {
		moved := copyOf(t, path)
		if _, err := moveOnce(t, moved, newLedgerDatabase(t, cluster), 0); err != nil {
			t.Fatal(err)
		}
		_, err := moveOnce(t, moved, newLedgerDatabase(t, cluster), 0)
		wantErr(t, err, "this ledger was moved to 127.0.0.1:")
		wantErr(t, err, " on 2026-11-28 14:03 UTC; set database.url there")
	})
	t.Run("when a row in PostgreSQL was changed", func(t *testing.T) {
		moved, url := copyOf(t, path), newLedgerDatabase(t, cluster)
		steps, err := moveOnce(t, copyOf(t, path), newLedgerDatabase(t, cluster), 0)
		check(t, err)
		last := 0
		for i, name := range steps {
			if strings.HasPrefix(name, "page of") {
				last = i + 1
			}
		}
		if _, err := moveOnce(t, moved, url, last); !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		execute(t, url, `UPDATE deliveries SET due_at = due_at + 1 WHERE id = 2`)
		_, err = moveOnce(t, moved, url, 0)
		wantErr(t, err, "compare deliveries: a row in 127.0.0.1:")
		execute(t, url, `INSERT INTO pauses VALUES ('', 'x', '', '', false, 0, 0); UPDATE deliveries SET due_at = due_at - 1 WHERE id = 2`)
		_, err = moveOnce(t, moved, url, 0)
		wantErr(t, err, "compare pauses: the file holds 2 rows and 127.0.0.1:")
		execute(t, url, `DELETE FROM pauses WHERE type = 'x'`)
		_, err = moveOnce(t, moved, url, 0)
		check(t, err)
	})
}

// copyOf is another file with the same ledger.
func copyOf(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	check(t, err)
	to := t.TempDir() + "/alta.db"
	check(t, os.WriteFile(to, data, 0o600))
	return to
}
